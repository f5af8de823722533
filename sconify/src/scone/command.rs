//! `sconify scone`.
