//! What operators may GET: `/metrics`, for Prometheus and for `sconce status --watch`, and the
//! paths of `health`.

use std::net::SocketAddr;

use hyper::Method;
use monitor::Monitor;

use crate::health;
use crate::http::Reply;

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
    /// Where they are shown, if not at the listener's address.
    pub(crate) fn address(self) -> Option<SocketAddr> {
        self.bind.filter(|_| self.enabled)
    }

    /// Whether they are shown at the listener's address; `near` are clients on this machine.
    pub(crate) fn are_shown(self, near: bool) -> bool {
        self.enabled && self.bind.is_none() && near
    }
}

/// Something to GET that is not JSON-RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Alive,
    Ready,
    Metrics,
}

impl Page {
    /// What is asked for; `None` is for others to answer.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        match path {
            "/healthz" => Some(Self::Alive),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    pub(crate) async fn reply(self, monitor: &Monitor) -> Reply {
        match self {
            Self::Alive => health::alive(),
            Self::Ready => health::ready(monitor).await,
            Self::Metrics => health::fresh(monitor::CONTENT_TYPE, monitor.metrics().await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_for_those_who_look() {
        assert_eq!(Page::of(&Method::GET, "/metrics"), Some(Page::Metrics));
        assert_eq!(Page::of(&Method::HEAD, "/readyz"), Some(Page::Ready));
        assert_eq!(Page::of(&Method::GET, "/healthz"), Some(Page::Alive));
        assert_eq!(Page::of(&Method::POST, "/metrics"), None);
        assert_eq!(Page::of(&Method::GET, "/"), None);
        assert_eq!(Page::of(&Method::GET, "/metrics/"), None);
    }

    #[test]
    fn metrics_are_shown_in_one_place_at_most() {
        let own = Some(SocketAddr::from(([127, 0, 0, 1], 9100)));
        for (enabled, bind, near, far) in [
            (true, None, true, false),
            (true, own, false, false),
            (false, None, false, false),
            (false, own, false, false),
        ] {
            let metrics = Metrics { enabled, bind };
            assert_eq!(
                (metrics.are_shown(true), metrics.are_shown(false)),
                (near, far)
            );
            assert_eq!(metrics.address().is_some(), enabled && bind.is_some());
        }
    }
}
