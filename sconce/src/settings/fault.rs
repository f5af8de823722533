use std::fmt;

/// Something in one of the layers that can't be used: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// File and line, variable, or flag.
    pub(crate) place: String,
    /// The setting, where the place doesn't say it.
    pub(crate) key: Option<String>,
    /// What is wrong, and what to do.
    pub(crate) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.what)
    }
}
