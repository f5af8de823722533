//! The session of an image.

use super::{
    AccessPolicy, Attestation, Command, Error, Measurements, OneOrMany, Security, Service, Session,
    Version,
};
use crate::located::Located;

/// An enclave program, as far as CAS has to know it.
#[derive(Debug, Clone)]
pub struct Description<'a> {
    /// The session's name, with its namespaces.
    pub session: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// The program's name, which stands in `/` of the image, and its arguments.
    pub command: Vec<String>,
    /// All of the environment.
    pub environment: &'a [(String, String)],
    /// What SCONE measured, if somebody has run it.
    pub measurements: Option<&'a Measurements>,
}

impl Description<'_> {
    /// The session, the service and the program of one name; nothing is measured.
    #[must_use]
    pub fn of(name: &str) -> Description<'_> {
        Description {
            session: name,
            service: name,
            command: vec![format!("/{name}")],
            environment: &[],
            measurements: None,
        }
    }

    /// A session that lets in the program, asks for everything, puts up with nothing, and is its
    /// creator's alone. Without measurements it names none, and CAS refuses it.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] for what can't stand in a session, such as a name with a blank.
    pub fn session(&self) -> Result<Session, Error> {
        let service = Service {
            name: self.service.to_owned(),
            mrenclaves: Some(
                self.measurements
                    .map_or_else(Vec::new, Measurements::for_session),
            ),
            command: Some(Command(OneOrMany::Many(self.command.clone()))),
            pwd: Some("/".to_owned()),
            environment: self.environment.iter().cloned().collect(),
            ..Service::default()
        };
        let session = Session {
            name: self.session.to_owned(),
            version: Some(Version {
                minor: 3,
                patch: None,
            }),
            access_policy: Some(AccessPolicy::creator()),
            security: Some(Security {
                attestation: Some(Attestation::strict()),
            }),
            services: vec![service],
            ..Session::default()
        };
        session.check().map_err(refused)?;
        Ok(session)
    }

    /// The text of [`Description::session`] with a few lines before it that say what it is.
    ///
    /// # Errors
    ///
    /// As [`Description::session`].
    pub fn text(&self) -> Result<String, Error> {
        let session = self.session()?;
        let heading = if session.gaps().is_empty() {
            HEADING.to_owned()
        } else {
            format!("{HEADING}{UNMEASURED}")
        };
        let text = session.to_yaml().map_err(refused)?;
        Ok(format!("{heading}\n{text}"))
    }
}

fn refused(fault: Located) -> Error {
    Error::Session {
        origin: "the session".to_owned(),
        fault,
    }
}

/// Before every session.
const HEADING: &str = "\
# For SCONE's CAS. What SCONE measures is its own enclave: see docs/hardware.md.
";

/// Before a session without measurements.
const UNMEASURED: &str = "\
# mrenclaves is not computed here: it takes what the program prints with SCONE_HASH=1.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn description(measurements: Option<&Measurements>) -> Description<'_> {
        Description {
            session: "sconce/worker",
            command: vec!["/worker".to_owned(), "--list".to_owned()],
            measurements,
            ..Description::of("worker")
        }
    }

    #[test]
    fn the_session_of_an_image() {
        let measured = Measurements::parse(&"ab".repeat(32)).unwrap();
        let text = description(Some(&measured)).text().unwrap();
        insta::assert_snapshot!("session", text);
        let session = Session::parse(&text).unwrap();
        assert_eq!((session.gaps(), session.concessions()), (vec![], vec![]));
        assert_eq!(Session::parse(&session.to_yaml().unwrap()), Ok(session));
    }

    #[test]
    fn without_measurements_nobody_is_let_in() {
        let text = description(None).text().unwrap();
        insta::assert_snapshot!("session_without_measurements", text);
        let gaps = Session::parse(&text).unwrap().gaps();
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].to_string().starts_with("`services[0].mrenclaves`"));
    }

    #[test]
    fn names_that_cas_refuses_are_refused() {
        for (session, service) in [
            ("a b", "c"),
            ("a//b", "c"),
            ("", "c"),
            ("a", "b/c"),
            ("a", ""),
        ] {
            let given = Description {
                session,
                service,
                ..description(None)
            };
            assert!(given.session().is_err(), "{session:?} {service:?}");
        }
    }
}
