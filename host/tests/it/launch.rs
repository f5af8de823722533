//! Which enclaves are launched, with what, and what the platform says of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use link::report::{Answer, Counter, Progress, Refusal, Request};
use sconce_host::{Enclave, Error, Handle, start};
use sconify::sign::Flavour;
use sgx::quote::Quote;
use sgx::{Attributes, KeyName, KeyPolicy, KeyRequest, Miscselect, ReportBody, flags};
use simulator::Platform;

use crate::support::image::{Image, key};
use crate::support::{Peer, ask, eventually};

/// Code and text of the refusal to launch it.
fn refusal(image: &Image) -> (String, String) {
    match start(image.config()) {
        Err(error @ Error::Launch(_)) => (error.code().unwrap().to_owned(), error.to_string()),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is launched"),
    }
}

fn change(path: &std::path::Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn refusals_name_their_check() {
    type Damage = fn(&mut Image);
    let damages: [(Damage, &str, &str); 8] = [
        (
            |image| {
                change(&image.enclave.stream, |bytes| {
                    *bytes.last_mut().unwrap() ^= 1
                })
            },
            "launch.stream",
            "#GP(0)",
        ),
        (
            // The first chunk's last byte.
            |image| {
                change(&image.enclave.stream, |bytes| {
                    bytes[64 + 64 + 64 + 255] ^= 1
                })
            },
            "launch.measurement",
            "SGX_INVALID_MEASUREMENT",
        ),
        (
            // SIZE.
            |image| change(&image.enclave.stream, |bytes| bytes[12..20].rotate_right(1)),
            "launch.measurement",
            "SGX_INVALID_MEASUREMENT",
        ),
        (
            |image| change(&image.enclave.sigstruct, |bytes| bytes[600] ^= 1),
            "launch.signature",
            "SGX_INVALID_SIGNATURE",
        ),
        (
            |image| change(&image.enclave.sigstruct, |bytes| bytes[0] ^= 1),
            "launch.sigstruct",
            "SGX_INVALID_SIG_STRUCT",
        ),
        (
            |image| image.enclave.debug = true,
            "launch.attributes",
            "SGX_INVALID_ATTRIBUTE",
        ),
        (
            |image| fs::remove_file(&image.enclave.stream).unwrap(),
            "launch.file",
            "probe.sgxs",
        ),
        (
            |image| fs::remove_file(&image.enclave.sigstruct).unwrap(),
            "launch.file",
            "probe.sig",
        ),
    ];
    for (damage, code, name) in damages {
        let mut image = Image::release();
        damage(&mut image);
        let (found, text) = refusal(&image);
        assert_eq!(found, code, "{text}");
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_debug_enclave_is_launched_as_one_or_not_at_all() {
    let mut image = Image::new(Flavour::Debug);
    let host = start(image.config()).unwrap();
    let body = report_of(&host);
    assert_ne!(body.attributes.flags & flags::DEBUG, 0);
    image.enclave.debug = false;
    assert_eq!(refusal(&image).0, "launch.attributes");
}

#[test]
fn the_platform_is_made_once_and_for_nobody_else() {
    let image = Image::release();
    let launched = start(image.config()).unwrap();
    let first = Platform::open(&image.enclave.platform).unwrap();
    drop(launched);
    drop(start(image.config()).unwrap());
    let second = Platform::open(&image.enclave.platform).unwrap();
    assert_eq!(first.fingerprint(), second.fingerprint());
    let mode = fs::metadata(&image.enclave.platform).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
}

#[test]
fn a_platform_that_cannot_be_is_told() {
    let image = Image::release();
    fs::write(&image.enclave.platform, "a file").unwrap();
    let (code, text) = refusal(&image);
    assert!(code.starts_with("platform."), "{code}: {text}");
}

/// What runs is what was measured when the host started, also when it is started again.
#[test]
fn files_that_change_later_change_nothing() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let before = report_of(&host);
    let Enclave {
        stream, sigstruct, ..
    } = &image.enclave;
    for file in [stream, sigstruct] {
        fs::write(file, "something else").unwrap();
    }
    let pid = host.pid().unwrap();
    let process = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    eventually("another is started", || {
        host.pid().is_some_and(|next| next != pid)
    });
    assert_eq!(report_of(&host), before);
}

#[test]
fn reports_are_of_the_program_that_was_launched() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let body = report_of(&host);
    assert_eq!(body.mrenclave, image.mrenclave);
    assert_eq!(body.mrsigner, key().public().mrsigner());
    assert_eq!((body.isv_prod_id, body.isv_svn), (7, 2));
    assert_eq!(body.attributes.flags, flags::INIT | flags::MODE64BIT);
    assert_eq!(body.report_data, [9; 64]);
}

#[test]
fn quotes_are_of_the_program_that_was_launched() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let report_data = Box::new([5; 64]);
    let Answer::Quote(quote) = exchange(&host, &Request::Quote { report_data }) else {
        panic!("no quote");
    };
    let quote = Quote::parse(&quote).unwrap();
    let sgx::quote::Body::Sgx(body) = quote.body() else {
        panic!("of another platform");
    };
    assert_eq!(body.mrenclave, image.mrenclave);
    assert_eq!(body.report_data, [5; 64]);
}

#[test]
fn keys_follow_the_program_and_not_a_newer_one() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let mut request = KeyRequest {
        name: KeyName::SEAL,
        policy: KeyPolicy::MRENCLAVE,
        isv_svn: 2,
        cet_attributes_mask: 0,
        cpusvn: [0; 16],
        attributes_mask: Attributes::ALL,
        key_id: [0; 32],
        miscselect_mask: Miscselect::ALL,
        config_svn: 0,
    };
    let ask = |host: &Handle, request: &KeyRequest| {
        exchange(host, &Request::Key(Box::new(request.to_bytes())))
    };
    let Answer::Key(first) = ask(&host, &request) else {
        panic!("no key");
    };
    assert_eq!(ask(&host, &request), Answer::Key(first.clone()));
    request.isv_svn = 3;
    let refused = Answer::Refused(Refusal::InvalidIsvSvn);
    assert_eq!(ask(&host, &request), refused);
    // Another platform, another key.
    let other = Image::release();
    let host = start(other.config()).unwrap();
    request.isv_svn = 2;
    assert_ne!(ask(&host, &request), Answer::Key(first));
}

#[test]
fn a_counter_outlives_program_and_host_and_never_goes_back() {
    let image = Image::release();
    let at = |number| Counter {
        number,
        digest: [7; 32],
    };
    let refused = Answer::Refused(Refusal::NotNext);
    let host = start(image.config()).unwrap();
    assert_eq!(
        exchange(&host, &Request::Counter),
        Answer::Counter(Counter::NONE)
    );
    assert_eq!(exchange(&host, &Request::Advance(at(2))), refused);
    let first = exchange(&host, &Request::Advance(at(1)));
    assert_eq!(first, Answer::Counter(at(1)));
    drop(host);

    let host = start(image.config()).unwrap();
    assert_eq!(exchange(&host, &Request::Counter), first);
    assert_eq!(exchange(&host, &Request::Advance(at(1))), refused);
    let second = exchange(&host, &Request::Advance(at(2)));
    assert_eq!(second, Answer::Counter(at(2)));

    let other = start(Image::release().config()).unwrap();
    let none = exchange(&other, &Request::Counter);
    assert_eq!(
        none,
        Answer::Counter(Counter::NONE),
        "of its platform alone"
    );
}

#[test]
fn collateral_is_what_the_platforms_vendor_says() {
    let image = Image::release();
    let host = start(image.config()).unwrap();
    let Answer::Collateral(text) = exchange(&host, &Request::Collateral) else {
        panic!("no collateral");
    };
    let read: simulator::Collateral = serde_json::from_slice(&text).unwrap();
    assert!(read.tcb_info.contains("\"SGX\""), "{}", read.tcb_info);
}

/// What breaks the protocol ends the report socket, and nothing else.
#[test]
fn a_report_socket_takes_nothing_but_requests() {
    let image = Image::release();
    for bytes in ["0000000177", "ffffffff01", "0000000281", "00000041"] {
        let host = start(image.config()).unwrap();
        let peer = Peer::req(host.endpoint().unwrap());
        let rest = "0".repeat(130 * usize::from(bytes == "00000041"));
        assert_eq!(peer.ask(format!("report {bytes}{rest}")), "", "{bytes}");
        assert_eq!(peer.ask(format!("report {bytes}")), "", "it stays closed");
        assert_eq!(peer.ask("still there?"), "still there?");
    }
}

/// The REPORT that the program gets, for nobody in particular.
fn report_of(host: &Handle) -> ReportBody {
    let request = Request::Report {
        target: Box::new([0; 512]),
        report_data: Box::new([9; 64]),
    };
    match exchange(host, &request) {
        Answer::Report(report) => sgx::Report::parse(&report).unwrap().body,
        other => panic!("{other:?}"),
    }
}

fn exchange(host: &Handle, request: &Request) -> Answer {
    let order = format!("report {}", hex(&request.encode()));
    let answer = ask(host.endpoint().unwrap(), &order);
    let digits = |at: usize| u8::from_str_radix(&answer[2 * at..2 * at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..answer.len() / 2).map(digits).collect();
    match Answer::decode(&bytes).unwrap() {
        Progress::Whole(answer) => answer,
        Progress::Lacks(_) => panic!("the report socket is closed"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
