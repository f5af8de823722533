//! Texts of others (names in files, symbols, paths, answers), made fit to be shown: nothing in them
//! steers a terminal or turns a line around.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line of bounded length; what could steer is a blank.
#[must_use]
pub fn harmless(text: &str) -> String {
    const LONGEST: usize = 2000;
    let shown = text.chars().take(LONGEST);
    let plain = |char: char| if steers(char) { ' ' } else { char };
    let mut shown: String = shown.map(plain).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Everything, with escapes as Rust has them for what could steer; lines and tabs stay.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain = |char| matches!(char, '\n' | '\t') || !steers(char);
    if text.chars().all(is_plain) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if is_plain(char) {
            shown.push(char);
        } else {
            shown.extend(char.escape_unicode());
        }
    }
    shown.into()
}

/// JSON that means the same. Serialisers escape no more than they must, which ends at U+001F.
#[must_use]
pub fn escaped_json(json: String) -> String {
    // What stands below is the layout.
    let is_plain = |char| char < '\u{7f}' || !steers(char);
    if json.chars().all(is_plain) {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for char in json.chars() {
        if is_plain(char) {
            shown.push(char);
        } else {
            // All of them have four digits. Writing to a string can't fail.
            let _infallible = write!(shown, "\\u{:04x}", u32::from(char));
        }
    }
    shown
}

/// Control characters, and those that change the direction of the text beside them.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEERING: &str =
        "\x1b\x7f\u{80}\u{9b}\u{9f}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}";

    #[test]
    fn texts_of_others_do_not_steer_the_terminal() {
        assert_eq!(harmless("a\x1b[31m\nb\r\u{9b}é"), "a [31m b  é");
        assert_eq!(harmless(STEERING).trim(), "");
        assert_eq!(harmless(&"é".repeat(2001)).chars().count(), 2001);
    }

    #[test]
    fn outputs_keep_their_lines() {
        assert_eq!(escaped("é\ta\nb"), "é\ta\nb");
        assert_eq!(escaped("a\r\u{9b}2J\n"), "a\\u{d}\\u{9b}2J\n");
        assert!(escaped(STEERING).is_ascii());
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "é": STEERING, STEERING: 1 });
        let text = escaped_json(serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.chars().any(|char| char != '\n' && steers(char)));
        assert!(text.contains('é') && text.contains("\\u202e"));
        let again: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again, value);
    }
}
