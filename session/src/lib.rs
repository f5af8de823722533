//! SCONE's session language: what a program must be to be let in, and what it is given.
