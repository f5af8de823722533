//! Requests as text, and the heads of answers (RFC 9112). No input or output.

use zeroize::Zeroizing;

/// Longest head of an answer.
pub(crate) const HEAD: usize = 8 * 1024;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// An answer, whatever it says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) length: usize,
    pub(crate) keep_alive: bool,
}

/// A request, whole.
pub(crate) fn write(
    method: Method,
    host: &str,
    path: &str,
    content: &str,
    body: &[u8],
) -> Zeroizing<Vec<u8>> {
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    };
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    if !body.is_empty() {
        text.push_str(&format!(
            "Content-Type: {content}\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    text.push_str("\r\n");
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + body.len()));
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The head at the beginning of `bytes`, and how long it is. `None`: there has to be more.
pub(crate) fn read_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let taken = match answer.parse(bytes) {
        Ok(httparse::Status::Complete(taken)) => taken,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD => return Ok(None),
        Ok(httparse::Status::Partial) => return Err("the head is too long"),
        Err(_) => return Err("the head is not in the form of HTTP/1.1"),
    };
    let (mut length, mut keep_alive) = (None, true);
    for header in answer.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).unwrap_or_default();
            let number = text.parse().map_err(|_| "its length is no number")?;
            if length.replace(number).is_some() {
                return Err("it has two lengths");
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("it is in a transfer coding");
        } else if header.name.eq_ignore_ascii_case("connection") {
            keep_alive = !header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let head = Head {
        status: answer.code.unwrap_or_default(),
        length: length.ok_or("it has no length")?,
        keep_alive,
    };
    Ok(Some((head, taken)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_documented_form() {
        let text = write(Method::Put, "v:1", "/a", "text/x", b"body");
        let wanted = b"PUT /a HTTP/1.1\r\nHost: v:1\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nbody";
        assert_eq!(&text[..], wanted);
        let text = write(Method::Get, "v:1", "/a", "text/x", b"");
        assert_eq!(&text[..], b"GET /a HTTP/1.1\r\nHost: v:1\r\n\r\n");
    }

    #[test]
    fn heads_are_read_or_refused() {
        let text = b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        let head = Head {
            status: 409,
            length: 2,
            keep_alive: false,
        };
        assert_eq!(read_head(text), Ok(Some((head, text.len() - 2))));
        for cut in 0..text.len() - 2 {
            assert_eq!(read_head(&text[..cut]), Ok(None), "{cut}");
        }
        for bad in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
        ] {
            assert!(read_head(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
