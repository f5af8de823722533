//! `enclave.toml`.

use sconify::Fault as _;
use sconify::config::{Config, Size};

/// The bytes are a text, if they're UTF-8.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Config::parse(text) {
        Ok(config) => check(&config),
        Err(error) => {
            assert!(error.code().starts_with("config."));
            assert_eq!(error.to_string().lines().count(), 1);
        }
    }
    if let Ok(size) = text.parse::<Size>() {
        assert_eq!(size.to_string().parse(), Ok(size));
    }
}

/// What is accepted can be laid out, or is too large; and says the same when it's written again.
fn check(config: &Config) {
    assert!(config.threads.count > 0 && config.ssa.frames > 0 && config.ssa.pages > 0);
    for size in [config.heap.size, config.threads.stack] {
        assert!(size.0 > 0 && size.0.is_multiple_of(4096));
    }
    assert!(config.attributes.attributes().xfrm & 3 == 3);
    assert!(!config.attributes.attributes().is_debug());
    let features: Vec<_> = config.attributes.features.iter().collect();
    let features = format!("{features:?}").to_lowercase();
    let again = format!(
        "name = \"{}\"\nproduct_id = {}\nsecurity_version = {}\n\
         heap = {{ measured = {}, size = \"{}\" }}\nthreads = {{ count = {}, stack = \"{}\" }}\n\
         ssa = {{ frames = {}, pages = {} }}\n\
         attributes = {{ exinfo = {}, kss = {}, features = [{}] }}\n",
        config.name,
        config.product_id,
        config.security_version,
        config.heap.measured,
        config.heap.size,
        config.threads.count,
        config.threads.stack,
        config.ssa.frames,
        config.ssa.pages,
        config.attributes.exinfo,
        config.attributes.kss,
        features
            .trim_matches(['[', ']'])
            .split(", ")
            .filter(|feature| !feature.is_empty())
            .map(|feature| format!("\"{feature}\""))
            .collect::<Vec<_>>()
            .join(", "),
    );
    assert_eq!(Config::parse(&again).ok().as_ref(), Some(config), "{again}");
}
