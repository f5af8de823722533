//! Giving an attested program its secrets.
//!
//! A request is checked in a fixed order: its nonce, session and service, the [evidence](super::evidence), the
//! texts with secrets in them. Only when all of that is good is the nonce spent, so of several requests
//! with the same one only the first is answered, and a stranger's bad request uses up nobody's nonce.

use std::cell::Cell;
use std::time::Duration;

use attestation::{Time, VerifiedEvidence};
use provision::audit::{Audited, Outcome};
use provision::grant::File;
use provision::text::{Base64, Text};
use provision::{Grant, MAX_GRANT, Release, ReleaseRequest};
use session::{OneOrMany, Service};
use sgx::Digest;
use zeroize::Zeroizing;

use super::evidence::Refused;
use super::sessions::{Sessions, Stored};
use super::{Cas, Error, Principal, brief, import, line};
use crate::state::Decision;

/// What the audit log calls it.
const EVENT: &str = "release";

impl Cas {
    /// Decides on a program's request for its secrets. The state does not change, but the line of the audit log has
    /// to be durable before the release is handed out. `elapsed` is as in [`Cas::challenge`].
    pub fn release(
        &self,
        sessions: &Sessions,
        request: &ReleaseRequest,
        now: Time,
        elapsed: Duration,
    ) -> Decision<Result<Release, Error>> {
        let decided = self.decide(sessions, request, now, elapsed);
        let (reply, measurement) = match decided {
            Ok((release, measurement)) => (Ok(release), Some(measurement)),
            Err((error, measurement)) => (Err(error), measurement),
        };
        let line = audited(request, reply.as_ref().err(), measurement, now);
        Decision {
            events: Vec::new(),
            audit: vec![line],
            reply,
        }
    }

    fn decide(
        &self,
        sessions: &Sessions,
        request: &ReleaseRequest,
        now: Time,
        elapsed: Duration,
    ) -> Result<(Release, Digest), Refused> {
        let early = |error| (error, None);
        let nonce = &request.nonce.0;
        self.nonces.check(nonce, elapsed).map_err(early)?;
        let (stored, service) = wanted(sessions, request).map_err(early)?;
        let accepted = self.verifier.appraise(
            stored.session(),
            service,
            &request.evidence,
            &request.report_data(),
            now,
        )?;
        let measurement = accepted.measurement;
        let late = |error| (error, Some(measurement));
        let given = Giver {
            sessions,
            request,
            stored,
            service,
            room: Cell::new(MAX_GRANT),
        };
        let grant = given.grant(&accepted.evidence).map_err(late)?;
        self.nonces.spend(nonce, elapsed).map_err(late)?;
        let sealed = provision::seal(request, &grant, &self.key);
        let release = sealed.map_err(|error| late(of_seal(error)))?;
        Ok((release, measurement))
    }
}

/// The session and the service that are asked for.
fn wanted<'a>(
    sessions: &'a Sessions,
    request: &ReleaseRequest,
) -> Result<(&'a Stored, &'a Service), Error> {
    let name = &request.session;
    let stored = sessions.get(name);
    let stored = stored.ok_or_else(|| Error::Session(name.to_string()))?;
    let mut services = stored.session().services.iter();
    let service = services.find(|service| service.name == request.service);
    let service = service.ok_or_else(|| Error::Service {
        session: name.to_string(),
        service: brief(&request.service),
    })?;
    Ok((stored, service))
}

fn of_seal(error: provision::Error) -> Error {
    match error {
        provision::Error::Entropy(error) => error.into(),
        other => Error::Form(other.to_string()),
    }
}

fn audited(
    request: &ReleaseRequest,
    refused: Option<&Error>,
    measurement: Option<Digest>,
    now: Time,
) -> Audited {
    Audited {
        outcome: match refused {
            Some(_) => Outcome::Refused,
            None => Outcome::Done,
        },
        service: Some(brief(&request.service)),
        code: refused.map(|error| error.code().to_owned()),
        detail: refused.map(|error| brief(&error.to_string())),
        measurement: measurement.map(Text),
        ..line(EVENT, &request.session, Principal::Anonymous, now)
    }
}

/// A service, and where its secrets are.
struct Giver<'a> {
    sessions: &'a Sessions,
    request: &'a ReleaseRequest,
    stored: &'a Stored,
    service: &'a Service,
    /// Bytes of values that may be given still.
    room: Cell<usize>,
}

impl Giver<'_> {
    /// Everything that the service is given, with secrets where placeholders stand. There is no way to it without
    /// evidence that was found good.
    fn grant(&self, _evidence: &VerifiedEvidence) -> Result<Grant, Error> {
        let mut grant = Grant::default();
        grant.pwd.clone_from(&self.service.pwd);
        match self.service.command.as_ref().map(|command| &command.0) {
            None => {}
            // Split before secrets are put in: a blank in a secret separates nothing.
            Some(OneOrMany::One(line)) => {
                for word in line.split_whitespace() {
                    grant.command.push(self.text("command", word)?);
                }
            }
            Some(OneOrMany::Many(words)) => {
                for word in words {
                    grant.command.push(self.text("command", word)?);
                }
            }
        }
        for (name, value) in &self.service.environment {
            let value = self.text(name, value)?;
            grant.environment.insert(name.clone(), value);
        }
        let images = self.stored.session().images.iter();
        let image = images
            .filter(|image| self.service.image_name.as_ref() == Some(&image.name))
            .flat_map(|image| &image.injection_files);
        for file in image {
            let content = file.content.as_ref();
            let content = self.bytes(content.map_or("", |content| content.expose()))?;
            grant.files.push(File {
                path: file.path.clone(),
                content: Base64(content.to_vec()),
            });
        }
        Ok(grant)
    }

    /// A text for an argument or a variable, which a program gets as a C string.
    fn text(&self, place: &str, text: &str) -> Result<String, Error> {
        let bytes = self.bytes(text)?;
        let text = std::str::from_utf8(&bytes).ok();
        let text = text.filter(|text| !text.contains('\0'));
        text.map(str::to_owned).ok_or_else(|| Error::Secret {
            name: place.to_owned(),
            what: "a secret in it is no text: ask for it as :hex or :base64".to_owned(),
        })
    }

    fn bytes(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let name = &self.request.session;
        import::substitute(self.sessions, name, self.stored, text, &self.room)
    }
}
