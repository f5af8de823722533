//! Signals that would end the command half-way.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe};
use signal_hook::{flag, low_level};

use crate::{build, output};

/// Whoever stops the command finds nothing unfinished; a write beyond the limit on file sizes fails, as
/// on a full disk, instead of ending the process. Where that can't be arranged, all goes as ever.
pub(crate) fn prepare() {
    let _as_ever: io::Result<()> = watch();
}

fn watch() -> io::Result<()> {
    let too_large = rustix::process::Signal::XFSZ.as_raw();
    flag::register(too_large, Arc::new(AtomicBool::new(false)))?;
    for signal in [SIGINT, SIGTERM] {
        let (mut received, raised) = UnixStream::pair()?;
        pipe::register(signal, raised)?;
        thread::Builder::new().spawn(move || {
            if received.read_exact(&mut [0]).is_ok() {
                output::abandon();
                build::abandon();
                // It ends the process, as it would have without us.
                let _ended: io::Result<()> = emulate_default_handler(signal);
                low_level::exit(1)
            }
        })?;
    }
    Ok(())
}
