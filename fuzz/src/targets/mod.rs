//! One target a file.

pub mod checkpoint;
pub mod condition;
pub mod config;
pub mod datadog_answer;
pub mod dd_records;
pub mod forward_answer;
pub mod forward_frame;
pub mod forward_record;
pub mod json_record;
pub mod log_patterns;
pub mod log_windows;
pub mod mend;
pub mod message;
pub mod monitor_file;
pub mod monitor_query;
pub mod msgpack_record;
pub mod pipeline;
pub mod series_file;
pub mod state;
