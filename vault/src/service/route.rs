//! Which request is answered by whom.

use provision::text::read;
use provision::{MAX_ANSWER, SessionName};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::json;
use super::{Problem, Service};
use crate::cas::Principal;
use crate::server::{Content, Door, Handler, Method, Reply, Request};

/// Lines of the audit log that are given to whoever names no number.
const LINES: usize = 100;

impl Handler for Service {
    fn handle(&self, request: Request) -> Reply {
        let answered = match request.door {
            Door::Attested => self.attested(&request),
            Door::Plain => self.plain(&request),
        };
        answered.unwrap_or_else(|problem| problem.reply())
    }
}

impl Service {
    /// JSON-RPC of pools: the path means nothing, as with Avalon's listeners.
    fn plain(&self, request: &Request) -> Result<Reply, Problem> {
        if request.method != Method::Post {
            return Err(Problem::Method(request.path.chars().take(100).collect()));
        }
        Ok(Reply {
            status: 200,
            content: Content::Json,
            body: self.pooled(&request.body)?.into(),
        })
    }

    fn attested(&self, request: &Request) -> Result<Reply, Problem> {
        let client = request.client.as_ref();
        let who = Principal::client(request.client);
        let body = &request.body[..];
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        let ["v1", parts @ ..] = &parts[..] else {
            return Err(unknown(request));
        };
        if request.query.is_some() && *parts != ["audit"] {
            return Err(Problem::Form("only the audit log takes a query".to_owned()));
        }
        Ok(match (request.method, parts) {
            (Method::Get, ["evidence"]) => Reply {
                status: 200,
                content: Content::Json,
                body: self.evidence.json().to_vec().into(),
            },
            (Method::Post, ["challenge"]) => {
                nothing(body)?;
                json(200, &self.challenge()?)
            }
            (Method::Post, ["release"]) => json(200, &self.release(body)?),
            (Method::Get, ["sessions"]) => json(200, &self.sessions(who)?),
            (Method::Get, ["sessions", namespace, name]) => {
                let text = self.session(who, &session(namespace, name)?)?;
                Reply {
                    status: 200,
                    content: Content::Yaml,
                    body: text.into_bytes().into(),
                }
            }
            (Method::Put, ["sessions", namespace, name]) => json(
                200,
                &self.put_session(who, &session(namespace, name)?, body)?,
            ),
            (Method::Get, ["audit"]) => {
                let (from, limit) = range(request.query.as_deref().unwrap_or_default())?;
                lines(&self.audit(client, from, limit)?)
            }
            (Method::Post, ["owner"]) => {
                nothing(body)?;
                json(200, &self.claim(client)?)
            }
            (Method::Get, ["pool"]) => Reply {
                status: 200,
                content: Content::Json,
                body: self.pool()?.to_vec().into(),
            },
            (Method::Put, ["pool"]) => {
                self.ensure_pool(client, form("wish for a pool", body)?)?;
                json(200, &serde_json::json!({}))
            }
            (Method::Delete, ["pool"]) => {
                self.close_pool(client)?;
                json(200, &serde_json::json!({}))
            }
            (Method::Get, ["workers"]) => json(200, &self.workers(client)?),
            (Method::Put, ["workers", name]) => json(
                200,
                &self.ensure_worker(client, name, form("program", body)?)?,
            ),
            (Method::Post, ["workers", name, "entry"]) => {
                let wish = form("wish for an entry", body)?;
                json(200, &self.sign_entry(client, name, &wish)?)
            }
            (Method::Post, ["workers", name, "generations"]) => {
                let wish = form("wish for new keys", body)?;
                json(200, &self.new_generation(client, name, wish)?)
            }
            (Method::Delete, ["workers", name, "generations", number]) => {
                self.retire(client, name, decimal(number)?)?;
                json(200, &serde_json::json!({}))
            }
            (_, path) if is_known(path) => return Err(Problem::Method(request.path.clone())),
            _ => return Err(unknown(request)),
        })
    }
}

fn unknown(request: &Request) -> Problem {
    Problem::Path(request.path.chars().take(100).collect())
}

/// Whether something stands there that can be asked in another way.
fn is_known(path: &[&str]) -> bool {
    matches!(
        path,
        ["evidence"
            | "challenge"
            | "release"
            | "sessions"
            | "audit"
            | "owner"
            | "workers"
            | "pool"]
            | ["sessions", _, _]
            | ["workers", _]
            | ["workers", _, "generations" | "entry"]
            | ["workers", _, "generations", _]
    )
}

fn session(namespace: &str, name: &str) -> Result<SessionName, Problem> {
    SessionName::new(namespace, name).map_err(|error| Problem::Form(error.to_string()))
}

fn form<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, Problem> {
    Ok(read(what, body)?)
}

/// A body that says nothing: `{}`.
fn nothing(body: &[u8]) -> Result<(), Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    let Nothing {} = form("body, which is {},", body)?;
    Ok(())
}

fn decimal(text: &str) -> Result<u64, Problem> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| Problem::Form("a number is written in decimal digits".to_owned()))
}

/// `from=N&limit=M`, in any order; from the first line if it isn't said.
fn range(query: &str) -> Result<(u64, usize), Problem> {
    let (mut from, mut limit) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = match name {
            "from" => &mut from,
            "limit" => &mut limit,
            _ => {
                return Err(Problem::Form(
                    "the audit log takes `from` and `limit`".to_owned(),
                ));
            }
        };
        if place.replace(decimal(value)?).is_some() {
            return Err(Problem::Form(format!("`{name}` is given twice")));
        }
    }
    let limit = limit.map_or(LINES, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    Ok((from.unwrap_or(1), limit))
}

/// As many of the lines as clients read at once, at least one.
fn lines(values: &[impl serde::Serialize]) -> Reply {
    let mut body = Vec::new();
    for value in values {
        // Made of strings and numbers: writing it can't fail.
        let line = serde_json::to_vec(value).unwrap_or_default();
        if !body.is_empty() && body.len() + line.len() >= MAX_ANSWER {
            break;
        }
        body.extend(line);
        body.push(b'\n');
    }
    Reply {
        status: 200,
        content: Content::JsonLines,
        body: body.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_or_refused() {
        assert_eq!(range("").unwrap(), (1, LINES));
        assert_eq!(range("from=7").unwrap(), (7, LINES));
        assert_eq!(range("limit=3&from=7").unwrap(), (7, 3));
        for bad in [
            "from",
            "from=",
            "from=-1",
            "from=+1",
            "from=1&from=1",
            "to=1",
            "from=1 ",
        ] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_end_where_clients_read_no_more() {
        let line = "x".repeat(MAX_ANSWER / 3);
        let reply = lines(&[&line, &line, &line, &line]);
        assert!(reply.body.len() <= MAX_ANSWER);
        assert_eq!(reply.body.split(|byte| *byte == b'\n').count(), 3);
        let long = "x".repeat(2 * MAX_ANSWER);
        assert_eq!(lines(&[&long]).body.len(), long.len() + 3);
    }

    #[test]
    fn only_an_empty_object_says_nothing() {
        assert!(nothing(b"{}").is_ok());
        for bad in ["", "null", "[]", "{\"a\":1}", "{}{}"] {
            assert!(nothing(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
