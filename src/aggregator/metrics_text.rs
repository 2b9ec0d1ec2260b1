//! What an aggregator has done, as OpenMetrics text.

use super::stats::Stats;
use crate::companion::metrics::{MetricsText, openmetrics};
use crate::companion::{DropReason, Snapshot};
use crate::pipeline::Counters;

/// All counters as OpenMetrics text; `next_hop`: those of the forward client.
///
/// ```
/// use fluent_anomaly::aggregation::{Stats, render};
/// use fluent_anomaly::native::Counters;
/// let text = render(&Stats::default(), &Counters::default().snapshot());
/// assert!(text.contains("\nfluent_anomaly_serve_records_in_total 0\n"));
/// assert!(text.contains("\nfluent_anomaly_filter_records_total 0\n"));
/// assert!(text.ends_with("# EOF\n"));
/// ```
#[must_use]
pub fn render(stats: &Stats, next_hop: &Snapshot) -> String {
    let mut text = MetricsText::new("fluent_anomaly_serve_");
    let now = stats.snapshot();
    for (name, help, value) in [
        ("clients", "Clients that are connected", now.clients),
        ("waiting_bytes", "Chunks that wait to be scored, in bytes", now.waiting_bytes),
        ("log_bytes", "Chunks on disk since the last snapshot of the models, in bytes", now.log_bytes),
        ("series", "Series in memory", now.series),
    ] {
        text.gauge(name, help, value);
    }
    let Counters { scored, warming_up, repeated, refused, malformed, ahead, late, unreadable_times, .. } =
        stats.pipelines();
    for (name, help, value) in [
        ("connections", "Clients that have connected", now.connections),
        ("clients_refused", "Clients that were turned away or cut off", now.refused),
        ("chunks_in", "Chunks that were taken", now.chunks),
        ("chunks_repeated", "Chunks that came again, and were not scored again", now.repeated),
        ("records_in", "Records that were taken", now.records_in),
        ("bytes_in", "Bytes that were taken", now.bytes_in),
        ("parts_skipped", "Parts of chunks that are no events", now.skipped),
        ("chunks_out", "Chunks that arrived at the next hop", now.chunks_out),
        ("records_out", "Records that arrived at the next hop", now.records_out),
        ("series_evicted", "Series forgotten because max_series was reached", now.evicted),
        ("scores", "Scores that were written", scored),
        ("points_warming_up", "Points learned by models that give no scores yet", warming_up),
        ("points_repeated", "Points that had been learned before", repeated),
        ("values_refused", "Values that are no finite numbers", refused),
        ("records_malformed", "Records that cannot be read", malformed),
        ("times_unreadable", "Points whose time cannot be read", unreadable_times),
        ("times_ahead", "Points whose time lies ahead of the clock", ahead),
        ("points_late", "Points that came too late for the monitors of their section", late),
        ("forward_chunks_sent", "Chunks sent to forward servers, resends included", next_hop.chunks_sent),
        ("forward_chunks_resent", "Chunks that were sent again", next_hop.chunks_resent),
        ("forward_connections", "Connections opened to forward servers", next_hop.connections),
    ] {
        text.counter(name, help, value);
    }
    if let Some((_, count)) = next_hop.dropped.iter().find(|(reason, _)| *reason == DropReason::TooLarge) {
        text.counter(
            "records_too_large",
            "Records that no forward server takes, and that were left out",
            *count,
        );
    }
    // under the names of the filter: one dashboard shows both
    text.text() + &openmetrics(&stats.figures().to_text())
}
