//! Bytes that go to the disk while more are written.

use std::fs::File;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes after which the disk is given work: as much as it does in some hundredths of a second.
const AFTER: u64 = 16 << 20;

/// Writes on, and has another thread wait for the disk, so that little is left to wait for in the end.
pub(super) struct Settling<W> {
    out: W,
    /// Bytes that the disk has not been told of.
    new: u64,
    told: SyncSender<()>,
    settler: JoinHandle<io::Result<()>>,
}

impl<W: Write> Settling<W> {
    /// `out` writes to `file`.
    pub(super) fn new(out: W, file: File) -> Self {
        let (told, news) = sync_channel(1);
        Self {
            out,
            new: 0,
            told,
            settler: thread::spawn(move || settle(&file, &news)),
        }
    }

    /// Waits for what is under way; the last bytes may still have to be made durable.
    ///
    /// # Errors
    ///
    /// What the disk said: it says so once, and not again to whoever makes the file durable later.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.told);
        let outcome = self.settler.join();
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<W: Write> Write for Settling<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.new += count as u64;
        if self.new >= AFTER {
            self.new = 0;
            // If it's busy, it is told again later.
            let _busy = self.told.try_send(());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn settle(file: &File, news: &Receiver<()>) -> io::Result<()> {
    for () in news {
        file.sync_data()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_written_and_faults_of_the_disk_are_passed_on() {
        let file = tempfile::tempfile().unwrap();
        let mut out = Vec::new();
        let mut settling = Settling::new(&mut out, file);
        let piece = vec![7; 5 << 20];
        for _ in 0..8 {
            settling.write_all(&piece).unwrap();
        }
        settling.finish().unwrap();
        assert_eq!(out.len(), 40 << 20);

        // What can't be made durable stands for a disk that fails.
        let never = File::open("/proc/self/status").unwrap();
        let mut settling = Settling::new(io::sink(), never);
        settling.write_all(&vec![7; AFTER as usize]).unwrap();
        assert!(settling.finish().is_err());
    }
}
