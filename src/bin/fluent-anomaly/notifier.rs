//! Who is told what a running companion has to say: the log, Slack, and the status of a daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use fluent_anomaly::configuration::SlackSection;
use fluent_anomaly::native::{Counters, Env, Notice, Progress};
use fluent_anomaly::sinks::slack::{SlackNotifier, SlackSettings};

use crate::daemon::Running;
use crate::failure::Failure;

/// How long the end waits for messages to Slack.
const FAREWELL: Duration = Duration::from_secs(1);

/// Lines on standard error, or in the log of a daemon.
pub(crate) struct NoticeLog {
    pub(crate) daemon: Option<Arc<Running>>,
    pub(crate) counters: Arc<Counters>,
}

impl NoticeLog {
    /// One line.
    pub(crate) fn say(&self, text: &str) {
        match &self.daemon {
            Some(daemon) => daemon.log(text),
            None => tell!("fluent-anomaly: {text}"),
        }
    }
}

impl Progress for NoticeLog {
    fn notice(&self, notice: &Notice) {
        self.say(&notice.to_string());
        if let Some(daemon) = &self.daemon {
            daemon.notice(notice, &self.counters);
        }
    }
}

/// The log, and Slack where it is configured.
pub(crate) struct Notifier {
    log: Arc<NoticeLog>,
    slack: Option<SlackNotifier>,
    started: AtomicBool,
}

impl Notifier {
    pub(crate) fn new(
        log: Arc<NoticeLog>,
        slack: Option<&SlackSection>,
        env: impl Env + Send + 'static,
    ) -> Result<Self, Failure> {
        let start = |settings: &SlackSection| {
            let settings = SlackSettings {
                url: settings.url.clone(),
                channel: settings.channel.clone(),
                username: settings.username.clone(),
                icon_emoji: settings.icon_emoji.clone(),
                from: sender(),
            };
            SlackNotifier::start(settings, Arc::new(env), log.clone())
                .map_err(|error| Failure::Usage(error.to_string()))
        };
        let slack = slack.map(start).transpose()?;
        Ok(Self { log, slack, started: AtomicBool::new(false) })
    }

    /// The end of pulling, and why if it is no wish of the user. Sends what is left to Slack.
    pub(crate) fn end(&self, why: Option<&str>) {
        // before the start somebody is looking at the terminal
        if let Some(why) = why.filter(|_| self.started.load(Relaxed)) {
            self.notice(&Notice::Ended { reason: why.to_owned() });
        }
        if let Some(slack) = &self.slack
            && !slack.finish(FAREWELL)
        {
            self.log.say("[slack] warnings were left behind");
        }
    }
}

impl Progress for Notifier {
    fn notice(&self, notice: &Notice) {
        if matches!(notice, Notice::Started { .. }) {
            self.started.store(true, Relaxed);
        }
        self.log.notice(notice);
        if let Some(slack) = &self.slack {
            slack.notice(notice);
        }
    }
}

/// Several machines may write to one channel.
fn sender() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => "fluent-anomaly".to_owned(),
        host => format!("fluent-anomaly on {host}"),
    }
}
