//! Times, and the interval in which something is in force.

use der::asn1::{GeneralizedTime, UtcTime};
use der::{Reader as _, Tag};

use super::{Document, Error, Fault, Read, Result};
use crate::Time;

/// The first second that needs `GeneralizedTime`: that of the year 2050 (RFC 5280, 4.1.2.5).
const YEAR_2050: u64 = 2_524_608_000;

/// From when until when something is in force, both seconds included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Time,
    pub(super) until: Time,
}

impl Validity {
    /// Two times, one after the other.
    pub(super) fn read(reader: &mut Read<'_>) -> core::result::Result<Self, Fault> {
        let (from, until) = (time(reader)?, time(reader)?);
        if until < from {
            return Err(Fault::at(reader, "it ends before it begins"));
        }
        Ok(Self { from, until })
    }

    /// # Errors
    ///
    /// [`Error::NotYet`] and [`Error::Expired`].
    pub(super) fn check(self, document: Document, now: Time) -> Result<()> {
        let Self { from, until } = self;
        if now < from {
            return Err(Error::NotYet {
                document,
                from,
                now,
            });
        }
        if now > until {
            return Err(Error::Expired {
                document,
                until,
                now,
            });
        }
        Ok(())
    }
}

/// `UTCTime` for the years to 2049, `GeneralizedTime` for those after, in seconds and UTC.
pub(super) fn time(reader: &mut Read<'_>) -> core::result::Result<Time, Fault> {
    let (seconds, long) = match Tag::peek(reader)? {
        Tag::GeneralizedTime => (reader.decode::<GeneralizedTime>()?.to_unix_duration(), true),
        _ => (reader.decode::<UtcTime>()?.to_unix_duration(), false),
    };
    let seconds = seconds.as_secs();
    if long != (seconds >= YEAR_2050) {
        return Err(Fault::at(reader, "a time in the form of another century"));
    }
    Ok(Time::from_unix(seconds))
}
