//! Building an order and submitting it.

use std::sync::Arc;
use std::time::Duration;

use protocol::SystemEntropy;
use protocol::crypto::secp256k1::SigningKey;
use protocol::requester::{self, Input, Protection};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::is_pending;
use crate::{Answer, Client, Error, Pending, Worker};

/// An order in clear.
#[derive(Clone)]
pub struct Order {
    worker: Worker,
    workload: String,
    inputs: Vec<(Zeroizing<Vec<u8>>, Protection)>,
    signing_key: Option<Arc<SigningKey>>,
    avalon_iv: bool,
    response_timeout: Duration,
}

impl Order {
    /// An order for `worker` to run the workload of this name, as in `python-hello`, without inputs.
    pub fn new(worker: &Worker, workload: impl Into<String>) -> Self {
        Self {
            worker: worker.clone(),
            workload: workload.into(),
            inputs: Vec::new(),
            signing_key: None,
            avalon_iv: false,
            response_timeout: Duration::from_secs(6),
        }
    }

    /// One more input, encrypted under the session key.
    #[must_use]
    pub fn input(self, data: impl Into<Vec<u8>>) -> Self {
        self.input_as(data, Protection::Session)
    }

    /// One more input, protected as said. In clear, everybody on the way reads it.
    #[must_use]
    pub fn input_as(mut self, data: impl Into<Vec<u8>>, protection: Protection) -> Self {
        self.inputs.push((Zeroizing::new(data.into()), protection));
        self
    }

    /// Signs the request with this key.
    #[must_use]
    pub fn signed(mut self, key: Arc<SigningKey>) -> Self {
        self.signing_key = Some(key);
        self
    }

    /// Shares one initialisation vector between all ciphertexts of the order, as Avalon's SDK must.
    /// This reuses a GCM nonce, so it's for workers that can't do without.
    #[must_use]
    pub fn avalon_iv(mut self, yes: bool) -> Self {
        self.avalon_iv = yes;
        self
    }

    /// How long a synchronous listener may hold the submit before it says "pending": 6 s.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Chooses ids and session key, encrypts, and signs if there is a key.
    ///
    /// # Errors
    ///
    /// [`Error::Build`]; [`Error::Evidence`] if the worker was verified, and its evidence does not hold any
    /// more.
    pub fn seal(&self) -> Result<Sealed, Error> {
        self.worker.check_in_force()?;
        let inputs: Vec<_> = self
            .inputs
            .iter()
            .map(|(data, protection)| Input {
                data,
                protection: *protection,
            })
            .collect();
        let order = requester::Order {
            worker_id: self.worker.id(),
            encryption_key: self.worker.encryption_key(),
            workload: &self.workload,
            inputs: &inputs,
            signing_key: self.signing_key.as_deref(),
            avalon_iv: self.avalon_iv,
            response_timeout_ms: i64::try_from(self.response_timeout.as_millis())
                .unwrap_or(i64::MAX),
        };
        let sealed = order.seal(&SystemEntropy::new())?;
        let expected = "an order that JSON can hold";
        Ok(Sealed {
            params: RawValue::from_string(sealed.params).map_err(|_| Error::Reply { expected })?,
            request_hash: sealed.request_hash,
            response_timeout: self.response_timeout,
            pending: Pending {
                request: sealed.pending,
                worker_key: self.worker.verification_key().clone(),
            },
        })
    }
}

/// An order that is ready to be posted. Secret: it holds the session key.
pub struct Sealed {
    /// What to keep; store it before posting, and no crash can lose the answer.
    pub pending: Pending,
    /// What the request's signature, if any, covers; receipts refer to it.
    pub request_hash: [u8; 32],
    params: Box<RawValue>,
    response_timeout: Duration,
}

impl Sealed {
    /// The request's `params` as JSON: public, it's what everybody on the way sees.
    pub fn params(&self) -> &str {
        self.params.get()
    }
}

/// An order that a listener has accepted.
pub struct Submitted {
    /// What to keep.
    pub pending: Pending,
    /// What the request's signature, if any, covers; receipts refer to it.
    pub request_hash: [u8; 32],
    /// The answer, when the listener waited for it.
    pub answer: Option<Answer>,
}

impl Client {
    /// Seals an order and submits it.
    ///
    /// # Errors
    ///
    /// As for [`Order::seal`] and [`post`](Self::post).
    pub async fn submit(&self, order: &Order) -> Result<Submitted, Error> {
        let sealed = order.seal()?;
        let answer = self.post(&sealed).await?;
        Ok(Submitted {
            pending: sealed.pending,
            request_hash: sealed.request_hash,
            answer,
        })
    }

    /// Submits a sealed order. `None` means that it was accepted and isn't finished yet.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if it's refused, or finished with a failure already; [`Error::NotVerified`] if
    /// the answer came at once and isn't the worker's. After [`Error::Transport`] or
    /// [`Error::CallTimedOut`] the order may have been accepted: [`poll`](Self::poll) tells.
    pub async fn post(&self, sealed: &Sealed) -> Result<Option<Answer>, Error> {
        let reply = self
            .exchange("WorkOrderSubmit", &sealed.params, sealed.response_timeout)
            .await?;
        match reply {
            Ok(result) => sealed.pending.open(&result).map(Some),
            Err(error) if is_pending(error.code) => Ok(None),
            Err(error) => Err(sealed.pending.explain(error)),
        }
    }
}
