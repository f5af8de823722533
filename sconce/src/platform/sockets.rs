//! Listening sockets, handed down to the host of a vault.
//!
//! They are the supervisor's: they stay bound while a vault's host is started again, so that nobody else
//! can take their ports and clients are not refused but wait. The host gets its own descriptors of them
//! over the socket pair that is its standard input.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};

/// One for requests, one for pools.
const MOST: usize = 2;

/// The body of the message: descriptors do not go without one.
const MARK: &[u8; 1] = b"s";

/// A socket pair with the sockets on their way in it: the first end is what [`receive`] reads from, the
/// second has to be held for as long as the first's process runs.
pub(super) fn handed_down(sockets: &[&TcpListener]) -> io::Result<(OwnedFd, OwnedFd)> {
    let (theirs, ours) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let descriptors: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(
        &ours,
        &[IoSlice::new(MARK)],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    Ok((theirs, ours))
}

/// The sockets that were handed down: that for requests, and that for pools if there is one.
pub(crate) fn receive(from: BorrowedFd<'_>) -> io::Result<(TcpListener, Option<TcpListener>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut mark = [0; MARK.len()];
    let received = recvmsg(
        from,
        &mut [IoSliceMut::new(&mut mark)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut sockets = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let whole = received.bytes == MARK.len() && !received.flags.contains(ReturnFlags::CTRUNC);
    let first = sockets.next().filter(|_| whole).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "no sockets were handed down on standard input",
        )
    })?;
    Ok((first.into(), sockets.next().map(TcpListener::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_arrive_and_stay_bound() {
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (requests, pool) = (bind(), bind());
        let (theirs, _ours) = handed_down(&[&requests, &pool]).unwrap();
        let (first, second) = receive(theirs.as_fd()).unwrap();
        assert_eq!(first.local_addr().unwrap(), requests.local_addr().unwrap());
        assert_eq!(
            second.unwrap().local_addr().unwrap(),
            pool.local_addr().unwrap()
        );
        drop(first);
        let again = TcpListener::bind(requests.local_addr().unwrap());
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn one_socket_is_enough() {
        let requests = TcpListener::bind("127.0.0.1:0").unwrap();
        let (theirs, _ours) = handed_down(&[&requests]).unwrap();
        assert!(receive(theirs.as_fd()).unwrap().1.is_none());
    }

    #[test]
    fn an_input_without_sockets_is_refused() {
        let (theirs, ours) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        rustix::io::write(&ours, b"s").unwrap();
        assert!(receive(theirs.as_fd()).is_err());
        drop(ours);
        assert!(receive(theirs.as_fd()).is_err());
    }
}
