//! What the owner of a vault asks about its pool, and what everybody may know of it.

use protocol::crypto::sha256;
use protocol::processor::Signup;
use protocol::report_data;
use provision::api;
use provision::text::Text;

use super::Desk;
use super::kept::{Pool, Secrets};
use crate::kme::requests::{Asker, Decided};
use crate::kme::{Error, Keys, Program, WorkerName, event};
use crate::state::{Decision, Event, State};

/// Makes the pool, if there is none; `keys` are needed then.
pub fn ensure(
    state: &State,
    asker: Asker<'_>,
    wish: api::NewPool,
    keys: Option<Keys>,
) -> Decided<()> {
    let decide = || {
        state.kme.authorize(asker.client)?;
        let worker: WorkerName = wish.worker.parse()?;
        let program: Program = wish.program.try_into()?;
        match state.kme.pool() {
            Some(pool) if pool.worker == worker && pool.program == program => {
                Ok(Decision::only(()))
            }
            Some(pool) => Err(Error::Pool {
                worker: pool.worker.clone(),
                measurement: pool.program.measurement(),
            }),
            None => {
                let secrets = Secrets::of(&keys.ok_or(Error::NoKeys)?);
                Ok(kept(
                    state,
                    asker,
                    event::What::Pool {
                        worker,
                        program: Box::new(program),
                        secrets,
                    },
                ))
            }
        }
    };
    let decided = decide();
    asker.refused_or(event::POOL, None, decided)
}

/// Destroys the pool and its keys.
pub fn close(state: &State, asker: Asker<'_>) -> Decided<()> {
    let decide = || {
        state.kme.authorize(asker.client)?;
        match state.kme.pool() {
            None => Err(Error::NoPool),
            Some(pool) => Ok(kept(
                state,
                asker,
                event::What::Closed {
                    worker: pool.worker.clone(),
                },
            )),
        }
    };
    let decided = decide();
    asker.refused_or(event::CLOSE, None, decided)
}

/// What has to be published of the pool, but for its evidence, and what that has to be about.
///
/// # Errors
///
/// [`Error::NoPool`] or [`Error::NoKeys`].
pub fn published(state: &State, desk: &Desk) -> Result<(api::Pool, [u8; 64]), Error> {
    let pool = state.kme.pool().ok_or(Error::NoPool)?;
    let signup = signup(desk, pool).ok_or(Error::NoKeys)?;
    let said = report_data::pool(&signup.verifying_key, &pool.program.mrenclave());
    let published = api::Pool {
        worker: pool.worker.to_string(),
        worker_id: pool.worker_id().as_str().to_owned(),
        program: Text(pool.program.measurement()),
        signup,
    };
    Ok((published, said))
}

fn signup(desk: &Desk, pool: &Pool) -> Option<Signup> {
    let keys = desk.keys(pool)?;
    let encryption = keys.decryption.encryption_key().ok()?;
    let signature = keys.signing.sign(&sha256(&[encryption.pem().as_bytes()]));
    Some(Signup {
        verifying_key: keys.signing.verifying_key().pem().to_owned(),
        encryption_key: encryption.pem().to_owned(),
        encryption_key_signature: hex::encode(signature),
        ..Signup::default()
    })
}

fn kept(state: &State, asker: Asker<'_>, what: event::What) -> Decision<()> {
    let event = state.kme.event(asker.now, what);
    Decision {
        audit: vec![event.audited(asker.client)],
        events: vec![Event::Kme(event)],
        reply: (),
    }
}
