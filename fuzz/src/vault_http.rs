//! The head of a request to a vault.

use vault::server::{Fault, Method, Progress, read_head};

/// Bytes of a head and of a body that are taken.
const HEAD: usize = 1024;
const BODY: u64 = 4096;

/// `data` is what a client sends first. However it is cut, it is read in the same way; what is read stands
/// within it and says what another reading, line by line, finds there.
pub fn run(data: &[u8]) {
    let body = usize::try_from(BODY).expect("fits");
    let whole = read_head(data, HEAD, body);
    for cut in 0..data.len().min(2 * HEAD) {
        match read_head(&data[..cut], HEAD, body) {
            Ok(Progress::Partial) => {}
            // Said early, it is said again.
            other => {
                assert_eq!(other, whole);
                break;
            }
        }
    }
    match whole {
        Ok(Progress::Partial) => assert!(data.len() < HEAD),
        Ok(Progress::Whole(head, taken)) => {
            assert!(taken <= data.len().min(HEAD));
            assert!(head.path.starts_with('/') && !head.path.contains(['?', '#', '%', ' ']));
            assert!(head.length == 0 || matches!(head.method, Method::Post | Method::Put));
            same_as_by_lines(&data[..taken], head.length);
        }
        Err(fault) => assert!((400..600).contains(&Fault::status(fault))),
    }
}

/// Looks for what decides where a request ends: nothing may hide from it.
fn same_as_by_lines(head: &[u8], length: usize) {
    let text = String::from_utf8_lossy(head);
    let (mut lengths, mut hosts) = (Vec::new(), 0);
    for line in text.lines().skip_while(|line| line.is_empty()).skip(1) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => lengths.push(value.trim().parse::<usize>().expect("a number")),
            "transfer-encoding" => panic!("a head with a transfer coding was read"),
            "host" => hosts += 1,
            _ => {}
        }
    }
    assert_eq!(hosts, 1);
    assert!(lengths.len() <= 1);
    assert_eq!(lengths.first().copied().unwrap_or(0), length);
}
