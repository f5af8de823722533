//! Which path is what, and what its parameters are.

use hyper::{Method, StatusCode, Uri};
use serde_json::Value;
use transparency::tile::{Bundle, Tile};

use super::answer::{self, Reply};
use crate::Refusal;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Get(String),
    Put(String),
    History(String, Parameters),
    Mutations { epoch: u64, start: u64, size: u64 },
    Signatures(u64),
    Config,
    Checkpoint,
    Tile(Tile),
    Bundle(Bundle),
    Alive,
    Ready,
    Metrics,
}

/// Why nothing is.
#[derive(Debug)]
pub(super) enum Unknown {
    Path,
    Method,
    Request(Refusal),
}

/// Parameters of a history, as they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) start: Option<String>,
    pub(super) page_size: Option<String>,
    pub(super) changes_only: Option<String>,
}

impl Unknown {
    pub(super) fn reply(&self) -> Reply {
        match self {
            Self::Path => answer::plain(StatusCode::NOT_FOUND),
            Self::Method => answer::plain(StatusCode::METHOD_NOT_ALLOWED),
            Self::Request(refusal) => answer::refused(refusal),
        }
    }
}

impl From<Refusal> for Unknown {
    fn from(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }
}

impl Route {
    /// What this method of this path is.
    pub(super) fn of(method: &Method, uri: &Uri) -> Result<Self, Unknown> {
        let path = uri.path().strip_prefix('/').ok_or(Unknown::Path)?;
        let segments: Vec<_> = path.split('/').collect();
        let query = || Query::of(uri.query().unwrap_or_default());
        let get = || match *method {
            Method::GET => Ok(()),
            _ => Err(Unknown::Method),
        };
        match *segments.as_slice() {
            // The name without an s stands in a heading of the first description.
            ["v1", "users" | "user", id] => {
                let id = user(id)?;
                match *method {
                    Method::GET => Ok(Self::Get(id)),
                    Method::PUT => Ok(Self::Put(id)),
                    _ => Err(Unknown::Method),
                }
            }
            ["v1", "users" | "user", id, "history"] => {
                let id = user(id)?;
                get()?;
                Ok(Self::History(id, query()?.history()?))
            }
            ["v1", "mutations"] => get().and_then(|()| Ok(query()?.mutations()?)),
            ["v1", "heads", epoch, "signatures"] => match *method {
                Method::POST => Ok(Self::Signatures(number("epoch", epoch)?)),
                _ => Err(Unknown::Method),
            },
            ["v1", "config"] => get().map(|()| Self::Config),
            ["v1", "log", "checkpoint"] => get().map(|()| Self::Checkpoint),
            ["v1", "log", "tile", ref tile @ ..] => {
                get()?;
                Self::tile(&tile.join("/"))
            }
            [page] => Self::page(page, method),
            _ => Err(Unknown::Path),
        }
    }

    /// What follows `tile/` (C2SP tlog-tiles).
    fn tile(path: &str) -> Result<Self, Unknown> {
        let found = match path.strip_prefix("entries/") {
            Some(path) => Bundle::from_path(path).map(Self::Bundle),
            None => Tile::from_path(path).map(Self::Tile),
        };
        found.map_err(|_| Unknown::Path)
    }

    fn page(name: &str, method: &Method) -> Result<Self, Unknown> {
        let page = match name {
            "healthz" => Self::Alive,
            "readyz" => Self::Ready,
            "metrics" => Self::Metrics,
            _ => return Err(Unknown::Path),
        };
        match *method {
            Method::GET | Method::HEAD => Ok(page),
            _ => Err(Unknown::Method),
        }
    }

    /// Its name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Get(_) => "get",
            Self::Put(_) => "put",
            Self::History(..) => "history",
            Self::Mutations { .. } => "mutations",
            Self::Signatures(_) => "signatures",
            Self::Config => "config",
            Self::Checkpoint | Self::Tile(_) | Self::Bundle(_) => "log",
            Self::Alive | Self::Ready | Self::Metrics => "page",
        }
    }
}

/// A user's id in a path: one segment, as a slash in it would be two.
fn user(segment: &str) -> Result<String, Unknown> {
    let bytes =
        decode(segment, false).ok_or_else(|| bad("the path has a % that begins no byte"))?;
    let user = String::from_utf8(bytes).map_err(|_| bad("the user's id is no UTF-8"))?;
    if user.contains('/') {
        return Err(Unknown::Path);
    }
    Ok(user)
}

/// The parameters that are known; others are ignored, as they ever were.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(query: &str) -> Result<Self, Refusal> {
        let text = |part: &str| {
            let bytes = decode(part, true);
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            text.ok_or_else(|| bad("the query is no UTF-8, or has a % that begins no byte"))
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((text(name)?, text(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn take(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        let mut found = self.0.iter_mut().filter(|(one, _)| one == name);
        let value = found.next().map(|(_, value)| std::mem::take(value));
        match found.next() {
            None => Ok(value),
            Some(_) => Err(bad(&format!("{name} is there twice"))),
        }
    }

    fn history(mut self) -> Result<Parameters, Refusal> {
        Ok(Parameters {
            start: self.take("start")?,
            page_size: self.take("page_size")?,
            changes_only: self.take("changes_only")?,
        })
    }

    fn mutations(mut self) -> Result<Route, Refusal> {
        let mut take = |name| match self.take(name)? {
            Some(value) => number(name, &value),
            None => Ok(0),
        };
        Ok(Route::Mutations {
            epoch: take("epoch")?,
            start: take("start")?,
            size: take("page_size")?,
        })
    }
}

impl Parameters {
    /// With those of a body in JSON, where the query has none. A body that is none is ignored.
    pub(super) fn or(mut self, body: &[u8]) -> Self {
        if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
            let member = |name| match members.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            };
            self.start = self.start.or_else(|| member("start"));
            self.page_size = self.page_size.or_else(|| member("page_size"));
            self.changes_only = self.changes_only.or_else(|| member("changes_only"));
        }
        self
    }

    /// A number; 0 if it is not there.
    pub(super) fn number(&self, name: &str, value: &Option<String>) -> Result<u64, Refusal> {
        value.as_ref().map_or(Ok(0), |value| number(name, value))
    }
}

/// A number from 0 to 2⁶³ - 1; page sizes beyond the longest mean the longest.
fn number(name: &str, text: &str) -> Result<u64, Refusal> {
    let number = text.parse::<i64>().ok();
    let number = number.and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| bad(&format!("{name} is not a number from 0 to 2^63 - 1")))
}

fn bad(fault: &str) -> Refusal {
    Refusal::Request(fault.to_owned())
}

/// Percent-encoding undone (RFC 3986); in queries a plus is a space.
fn decode(text: &str, plus: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).ok()?;
                bytes.push(byte[0]);
                rest = after;
            }
            b'+' if plus => bytes.push(b' '),
            byte => bytes.push(*byte),
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: Method, path: &str) -> Result<Route, Unknown> {
        Route::of(&method, &path.parse().unwrap())
    }

    #[test]
    fn paths() {
        let get = |path| route(Method::GET, path).unwrap();
        assert_eq!(get("/v1/users/a@b"), Route::Get("a@b".to_owned()));
        assert_eq!(get("/v1/user/a%20b?x=1"), Route::Get("a b".to_owned()));
        assert_eq!(get("/v1/users/%C3%BC+"), Route::Get("ü+".to_owned()));
        let parameters = Parameters {
            start: Some("3".to_owned()),
            changes_only: Some("1".to_owned()),
            ..Parameters::default()
        };
        assert_eq!(
            get("/v1/users/a/history?start=3&foo&changes_only=%31"),
            Route::History("a".to_owned(), parameters)
        );
        let page = Route::Mutations {
            epoch: 7,
            start: 0,
            size: 2,
        };
        assert_eq!(get("/v1/mutations?page_size=2&epoch=7"), page);
        assert_eq!(get("/metrics"), Route::Metrics);
    }

    #[test]
    fn what_is_no_path() {
        for path in [
            "/",
            "/v1",
            "/v1/users",
            "/v1/users/a/b",
            "/v1/users/a%2Fb",
            "/v1/users/a/history/",
            "/v2/users/a",
            "/v1/log/tile/x/000",
        ] {
            let unknown = route(Method::GET, path).unwrap_err();
            assert!(matches!(unknown, Unknown::Path), "{path}: {unknown:?}");
        }
        for path in [
            "/v1/users/a%2",
            "/v1/users/%ff",
            "/v1/mutations?epoch=-1",
            "/v1/users/a/history?start=1&start=2",
        ] {
            let unknown = route(Method::GET, path).unwrap_err();
            assert!(
                matches!(unknown, Unknown::Request(_)),
                "{path}: {unknown:?}"
            );
        }
        for (method, path) in [
            (Method::POST, "/v1/users/a"),
            (Method::PUT, "/v1/users/a/history"),
            (Method::GET, "/v1/heads/1/signatures"),
            (Method::DELETE, "/metrics"),
        ] {
            let unknown = route(method, path).unwrap_err();
            assert!(matches!(unknown, Unknown::Method), "{path}: {unknown:?}");
        }
    }

    #[test]
    fn a_body_fills_in_what_the_query_lacks() {
        let from = |start: Option<&str>, body: &str| {
            let parameters = Parameters {
                start: start.map(str::to_owned),
                ..Parameters::default()
            };
            let all = parameters.or(body.as_bytes());
            (all.start, all.page_size)
        };
        let text = |text: &str| Some(text.to_owned());
        let body = r#"{"user_id":"a","start":"1","page_size":16}"#;
        assert_eq!(from(None, body), (text("1"), text("16")));
        assert_eq!(from(Some("5"), body), (text("5"), text("16")));
        assert_eq!(from(None, "nonsense"), (None, None));
        assert_eq!(from(None, ""), (None, None));
    }
}
