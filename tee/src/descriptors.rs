//! Descriptors that the host has put in place before the program began.
//!
//! The program opens no file by its name: there is none that it could trust, and a launched one may
//! not. What it needs is open when it starts, and the command line says under which number.

// The standard library has safe ways to descriptors 0, 1 and 2 only.
#![allow(
    unsafe_code,
    reason = "takes descriptors of the process that nothing else owns"
)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::{FdFlags, fcntl_setfd};

/// The first that is not a standard one.
const FIRST: RawFd = 3;
/// The first that no host gives.
const END: RawFd = 32;

/// Those that have been taken, a bit each.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// Takes the descriptor of this number. It must be called before the program opens anything itself,
/// and gives each number once.
///
/// # Errors
///
/// If nothing is open under the number, it was taken before, or no host gives it.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    let not_given = || {
        let what = format!("the host has opened nothing as descriptor {number}");
        io::Error::new(io::ErrorKind::InvalidInput, what)
    };
    if !(FIRST..END).contains(&number) {
        return Err(not_given());
    }
    let bit = 1 << number;
    if TAKEN.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
        return Err(not_given());
    }
    // SAFETY: what was open when the program began belongs to nobody in it, and the mark above gives
    // each number to one caller only. If none is open under it the value is forgotten, unclosed, below.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    match fcntl_setfd(&descriptor, FdFlags::CLOEXEC) {
        Ok(()) => Ok(descriptor),
        Err(_) => {
            std::mem::forget(descriptor);
            Err(not_given())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_and_unopened_ones_are_not_given() {
        for number in [-1, 0, 2, 31, 32, RawFd::MAX] {
            assert!(take(number).is_err(), "{number}");
        }
    }
}
