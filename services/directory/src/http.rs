//! HTTP: the interface of 2017, repaired, and what came to it (specification, section 3).
//!
//! | module | subject |
//! |---|---|
//! | `door` | accepting, graceful shutdown |
//! | `connection` | one connection: TLS, HTTP/1.1 or HTTP/2, limits on headers and times |
//! | `route` | which path is what, and what its parameters are |
//! | `body` | bodies within their limits |
//! | `credentials` | who may write |
//! | `answer` | replies |

mod answer;
mod body;
mod connection;
mod credentials;
mod door;
mod route;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use entrance::Buckets;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use tokio::sync::Semaphore;
use transparency::json;

use crate::directory::Page;
use crate::tokens::Tokens;
use crate::{Directory, Limits, Refusal, failed, metrics};

use answer::Reply;
pub(crate) use connection::Room;
pub(crate) use door::{Door, PROTOCOLS};
use route::{Parameters, Route};

/// What answers requests.
pub(crate) struct Desk {
    directory: Arc<Directory>,
    tokens: Tokens,
    development: bool,
    limits: Limits,
    /// Who has asked for users that nobody had asked for before.
    unknown: Buckets,
    unknown_of_loopback: Buckets,
    /// Room for bodies.
    bodies: Semaphore,
}

impl Desk {
    pub(crate) fn new(
        directory: Arc<Directory>,
        tokens: Tokens,
        development: bool,
        limits: Limits,
    ) -> Self {
        Self {
            directory,
            tokens,
            development,
            limits,
            unknown: Buckets::new(limits.unknown_rate),
            unknown_of_loopback: Buckets::new(limits.unknown_rate_of_loopback),
            bodies: Semaphore::new(limits.bodies),
        }
    }

    /// Answers a request; `source` is who shares an address.
    pub(crate) async fn answer(&self, source: IpAddr, request: Request<Incoming>) -> Reply {
        let begun = Instant::now();
        let route = match Route::of(request.method(), request.uri()) {
            Ok(route) => route,
            Err(unknown) => {
                let reply = body::refuse(request, &self.limits, unknown.reply()).await;
                return self.note("other", begun, reply);
            }
        };
        let name = route.name();
        let reply = self.serve(route, source, request).await;
        self.note(name, begun, reply)
    }

    /// Answers that there are too many connections already, and closes this one.
    pub(crate) fn turn_away(&self) -> Reply {
        answer::close(answer::refused(&Refusal::Busy))
    }

    fn note(&self, route: &'static str, begun: Instant, reply: Reply) -> Reply {
        let status = reply.status().as_u16();
        let metrics = self.directory.metrics();
        metrics.answered(route, status, begun.elapsed());
        reply
    }

    async fn serve(&self, route: Route, source: IpAddr, request: Request<Incoming>) -> Reply {
        match route {
            Route::Get(user) => answer::json(self.get(&user, source)),
            Route::Put(user) => self.put(&user, request).await,
            Route::History(user, parameters) => {
                self.history(user, parameters, source, request).await
            }
            Route::Mutations { epoch, start, size } => {
                let page = self.apart(move |directory| directory.mutations(epoch, start, size));
                answer::json(page.await.and_then(|page| written(&page)))
            }
            Route::Signatures(epoch) => self.signatures(epoch, request).await,
            Route::Config => answer::json(written(self.directory.config())),
            Route::Checkpoint => answer::text(self.directory.checkpoint()),
            Route::Tile(tile) => answer::bytes(self.directory.tile(&tile)),
            Route::Bundle(bundle) => answer::bytes(self.directory.bundle(&bundle)),
            Route::Alive | Route::Ready => answer::fresh("text/plain; charset=utf-8", "ok\n"),
            Route::Metrics if source.is_loopback() => {
                answer::fresh(metrics::CONTENT_TYPE, self.directory.metrics().text())
            }
            Route::Metrics => answer::plain(StatusCode::NOT_FOUND),
        }
    }

    fn get(&self, user: &str, source: IpAddr) -> Result<Vec<u8>, Refusal> {
        let answer = self.directory.get_if(user, || self.may_ask(source))?;
        json::write(&answer).map_err(failed("an answer"))
    }

    async fn put(&self, user: &str, request: Request<Incoming>) -> Reply {
        if let Err(refusal) = self.may_write(user, request.headers()) {
            let reply = answer::refused(&refusal);
            return body::refuse(request, &self.limits, reply).await;
        }
        let body = match body::read(request, &self.bodies, &self.limits).await {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let update = json::read_put(&body.bytes).map_err(|fault| Refusal::Body(fault.to_string()));
        let answer = match update {
            Ok(update) => self.directory.put(user, update).await,
            Err(refusal) => Err(refusal),
        };
        answer::json(
            answer.and_then(|answer| json::write_put_answer(&answer).map_err(failed("an answer"))),
        )
    }

    async fn history(
        &self,
        user: String,
        parameters: Parameters,
        source: IpAddr,
        request: Request<Incoming>,
    ) -> Reply {
        // As the first description of the interface had it: parameters in the body of a GET.
        let parameters = match body::read(request, &self.bodies, &self.limits).await {
            Ok(body) => parameters.or(&body.bytes),
            Err(reply) => return reply,
        };
        let page = match parameters.page() {
            Ok(page) => page,
            Err(refusal) => return answer::refused(&refusal),
        };
        if let Err(refusal) = self.directory.known(&user, || self.may_ask(source)) {
            return answer::refused(&refusal);
        }
        let history = self.apart(move |directory| directory.history(&user, page));
        let history = history.await;
        answer::json(history.and_then(|history| json::write(&history).map_err(failed("an answer"))))
    }

    async fn signatures(&self, epoch: u64, request: Request<Incoming>) -> Reply {
        let body = match body::read(request, &self.bodies, &self.limits).await {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let bytes = body.bytes.clone();
        let added = self.apart(move |directory| directory.add_signatures(epoch, &bytes));
        answer::json(added.await.map(|()| b"{}".to_vec()))
    }

    /// Does what reads much apart from what answers quickly.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let directory = Arc::clone(&self.directory);
        let done = tokio::task::spawn_blocking(move || work(&directory));
        done.await.map_err(failed("a request"))?
    }

    /// Whether this source may have a VRF proof computed.
    fn may_ask(&self, source: IpAddr) -> Result<(), Refusal> {
        let buckets = if source.is_loopback() {
            &self.unknown_of_loopback
        } else {
            &self.unknown
        };
        buckets.take(&source).map_err(Refusal::Rate)
    }
}

fn written(value: &impl serde::Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(value).map_err(failed("an answer"))
}

impl Parameters {
    fn page(&self) -> Result<Page, Refusal> {
        Ok(Page {
            start: self.number("start", &self.start)?,
            size: self.number("page_size", &self.page_size)?,
            changes_only: matches!(self.changes_only.as_deref(), Some("1" | "true")),
        })
    }
}
