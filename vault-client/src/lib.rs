//! A blocking client of a vault, which verifies the vault before it says anything.
