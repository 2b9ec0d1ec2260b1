//! Kinds of files, and of what stands before their records.

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Records in JSON: one a line, in an array, or over several lines each.
    Json,
    /// An answer of Prometheus or Datadog.
    Answer,
    /// InfluxDB line protocol.
    LineProtocol,
    /// `key=value` pairs.
    Logfmt,
    /// Separated columns, or anything else.
    #[default]
    Csv,
    /// The access log of a web server.
    AccessLog,
    /// msgpack, also of the forward protocol.
    Msgpack,
    /// Lines that a collector wrote around lines of a program.
    Prefixed,
    /// Lines of words, with a time before them or not.
    Text,
}

impl Form {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Form::Json => "JSON",
            Form::Answer => "the answer of a metrics store",
            Form::LineProtocol => "InfluxDB line protocol",
            Form::Logfmt => "logfmt",
            Form::Csv => "CSV",
            Form::AccessLog => "an access log",
            Form::Msgpack => "msgpack",
            Form::Prefixed => "lines of a collector",
            Form::Text => "plain text",
        }
    }
}

/// What stands before the line of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// Which one.
    pub kind: PrefixKind,
    /// Its time as the first line has it; empty where it has none.
    pub time: String,
    /// What the lines of the program are.
    pub inner: Form,
    /// A level stands before the records, which have none of their own.
    pub has_level: bool,
    /// Its fields that the records have themselves: theirs count.
    pub hidden: Vec<&'static str>,
}

/// Kinds of prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefixKind {
    /// `2026-01-31T12:00:00.123456789Z stdout F `, in the files of containerd and CRI-O.
    Containerd,
    /// `<13>Jan 31 12:00:00 web-1 app[17]: `, without a year.
    Syslog,
    /// `2026-01-31T12:00:00Z `, and words behind it.
    Time,
    /// `web-1  | `.
    Compose,
    /// `E0131 12:00:00.123456       1 `, of the programs of Kubernetes; the letter is the level.
    Klog,
    /// `[Sat Jan 31 12:00:00.123456 2026] `, in Apache's error log.
    Apache,
}
