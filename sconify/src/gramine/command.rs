//! `sconify gramine`.
