//! Digests of what is being written, computed beside the writing.
//!
//! A layer is read once: while this thread reads and writes, a second one hashes what was written, and
//! a third one measures the enclave's stream, which is a part of it. Buffers go round among them, so
//! the memory is that of a few buffers whatever the size of the layer.

use std::io::{self, Read, Write};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use ring::digest::{Context, SHA256};

use super::measuring::{Measured, Measuring};

/// Bytes of a buffer: large enough that handing it on costs nothing beside its hashing.
const BUFFER: usize = 1 << 20;

/// How many buffers go round.
const BUFFERS: usize = 6;

/// Which part of a layer bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The enclave's stream.
    Stream,
    /// Everything else.
    Other,
}

/// What was written, when it's finished.
pub(super) struct Hashed {
    /// SHA-256 of all of it.
    pub(super) digest: [u8; 32],
    /// What the enclave's stream came to.
    pub(super) stream: Measured,
}

/// A buffer of [`BUFFER`] bytes, and how many of them are something.
struct Piece {
    buffer: Box<[u8]>,
    length: usize,
    part: Part,
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

/// Hands everything that it writes to the threads that hash it.
pub(super) struct Hashing<W> {
    out: W,
    empty: Receiver<Box<[u8]>>,
    /// One that was taken and not needed.
    spare: Option<Box<[u8]>>,
    written: SyncSender<Piece>,
    hasher: JoinHandle<[u8; 32]>,
    measurer: JoinHandle<Measured>,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(out: W) -> Self {
        let (recycle, empty) = channel();
        for _ in 0..BUFFERS {
            // The other end is at hand.
            let _there = recycle.send(new_buffer());
        }
        let (written, pieces) = sync_channel(BUFFERS);
        let (measure, stream) = sync_channel(BUFFERS);
        let again = recycle.clone();
        let hasher = thread::spawn(move || hash(&pieces, &measure, &recycle));
        let measurer = thread::spawn(move || measure_stream(&stream, &again));
        Self {
            out,
            empty,
            spare: None,
            written,
            hasher,
            measurer,
        }
    }

    /// Writes bytes that are at hand.
    pub(super) fn write(&mut self, bytes: &[u8], part: Part) -> io::Result<()> {
        for piece in bytes.chunks(BUFFER) {
            let mut buffer = self.buffer();
            buffer[..piece.len()].copy_from_slice(piece);
            self.put(buffer, piece.len(), part)?;
        }
        Ok(())
    }

    /// Writes all that there is to read. `progress` is told of every piece.
    pub(super) fn copy(
        &mut self,
        from: &mut impl Read,
        part: Part,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, CopyError> {
        let mut total = 0;
        loop {
            let mut buffer = self.buffer();
            let count = fill(from, &mut buffer).map_err(CopyError::Read)?;
            if count == 0 {
                self.spare = Some(buffer);
                return Ok(total);
            }
            self.put(buffer, count, part).map_err(CopyError::Write)?;
            total += count as u64;
            progress(count as u64);
        }
    }

    /// Waits for the other threads.
    pub(super) fn finish(self) -> Hashed {
        // They end when nothing can come any more.
        drop(self.written);
        Hashed {
            digest: join(self.hasher),
            stream: join(self.measurer),
        }
    }

    fn buffer(&mut self) -> Box<[u8]> {
        let again = || self.empty.recv().unwrap_or_else(|_| new_buffer());
        self.spare.take().unwrap_or_else(again)
    }

    fn put(&mut self, buffer: Box<[u8]>, length: usize, part: Part) -> io::Result<()> {
        let piece = Piece {
            buffer,
            length,
            part,
        };
        self.out.write_all(piece.bytes())?;
        // It ends before us only by a panic, which `finish` passes on.
        let _hashed = self.written.send(piece);
        Ok(())
    }
}

fn new_buffer() -> Box<[u8]> {
    vec![0; BUFFER].into()
}

/// Reads until the buffer is full, or there is no more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Which side of a copy failed.
#[derive(Debug)]
pub(super) enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

fn hash(
    pieces: &Receiver<Piece>,
    measure: &SyncSender<Piece>,
    recycle: &Sender<Box<[u8]>>,
) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for piece in pieces {
        context.update(piece.bytes());
        // Nobody takes a buffer any more when the writing is over.
        let _over = match piece.part {
            Part::Stream => measure.send(piece).is_ok(),
            Part::Other => recycle.send(piece.buffer).is_ok(),
        };
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn measure_stream(stream: &Receiver<Piece>, recycle: &Sender<Box<[u8]>>) -> Measured {
    let mut measuring = Measuring::new();
    for piece in stream {
        measuring.take(piece.bytes());
        let _over = recycle.send(piece.buffer);
    }
    measuring.finish()
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_written_is_hashed() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut out = Vec::new();
        let mut hashing = Hashing::new(&mut out);
        hashing.write(b"head", Part::Other).unwrap();
        let mut told = 0;
        let copied = hashing
            .copy(&mut text.as_slice(), Part::Other, &mut |count| {
                told += count
            })
            .unwrap();
        assert_eq!((copied, told), (3_000_000, 3_000_000));
        let hashed = hashing.finish();
        assert_eq!(out, [b"head", text.as_slice()].concat());
        let expected = ring::digest::digest(&SHA256, &out);
        assert_eq!(hashed.digest, expected.as_ref());
        assert!(hashed.stream.is_err());
    }

    #[test]
    fn a_full_disk_ends_it() {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut hashing = Hashing::new(full);
        let mut source = io::repeat(7).take(100 << 20);
        let error = hashing.copy(&mut source, Part::Stream, &mut |_| ());
        assert!(matches!(error, Err(CopyError::Write(_))));
        let _hashed = hashing.finish();
    }
}
