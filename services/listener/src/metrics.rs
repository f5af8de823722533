//! `/metrics`: for Prometheus, and for `sconce status --watch`.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::Response;
use axum::routing::get;
use monitor::Monitor;

use crate::health::{self, fresh};

/// Whether and where metrics are shown.
///
/// `/healthz` and `/readyz` are answered at the listener's address in any case: they say no more
/// than whether it's worth asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Whether they are shown.
    pub enabled: bool,
    /// An address of their own, without TLS; port 0 takes any free one. Without it they are shown
    /// at the listener's, to this machine only.
    pub bind: Option<SocketAddr>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            enabled: true,
            bind: None,
        }
    }
}

impl Metrics {
    /// The paths beside JSON-RPC at the listener's address; `near` are clients on this machine.
    pub(crate) fn routes<S>(self, near: bool) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        Monitor: FromRef<S>,
    {
        if self.enabled && self.bind.is_none() && near {
            all()
        } else {
            health::routes()
        }
    }

    /// Where they are shown, if not at the listener's address.
    pub(crate) fn address(self) -> Option<SocketAddr> {
        self.bind.filter(|_| self.enabled)
    }
}

/// What is answered at an address of their own.
pub(crate) fn router(monitor: Monitor) -> Router {
    all().with_state(monitor)
}

fn all<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Monitor: FromRef<S>,
{
    health::routes().route("/metrics", get(show))
}

async fn show(State(monitor): State<Monitor>) -> Response {
    fresh(monitor::CONTENT_TYPE, monitor.metrics().await)
}
