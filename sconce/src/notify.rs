//! Words to the service manager that started this process, if one did: sd_notify(3).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The platform takes orders from all its workers' requesters; what to show of it.
pub(crate) fn ready(status: &str) {
    // A line break would begin another word.
    let status = status.replace('\n', " ");
    say(&format!("READY=1\nSTATUS={status}"));
}

/// The platform is about to end.
pub(crate) fn stopping() {
    say("STOPPING=1\nSTATUS=stopping");
}

fn say(words: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&socket, words) {
        tracing::warn!(%error, "the service manager could not be told how it stands");
    }
}

fn send(socket: &OsStr, words: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        // A name that is no file's.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    // Where nobody reads, a platform must not wait.
    sender.set_nonblocking(true)?;
    sender.send_to_addr(words.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_at_files_and_at_abstract_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notify");
        let name = format!("sconce-notify-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (address, socket) in [
            (
                SocketAddr::from_pathname(&file).unwrap(),
                file.clone().into_os_string(),
            ),
            (abstract_name, format!("@{name}").into()),
        ] {
            let receiver = UnixDatagram::bind_addr(&address).unwrap();
            send(&socket, "READY=1").unwrap();
            let mut words = [0; 64];
            let length = receiver.recv(&mut words).unwrap();
            assert_eq!(&words[..length], b"READY=1");
        }
        send(OsStr::new("/nowhere/at/all"), "READY=1").unwrap_err();
    }
}
