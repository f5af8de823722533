//! Putting values of secrets where placeholders stand.

use zeroize::Zeroizing;

use crate::{Located, Placeholder};

/// A text with each `$$SCONE::name:format$$` replaced by what `value` says of name and format. A value is not
/// looked at for further placeholders. `is_secret` tells `name.format`, the older form, from a secret of that name.
///
/// # Errors
///
/// What `value` refuses, and placeholders that [`Placeholder::all`] refuses.
pub fn substitute<E: From<Located>>(
    text: &str,
    is_secret: impl Fn(&str) -> bool,
    mut value: impl FnMut(&str, Option<&str>) -> Result<Zeroizing<Vec<u8>>, E>,
) -> Result<Zeroizing<Vec<u8>>, E> {
    let marks = Placeholder::all(text)?;
    let mut parts = Vec::with_capacity(marks.len());
    let mut length = text.len();
    for mark in &marks {
        let (name, format) = mark.name_and_format(&is_secret);
        let part = value(name, format)?;
        length = length.saturating_add(part.len());
        parts.push(part);
    }
    // Long enough for all, so that no copy of a secret stays where the text grew.
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    let mut from = 0;
    for (mark, part) in marks.iter().zip(&parts) {
        out.extend_from_slice(&text.as_bytes()[from..mark.start]);
        out.extend_from_slice(part);
        from = mark.end;
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> Result<String, String> {
        let value = |name: &str, format: Option<&str>| match name {
            "a" => Ok(Zeroizing::new(b"$$SCONE::b$$".to_vec())),
            "tls" => Ok(Zeroizing::new(
                format!("<{}>", format.unwrap_or("-")).into_bytes(),
            )),
            _ => Err(Located::text(format!("no {name}"))),
        };
        let out = substitute(text, |name| name == "a.b", value);
        out.map(|out| String::from_utf8(out.to_vec()).unwrap())
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn values_stand_where_the_marks_stood() {
        assert_eq!(replaced("").unwrap(), "");
        assert_eq!(replaced("no mark").unwrap(), "no mark");
        assert_eq!(
            replaced("x $$SCONE::tls:key$$ y $$SCONE::tls.crt$$$$SCONE::tls$$").unwrap(),
            "x <key> y <crt><->"
        );
    }

    #[test]
    fn values_are_not_substituted_again() {
        assert_eq!(replaced("$$SCONE::a$$").unwrap(), "$$SCONE::b$$");
    }

    #[test]
    fn what_is_not_there_is_refused() {
        assert_eq!(replaced("$$SCONE::c$$").unwrap_err(), "no c");
        assert_eq!(replaced("$$SCONE::a.b$$").unwrap_err(), "no a.b");
        assert!(replaced("$$SCONE::a").unwrap_err().contains("end"));
    }
}
