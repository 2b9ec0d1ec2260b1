//! The CSV log of PostgreSQL, which has no line with the names of its columns.

use super::moment;

/// Its columns, as PostgreSQL's documentation names them; older versions lack some at the end.
const COLUMNS: [&str; 26] = [
    "log_time",
    "user_name",
    "database_name",
    "process_id",
    "connection_from",
    "session_id",
    "session_line_num",
    "command_tag",
    "session_start_time",
    "virtual_transaction_id",
    "transaction_id",
    "error_severity",
    "sql_state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_query_pos",
    "context",
    "query",
    "query_pos",
    "location",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
];
/// Columns of the first version that had such a log.
const FEWEST: usize = 22;
const SEVERITIES: [&str; 13] = [
    "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5", "LOG", "INFO", "NOTICE", "WARNING", "ERROR",
    "FATAL", "PANIC",
];

/// The names of the columns of this line; `None` where it is no line of such a log.
pub(super) fn columns(fields: &[impl AsRef<str>]) -> Option<&'static [&'static str]> {
    let names = COLUMNS.get(..fields.len()).filter(|names| names.len() >= FEWEST)?;
    let field = |at: usize| fields.get(at).map_or("", |field| field.as_ref().trim());
    let is_severity = SEVERITIES.contains(&field(11));
    let is_time = |at: usize| moment::of_text(field(at)).is_some();
    (is_severity && is_time(0) && is_time(8) && field(12).len() == 5).then_some(names)
}
