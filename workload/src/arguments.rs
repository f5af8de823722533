//! Which bytes of a work order each parameter takes.

use crate::{Failure, FromInput, Input};

/// The values for a workload's parameters, handed out in order.
pub struct Arguments<'a> {
    inputs: std::slice::Iter<'static, Input>,
    values: Values<'a>,
}

enum Values<'a> {
    Tokens(std::vec::IntoIter<&'a [u8]>),
    Items(std::slice::Iter<'a, &'a [u8]>),
}

impl<'a> Arguments<'a> {
    /// The value of a workload's only parameter, from item 0.
    ///
    /// # Errors
    ///
    /// [`Failure::Input`] if it is missing or not of type `T`.
    pub fn only<T: FromInput>(items: &[&[u8]], input: &Input) -> Result<T, Failure> {
        let item = items.first().ok_or_else(|| missing(input))?;
        if !T::WHOLE {
            match tokens(item).count() {
                0 => return Err(missing(input)),
                1 => {}
                found => return Err(too_many(found, 1)),
            }
        }
        read(item, input)
    }

    /// The values of two or more parameters: the tokens of item 0, or an item each if item 0 is a
    /// single token.
    ///
    /// # Errors
    ///
    /// [`Failure::Input`] if item 0 has more tokens than there are parameters.
    pub fn several(items: &'a [&'a [u8]], inputs: &'static [Input]) -> Result<Self, Failure> {
        // Collected no further than needed to tell that there are too many.
        let first = items.first().copied().unwrap_or_default();
        let split: Vec<_> = tokens(first).take(inputs.len() + 1).collect();
        let values = match split.len() {
            1 => Values::Items(items.iter()),
            count if count > inputs.len() => {
                return Err(too_many(tokens(first).count(), inputs.len()));
            }
            _ => Values::Tokens(split.into_iter()),
        };
        Ok(Self {
            inputs: inputs.iter(),
            values,
        })
    }

    /// The value of the next parameter.
    ///
    /// # Errors
    ///
    /// [`Failure::Input`] if it is missing or not of type `T`.
    pub fn take<T: FromInput>(&mut self) -> Result<T, Failure> {
        let input = self
            .inputs
            .next()
            .ok_or_else(|| Failure::failed("a workload has fewer inputs than parameters"))?;
        let value = match &mut self.values {
            Values::Tokens(tokens) => tokens.next(),
            Values::Items(items) => items.next().copied(),
        };
        read(value.ok_or_else(|| missing(input))?, input)
    }
}

fn tokens(item: &[u8]) -> impl Iterator<Item = &[u8]> {
    item.split(u8::is_ascii_whitespace)
        .filter(|token| !token.is_empty())
}

fn read<T: FromInput>(value: &[u8], input: &Input) -> Result<T, Failure> {
    T::from_input(value).map_err(|unfit| Failure::input(format!("input `{}`: {unfit}", input.name)))
}

fn missing(input: &Input) -> Failure {
    Failure::input(format!(
        "input `{}` ({}) is missing",
        input.name, input.kind
    ))
}

fn too_many(found: usize, taken: usize) -> Failure {
    let plural = if taken == 1 { "" } else { "s" };
    Failure::input(format!(
        "the first item has {found} values, but this workload takes {taken} input{plural}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &[Input] = &[
        Input {
            name: "name",
            kind: "String",
        },
        Input {
            name: "age",
            kind: "u8",
        },
    ];

    fn pair(items: &[&[u8]]) -> Result<(String, u8), String> {
        let read = || {
            let mut arguments = Arguments::several(items, PAIR)?;
            Ok((arguments.take()?, arguments.take()?))
        };
        read().map_err(|failure: Failure| failure.to_string())
    }

    fn text(items: &[&[u8]]) -> Result<String, String> {
        Arguments::only(items, &PAIR[0]).map_err(|failure| failure.to_string())
    }

    fn number(items: &[&[u8]]) -> Result<u8, String> {
        Arguments::only(items, &PAIR[1]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn one_text_takes_item_0_whole() {
        assert_eq!(text(&[b"  a  b "]), Ok("  a  b ".into()));
        assert_eq!(text(&[b""]), Ok(String::new()));
        assert_eq!(text(&[b"a", b"b"]), Ok("a".into()));
        assert_eq!(text(&[]), Err("input `name` (String) is missing".into()));
    }

    #[test]
    fn one_number_takes_the_single_token_of_item_0() {
        assert_eq!(number(&[b" 5 "]), Ok(5));
        assert_eq!(number(&[b"5", b"x"]), Ok(5));
        assert_eq!(number(&[b" "]), Err("input `age` (u8) is missing".into()));
        assert_eq!(
            number(&[b"5 6"]),
            Err("the first item has 2 values, but this workload takes 1 input".into())
        );
    }

    #[test]
    fn several_take_the_tokens_of_item_0() {
        assert_eq!(pair(&[b" Ada\t 36\n"]), Ok(("Ada".into(), 36)));
        assert_eq!(pair(&[b"Ada 36", b"ignored"]), Ok(("Ada".into(), 36)));
        assert_eq!(
            pair(&[b"Ada 36 x y"]),
            Err("the first item has 4 values, but this workload takes 2 inputs".into())
        );
    }

    #[test]
    fn several_take_an_item_each_if_item_0_is_a_single_token() {
        assert_eq!(pair(&[b"Ada", b"36"]), Ok(("Ada".into(), 36)));
        assert_eq!(pair(&[b"Ada ", b" 36", b"x"]), Ok(("Ada ".into(), 36)));
        assert_eq!(pair(&[b"Ada"]), Err("input `age` (u8) is missing".into()));
        assert_eq!(pair(&[]), Err("input `name` (String) is missing".into()));
        assert_eq!(
            pair(&[b" ", b"Ada", b"36"]),
            Err("input `name` (String) is missing".into())
        );
    }

    #[test]
    fn a_value_of_another_type_names_its_parameter() {
        assert_eq!(
            pair(&[b"Ada old"]),
            Err("input `age`: expected a whole number from 0 to 255".into())
        );
    }
}
