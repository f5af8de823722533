//! Connections and requests.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use protocol::Reason;
use protocol::methods::Method;

/// A connection that is counted for as long as this lives.
#[derive(Debug)]
pub struct Connection(Gauge);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// See the module.
pub(crate) struct Requests {
    connections: Gauge,
    by_method: Vec<(Method, Counter)>,
    /// Without a method that is known.
    unknown: Counter,
    errors: Vec<(Reason, Counter)>,
}

impl Requests {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let connections = Gauge::default();
        registry.register(
            "connections",
            "Connections to the listener",
            connections.clone(),
        );
        let requests = Family::<[(&str, &str); 1], Counter>::default();
        registry.register(
            "requests",
            "Requests that were answered, by method; unknown where none could be read",
            requests.clone(),
        );
        let errors = Family::<[(&str, &str); 1], Counter>::default();
        registry.register(
            "request_errors",
            "Requests that were answered with an error, by its reason",
            errors.clone(),
        );
        let method = |name| requests.get_or_create_owned(&[("method", name)]);
        let error = |reason: &Reason| errors.get_or_create_owned(&[("reason", reason.code())]);
        Self {
            connections,
            by_method: Method::ALL
                .iter()
                .map(|one| (*one, method(one.name())))
                .collect(),
            unknown: method("unknown"),
            errors: Reason::ALL
                .iter()
                // Not an error, though the wire has it as one.
                .filter(|reason| **reason != Reason::OrderPending)
                .map(|reason| (*reason, error(reason)))
                .collect(),
        }
    }

    pub(crate) fn connected(&self) -> Connection {
        self.connections.inc();
        Connection(self.connections.clone())
    }

    pub(crate) fn answered(&self, method: Option<Method>, error: Option<Reason>) {
        let mut known = self.by_method.iter();
        method
            .and_then(|method| known.find(|(one, _)| *one == method))
            .map_or(&self.unknown, |(_, counter)| counter)
            .inc();
        let mut errors = self.errors.iter();
        if let Some((_, counter)) = error.and_then(|reason| errors.find(|(one, _)| *one == reason))
        {
            counter.inc();
        }
    }
}
