//! `stream`: records of a Kafka topic, scored exactly once into another topic.
//!
//! What does not need a broker stands in the library (`streams`): the state of a partition, checkpoints, replay.

mod checkpoint_topic;
mod checkpoints;
mod client;
mod error;
mod inputs;
mod member;
mod member_checkpoints;
mod new_partitions;
mod output;
mod owned;
mod scoring;
mod settings;
mod topics;
mod transaction;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use fluent_anomaly::configuration::topic_name;
use fluent_anomaly::native::{Backoff, Env, Native, StopAndReload};
use fluent_anomaly::streams::{StreamCounters, render};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::Failure;
use crate::{files, metrics_endpoint, signals};
use client::StreamLog;
use error::MemberError;
use member::Member;
use settings::StreamSettings;

/// Waits between two tries to begin anew.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After a signal, the process ends by then.
const STOP_WITHIN: Duration = Duration::from_secs(25);

/// Score the records of a Kafka topic exactly once, into another topic.
///
/// Start as many members of a group as there is work for: partitions are shared out among them. Scored records and the
/// offsets of their input are committed in one transaction. Each partition has models of its own, whose checkpoints
/// lie in a compacted topic or a shared folder: whoever is given a partition goes on from the last one, bit for bit. Key
/// and headers of a record are kept. [kafka] of the configuration has everything that is not given here, and passes
/// any property of librdkafka on as `kafka.<property>`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly stream -c fluent-anomaly.ini --brokers k1:9092,k2:9092 --group anomaly --from metrics --to scored\n  \
    KAFKA_SASL_PASSWORD=... fluent-anomaly stream -c fluent-anomaly.ini --instance \"$HOSTNAME\" --metrics 127.0.0.1:9127\n\n\
    Exit status: 0 stopped by SIGTERM or Ctrl-C, 1 failed, 2 wrong usage or configuration.")]
pub(crate) struct Args {
    /// The configuration file
    #[arg(short, long, default_value_os_t = files::default_config())]
    config: PathBuf,
    /// Where Kafka is: host:port, several separated by commas
    #[arg(long, value_name = "BROKERS")]
    brokers: Option<String>,
    /// The consumer group: its members share the partitions
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Topic of the records
    #[arg(long, value_name = "TOPIC", value_parser = topic_name)]
    from: Option<String>,
    /// Topic of the scored records
    #[arg(long, value_name = "TOPIC", value_parser = topic_name)]
    to: Option<String>,
    /// Name of this member, the same after each start and of no other member: what a crash left open is then ended at once
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Serve OpenMetrics about this process at http://ADDRESS/metrics
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = crate::address::parse)]
    metrics: Option<SocketAddr>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.config)?;
    let asked = Arc::new(StopAndReload::default());
    let env = Native::new(asked.clone());
    let settings = Arc::new(StreamSettings::new(args, &config, &env)?);
    signals::listen(&[SIGINT, SIGTERM], move |_| {
        asked.stop();
        // brokers that do not answer are not waited for: what is not committed is done again
        thread::spawn(|| {
            thread::sleep(STOP_WITHIN);
            std::process::exit(1);
        });
    })?;
    let counters = Arc::new(StreamCounters::default());
    let log = Arc::new(StreamLog::new(&settings));
    if let Some(address) = args.metrics {
        let (counters, clock) = (counters.clone(), env.clone());
        let text = move || render(&counters, clock.now_ms() / 1000);
        let found = metrics_endpoint::serve(address, env.clone(), text)?;
        log.say(&format!("metrics at http://{found}/metrics"));
    }
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let mut is_first = true;
    let has_lost_input = AtomicBool::new(false);
    while !env.stopping() {
        let committed = counters.committed.load(Relaxed);
        let started = Member::start(&settings, &env, &log, &counters, &has_lost_input);
        let outcome = started.and_then(|mut member| member.work());
        counters.forget_all();
        match outcome {
            Ok(()) => break,
            Err(MemberError::Wrong(why)) if is_first => return Err(Failure::Failed(format!("kafka: {why}"))),
            Err(MemberError::Wrong(why) | MemberError::Again(why)) => {
                if counters.committed.load(Relaxed) > committed {
                    backoff.succeed();
                    is_first = false;
                }
                counters.restarts.fetch_add(1, Relaxed);
                let wait = backoff.fail(&env);
                log.say(&format!("begins anew in {:.1} s: {why}", wait.as_secs_f64()));
                env.sleep(wait);
            }
        }
    }
    Ok(())
}
