//! Heads of requests and of answers (RFC 9112), as far as the vault speaks HTTP: version 1.1, bodies of a
//! length that is known beforehand, targets without escapes. No input or output.

use super::{Content, Reply};

/// Headers that a request may have.
const HEADERS: usize = 64;

/// What a client wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Do.
    Post,
    /// Write.
    Put,
    /// Remove.
    Delete,
}

impl Method {
    fn read(text: &str) -> Option<Self> {
        match text {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// Whether a request has a body.
    const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put)
    }
}

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What is to be done.
    pub method: Method,
    /// To what: begins with `/`.
    pub path: String,
    /// What stands behind `?`.
    pub query: Option<String>,
    /// Bytes of the body.
    pub length: usize,
    /// Whether the client waits for a word before it sends the body.
    pub expects_continue: bool,
    /// Whether the connection stays open behind the answer.
    pub keep_alive: bool,
}

/// How far a head has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It has not ended yet.
    Partial,
    /// It took so many bytes.
    Whole(Head, usize),
}

/// Why a request is not even given to those who answer. The connection ends with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is not in the form of HTTP.
    #[error("the head of the request is not in the form of HTTP/1.1")]
    Form,
    /// The head is too long.
    #[error("the head of the request is longer than {limit} bytes, or has over 64 headers")]
    Head {
        /// What is allowed.
        limit: usize,
    },
    /// The target isn't a path.
    #[error("the target of the request is no path of visible ASCII characters without escapes")]
    Target,
    /// An unknown method.
    #[error("the vault knows the methods GET, POST, PUT and DELETE")]
    Method,
    /// An unknown version.
    #[error("the vault speaks HTTP/1.1 alone")]
    Version,
    /// No `Host`, or several.
    #[error("a request has exactly one header `Host`")]
    Host,
    /// The body has no length that is known beforehand.
    #[error("a body comes with one header `Content-Length`, and in no transfer coding")]
    Coding,
    /// What announces the body's length is no number, or stands there twice.
    #[error("`Content-Length` is one decimal number, given once")]
    Length,
    /// A body where there is none.
    #[error("GET and DELETE have no body")]
    Body,
    /// The body is too long.
    #[error("the body of the request is longer than {limit} bytes")]
    Large {
        /// What is allowed.
        limit: usize,
    },
    /// `Expect` wants something else.
    #[error("`Expect` can have the value `100-continue` alone")]
    Expectation,
    /// Other clients are sending a lot.
    #[error("the vault is receiving as much as it can hold; try again later")]
    Busy,
    /// The client took too long.
    #[error("the request took too long to arrive")]
    Slow,
}

impl Fault {
    /// The status of HTTP that says so.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Form | Self::Target | Self::Host | Self::Length | Self::Body => 400,
            Self::Method => 405,
            Self::Slow => 408,
            Self::Coding => 411,
            Self::Large { .. } => 413,
            Self::Expectation => 417,
            Self::Head { .. } => 431,
            Self::Busy => 503,
            Self::Version => 505,
        }
    }
}

/// Reads a head from the first bytes of a request: at most `head` bytes, for a body of at most `body`.
///
/// # Errors
///
/// [`Fault`], as soon as it is there.
pub fn read_head(bytes: &[u8], head: usize, body: usize) -> Result<Progress, Fault> {
    let too_long = Fault::Head { limit: head };
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let within = &bytes[..bytes.len().min(head)];
    let taken = match request.parse(within) {
        Ok(httparse::Status::Complete(taken)) => taken,
        Ok(httparse::Status::Partial) if bytes.len() >= head => return Err(too_long),
        Ok(httparse::Status::Partial) => return Ok(Progress::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(too_long),
        Err(httparse::Error::Version) => return Err(Fault::Version),
        Err(_) => return Err(Fault::Form),
    };
    if request.version != Some(1) {
        return Err(Fault::Version);
    }
    let method = Method::read(request.method.unwrap_or_default()).ok_or(Fault::Method)?;
    let (path, query) = target(request.path.unwrap_or_default()).ok_or(Fault::Target)?;
    let fields = Fields::read(request.headers)?;
    if fields.length > 0 && !method.has_body() {
        return Err(Fault::Body);
    }
    let length = match usize::try_from(fields.length) {
        Ok(length) if length <= body => length,
        _ => return Err(Fault::Large { limit: body }),
    };
    let head = Head {
        method,
        path,
        query,
        length,
        expects_continue: fields.expects_continue,
        keep_alive: fields.keep_alive,
    };
    Ok(Progress::Whole(head, taken))
}

/// What a client is told that waits before it sends a body.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// An answer's head.
pub(super) fn write_head(reply: &Reply, keep_alive: bool) -> Vec<u8> {
    let status = reply.status;
    let reason = reason(status);
    let length = reply.body.len();
    let content = reply.content.media_type();
    let connection = if keep_alive { "keep-alive" } else { "close" };
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {content}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: {connection}\r\n\r\n"
    )
    .into_bytes()
}

/// An answer about a request that nobody else has seen.
pub(super) fn refuse(fault: Fault) -> Reply {
    error(fault.status(), &fault.to_string())
}

/// An answer when whoever should answer has failed.
pub(super) fn failed() -> Reply {
    error(500, "the vault failed; its log says where")
}

fn error(status: u16, message: &str) -> Reply {
    let body = serde_json::json!({ "error": {
        "code": "vault.request",
        "message": message,
        "advice": "see docs/vault.md for what the vault can be asked",
    } });
    Reply {
        status,
        content: Content::Json,
        body: body.to_string().into_bytes().into(),
    }
}

/// The headers that count.
struct Fields {
    length: u64,
    expects_continue: bool,
    keep_alive: bool,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Self, Fault> {
        let (mut length, mut hosts) = (None, 0);
        let (mut expects_continue, mut keep_alive) = (false, true);
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("host") {
                hosts += 1;
            } else if is("transfer-encoding") {
                return Err(Fault::Coding);
            } else if is("content-length") {
                let number = decimal(header.value).ok_or(Fault::Length)?;
                if length.replace(number).is_some() {
                    return Err(Fault::Length);
                }
            } else if is("expect") {
                if !header.value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Fault::Expectation);
                }
                expects_continue = true;
            } else if is("connection") {
                keep_alive &= !options(header.value).any(|option| option == "close");
            }
        }
        if hosts != 1 {
            return Err(Fault::Host);
        }
        Ok(Self {
            length: length.unwrap_or(0),
            expects_continue,
            keep_alive,
        })
    }
}

/// The options of a header `Connection`, in lower case.
fn options(value: &[u8]) -> impl Iterator<Item = String> {
    value
        .split(|byte| *byte == b',')
        .map(|option| String::from_utf8_lossy(option.trim_ascii()).to_ascii_lowercase())
}

/// A number of at most 18 digits, which no length needs.
fn decimal(value: &[u8]) -> Option<u64> {
    if !(1..=18).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Path and query of a target.
fn target(text: &str) -> Option<(String, Option<String>)> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'#' | b'\\');
    if !text.starts_with('/') || !text.bytes().all(plain) {
        return None;
    }
    Some(match text.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (text.to_owned(), None),
    })
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Answer",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: usize = 512;
    const BODY: usize = 100;

    fn read(text: &str) -> Result<Progress, Fault> {
        read_head(text.as_bytes(), HEAD, BODY)
    }

    fn head(text: &str) -> Head {
        match read(text) {
            Ok(Progress::Whole(head, taken)) => {
                assert_eq!(taken, text.find("\r\n\r\n").unwrap() + 4);
                head
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_says_what_is_wanted() {
        let found = head("PUT /v1/a?from=1 HTTP/1.1\r\nhost: x\r\nContent-Length: 100\r\n\r\nbody");
        let wanted = Head {
            method: Method::Put,
            path: "/v1/a".into(),
            query: Some("from=1".into()),
            length: 100,
            expects_continue: false,
            keep_alive: true,
        };
        assert_eq!(found, wanted);
        let found = head(
            "POST / HTTP/1.1\r\nHost:\r\nExpect: 100-Continue\r\nConnection: x, Close\r\n\r\n",
        );
        assert!(found.expects_continue && !found.keep_alive && found.length == 0);
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let cases = [
            ("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", Fault::Target),
            ("GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", Fault::Target),
            ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", Fault::Target),
            ("GET * HTTP/1.1\r\nHost: x\r\n\r\n", Fault::Target),
            ("PATCH / HTTP/1.1\r\nHost: x\r\n\r\n", Fault::Method),
            ("get / HTTP/1.1\r\nHost: x\r\n\r\n", Fault::Method),
            ("GET / HTTP/1.0\r\nHost: x\r\n\r\n", Fault::Version),
            ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", Fault::Version),
            ("GET / HTTP/1.1\r\n\r\n", Fault::Host),
            ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", Fault::Host),
            (
                "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n",
                Fault::Body,
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n",
                Fault::Length,
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n",
                Fault::Length,
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
                Fault::Length,
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                Fault::Length,
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999\r\n\r\n",
                Fault::Length,
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n",
                Fault::Large { limit: BODY },
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                Fault::Coding,
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n",
                Fault::Expectation,
            ),
            ("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", Fault::Form),
            ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", Fault::Form),
            ("GET /\r\nHost: x\r\n\r\n", Fault::Form),
            ("\x16\x03\x01\x02\0", Fault::Form),
        ];
        for (text, fault) in cases {
            assert_eq!(read(text), Err(fault), "{text:?}");
            assert!((400..600).contains(&fault.status()));
        }
    }

    #[test]
    fn long_heads_are_refused_before_they_end() {
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(HEAD));
        assert_eq!(read(&long), Err(Fault::Head { limit: HEAD }));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a:\r\n".repeat(HEADERS + 1));
        assert_eq!(read(&many), Err(Fault::Head { limit: HEAD }));
    }

    proptest! {
        #[test]
        fn a_head_is_whole_with_its_last_byte_only(cut in 0usize..70) {
            let text = "POST /v1/release HTTP/1.1\r\nHost: v\r\nContent-Length: 7\r\n\r\n";
            let cut = cut.min(text.len() - 1);
            prop_assert_eq!(read(&text[..cut]), Ok(Progress::Partial));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(Progress::Whole(head, taken)) = read_head(&bytes, HEAD, BODY) {
                prop_assert!(taken <= bytes.len() && head.length <= BODY && head.path.starts_with('/'));
            }
        }
    }
}
