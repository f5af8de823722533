//! Changes to a journal, and one as it is.

use crate::journal::file;

pub(super) fn files() -> Vec<Vec<u8>> {
    let change = |offset: usize, how: u8, value: u8| {
        let offset = u32::try_from(offset).expect("a small file");
        let mut seed = vec![0];
        seed.extend(offset.to_be_bytes());
        seed.extend([how, value]);
        seed
    };
    let end = file().len();
    let mut seeds = vec![vec![0], vec![1]];
    // A bit in the hints, in each part of a record, and at the end; cuts; more bytes.
    for offset in [0, 530, 1040, 4096, 4100, 4104, 4120, 4150, 4300, end - 1] {
        seeds.push(change(offset, 0, 1));
    }
    seeds.extend([20, 4096, 4200, end - 1].map(|offset| change(offset, 2, 0)));
    seeds.push(change(end - 1, 3, 0xFF));
    // Without the zeros before the first record it would be no journal, so not all of it is small.
    let whole = [&[1], file()].concat();
    seeds.push(whole);
    seeds
}
