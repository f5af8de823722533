//! Kinds of values: how each is read, what is said when it can't be, and how it's written.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host::WorkerName;
use listener::Rate;
use manager::StaticWorker;
use serde_json::{Value as Json, json};

use super::units;

mod transparency;

pub(crate) use transparency::{Domain, Witnesses};

/// A value as it stands in one of the layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    /// A string of the file; relative paths start from the file's folder.
    Text(String, PathBuf),
    Integer(i64),
    Switch(bool),
    List(Vec<String>),
    /// Anything else, by the name that TOML has for it, and as it is written.
    Other(&'static str, String),
    /// A word of the environment or the command line, where everything is text; those that may be
    /// repeated come as several.
    Words(Vec<String>),
}

/// A place for a value of some kind.
pub(crate) trait Value {
    /// What may stand there, as in `a whole number from 1 to 64`.
    fn wanted(&self) -> String;

    /// Takes the value, if it's one.
    fn take(&mut self, raw: &Raw) -> Option<()>;

    /// As the file has it: JSON's strings, numbers, booleans and lists are also TOML's.
    fn shown(&self) -> Json;
}

/// A whole number of some type.
pub(crate) trait Number: Copy + TryFrom<u64> {
    fn as_u64(self) -> u64;
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl Number for $type {
            fn as_u64(self) -> u64 {
                // Those of 64 bits and fewer, on machines of 64 bits and fewer.
                u64::try_from(self).unwrap_or(u64::MAX)
            }
        }
    )*};
}

numbers!(u16 u32 u64 usize);

/// A whole number.
pub(crate) struct Count<'a, T>(pub(crate) &'a mut T, pub(crate) RangeInclusive<u64>);

/// A number of bytes.
pub(crate) struct Size<'a, T>(pub(crate) &'a mut T, pub(crate) RangeInclusive<u64>);

/// A length of time.
pub(crate) struct Time<'a>(
    pub(crate) &'a mut Duration,
    pub(crate) RangeInclusive<Duration>,
);

/// How often, or `off`.
pub(crate) struct Often<'a>(pub(crate) &'a mut Option<Rate>);

/// A whole number that isn't 0.
pub(crate) struct Positive<'a>(pub(crate) &'a mut NonZeroU32);

/// A whole number that isn't 0, or `auto`.
pub(crate) struct Threads<'a>(pub(crate) &'a mut Option<NonZeroUsize>);

/// `true` or `false`.
pub(crate) struct Switch<'a>(pub(crate) &'a mut bool);

/// One of a few words.
pub(crate) struct Choice<'a, T: 'static>(
    pub(crate) &'a mut T,
    pub(crate) &'static [(&'static str, T)],
);

/// An IP address and a port.
pub(crate) struct Address<'a>(pub(crate) &'a mut SocketAddr);

/// The same, or nothing.
pub(crate) struct MaybeAddress<'a>(pub(crate) &'a mut Option<SocketAddr>);

/// A ZeroMQ endpoint to listen at, or nothing.
pub(crate) struct MaybeEndpoint<'a>(pub(crate) &'a mut Option<String>);

/// A file, or nothing.
pub(crate) struct MaybeFile<'a>(pub(crate) &'a mut Option<PathBuf>);

/// Names of workers.
pub(crate) struct Names<'a>(pub(crate) &'a mut Vec<String>);

/// Workers elsewhere.
pub(crate) struct Elsewhere<'a>(pub(crate) &'a mut Vec<StaticWorker>);

impl Raw {
    /// One word or string.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text, _) => Some(text),
            Self::Words(words) => match &words[..] {
                [word] => Some(word),
                _ => None,
            },
            _ => None,
        }
    }

    /// A number of the file, or a word that is one.
    fn number(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            Self::Words(_) => self.text()?.parse().ok(),
            _ => None,
        }
    }

    /// A list of the file, or words with or without commas between them.
    fn list(&self) -> Option<Vec<String>> {
        match self {
            Self::List(list) => Some(list.clone()),
            Self::Words(words) => Some(
                words
                    .iter()
                    .flat_map(|word| word.split(','))
                    .map(|part| part.trim().to_owned())
                    .filter(|part| !part.is_empty())
                    .collect(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Raw {
    /// As it was written, more or less; for people to find it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text, _) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Switch(on) => write!(f, "{on}"),
            Self::List(list) => write!(f, "{list:?}"),
            Self::Other(_, text) => f.write_str(text),
            Self::Words(words) => write!(f, "{:?}", words.join(",")),
        }
    }
}

fn in_range<T: Number>(number: u64, range: &RangeInclusive<u64>) -> Option<T> {
    range.contains(&number).then(|| T::try_from(number).ok())?
}

impl<T: Number> Value for Count<'_, T> {
    fn wanted(&self) -> String {
        format!("a whole number from {} to {}", self.1.start(), self.1.end())
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = in_range(raw.number()?, &self.1)?;
        Some(())
    }

    fn shown(&self) -> Json {
        self.0.as_u64().into()
    }
}

impl<T: Number> Value for Size<'_, T> {
    fn wanted(&self) -> String {
        let (from, to) = (units::size(*self.1.start()), units::size(*self.1.end()));
        format!("a size from {from} to {to}, such as \"8MiB\"")
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let bytes = match raw.number() {
            Some(number) => number,
            None => units::read_size(raw.text()?)?,
        };
        *self.0 = in_range(bytes, &self.1)?;
        Some(())
    }

    fn shown(&self) -> Json {
        units::size(self.0.as_u64()).into()
    }
}

impl Value for Time<'_> {
    fn wanted(&self) -> String {
        let (from, to) = (units::time(*self.1.start()), units::time(*self.1.end()));
        format!("a time from {from} to {to}, such as \"30s\"")
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let time = units::read_time(raw.text()?)?;
        *self.0 = self.1.contains(&time).then_some(time)?;
        Some(())
    }

    fn shown(&self) -> Json {
        units::time(*self.0).into()
    }
}

impl Value for Often<'_> {
    fn wanted(&self) -> String {
        "a rate such as \"100/s\", \"30/min\" or \"500/h\", or \"off\"".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = match raw.text()? {
            "off" => None,
            text => Some(units::read_rate(text)?),
        };
        Some(())
    }

    fn shown(&self) -> Json {
        self.0.map_or("off".to_owned(), units::rate).into()
    }
}

impl Value for Positive<'_> {
    fn wanted(&self) -> String {
        format!("a whole number from 1 to {}", u32::MAX)
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = NonZeroU32::new(raw.number()?.try_into().ok()?)?;
        Some(())
    }

    fn shown(&self) -> Json {
        self.0.get().into()
    }
}

impl Value for Threads<'_> {
    fn wanted(&self) -> String {
        "a whole number from 1 to 1024, or \"auto\"".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = match raw.text() {
            Some("auto") => None,
            _ => Some(NonZeroUsize::new(in_range(raw.number()?, &(1..=1024))?)?),
        };
        Some(())
    }

    fn shown(&self) -> Json {
        self.0
            .map_or_else(|| "auto".into(), |threads| threads.get().into())
    }
}

impl Value for Switch<'_> {
    fn wanted(&self) -> String {
        "true or false".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = match raw {
            Raw::Switch(on) => *on,
            Raw::Words(_) => raw.text()?.parse().ok()?,
            _ => return None,
        };
        Some(())
    }

    fn shown(&self) -> Json {
        (*self.0).into()
    }
}

impl<T: Copy + PartialEq> Value for Choice<'_, T> {
    fn wanted(&self) -> String {
        let words: Vec<_> = self.1.iter().map(|(word, _)| format!("{word:?}")).collect();
        words.join(" or ")
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let text = raw.text()?;
        *self.0 = self.1.iter().find(|(word, _)| *word == text)?.1;
        Some(())
    }

    fn shown(&self) -> Json {
        let known = self.1.iter().find(|(_, one)| one == self.0);
        known.map_or("", |(word, _)| word).into()
    }
}

fn read_address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some((Ipv4Addr::LOCALHOST, port.parse::<u16>().ok()?).into()),
        None => text.parse().ok(),
    }
}

impl Value for Address<'_> {
    fn wanted(&self) -> String {
        "an IP address and a port, such as \"127.0.0.1:1947\"".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = read_address(raw.text()?)?;
        Some(())
    }

    fn shown(&self) -> Json {
        self.0.to_string().into()
    }
}

impl Value for MaybeAddress<'_> {
    fn wanted(&self) -> String {
        "an IP address and a port, such as \"127.0.0.1:9100\", or \"\"".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = match raw.text()? {
            "" => None,
            text => Some(read_address(text)?),
        };
        Some(())
    }

    fn shown(&self) -> Json {
        self.0
            .map_or(String::new(), |address| address.to_string())
            .into()
    }
}

impl Value for MaybeEndpoint<'_> {
    fn wanted(&self) -> String {
        "a ZeroMQ endpoint such as \"tcp://127.0.0.1:5555\", or \"\"".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        *self.0 = match raw.text()? {
            "" => None,
            text => {
                let (host, port) = text.strip_prefix("tcp://")?.rsplit_once(':')?;
                port.parse::<u16>().ok()?;
                (!host.is_empty()).then(|| Some(text.to_owned()))?
            }
        };
        Some(())
    }

    fn shown(&self) -> Json {
        self.0.clone().unwrap_or_default().into()
    }
}

impl Value for MaybeFile<'_> {
    fn wanted(&self) -> String {
        "a file's path, or \"\"".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let base = match raw {
            Raw::Text(_, base) => base,
            _ => Path::new(""),
        };
        *self.0 = match raw.text()? {
            "" => None,
            text if text.contains('\0') => return None,
            text => Some(base.join(text)),
        };
        Some(())
    }

    fn shown(&self) -> Json {
        let path = self.0.as_deref().unwrap_or(Path::new(""));
        path.to_string_lossy().into()
    }
}

impl Value for Names<'_> {
    fn wanted(&self) -> String {
        "a list of workers' names, such as [\"alpha\", \"beta\"]".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let mut names = raw.list()?;
        if !names
            .iter()
            .all(|name| WorkerName::new(name.as_str()).is_ok())
        {
            return None;
        }
        names.sort();
        names.dedup();
        *self.0 = names;
        Some(())
    }

    fn shown(&self) -> Json {
        json!(self.0)
    }
}

impl Value for Elsewhere<'_> {
    fn wanted(&self) -> String {
        "a list such as [\"NAME=tcp://HOST:PORT\"]".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let worker = |text: &String| {
            let (name, endpoint) = text.split_once('=')?;
            let worker = StaticWorker {
                name: name.to_owned(),
                endpoint: endpoint.to_owned(),
            };
            worker.is_usable().then_some(worker)
        };
        *self.0 = raw.list()?.iter().map(worker).collect::<Option<_>>()?;
        Some(())
    }

    fn shown(&self) -> Json {
        let texts = self
            .0
            .iter()
            .map(|one| format!("{}={}", one.name, one.endpoint));
        texts.collect::<Vec<_>>().into()
    }
}
