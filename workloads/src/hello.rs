//! The smallest workload.

use workload::workload;

/// Greets whoever the first item names.
#[workload("python-hello")]
pub fn hello(name: String) -> String {
    format!("Hello {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets() {
        assert_eq!(hello("Mujtaba".into()), "Hello Mujtaba");
    }

    #[test]
    fn keeps_blanks_and_every_script() {
        assert_eq!(hello(" Ada  Lovelace ".into()), "Hello  Ada  Lovelace ");
        assert_eq!(hello("مجتبى 🦀".into()), "Hello مجتبى 🦀");
        assert_eq!(hello(String::new()), "Hello ");
    }
}
