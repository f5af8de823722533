//! The pool: the owner's wishes, what is published of it, and what managers ask by the plain door.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provision::api::NewPool;
use sgx::quote::{Body, Quote};

use super::{Problem, Service};
use crate::kme::Client;
use crate::kme::pool::{Desk, requests};

/// How old evidence gets before it is asked for again.
const AGE: Duration = Duration::from_secs(600);

/// What was published last. Everybody may ask for it, and a quote takes its time.
#[derive(Default)]
pub(super) struct Published(Mutex<Option<Made>>);

struct Made {
    at: Instant,
    report_data: [u8; 64],
    json: Arc<Vec<u8>>,
}

impl Service {
    pub(super) fn ensure_pool(
        &self,
        client: Option<&Client>,
        wish: NewPool,
    ) -> Result<(), Problem> {
        let wanted = {
            let kme = &self.read().state.kme;
            kme.pool().is_none() && kme.authorize(client).is_ok()
        };
        let keys = wanted.then(|| self.spares.take()).transpose()?;
        self.manage(client, |state, asker| {
            requests::ensure(state, asker, wish, keys)
        })
    }

    pub(super) fn close_pool(&self, client: Option<&Client>) -> Result<(), Problem> {
        self.manage(client, requests::close)
    }

    /// The JSON text of a [`Pool`](provision::api::Pool).
    pub(super) fn pool(&self) -> Result<Arc<Vec<u8>>, Problem> {
        let (mut pool, report_data) = requests::published(&self.read().state, &self.desk)?;
        let mut kept = self
            .published
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*kept
            && made.report_data == report_data
            && made.at.elapsed() < AGE
        {
            return Ok(Arc::clone(&made.json));
        }
        let (quote, collateral) = self.evidence.about(&report_data)?;
        if let Ok(quote) = Quote::parse(&quote)
            && let Body::Sgx(report) = quote.body()
        {
            pool.signup.mrenclave = report.mrenclave.to_string();
        }
        pool.signup.quote = STANDARD.encode(quote);
        pool.signup.collateral = collateral;
        // Made of strings and a number: writing it can't fail.
        let json = Arc::new(serde_json::to_vec(&pool).unwrap_or_default());
        *kept = Some(Made {
            at: Instant::now(),
            report_data,
            json: Arc::clone(&json),
        });
        Ok(json)
    }

    /// What a manager asks, answered in JSON-RPC.
    pub(super) fn pooled(&self, body: &[u8]) -> Result<Vec<u8>, Problem> {
        if Desk::may_change(body) {
            self.change(|state, now| self.desk.answer(state, &self.cas, body, now))
        } else {
            self.look(|state, now| self.desk.answer(state, &self.cas, body, now))
        }
    }
}
