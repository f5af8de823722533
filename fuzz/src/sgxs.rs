//! A measurement stream, and pages written from what was read.

use sgx::Mrenclave;
use sgx::sgxs::{Chunks, Error, Page, PageReader, Reader, Summary, Writer};

/// The first byte says how long the pieces are in which the rest arrives: up to 255 times 8 bytes.
pub fn run(data: &[u8]) {
    let Some((&piece, stream)) = data.split_first() else {
        return;
    };
    let whole = read(stream, usize::MAX);
    let piece = usize::from(piece).max(1) * 8 - 7;
    assert_eq!(read(stream, piece), whole);

    let (records, verdict) = encode_again(stream);
    assert!(stream.starts_with(&records));
    match whole {
        Ok((pages, summary)) => {
            assert_eq!(verdict, Ok(()));
            assert_eq!(records, stream);
            assert_eq!(summary.bytes, stream.len() as u64);
            assert_eq!(summary.pages, pages.len() as u64);
            assert_eq!(write(&pages, &summary), (records, summary.mrenclave));
        }
        Err(error) => {
            assert_eq!(verdict, Err(error));
            assert_eq!(error.offset, records.len() as u64);
            assert!(!error.to_string().is_empty() && error.code().starts_with("sgxs."));
        }
    }
}

/// The pages of a stream that comes in pieces.
fn read(stream: &[u8], piece: usize) -> Result<(Vec<Page>, Summary), Error> {
    let mut reader = PageReader::new();
    let mut pages = Vec::new();
    for mut piece in stream.chunks(piece) {
        while let Some(page) = reader.next(&mut piece)? {
            pages.push(page);
        }
        assert!(piece.is_empty());
    }
    let (last, summary) = reader.finish()?;
    pages.extend(last);
    Ok((pages, summary))
}

/// The records of a stream as bytes once more, and why it was refused.
fn encode_again(stream: &[u8]) -> (Vec<u8>, Result<(), Error>) {
    let mut reader = Reader::new();
    let mut records = Vec::new();
    let mut rest = stream;
    loop {
        match reader.next(&mut rest) {
            Ok(Some(record)) => record.encode(&mut records),
            Ok(None) => return (records, reader.finish()),
            Err(error) => return (records, Err(error)),
        }
    }
}

/// The stream of the pages, and its measurement.
fn write(pages: &[Page], summary: &Summary) -> (Vec<u8>, Mrenclave) {
    let (mut writer, begin) = Writer::create(summary.parameters).unwrap();
    let mut stream = begin.to_vec();
    for page in pages {
        if page.measured == Chunks::ALL {
            let bytes = writer.page(page.offset, page.info, &page.content);
            stream.extend_from_slice(bytes.unwrap());
            continue;
        }
        stream.extend_from_slice(writer.add(page.offset, page.info).unwrap());
        let (chunks, _) = page.content.as_chunks();
        for (number, chunk) in (0..).zip(chunks) {
            let offset = page.offset + u64::from(number) * 256;
            if page.measured.contains(number) {
                stream.extend_from_slice(writer.extend(offset, chunk).unwrap());
            } else if page.loaded.contains(number) {
                stream.extend_from_slice(writer.load(offset, chunk).unwrap());
            }
        }
    }
    (stream, writer.finish())
}
