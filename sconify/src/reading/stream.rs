//! A stream's bytes to pages.

use std::io::Read;

use sgx::sgxs::{Page, PageReader, Summary};

use super::{Error, Pages};

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// Reads all of it; keeps no more of it in memory than [`Pages`] does.
pub(super) fn read(name: &str, stream: impl Read) -> Result<(Pages, Summary), Error> {
    let mut pages = Pages::default();
    let summary = each_page(name, stream, |page| {
        pages.push(page).map_err(Error::Scratch)
    })?;
    Ok((pages, summary))
}

/// Hands every page to `take`; keeps one of them.
pub(crate) fn each_page(
    name: &str,
    mut stream: impl Read,
    mut take: impl FnMut(&Page) -> Result<(), Error>,
) -> Result<Summary, Error> {
    let refuse = |source| Error::Stream {
        name: name.to_owned(),
        source,
    };
    let mut reader = PageReader::new();
    let mut block = vec![0; BLOCK];
    loop {
        let length = match stream.read(&mut block) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(Error::Read {
                    name: name.to_owned(),
                    source,
                });
            }
        };
        let mut piece = &block[..length];
        while let Some(page) = reader.next(&mut piece).map_err(refuse)? {
            take(&page)?;
        }
    }
    let (last, summary) = reader.finish().map_err(refuse)?;
    last.as_ref().map_or(Ok(()), take)?;
    Ok(summary)
}
