//! A program that is measured and launched, and then tries what it may not do.
//!
//! The tests compile it alone, without cargo: it has no dependencies, so its frames are put together by
//! hand and system calls are made by number. It answers each request with what came of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::FromRawFd;
use std::os::raw::{c_long, c_ulong};
use std::os::unix::net::UnixStream;
use std::process::{Command, exit};

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const READY: u8 = 3;

unsafe extern "C" {
    /// With the error in `errno`.
    fn syscall(number: c_long, ...) -> c_long;
}

fn main() {
    // SAFETY: standard input is a socket, and nothing else owns it.
    let mut link = unsafe { UnixStream::from_raw_fd(0) };
    if std::env::args().any(|argument| argument == "--journal") {
        be_vault(link);
    }
    send(
        &mut link,
        READY,
        0,
        br#"{"worker":"scone-worker-1","threads":2,"keys":"none","longest":3}"#,
    );
    loop {
        let mut head = [0; 13];
        if link.read_exact(&mut head).is_err() {
            exit(0);
        }
        let length = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        assert_eq!(head[4], REQUEST);
        let mut body = vec![0; length - 9];
        link.read_exact(&mut body).unwrap();
        let tag = u64::from_be_bytes(head[5..].try_into().unwrap());
        let order = String::from_utf8(body).unwrap();
        send(&mut link, RESPONSE, tag, obey(&order).as_bytes());
    }
}

/// Obeys, line by line, whoever connects to descriptor 5, until the host closes the link.
fn be_vault(mut link: UnixStream) -> ! {
    send(&mut link, READY, 0, br#"{"realm":"probe"}"#);
    std::thread::spawn(move || {
        let _end = link.read(&mut [0]);
        exit(0);
    });
    // SAFETY: the host has put them there, and nothing else owns them.
    let (listener, journal) = unsafe { (TcpListener::from_raw_fd(5), File::from_raw_fd(4)) };
    loop {
        let (mut socket, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
        while let Some(Ok(line)) = lines.next() {
            let answer = match &*line {
                "journal" => {
                    let mut text = String::new();
                    (&journal).read_to_string(&mut text).unwrap();
                    (&journal).write_all(b"+").unwrap();
                    journal.sync_data().unwrap();
                    text
                }
                order => obey(order),
            };
            socket.write_all(format!("{answer}\n").as_bytes()).unwrap();
        }
    }
}

fn send(link: &mut UnixStream, kind: u8, tag: u64, body: &[u8]) {
    let mut frame = (9 + body.len() as u32).to_be_bytes().to_vec();
    frame.push(kind);
    frame.extend_from_slice(&tag.to_be_bytes());
    frame.extend_from_slice(body);
    link.write_all(&frame).unwrap();
}

fn obey(order: &str) -> String {
    let (name, argument) = order.split_once(' ').unwrap_or((order, ""));
    match name {
        "arguments" => std::env::args().collect::<Vec<_>>().join(" "),
        "environment" => {
            let variables = std::env::vars().map(|(name, value)| format!("{name}={value}"));
            variables.collect::<Vec<_>>().join(" ")
        }
        "read" => outcome(File::open(argument)),
        "create" => outcome(File::create(argument)),
        "list" => outcome(std::fs::read_dir(argument)),
        "remove" => outcome(std::fs::remove_file(argument)),
        "execute" => outcome(Command::new(argument).spawn()),
        "connect" => outcome(TcpStream::connect(argument)),
        "listen" => outcome(TcpListener::bind(argument)),
        "thread" => std::thread::spawn(|| "joined".to_owned()).join().unwrap(),
        "descriptors" => descriptors(),
        "abort" => std::process::abort(),
        "report" => report(argument),
        "datagram" => datagram(argument),
        "copy" => copy(),
        "call" => call(argument),
        _ => order.to_owned(),
    }
}

/// `done`, or the error's number.
fn outcome<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => error
            .raw_os_error()
            .map_or(error.to_string(), |number| number.to_string()),
    }
}

/// A system call: its number and arguments, as numbers. It gives what it returns, or `-` and the error.
fn call(text: &str) -> String {
    let mut numbers = text.split(' ').map(|word| word.parse::<u64>().unwrap());
    let number = numbers.next().unwrap() as c_long;
    let mut given = [0 as c_ulong; 6];
    for (place, value) in given.iter_mut().zip(numbers) {
        *place = value as c_ulong;
    }
    let [a, b, c, d, e, f] = given;
    // SAFETY: the tests pass no addresses of this program's memory.
    let answer = unsafe { syscall(number, a, b, c, d, e, f) };
    if answer == -1 {
        format!(
            "-{}",
            std::io::Error::last_os_error().raw_os_error().unwrap()
        )
    } else {
        answer.to_string()
    }
}

/// Sends a message to a socket in the file system from one that it makes as part of a pair.
fn datagram(path: &str) -> String {
    const SENDTO: c_long = 44;
    const SOCKETPAIR: c_long = 53;
    const UNIX: u16 = 1;
    const DATAGRAM: c_ulong = 2;
    let mut pair = [0_u32; 2];
    // SAFETY: it writes two numbers.
    if unsafe { syscall(SOCKETPAIR, UNIX as c_ulong, DATAGRAM, 0_u64, &raw mut pair) } < 0 {
        return outcome(Err::<(), _>(std::io::Error::last_os_error()));
    }
    let address = [&UNIX.to_ne_bytes(), path.as_bytes(), &[0]].concat();
    // SAFETY: both are as long as is said.
    let sent = unsafe {
        let (place, length) = (address.as_ptr(), address.len());
        syscall(
            SENDTO,
            pair[0] as c_ulong,
            c"out".as_ptr(),
            3_u64,
            0_u64,
            place,
            length,
        )
    };
    outcome(if sent < 0 {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(())
    })
}

/// Copies the process, and gives the number of the copy, which sleeps for a minute.
fn copy() -> String {
    const CLONE: c_long = 56;
    const SIGCHLD: c_ulong = 17;
    // SAFETY: the copy goes on here, with nothing but this thread.
    let pid = unsafe { syscall(CLONE, SIGCHLD, 0_u64, 0_u64, 0_u64, 0_u64) };
    if pid == 0 {
        std::thread::sleep(std::time::Duration::from_secs(60));
        exit(0);
    }
    pid.to_string()
}

/// The numbers of those that are open.
fn descriptors() -> String {
    const FCNTL: c_long = 72;
    const F_GETFD: c_ulong = 1;
    let is_open = |number: &c_ulong| {
        // SAFETY: it takes numbers alone.
        unsafe { syscall(FCNTL, *number, F_GETFD) >= 0 }
    };
    let open: Vec<_> = (0..1024)
        .filter(is_open)
        .map(|number| number.to_string())
        .collect();
    open.join(" ")
}

/// Sends bytes, given in hexadecimal, to the report socket, and gives the answer; nothing if it is closed.
fn report(text: &str) -> String {
    // SAFETY: the host has put it there; it's kept for the next time.
    let mut socket = std::mem::ManuallyDrop::new(unsafe { UnixStream::from_raw_fd(3) });
    let bytes: Vec<u8> = (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    if socket.write_all(&bytes).is_err() {
        return String::new();
    }
    let mut answer = vec![0; 4];
    if socket.read_exact(&mut answer).is_err() {
        return String::new();
    }
    let length = u32::from_be_bytes(answer[..].try_into().unwrap()) as usize;
    answer.resize(4 + length, 0);
    socket.read_exact(&mut answer[4..]).unwrap();
    answer.iter().map(|byte| format!("{byte:02x}")).collect()
}
