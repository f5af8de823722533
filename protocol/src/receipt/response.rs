//! The text of a response, whose hash stands in updates of the types "completed" and "processed".
//!
//! Avalon's manager stores a worker's reply as JSON with an indentation of four spaces and hashes
//! that text. The text can be made again from the result alone, because its layout is fixed: an
//! object of `jsonrpc`, `id` and `result`, in this order, with the members of the result in the
//! order in which they were sent.

use serde_json::value::RawValue;

use crate::crypto::sha256;

/// The `id` in a response's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseId<'a> {
    /// That of the request that submitted the order, as it was written: Avalon's form.
    OfSubmit(&'a str),
    /// `null`: for those who have the result and don't know the request.
    Null,
}

/// The text of a response.
pub fn response_text(id: ResponseId<'_>, result: &RawValue) -> String {
    let id = match id {
        ResponseId::OfSubmit(id) => id,
        ResponseId::Null => "null",
    };
    indented(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#,
        result.get()
    ))
}

/// Upper-case hex of the SHA-256 of [`response_text`].
pub fn response_hash(id: ResponseId<'_>, result: &RawValue) -> String {
    hex::encode_upper(sha256(&[response_text(id, result).as_bytes()]))
}

/// JSON laid out as Python's `json.dumps(…, indent=4)` does; strings and numbers stay as they are.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0usize;
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            _ => first.len_utf8(),
        };
        let (token, tail) = rest.split_at(length);
        rest = tail.trim_start();
        match first {
            '{' | '[' => {
                out.push(first);
                if rest.starts_with(['}', ']']) {
                    // Nothing in it: both stand on one line.
                    out.push_str(&rest[..1]);
                    rest = rest[1..].trim_start();
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(first);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", depth));
}

/// The length of the string that `text` begins with, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn the_layout_is_pythons() {
        let result = raw(
            r#"{"z": 1.50, "a":[ {"data":"a\"b, {c}: é", "iv":""},[],{ } ],"n":null , "t":true}"#,
        );
        let text = response_text(ResponseId::OfSubmit("400"), &result);
        let wanted = r#"{
    "jsonrpc": "2.0",
    "id": 400,
    "result": {
        "z": 1.50,
        "a": [
            {
                "data": "a\"b, {c}: é",
                "iv": ""
            },
            [],
            {}
        ],
        "n": null,
        "t": true
    }
}"#;
        assert_eq!(text, wanted);
    }

    #[test]
    fn layout_of_the_source_does_not_matter_and_the_id_does() {
        let hash = |text| response_hash(ResponseId::Null, &raw(text));
        assert_eq!(hash(r#"{"a":[1,2]}"#), hash("{ \"a\" : [\n1, 2 ] }"));
        assert_ne!(hash(r#"{"a":1,"b":2}"#), hash(r#"{"b":2,"a":1}"#));
        let of = |id| response_hash(ResponseId::OfSubmit(id), &raw("{}"));
        assert_ne!(of("1"), of("2"));
        assert_eq!(of("null"), response_hash(ResponseId::Null, &raw("{}")));
        assert!(
            of("1")
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        );
    }
}
