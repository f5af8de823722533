//! What sessions and their services are called.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Most characters of each part of a name.
pub const MAX_PART: usize = 64;

/// A session: `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionName {
    namespace: String,
    name: String,
}

/// A service of a session: `NAMESPACE/NAME/SERVICE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName {
    session: SessionName,
    service: String,
}

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no {form}: each part has 1 to 64 letters, digits, dots, hyphens and underscores, a letter or digit first"
)]
pub struct NotAName {
    text: String,
    form: &'static str,
}

impl SessionName {
    /// The session `name` of `namespace`.
    ///
    /// # Errors
    ///
    /// One of them is no part of a name.
    pub fn new(namespace: &str, name: &str) -> Result<Self, NotAName> {
        if is_part(namespace) && is_part(name) {
            Ok(Self {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        } else {
            Err(not_a_name(
                &format!("{namespace}/{name}"),
                "session (NAMESPACE/NAME)",
            ))
        }
    }

    /// What stands before the slash.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What stands behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A service of this session.
    ///
    /// # Errors
    ///
    /// `service` is no part of a name.
    pub fn service(&self, service: &str) -> Result<ServiceName, NotAName> {
        if is_part(service) {
            Ok(ServiceName {
                session: self.clone(),
                service: service.to_owned(),
            })
        } else {
            Err(not_a_name(service, "service"))
        }
    }
}

impl ServiceName {
    /// Its session.
    #[must_use]
    pub fn session(&self) -> &SessionName {
        &self.session
    }

    /// What the session calls it.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }
}

/// Whether a text may be a part of a name.
#[must_use]
pub fn is_part(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= MAX_PART
        && text.bytes().all(plain)
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
}

fn not_a_name(text: &str, form: &'static str) -> NotAName {
    // As much of it as tells which one it is.
    let text = text.chars().take(4 * MAX_PART).collect();
    NotAName { text, form }
}

impl Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.session, self.service)
    }
}

impl FromStr for SessionName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let refusal = || not_a_name(text, "session (NAMESPACE/NAME)");
        let (namespace, name) = text.split_once('/').ok_or_else(refusal)?;
        Self::new(namespace, name)
    }
}

impl FromStr for ServiceName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let refusal = || not_a_name(text, "service (NAMESPACE/NAME/SERVICE)");
        let (session, service) = text.rsplit_once('/').ok_or_else(refusal)?;
        let session: SessionName = session.parse().map_err(|_| refusal())?;
        session.service(service).map_err(|_| refusal())
    }
}

macro_rules! text_in_json {
    ($name:ty) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

text_in_json!(SessionName);
text_in_json!(ServiceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let service: ServiceName = "avalon/worker-1/g1".parse().unwrap();
        assert_eq!(service.to_string(), "avalon/worker-1/g1");
        assert_eq!(service.session().namespace(), "avalon");
        assert_eq!(service.session().name(), "worker-1");
        assert_eq!(service.service(), "g1");
    }

    #[test]
    fn other_texts_are_no_names() {
        let long = format!("a/{}", "b".repeat(65));
        for bad in [
            "", "a", "a/", "/b", "a/b/c", "a/..", "a/.b", "a/b c", "a/é", &long,
        ] {
            assert!(bad.parse::<SessionName>().is_err(), "{bad:?}");
        }
        for bad in ["a/b", "a/b/", "a//c", "a/b/c/d", "a/b/-c"] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad:?}");
        }
    }
}
