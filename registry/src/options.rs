//! The attribute's own grammar: `#[workload("id", time = "5s", network, secrets, files)]`.

use std::time::Duration;

use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Path, Token};

use crate::declaration::Errors;
use crate::naming;

/// How long a workload may run unless it says otherwise.
pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(5);

/// The longest time limit that a workload may ask for.
pub const LONGEST_TIME_LIMIT: Duration = Duration::from_secs(3600);

/// What an annotation says.
#[non_exhaustive]
pub struct Options {
    /// The workload's id.
    pub id: String,
    /// How long one call may take.
    pub time_limit: Duration,
    /// What the workload says that it needs.
    pub capabilities: Capabilities,
    /// Where the `workload` crate is, if not at `::workload`.
    pub crate_path: Option<Path>,
}

/// What a workload says that it needs beyond its inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Talks to the network.
    pub network: bool,
    /// Uses secrets that its requester has deposited.
    pub secrets: bool,
    /// Reads or writes files.
    pub files: bool,
}

impl Capabilities {
    /// The declared ones by the name that the attribute has for them.
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            (self.network, "network"),
            (self.secrets, "secrets"),
            (self.files, "files"),
        ];
        all.into_iter()
            .filter_map(|(declared, name)| declared.then_some(name))
            .collect()
    }
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(LitStr) {
            let message = "a workload begins with its id: `#[workload(\"my-id\")]`";
            return Err(syn::Error::new(input.span(), message));
        }
        let mut errors = Errors::default();
        let id: LitStr = input.parse()?;
        if let Err(fault) = naming::check_id(&id.value()) {
            errors.add(&id, &format!("the id {fault}: an id is like `python-fib`"));
        }
        let mut options = Self {
            id: id.value(),
            time_limit: DEFAULT_TIME_LIMIT,
            capabilities: Capabilities::default(),
            crate_path: None,
        };
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let name: Ident = input.call(syn::ext::IdentExt::parse_any)?;
            if seen.contains(&name) {
                errors.add(&name, &format!("`{name}` is given twice"));
            }
            options.read(&name, input, &mut errors)?;
            seen.push(name);
        }
        errors.finish().map(|()| options)
    }
}

impl Options {
    fn read(
        &mut self,
        name: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let flag = match name.to_string().as_str() {
            "network" => &mut self.capabilities.network,
            "secrets" => &mut self.capabilities.secrets,
            "files" => &mut self.capabilities.files,
            "time" => {
                if let Some(limit) = errors.keep(time_limit(&time_text(name, input)?)) {
                    self.time_limit = limit;
                }
                return Ok(());
            }
            "crate" => {
                input.parse::<Token![=]>()?;
                self.crate_path = Some(input.call(Path::parse_mod_style)?);
                return Ok(());
            }
            _ => {
                return Err(syn::Error::new(
                    name.span(),
                    format!(
                        "unknown option `{name}`: the options are time, network, secrets, files \
                         and crate"
                    ),
                ));
            }
        };
        if input.peek(Token![=]) {
            return Err(input.error(format!("`{name}` takes no value: it stands alone")));
        }
        *flag = true;
        Ok(())
    }
}

fn time_text(name: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let message = format!("{TIME_LIMIT_FORM}, in quotes: `time = \"5s\"`");
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(name.span(), message));
    }
    input.parse::<Token![=]>()?;
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), message))
}

const TIME_LIMIT_FORM: &str = "a time limit is like `500ms`, `5s` or `2m`";

fn time_limit(text: &LitStr) -> syn::Result<Duration> {
    let refuse = |message: &str| Err(syn::Error::new(text.span(), message));
    let value = text.value();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return refuse(TIME_LIMIT_FORM),
    };
    if number.is_empty() {
        return refuse(TIME_LIMIT_FORM);
    }
    // A number that is too long for u64 is certainly over the limit.
    let limit = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(milliseconds))
        .map_or(Duration::MAX, Duration::from_millis);
    if limit.is_zero() {
        refuse("a time limit is more than nothing")
    } else if limit > LONGEST_TIME_LIMIT {
        refuse("a time limit is at most one hour: `60m`")
    } else {
        Ok(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &str) -> Result<Options, String> {
        syn::parse_str(options).map_err(|error: syn::Error| {
            let all: Vec<_> = error.into_iter().map(|error| error.to_string()).collect();
            all.join("; ")
        })
    }

    #[test]
    fn every_option() {
        let options = parse(r#""a-b", time = "90s", network, files, crate = a::b,"#).unwrap();
        assert_eq!(options.id, "a-b");
        assert_eq!(options.time_limit, Duration::from_secs(90));
        assert_eq!(options.capabilities.names(), ["network", "files"]);
        assert_eq!(options.crate_path.unwrap().segments.len(), 2);
    }

    #[test]
    fn defaults() {
        let options = parse(r#""a""#).unwrap();
        assert_eq!(options.time_limit, DEFAULT_TIME_LIMIT);
        assert_eq!(options.capabilities, Capabilities::default());
        assert!(options.crate_path.is_none());
    }

    #[test]
    fn time_limits() {
        let limit =
            |text| parse(&format!(r#""a", time = "{text}""#)).map(|options| options.time_limit);
        assert_eq!(limit("1ms"), Ok(Duration::from_millis(1)));
        assert_eq!(limit("60m"), Ok(LONGEST_TIME_LIMIT));
        assert_eq!(limit("3600000ms"), Ok(LONGEST_TIME_LIMIT));
        for text in [
            "0s",
            "3601s",
            "5",
            "s",
            "",
            "5 s",
            "-5s",
            "5h",
            "1.5s",
            "99999999999999999999s",
        ] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn all_faults_at_once() {
        assert_eq!(
            parse(r#""A", network, network, time = "0s""#)
                .err()
                .unwrap(),
            "the id has characters other than a-z, 0-9 and `-`: an id is like `python-fib`; \
             `network` is given twice; a time limit is more than nothing"
        );
    }
}
