//! What a launched program and its host write to each other on the report socket.

use std::io::{self, Read, Write};
use std::sync::OnceLock;

use link::report::{self, Answer, Counter, MAX_COLLATERAL, Progress, Request};
use sgx::quote::Quote;
use sgx::{KeyRequest, Mrenclave, Mrsigner, TargetInfo};
use simulator::{Platform, Secs, Seed, Settings};
use tee::{Binding, PlatformVersion, Sim, Tee as _, Wanted};

/// More than any message has.
const LONGEST: usize = 5 + MAX_COLLATERAL;
/// When everything happens: the simulated platform has no clock.
const NOW: u64 = 1_800_000_000;

/// The first byte says what the bytes are: odd, what a host answers; even, what a program asks.
pub fn run(data: &[u8]) {
    let Some((&side, stream)) = data.split_first() else {
        return;
    };
    if side % 2 == 1 {
        answers(stream);
    } else {
        requests(stream);
    }
}

/// A host reads a stream of requests, and answers each as its platform does.
fn requests(mut stream: &[u8]) {
    // A platform's own work is not what is looked at.
    for _ in 0..4 {
        let (request, rest) = match read(stream, Request::decode) {
            Some(Ok(read)) => read,
            _ => return,
        };
        let length = stream.len() - rest.len();
        assert_eq!(request.encode(), stream[..length]);
        if let Some(answer) = answer(&request) {
            let bytes = answer.encode();
            assert_eq!(Answer::decode(&bytes), Ok(Progress::Whole(answer)));
        }
        stream = rest;
    }
}

/// A program reads what its host says. Whatever that is, what comes of it is what was asked for.
fn answers(stream: &[u8]) {
    let mut rest = stream;
    while let Some(Ok((answer, behind))) = read(rest, Answer::decode) {
        assert_eq!(*answer.encode(), rest[..rest.len() - behind.len()]);
        rest = behind;
    }
    let platform = Sim::new(Says(stream));
    let report_data = [7; 64];
    if let Ok(bytes) = platform.evidence(&report_data) {
        let quote = Quote::parse(&bytes);
        assert!(quote.is_ok_and(|quote| *quote.body().report_data() == report_data));
    }
    let wanted = Wanted {
        bound_to: Binding::Signer,
        svn: 1,
        platform: PlatformVersion::Present,
    };
    if let Ok(key) = platform.sealing_key(&wanted) {
        assert_ne!(key.expose(), &[0; 32]);
    }
}

/// The first message of a stream, read as from a socket, and the bytes behind it; `None` if the stream
/// ends within it.
fn read<T>(
    stream: &[u8],
    decode: fn(&[u8]) -> Result<Progress<T>, report::Error>,
) -> Option<Result<(T, &[u8]), report::Error>> {
    let mut end = 0;
    loop {
        match decode(&stream[..end]) {
            Ok(Progress::Whole(message)) => return Some(Ok((message, &stream[end..]))),
            Ok(Progress::Lacks(more)) => {
                assert!(more > 0 && end + more <= LONGEST);
                end += more;
                if end > stream.len() {
                    return None;
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return Some(Err(error));
            }
        }
    }
}

/// What the platform has to say, if the structures are in their form.
pub(crate) fn answer(request: &Request) -> Option<Answer> {
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    let platform = PLATFORM.get_or_init(|| {
        Platform::new(Seed::from_bytes([7; 32]), Settings::new(NOW)).expect("a platform of today")
    });
    let secs = Secs::new(Mrenclave([1; 32]), Mrsigner([2; 32]));
    match request {
        Request::Report {
            target,
            report_data,
        } => {
            let target = TargetInfo::parse(target).ok()?;
            let report = platform.ereport(&secs, &target, report_data, NOW);
            Some(Answer::Report(Box::new(report.to_bytes())))
        }
        Request::Quote { report_data } => {
            let quote = platform.quote(&secs, report_data, NOW);
            quote.ok().map(Answer::Quote)
        }
        Request::Key(bytes) => {
            let request = KeyRequest::parse(bytes).ok()?;
            assert_eq!(request.to_bytes(), **bytes);
            let key = platform.egetkey(&secs, &request, NOW).ok()?;
            Some(Answer::Key((*key.expose()).into()))
        }
        Request::Collateral => {
            let collateral = platform.collateral(NOW).expect("collateral of today");
            Some(Answer::Collateral(collateral.to_json().into_bytes()))
        }
        Request::Counter => Some(Answer::Counter(Counter::NONE)),
        Request::Advance(to) => Some(Answer::Counter(*to)),
    }
}

/// A socket whose other end has written this, and takes everything.
struct Says<'a>(&'a [u8]);

impl Read for Says<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(buffer.len() <= LONGEST);
        self.0.read(buffer)
    }
}

impl Write for Says<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
