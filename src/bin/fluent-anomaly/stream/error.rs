//! Why a member ends.

use std::fmt::Display;

/// Why a member ends.
#[derive(Debug)]
pub(crate) enum MemberError {
    /// At the start of the program: nothing to wait for.
    Wrong(String),
    /// It may work when it begins anew: from the last committed offsets.
    Again(String),
}

impl MemberError {
    /// `what` was tried, and begins anew.
    pub(crate) fn again<E: Display>(what: &str) -> impl Fn(E) -> Self + use<E> {
        let what = what.to_owned();
        move |error| Self::Again(format!("{what}: {error}"))
    }
}
