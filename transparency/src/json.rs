//! The JSON of the HTTP interface.
//!
//! Names as in the messages (snake case), bytes in base64 (standard alphabet, padded), 64-bit numbers as
//! decimal text, enumerations by name, times in RFC 3339. Members that hold nothing are left out: epoch 0
//! has no `epoch`. On input, numbers are taken for text and for names too, `null` is nothing, and members
//! that aren't known are passed over, as the directory of 2017 did; what is known must be in its form.

mod form;
mod time;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use form::{bytes, bytes_list, decimal, is_default, or_default, signatures};

use crate::messages::{Committed, EntryUpdate, GetEntryResponse, SignedKv};

/// A text that isn't the JSON it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no JSON, or a member has another form than the interface gives it.
    #[error("{reason} (line {line}, column {column})")]
    Form {
        /// What is wrong; never a value out of the text.
        reason: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The body of a PUT has no update.
    #[error("neither `update` nor `entry_update` is there: a PUT carries an EntryUpdate")]
    NoUpdate,
    /// The body of a PUT has two.
    #[error("both `update` and `entry_update` are there: send one of them")]
    TwoUpdates,
}

impl Error {
    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        "kt.form"
    }
}

/// Reads a message: a [`GetEntryResponse`], a [`History`](crate::messages::History), or a part of them.
///
/// # Errors
///
/// If `text` is no JSON of that message.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|fault| Error::of(&fault))
}

/// Reads the body of a PUT: an [`EntryUpdate`], or one inside `entry_update`.
///
/// # Errors
///
/// If `text` is no JSON of that, or has no update or both.
pub fn read_put(text: &[u8]) -> Result<EntryUpdate, Error> {
    #[derive(Deserialize)]
    struct Body {
        entry_update: Option<EntryUpdate>,
        update: Option<SignedKv>,
        committed: Option<Committed>,
    }
    let body: Body = read(text)?;
    match (body.entry_update, body.update) {
        (Some(_), Some(_)) => Err(Error::TwoUpdates),
        (Some(wrapped), None) => Ok(wrapped),
        (None, Some(update)) => Ok(EntryUpdate {
            update,
            committed: body.committed,
        }),
        (None, None) => Err(Error::NoUpdate),
    }
}

/// Reads the answer to a PUT: what is inside `proof`, or else the answer itself.
///
/// # Errors
///
/// If `text` is no JSON of that.
pub fn read_put_answer(text: &[u8]) -> Result<GetEntryResponse, Error> {
    #[derive(Deserialize)]
    struct Answer {
        proof: Option<GetEntryResponse>,
    }
    match read::<Answer>(text)?.proof {
        Some(proof) => Ok(proof),
        None => read(text),
    }
}

/// Writes a message, compactly, its members in the order of the interface.
///
/// # Errors
///
/// If a time in it is outside the years 1 to 9999.
pub fn write(message: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(message).map_err(|fault| Error::of(&fault))
}

/// Writes the answer to a PUT: the members of the answer, and the whole of it again inside `proof`.
///
/// # Errors
///
/// If a time in it is outside the years 1 to 9999.
pub fn write_put_answer(answer: &GetEntryResponse) -> Result<Vec<u8>, Error> {
    #[derive(Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        top: &'a GetEntryResponse,
        proof: &'a GetEntryResponse,
    }
    write(&Answer {
        top: answer,
        proof: answer,
    })
}

impl Error {
    fn of(fault: &serde_json::Error) -> Self {
        let text = fault.to_string();
        let place = format!(" at line {} column {}", fault.line(), fault.column());
        let text = text.strip_suffix(&place).unwrap_or(&text);
        // What was there instead stands before this word, and may be anybody's secret.
        let reason = match text.rsplit_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => text.to_owned(),
        };
        Self::Form {
            reason,
            line: fault.line(),
            column: fault.column(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{
        DigitallySigned, HashAlgorithm, History, LeafProof, MapHead, SignatureAlgorithm,
        SignedMapHead, Timestamp,
    };

    const UPDATE: &str = r#"{"key_value":{"key":"AQ==","value":"Ag=="},"signatures":{"k":{"hash_algorithm":"SHA256","sig_algorithm":"ECDSA","signature":"Aw=="}},"previous":"BA=="}"#;

    #[test]
    fn both_bodies_of_a_put_are_read() {
        let bare = format!(r#"{{"update":{UPDATE},"committed":{{"key":"BQ==","data":"Bg=="}}}}"#);
        let update = read_put(bare.as_bytes()).unwrap();
        assert_eq!(update.update.previous, [4]);
        assert_eq!(update.committed.as_ref().unwrap().data, [6]);
        assert_eq!(write(&update).unwrap(), bare.as_bytes());
        let wrapped = format!(r#"{{"user_id":"alice","entry_update":{bare}}}"#);
        assert_eq!(read_put(wrapped.as_bytes()).unwrap(), update);
        let both = format!(r#"{{"update":{UPDATE},"entry_update":{bare}}}"#);
        assert_eq!(read_put(both.as_bytes()), Err(Error::TwoUpdates));
        assert_eq!(read_put(br#"{"bogus":1}"#), Err(Error::NoUpdate));
    }

    #[test]
    fn what_ended_the_process_of_2017_is_refused() {
        for body in [
            "{}",
            "[]",
            "null",
            "hello",
            "",
            r#"{"update":{}}"#,
            r#"{"update":null}"#,
            r#"{"update":{"key_value":null}}"#,
            r#"{"entry_update":{"update":{"signatures":{}}}}"#,
            r#"{"entry_update":{"committed":{}}}"#,
        ] {
            assert!(read_put(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn other_forms_of_a_value_are_read() {
        let text = br#"{"signatures":{"a":"Aw==","b":{"hash_algorithm":4,"sig_algorithm":1},"c":{"hash_algorithm":99}},
            "key_value":{"key":null,"more":[{}]},"previous":null}"#;
        let read: SignedKv = read(text).unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|id| &read.signatures[id]);
        let algorithms = (HashAlgorithm::Sha256, SignatureAlgorithm::Ecdsa);
        for signed in [a, b] {
            assert_eq!((signed.hash_algorithm, signed.sig_algorithm), algorithms);
        }
        assert_eq!(a.signature, [3]);
        assert_eq!(c.hash_algorithm, HashAlgorithm::Other(99));
        assert!(
            write(&read)
                .unwrap()
                .ends_with(br#""c":{"hash_algorithm":99}}}"#)
        );
    }

    #[test]
    fn other_values_are_refused() {
        for (member, value) in [
            ("vrf", r#""AQ""#),
            ("vrf", r#""AQ==\n""#),
            ("vrf", r#""_w==""#),
            ("vrf", "7"),
            ("vrf", r#"["AQ=="]"#),
            ("leaf_proof", r#"{"neighbors":"AQ=="}"#),
            ("smh", r#"{"map_head":{"epoch":"-1"}}"#),
            ("smh", r#"{"map_head":{"epoch":"+1"}}"#),
            ("smh", r#"{"map_head":{"epoch":""}}"#),
            ("smh", r#"{"map_head":{"epoch":1.5}}"#),
            ("smh", r#"{"map_head":{"epoch":"9223372036854775808"}}"#),
            ("smh", r#"{"map_head":{"issue_time":"yesterday"}}"#),
            ("smh", r#"{"signatures":{"a":{"hash_algorithm":"MD5"}}}"#),
            (
                "smh",
                r#"{"signatures":{"a":{"hash_algorithm":4294967296}}}"#,
            ),
            ("smh", r#"{"signatures":{"a":"","a":""}}"#),
            ("smh", r#"{"signatures":[]}"#),
            ("committed", r#"{"key":"","key":""}"#),
        ] {
            let text = format!(r#"{{"{member}":{value}}}"#);
            assert!(read::<GetEntryResponse>(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_says_where_and_not_what_was_there() {
        let text = b"{\n  \"committed\": {\"key\": \"secret, expected\"}}";
        let error = read::<GetEntryResponse>(text).unwrap_err();
        let said = "expected bytes in base64 (standard alphabet, padded) (line 2, column 41)";
        assert_eq!(error.to_string(), said);
        let missing = read_put(br#"{"update":{}}"#).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "missing field `key_value` (line 1, column 12)"
        );
    }

    #[test]
    fn nothing_is_left_out_and_members_have_their_order() {
        let head = MapHead {
            realm: "example.com".to_owned(),
            epoch: 0,
            root: vec![1],
            issue_time: Some(Timestamp {
                seconds: 1,
                nanos: 0,
            }),
        };
        let mut answer = GetEntryResponse {
            vrf: vec![1],
            leaf_proof: Some(LeafProof {
                leaf_data: vec![],
                neighbors: vec![vec![], vec![255]],
            }),
            smh: Some(SignedMapHead {
                map_head: Some(head),
                signatures: [("k".to_owned(), DigitallySigned::default())].into(),
                ..SignedMapHead::default()
            }),
            ..GetEntryResponse::default()
        };
        let text = r#"{"vrf":"AQ==","leaf_proof":{"neighbors":["","/w=="]},"smh":{"map_head":{"realm":"example.com","root":"AQ==","issue_time":"1970-01-01T00:00:01.000Z"},"signatures":{"k":{}}}}"#;
        assert_eq!(write(&answer).unwrap(), text.as_bytes());
        assert_eq!(read::<GetEntryResponse>(text.as_bytes()).unwrap(), answer);
        assert_eq!(write(&History::default()).unwrap(), b"{}");
        let again = format!("{},\"proof\":{text}}}", &text[..text.len() - 1]);
        let put = write_put_answer(&answer).unwrap();
        assert_eq!(put, again.as_bytes());
        for form in [text, &again, &format!(r#"{{"proof":{text}}}"#)] {
            assert_eq!(read_put_answer(form.as_bytes()).unwrap(), answer);
        }
        let time = answer.smh.as_mut().unwrap().map_head.as_mut().unwrap();
        time.issue_time = Some(Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        });
        assert!(write(&answer).is_err());
    }
}
