//! How a command ends when it does not end well.

use std::fmt::Display;
use std::process::ExitCode;

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
