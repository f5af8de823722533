//! What every [`Engine`] must do, as a test: another engine is tried by one call.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{Durability, Engine, EngineError, Limits, Row, Space, Write};

/// Why an engine does not conform.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It gave another answer than it should have.
    #[error("{0}")]
    Answer(&'static str),
}

/// Puts an engine through everything that is asked of it, in an empty `folder`.
///
/// # Errors
///
/// The first thing that it does otherwise.
pub fn check<E: Engine>(folder: &Path) -> Result<(), Fault> {
    let engine = opened::<E>(folder)?;
    spaces_are_apart(&engine)?;
    keys_have_an_order(&engine)?;
    the_last_write_counts(&engine)?;
    values_may_be_large(&engine)?;
    batches_are_seen_whole(&engine)?;
    match opened::<E>(folder) {
        Err(EngineError::InUse(_)) => {}
        _ => return Err(Fault::Answer("a folder was opened twice")),
    }
    drop(engine);
    what_was_written_stays(&opened::<E>(folder)?)
}

fn opened<E: Engine>(folder: &Path) -> Result<E, EngineError> {
    let limits = Limits {
        cache: 1 << 20,
        write_buffer: 4 << 20,
    };
    E::open(folder, &limits)
}

fn put(space: Space, key: &[u8], value: &[u8]) -> Write {
    Write::Put(space, key.to_vec(), value.to_vec())
}

fn expect(holds: bool, otherwise: &'static str) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(Fault::Answer(otherwise))
    }
}

fn has<E: Engine>(engine: &E, space: Space, key: &[u8], value: &[u8]) -> Result<bool, Fault> {
    Ok(engine.get(space, key)?.as_deref() == Some(value))
}

fn spaces_are_apart<E: Engine>(engine: &E) -> Result<(), Fault> {
    let all = Space::ALL.map(|space| put(space, b"name", space.name().as_bytes()));
    engine.commit(all.to_vec(), Durability::Now)?;
    for space in Space::ALL {
        let kept = has(engine, space, b"name", space.name().as_bytes())?;
        expect(kept, "a value was not the one of its space")?;
        let nothing = engine.get(space, b"nam")?.is_none();
        expect(nothing, "a part of a key had a value")?;
    }
    Ok(())
}

fn keys_have_an_order<E: Engine>(engine: &E) -> Result<(), Fault> {
    let keys: [&[u8]; 6] = [b"a", b"a\0", b"a\x01", b"a\xff", b"b", b"\xff\xff"];
    let batch = keys.map(|key| put(Space::Branch, key, key)).to_vec();
    engine.commit(batch, Durability::Later)?;
    let of = |rows: Vec<Row>| rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let all = of(engine.scan(Space::Branch, b"a", b"", 99)?);
    expect(all == keys[..4], "a prefix gave other keys than its own")?;
    let some = of(engine.scan(Space::Branch, b"a", b"a\0\0", 2)?);
    expect(some == keys[2..4], "a range did not begin where it should")?;
    let rest = of(engine.scan(Space::Branch, b"", b"b\0", 99)?);
    expect(
        rest == [b"name".as_slice(), b"\xff\xff"],
        "a range did not go to the end",
    )?;
    for (prefix, at, found) in [
        (
            b"a".as_slice(),
            b"a\xfe".as_slice(),
            Some(b"a\x01".as_slice()),
        ),
        (b"a", b"a", Some(b"a")),
        (b"a", b"a\xff\xff", Some(b"a\xff")),
        (b"a\x02", b"a\x02\xff", None),
        (b"c", b"c\xff", None),
        (b"", b"\xff\xff\xff", Some(b"\xff\xff")),
    ] {
        let row = engine.newest(Space::Branch, prefix, at)?;
        let key = row.as_ref().map(|(key, _)| &key[..]);
        expect(key == found, "the newest key up to another was not found")?;
    }
    Ok(())
}

fn the_last_write_counts<E: Engine>(engine: &E) -> Result<(), Fault> {
    let batch = vec![
        put(Space::User, b"k", b"1"),
        Write::Remove(Space::User, b"k".to_vec()),
        put(Space::User, b"k", b"2"),
        put(Space::User, b"gone", b"1"),
        put(Space::Stale, b"once", b"1"),
    ];
    engine.commit(batch, Durability::Now)?;
    let batch = vec![
        Write::Remove(Space::User, b"gone".to_vec()),
        Write::RemoveOnce(Space::Stale, b"once".to_vec()),
        Write::Remove(Space::User, b"never was".to_vec()),
    ];
    engine.commit(batch, Durability::Now)?;
    engine.commit(Vec::new(), Durability::Now)?;
    expect(
        has(engine, Space::User, b"k", b"2")?,
        "the last write did not count",
    )?;
    expect(
        engine.get(Space::User, b"gone")?.is_none(),
        "a removed key has a value",
    )?;
    expect(
        engine.get(Space::Stale, b"once")?.is_none(),
        "a removed key has a value",
    )
}

fn values_may_be_large<E: Engine>(engine: &E) -> Result<(), Fault> {
    let large = vec![0x5a; 1 << 20];
    let batch = vec![
        put(Space::Feed, b"large", &large),
        put(Space::Feed, b"empty", b""),
    ];
    engine.commit(batch, Durability::Now)?;
    expect(
        has(engine, Space::Feed, b"large", &large)?,
        "a large value was not kept",
    )?;
    expect(
        has(engine, Space::Feed, b"empty", b"")?,
        "an empty value was not kept",
    )
}

/// Batches write the same number to the first and the last of many keys; a reader that reads the last one
/// first must never see less in the first one once a commit has returned, and both equal at the end.
fn batches_are_seen_whole<E: Engine>(engine: &E) -> Result<(), Fault> {
    const ROUNDS: u32 = 200;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| -> Result<(), Fault> {
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let Some(value) = engine.get(Space::Head, b"count")? else {
                    continue;
                };
                let count = value[..]
                    .first_chunk()
                    .map_or(0, |word| u32::from_be_bytes(*word));
                expect(count >= last, "a value went back")?;
                last = count;
            }
            Ok(())
        });
        let mut written = Ok(());
        for count in 1..=ROUNDS {
            let batch = (0..50u8).map(|at| put(Space::Head, &[at], &count.to_be_bytes()));
            let batch = batch.chain([put(Space::Head, b"count", &count.to_be_bytes())]);
            written = engine.commit(batch.collect(), Durability::Later);
            if written.is_err() {
                break;
            }
        }
        done.store(true, Ordering::Release);
        written?;
        reader
            .join()
            .unwrap_or(Err(Fault::Answer("a reader panicked")))
    })?;
    engine.commit(vec![put(Space::Meta, b"end", b"")], Durability::Now)?;
    Ok(())
}

fn what_was_written_stays<E: Engine>(engine: &E) -> Result<(), Fault> {
    let last = 200u32.to_be_bytes();
    for key in [&[0][..], &[49], b"count"] {
        expect(has(engine, Space::Head, key, &last)?, "a batch was lost")?;
    }
    expect(
        has(engine, Space::User, b"k", b"2")?,
        "a value changed while the store was closed",
    )?;
    expect(
        engine.get(Space::User, b"gone")?.is_none(),
        "a removed key came back",
    )?;
    expect(
        engine.get(Space::Stale, b"once")?.is_none(),
        "a removed key came back",
    )?;
    engine.settle()?;
    expect(
        has(engine, Space::Head, b"count", &last)?,
        "a value was lost when records were settled",
    )?;
    let rows = engine.scan(Space::Branch, b"a", b"", 99)?;
    expect(rows.len() == 4, "a range changed when records were settled")
}

#[cfg(test)]
mod tests {
    use super::super::Fjall;

    #[test]
    fn fjall_conforms() {
        let folder = tempfile::TempDir::new().unwrap();
        super::check::<Fjall>(folder.path()).unwrap();
    }
}
