//! Streams: measured, written again, or refused for the reason that the vector states.

use serde_json::Value;
use sgx::sgxs::{Chunks, Error, Page, PageReader, Rule, Summary, Writer};

use crate::{Suite, Verdict, command, ensure, number, sha256, text};

/// Sizes of the pieces in which each stream is read, beside the whole.
const PIECES: [usize; 4] = [1, 63, 320, 4096];

/// A stream that is canonical.
pub(crate) fn good(suite: &Suite, vector: &Value) -> Verdict {
    let stream = suite.file(vector, "file")?;
    let (pages, summary) = read(&stream, stream.len()).map_err(|refused| refused.to_string())?;
    let found = summary.mrenclave.to_string();
    let wanted = text(vector, "mrenclave")?;
    ensure!(found == wanted, "MRENCLAVE {found}, not {wanted}");
    let mut checked = vec![format!("mrenclave {found}")];

    for (member, found) in [
        ("size", summary.parameters.size),
        ("ssaframesize", summary.parameters.ssa_frame_size.into()),
        ("pages", summary.pages),
        ("tcs", summary.tcs),
        ("pages_fully_measured", summary.measured),
        ("pages_partly_measured", summary.partly_measured),
        ("pages_not_measured", summary.unmeasured),
        ("hashed_bytes", summary.hashed),
    ] {
        if !vector[member].is_null() {
            let wanted = number(vector, member)?;
            ensure!(found == wanted, "{member}: {found}, not {wanted}");
        }
    }
    checked.push(format!("{} pages", summary.pages));

    if let Some(wanted) = vector["sha256_of_file"].as_str() {
        let whole = sha256(&stream);
        ensure!(whole == wanted, "the file is another: {whole}");
        let all_hashed = summary.hashed == summary.bytes;
        ensure!((whole == found) == all_hashed, "what was hashed");
    }
    for piece in PIECES {
        let in_pieces = read(&stream, piece);
        ensure!(
            in_pieces.as_ref() == Ok(&(pages.clone(), summary)),
            "another result in pieces of {piece} bytes"
        );
    }
    ensure!(write(&pages, &summary)? == stream, "written otherwise");
    checked.push("written again byte for byte".into());
    command::measures(&suite.path(vector, "file")?, wanted)?;
    Ok(checked)
}

/// A stream that breaks a rule.
pub(crate) fn bad(suite: &Suite, vector: &Value) -> Verdict {
    let stream = suite.file(vector, "file")?;
    let Err(error) = read(&stream, stream.len()) else {
        return Err("accepted".into());
    };
    for piece in PIECES {
        let in_pieces = read(&stream, piece);
        ensure!(
            in_pieces == Err(error),
            "another verdict in pieces of {piece} bytes"
        );
    }
    ensure!(error.offset <= stream.len() as u64, "beyond the stream");
    command::refuses(&suite.path(vector, "file")?, &error)?;
    let why = text(vector, "why")?;
    match agrees(why, &error.rule) {
        Some(true) => Ok(vec![format!("refused: {error}")]),
        Some(false) => Err(format!("refused for another reason than `{why}`: {error}")),
        None => Ok(vec![format!("refused: {error}; stated reason: {why}")]),
    }
}

/// The pages of a stream that comes in pieces.
fn read(stream: &[u8], piece: usize) -> Result<(Vec<Page>, Summary), Error> {
    let mut reader = PageReader::new();
    let mut pages = Vec::new();
    for mut piece in stream.chunks(piece.max(1)) {
        while let Some(page) = reader.next(&mut piece)? {
            pages.push(page);
        }
    }
    let (last, summary) = reader.finish()?;
    pages.extend(last);
    Ok((pages, summary))
}

/// The stream of the pages; its measurement must be the same.
fn write(pages: &[Page], summary: &Summary) -> Result<Vec<u8>, String> {
    let told = |error: Error| error.to_string();
    let (mut writer, begin) = Writer::create(summary.parameters).map_err(told)?;
    let mut stream = begin.to_vec();
    for page in pages {
        if page.measured == Chunks::ALL {
            let bytes = writer.page(page.offset, page.info, &page.content);
            stream.extend_from_slice(bytes.map_err(told)?);
            continue;
        }
        stream.extend_from_slice(writer.add(page.offset, page.info).map_err(told)?);
        let (chunks, _) = page.content.as_chunks();
        for (number, (chunk, offset)) in (0..).zip(chunks.iter().zip((page.offset..).step_by(256)))
        {
            let bytes = if page.measured.contains(number) {
                writer.extend(offset, chunk)
            } else if page.loaded.contains(number) {
                writer.load(offset, chunk)
            } else {
                continue;
            };
            stream.extend_from_slice(bytes.map_err(told)?);
        }
    }
    ensure!(writer.finish() == summary.mrenclave, "measured otherwise");
    Ok(stream)
}

/// Whether the rule is what the vector's words say; `None` for words that nobody has used yet.
fn agrees(why: &str, rule: &Rule) -> Option<bool> {
    let says = |words: &str| why.contains(words);
    let about = |offset: u64| why.contains(&format!("0x{offset:x} "));
    let table = [
        (
            says("no ECREATE") || says("does not start with ECREATE"),
            matches!(rule, Rule::NoEcreate),
        ),
        (says("second ECREATE"), matches!(rule, Rule::SecondEcreate)),
        (says("UNSIZED"), matches!(rule, Rule::Unsized)),
        (
            says("truncated header"),
            matches!(rule, Rule::TruncatedHeader { .. }),
        ),
        (
            says("truncated chunk"),
            matches!(rule, Rule::TruncatedChunk { .. }),
        ),
        (says("unknown tag"), matches!(rule, Rule::UnknownTag(_))),
        (
            says("is not a power of two"),
            matches!(*rule, Rule::Size(size) if about(size)),
        ),
        (says("SSAFRAMESIZE"), matches!(rule, Rule::SsaFrameSize)),
        (
            says("reserved bytes"),
            matches!(rule, Rule::Reserved(of) if says(of)),
        ),
        (
            says("not page aligned"),
            matches!(rule, Rule::PageUnaligned(_)),
        ),
        (
            says("beyond SIZE"),
            matches!(rule, Rule::PageBeyondSize { .. }),
        ),
        (
            says("not strictly ascending"),
            matches!(rule, Rule::PageOrder { .. }),
        ),
        (says("page type"), matches!(rule, Rule::PageType(_))),
        (
            says("TCS page with"),
            matches!(rule, Rule::TcsPermissions(_)),
        ),
        (
            says("writable page that is not readable"),
            matches!(rule, Rule::WriteWithoutRead(_)),
        ),
        (
            says("does not belong to the last EADD"),
            matches!(*rule, Rule::ForeignChunk(offset) if about(offset)),
        ),
        (
            says("seen twice"),
            matches!(*rule, Rule::ChunkTwice(offset) if about(offset)),
        ),
        (
            says("not in ascending order"),
            matches!(rule, Rule::ChunkOrder { .. }),
        ),
    ];
    let known = table.iter().any(|(said, _)| *said);
    known.then(|| table.iter().any(|(said, same)| *said && *same))
}
