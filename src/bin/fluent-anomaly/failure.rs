//! How a command ends when it does not end well.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// What a command comes to. A panic, which standard error has told with its place, is a failure as others: status 1.
pub(crate) fn guarded(run: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let failed = "it has failed, which is a fault of this program: see the panic above";
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Failure::Failed(failed.to_owned())))
}

/// Why a command stopped, and with which exit status.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Status 2: the command line or the configuration has to be changed.
    Usage(String),
    /// Status 1: it should have worked.
    Failed(String),
    /// Status 1, without a word: the output has told it.
    Said,
    /// Status 0, without a word: whoever read our output has gone.
    Silent,
}

impl Failure {
    /// Something should have worked: `what` was tried, `why` it did not.
    pub(crate) fn of(what: impl Display, why: impl Display) -> Self {
        Self::Failed(format!("{what}: {why}"))
    }

    /// Writing the output failed; a closed pipe is no failure of ours.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::Silent } else { Self::of("output", error) }
    }

    /// The message alone.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Usage(message) | Self::Failed(message) => message,
            Self::Said | Self::Silent => "",
        }
    }

    /// Prints the message and gives the exit status.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                tell!("{message}");
                ExitCode::from(2)
            }
            Self::Failed(message) => {
                for line in message.lines() {
                    tell!("fluent-anomaly: {line}");
                }
                ExitCode::from(1)
            }
            Self::Said => ExitCode::from(1),
            Self::Silent => ExitCode::SUCCESS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_with_a_message() {
        let failure = guarded(|| panic!("a fault of the test")).unwrap_err();
        assert!(failure.text().contains("a fault of this program"), "{failure:?}");
        assert!(matches!(failure, Failure::Failed(_)) && guarded(|| Ok(())).is_ok());
    }
}
