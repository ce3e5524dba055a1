//! What is said of a kind.

/// What something is, and the one thing to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// With its article.
    pub what: String,
    /// What to do.
    pub then: String,
}

impl Kind {
    pub(super) fn new(what: &str, then: &str) -> Self {
        Self { what: what.into(), then: then.into() }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.then)
    }
}
