//! What a running companion has to say: one value an event, its text in one place, its cause a fixed word.

use core::fmt;
use std::time::Duration;

/// A short stable word for a kind of notice: the key by which repeated warnings are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeCause(pub &'static str);

/// What happens to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentNotice {
    /// It begins.
    Begins,
    /// It has twice as many series as when it was told last.
    Grows,
    /// It is over.
    IsOver,
}

/// Something the operator may want to know. Holds no secret.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// Pulling begins: sections are read, the state is this companion's own.
    Started {
        /// How many sections.
        sections: usize,
        /// From the start of a round to that of the next.
        interval: Duration,
    },
    /// Pulling ended by itself.
    Ended {
        /// Why.
        reason: String,
    },
    /// A message did not reach Slack.
    SlackFailed {
        /// Cause.
        reason: String,
    },
    /// The sections need more calls an hour than the limit allows.
    LimitTooLow {
        /// Calls an hour that the sections need.
        needed: u64,
        /// Calls an hour that are allowed.
        limit: u32,
    },
    /// The API refuses a query; the other queries go on.
    Refused {
        /// Section of the query.
        section: String,
        /// Message of the API.
        reason: String,
    },
    /// The calls of this hour are spent, or nearly so: the next one has to wait.
    BudgetSpent {
        /// How long.
        wait: Duration,
    },
    /// The order of a section's models was chosen from its past.
    OrderChosen {
        /// The section.
        section: String,
        /// `k`.
        order: usize,
        /// From so many points.
        points: usize,
    },
    /// The API asks for a pause.
    RateLimited {
        /// The pause.
        wait: Duration,
    },
    /// The keys are not accepted (missing, wrong, without the scope, or of another site).
    Unauthorized {
        /// Message of the API.
        reason: String,
        /// The pause before they are tried again; `None`: they are not, by this run.
        next: Option<Duration>,
    },
    /// The API cannot be reached or is broken at the moment.
    Unavailable {
        /// Section that was asked for.
        section: String,
        /// Cause.
        reason: String,
        /// The pause before the next try.
        wait: Duration,
    },
    /// An answer makes no sense.
    Malformed {
        /// Section that was asked for.
        section: String,
        /// Cause.
        reason: String,
        /// The pause before the next try.
        wait: Duration,
    },
    /// An answer is larger than the limit; the window is halved.
    TooLarge {
        /// Section that was asked for.
        section: String,
        /// Seconds of the window that was asked for.
        window_secs: i64,
    },
    /// A section's answers hold more series than are remembered for de-duplication.
    TooManySeries {
        /// The section.
        section: String,
        /// How many are remembered.
        limit: usize,
    },
    /// A forward server does not take records.
    ForwardDown {
        /// host:port of the server.
        server: String,
        /// Cause.
        reason: String,
        /// The pause before this server is tried again.
        wait: Duration,
    },
    /// Records flow again after a failure.
    ForwardUp {
        /// host:port of the server.
        server: String,
    },
    /// A forward server closes each connection right behind an ack, so that nothing proves that it lives on.
    ForwardCloses {
        /// host:port of the server.
        server: String,
    },
    /// A state file was broken or foreign: it was set aside, its section starts anew.
    StateSetAside {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// State could not be written; pulling goes on, a restart would repeat records.
    StateNotSaved {
        /// The file.
        path: String,
        /// Cause.
        reason: String,
    },
    /// The sections could not be read again; the former ones stay in use.
    ReloadFailed {
        /// What is wrong with the new ones.
        reason: String,
    },
    /// Sections were added or removed.
    Reloaded {
        /// New sections.
        added: usize,
        /// Sections that are gone.
        removed: usize,
    },
    /// Alarms that began together, with one budget for all series of a section.
    Incident {
        /// Its id.
        id: String,
        /// What happens to it.
        event: IncidentNotice,
        /// Series that alarmed so far.
        series: u64,
        /// The first of them.
        first: String,
        /// The largest distance, usual deviations.
        size: f64,
    },
    /// A round is over.
    RoundDone {
        /// Records acknowledged in this round.
        records: u64,
        /// Sections that are complete up to now.
        complete: usize,
        /// Sections that are behind.
        behind: usize,
    },
}

impl Notice {
    /// The kind of this notice.
    #[must_use]
    pub fn cause(&self) -> NoticeCause {
        NoticeCause(match self {
            Self::Started { .. } => "started",
            Self::Ended { .. } => "ended",
            Self::SlackFailed { .. } => "slack_failed",
            Self::LimitTooLow { .. } => "limit_too_low",
            Self::Refused { .. } => "refused",
            Self::BudgetSpent { .. } => "budget_spent",
            Self::OrderChosen { .. } => "order_chosen",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Unavailable { .. } => "unavailable",
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::TooManySeries { .. } => "too_many_series",
            Self::ForwardDown { .. } => "forward_down",
            Self::ForwardUp { .. } => "forward_up",
            Self::ForwardCloses { .. } => "forward_closes",
            Self::StateSetAside { .. } => "state_set_aside",
            Self::StateNotSaved { .. } => "state_not_saved",
            Self::ReloadFailed { .. } => "reload_failed",
            Self::Reloaded { .. } => "reloaded",
            Self::Incident { event: IncidentNotice::Begins, .. } => "incident_begins",
            Self::Incident { event: IncidentNotice::Grows, .. } => "incident_grows",
            Self::Incident { event: IncidentNotice::IsOver, .. } => "incident_is_over",
            Self::RoundDone { .. } => "round_done",
        })
    }

    /// True for what an operator should act on, false for the course of things.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        !matches!(
            self,
            Self::Started { .. }
                | Self::ForwardUp { .. }
                | Self::Reloaded { .. }
                | Self::RoundDone { .. }
                | Self::BudgetSpent { .. }
                | Self::OrderChosen { .. }
        )
    }
}

impl Notice {
    /// Of how the API answers.
    fn fmt_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited { wait } => {
                write!(f, "the API's rate limit is reached, waiting {} s", wait.as_secs())
            }
            Self::Unauthorized { reason, next } => {
                write!(
                    f,
                    "the API does not accept the keys ({reason}): check DD_API_KEY, DD_APP_KEY and its scope timeseries_query, and `site`"
                )?;
                next.map_or(Ok(()), |wait| write!(f, "; next try in {} s", wait.as_secs()))
            }
            Self::Unavailable { section, reason, wait } => {
                write!(
                    f,
                    "[datadog.{section}] no answer from the API ({reason}), next try in {:.1} s",
                    wait.as_secs_f64()
                )
            }
            Self::Malformed { section, reason, wait } => {
                write!(
                    f,
                    "[datadog.{section}] the answer makes no sense ({reason}), next try in {:.1} s",
                    wait.as_secs_f64()
                )
            }
            Self::TooLarge { section, window_secs } => {
                write!(
                    f,
                    "[datadog.{section}] the answer for {window_secs} s is too large, asking for half of it"
                )
            }
            _ => Ok(()),
        }
    }

    /// Of the forward server.
    fn fmt_forward(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForwardDown { server, reason, wait } => {
                write!(f, "forward server {server}: {reason}; next try in {:.1} s", wait.as_secs_f64())
            }
            Self::ForwardUp { server } => write!(f, "forward server {server}: records flow again"),
            Self::ForwardCloses { server } => write!(
                f,
                "forward server {server} closes each connection behind an ack: from now on the ack is enough, as with `forward_settle: 0`"
            ),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { sections, interval } => {
                write!(f, "pulling {sections} sections every {} s", interval.as_secs())
            }
            Self::Ended { reason } => write!(f, "pulling ended: {reason}"),
            Self::SlackFailed { reason } => write!(f, "[slack] a warning was not delivered: {reason}"),
            Self::LimitTooLow { needed, limit } => write!(
                f,
                "the sections need {needed} API calls an hour, `limit` allows {limit}: make `interval` longer, raise `limit` or take sections out"
            ),
            Self::Refused { section, reason } => {
                write!(f, "[datadog.{section}] the API refuses the query: {reason}")
            }
            Self::BudgetSpent { wait } => {
                write!(
                    f,
                    "the API calls of this hour are spent: the next one comes in {} s",
                    wait.as_secs().max(1)
                )
            }
            Self::OrderChosen { section, order, points } => {
                write!(
                    f,
                    "[datadog.{section}] k = {order}, chosen by AIC from {points} points of the last day; it stays"
                )
            }
            Self::RateLimited { .. }
            | Self::Unauthorized { .. }
            | Self::Unavailable { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. } => self.fmt_answer(f),
            Self::TooManySeries { section, limit } => write!(
                f,
                "[datadog.{section}] more than {limit} series: those silent for longest are forgotten, their points may repeat"
            ),
            Self::ForwardDown { .. } | Self::ForwardUp { .. } | Self::ForwardCloses { .. } => {
                self.fmt_forward(f)
            }
            Self::StateSetAside { path, reason } => write!(f, "state file {path} set aside: {reason}"),
            Self::StateNotSaved { path, reason } => write!(f, "state file {path} not written: {reason}"),
            Self::ReloadFailed { reason } => {
                write!(f, "configuration not taken over, the former one stays: {reason}")
            }
            Self::Reloaded { added, removed } => {
                write!(f, "configuration taken over: {added} sections new, {removed} gone")
            }
            Self::Incident { id, event, series, first, size } => {
                let what = match event {
                    IncidentNotice::Begins => "begins",
                    IncidentNotice::Grows => "grows",
                    IncidentNotice::IsOver => "is over",
                };
                write!(
                    f,
                    "incident {id} {what}: {series} series alarmed, first {first}; the largest is {size:.1} usual deviations away"
                )
            }
            Self::RoundDone { records, complete, behind } => {
                write!(
                    f,
                    "round done: {records} records acknowledged, {complete} sections complete, {behind} behind"
                )
            }
        }
    }
}

/// Takes notices: a log, a terminal, Slack, a test.
pub trait Progress: Sync {
    /// One notice, when it happens.
    fn notice(&self, notice: &Notice);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn notice(&self, _: &Notice) {}
}
