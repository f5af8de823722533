//! Types as text.

use quote::ToTokens;

/// A type as an author writes it: `Vec<u8>`, not `Vec < u8 >`.
pub(crate) fn of_type(kind: &syn::Type) -> String {
    let spaced = kind.to_token_stream().to_string();
    let mut text = String::with_capacity(spaced.len());
    let mut characters = spaced.chars().peekable();
    while let Some(character) = characters.next() {
        if character != ' ' {
            text.push(character);
            continue;
        }
        let before = text.chars().next_back();
        let keeps = before.is_some_and(is_word) && characters.peek().copied().is_some_and(is_word);
        if keeps || before == Some(',') || before == Some(';') {
            text.push(' ');
        }
    }
    text
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    #[test]
    fn types_read_as_they_are_written() {
        for text in [
            "String",
            "Vec<u8>",
            "a::B<C, D<E>>",
            "[u8; 4]",
            "&str",
            "&mut dyn A",
        ] {
            let kind = syn::parse_str(text).unwrap();
            assert_eq!(super::of_type(&kind), text);
        }
    }
}
