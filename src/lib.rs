//! Streaming anomaly detection inside Fluent Bit and Fluentd pipelines.
//!
//! The modules follow the flow of a record; each uses only what stands above it:
//!
//! | module | what it knows |
//! |---|---|
//! | `codec` | bytes of saved state: primitives, checksums |
//! | `time` | instants of event time |
//! | `record` | a record's text: find fields, append annotations, touch nothing else |
//! | `detector` | numbers and time, nothing else |
//! | `monitor` | query grammar, windows, thresholds, alert states |
//! | `config` | INI text -> checked [`Config`], all problems at once |
//! | `bank` | a model for each series; cap, eviction, exact restart |
//! | `pipeline` | the one call every host makes |
//! | `companion` | what sinks and sources share: clock, counters, notices, waits (feature `companion`) |
//! | `sink` | where records and scores leave for (feature `datadog`) |
//! | `source` | where records come from: files; Datadog, forward clients (feature `companion`) |
//! | `aggregator` | chunks of many clients, scored, to the next hop (feature `companion`) |
//! | `stream` | a partition of a log: checkpoints, replay (feature `companion`) |
#![forbid(unsafe_code)]

/// A module for browsers, which is downloaded: size counts for more than the last tenth of speed.
pub(crate) const IS_COMPACT: bool = cfg!(all(feature = "compact", target_family = "wasm"));

#[cfg(all(feature = "companion", not(target_family = "wasm")))]
mod aggregator;
mod bank;
mod codec;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
mod companion;
mod config;
mod detector;
mod monitor;
mod pipeline;
mod record;
#[cfg(feature = "datadog")]
mod sink;
mod source;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
mod stream;
mod time;

pub use config::secret::Secret;
pub use config::{Config, ConfigError};
pub use pipeline::{Counters, Figures, Pipeline, Unconfigured, WindowRecord};
pub use record::Format;
pub use time::{HostClock, Time, utc_text};

/// What a configuration file says, checked.
pub mod configuration {
    #[cfg(feature = "companion")]
    pub use crate::config::ServeSection;
    pub use crate::config::did_you_mean::nearest;
    pub use crate::config::{
        ApiUrlProblem, ChangeFinderSettings, ConfigProblem, FilterSection, ForwardSecurity, GeneralSection,
        GroupKey, GroupSection, Journal, Measure, MetricNames, MonitorSection, Nulls, PatternSettings,
        Section, SectionKind, SlackSection, TagPattern, WindowSettings, WindowsTold, alarm_budget, api_url,
        field_accessor, forward_address, raw_monitor,
    };
    #[cfg(not(target_family = "wasm"))]
    pub use crate::config::{KafkaFormat, KafkaSection, MessageKey, topic_name};
    #[cfg(feature = "companion")]
    pub use crate::config::{Key, KeyKind, budget_text, keys};
}

/// Where models are kept over a restart.
pub mod state {
    #[cfg(feature = "companion")]
    pub use crate::bank::folder_storage::{FolderError, FolderStorage};
    pub use crate::bank::{MemoryStorage, Storage, StorageError, journal_names};
}

/// The scores of one series, and what a series costs in memory.
pub mod series {
    pub use crate::bank::Observation;
    pub use crate::pipeline::{
        ScoreOutcome, ScoreRefusal, ScoreSpec, ScoredSeries, calibrated_bytes, group_member_bytes,
        monitor_bytes, patterns_bytes, series_bytes,
    };
}

/// A record's text: find fields, append annotations, touch nothing else.
pub mod records {
    pub use crate::record::{
        Accessor, AccessorError, Condition, ConditionError, Extractor, Field, Found, MAX_DEPTH, NotARecord,
        Number, Output, Text, Unit, Value, Why, encode, msgpack,
    };
}

/// The detectors by themselves: numbers and time, no records.
pub mod detectors {
    pub use crate::detector::band::{
        Algorithm, Band, BandEngine, BandSpec, BandSpecError, Parameter, Prediction, Seasonality,
        SuggestError, Suggestion, SuggestionReason, longest_fillable_window, suggest,
    };
    pub use crate::detector::calibrated::{
        AlarmBudget, AlarmEvent, AlarmReason, Calibrated, CalibratedSpec, CalibratedSpecError, Period,
        Rarity, ReasonKind,
    };
    pub use crate::detector::fleet::{Fleet, FleetAnswer, IncidentEvent, IncidentMember, IncidentReport};
    pub use crate::detector::measure::MeasureKind;
    pub use crate::detector::peers::{
        GroupSpec, GroupTest, Judge, MemberVerdict, PeerAlgorithm, PeerGroup, PeerSpecError, PeerTest,
        PeerVerdict,
    };
    pub use crate::detector::{
        ArEstimator, ChangeFinder, DistinctCounter, Finite, LinePattern, LogPatterns, MAX_ORDER, MAX_WINDOW,
        NotLearnable, OrderFit, Overflow, Params, ParamsError, QuantileSketch, ScoreFunction, Scores,
        SelectedOrder, WarmingUp, order_fits, select_order,
    };
}

/// Anomaly monitors in Datadog's grammar: read, explain, evaluate, test on a history.
pub mod monitors {
    pub use crate::monitor::backtest::{Backtest, BacktestEvent};
    #[cfg(feature = "companion")]
    pub use crate::monitor::exchange;
    pub use crate::monitor::explain::explain;
    pub use crate::monitor::message::{Facts, render};
    pub use crate::monitor::suggest::{Candidate, KnownIncident, MonitorSuggestion, suggest_monitor};
    pub use crate::monitor::timeframe::{
        LONGEST_TIMEFRAME_S, TimeframeError, plain_duration, recovery_range,
    };
    pub use crate::monitor::zone::UnknownZone;
    pub use crate::monitor::{
        AlertEvaluation, AnomalyQuery, MonitorProblem, MonitorSpec, MonitorVerdict, RawMonitor, SharedBand,
        Status, Timeframe, Transition, Triggered, Zone, query,
    };
}

/// Where records come from: files, and Datadog.
pub mod sources {
    #[cfg(all(feature = "companion", not(target_family = "wasm")))]
    pub use crate::source::{datadog, forward, pull, series_file};
}

/// Where records and scores leave for.
#[cfg(feature = "datadog")]
pub mod sinks {
    pub use crate::sink::datadog;
    #[cfg(feature = "companion")]
    pub use crate::sink::{
        ChosenOrder, MetricRecord, NO_HOST, RecordSink, SinkError, StdoutSink, forward, slack,
    };
}

/// Chunks of many clients, scored, to the next hop.
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod aggregation {
    pub use crate::aggregator::{
        Aggregator, AggregatorError, AggregatorSettings, OutputSettings, Stats, StatsSnapshot, render,
    };
}

/// What long-running native programs share: stop and reload, notices, counters, `/metrics`.
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod native {
    pub use crate::companion::{
        Backoff, Counters, DropReason, Env, IncidentNotice, Native, Notice, NoticeCause, Progress, Quiet,
        SectionGauges, Seldom, Snapshot, StopAndReload, Wake, atomic, http, metrics,
    };
}

/// Exactly-once scoring of a partitioned log.
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod streams {
    pub use crate::stream::{
        Assembler, CHUNK_BYTES, Checkpoint, CheckpointError, CheckpointFolder, CheckpointFolderError,
        ChunkError, Found, Message, Opened, Opening, Partition, PartitionGauges, PartitionSettings,
        PartitionSettingsError, Reference, RekeyError, StreamCounters, Taken, WindowMessage, chunks, render,
    };
}

/// Parts that tests and benches of this repository reach into. No promise: they change without notice.
#[doc(hidden)]
pub mod internals {
    pub use crate::codec::{CodecError, Reader, Writer, checksum};
    pub use crate::detector::calibrated::Tuning;
    pub use crate::detector::{Internals, StageInternals, burg, levinson, mean};
    pub use crate::monitor::rollup::RollupSpec;
    pub use crate::monitor::{AlertState, BandPosition, Rollup, SeriesEvaluator, query};
    pub use crate::record::{Suffix, SuffixText, format_f64, parse_f64};
    #[cfg(feature = "companion")]
    pub use crate::sink::{datadog::read_records, forward::read_answers as read_forward_answers};
    #[cfg(all(feature = "companion", not(target_family = "wasm")))]
    pub use crate::source::datadog::read_answers as read_datadog_answers;
}

/// Compiles and runs the Rust part of the book.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
mod readme {}
