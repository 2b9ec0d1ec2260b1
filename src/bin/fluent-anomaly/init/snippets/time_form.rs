//! How a time is written, as the parsers of hosts are told.

use fluent_anomaly::sources::series_file::{Cell, DateForm, Table};

use super::super::propose::Proposal;

/// The time field, and how it is written, for a parser.
pub(super) fn time(proposal: &Proposal, table: &Table) -> Option<(String, TimeForm)> {
    let time = proposal.time?;
    let name = table.columns.get(time)?.path.last()?.clone();
    let dates = table.columns.get(time)?.dates;
    let form = match (table.rows.first()?.cell(time), dates) {
        (cell, Some(dates)) => TimeForm::of_date(dates, &table.shown(cell)),
        (Cell::Number(number), _) if number < 1e11 => TimeForm::Seconds,
        (Cell::Text(text), _) => TimeForm::of(table.text(text)),
        _ => return None,
    };
    Some((name, form))
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// A number.
    Seconds,
    /// `2026-01-31T12:00:00.5Z` and other zones; the form of one for Fluent Bit.
    Iso(String),
    /// As for `strptime`, with `%L` for a fraction.
    Strptime(String),
}

impl TimeForm {
    pub(super) fn of(text: &str) -> Self {
        if text.as_bytes().get(4) != Some(&b'/') && text.contains('/') {
            return Self::Strptime("%d/%b/%Y:%H:%M:%S %z".to_owned());
        }
        if text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.ends_with(|c: char| c.is_ascii_digit())
            && text.len() > 20
        {
            let fraction = if text.contains('.') { ".%L" } else { "" };
            return Self::Strptime(format!("%a %b %d %H:%M:%S{fraction} %Y"));
        }
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Self::Strptime("%b %d %H:%M:%S".to_owned());
        }
        if text.as_bytes().get(4) == Some(&b' ') {
            return Self::Strptime("%m%d %H:%M:%S.%L".to_owned());
        }
        let (date, clock) = text.split_at_checked(10).unwrap_or((text, ""));
        let has_zone = clock.ends_with('Z') || clock.contains(['+', '-']);
        if date.len() == 10 && clock.starts_with('T') && has_zone {
            let fraction = if text.contains('.') { ".%L" } else { "" };
            let zone = if text.ends_with('Z') { "Z" } else { "%z" };
            return Self::Iso(format!("%Y-%m-%dT%H:%M:%S{fraction}{zone}"));
        }
        let mark = if clock.starts_with('T') { "T" } else { " " };
        let fraction = if clock.contains('.') {
            ".%L"
        } else if clock.contains(',') {
            ",%L"
        } else {
            ""
        };
        let zone = if has_zone { "%z" } else { "" };
        let date = if date.contains('/') { "%Y/%m/%d" } else { "%Y-%m-%d" };
        Self::Strptime(format!("{date}{mark}%H:%M:%S{fraction}{zone}"))
    }

    /// Of a date that its column tells how to read.
    fn of_date(form: DateForm, text: &str) -> Self {
        let mark = text.chars().find(|c| !c.is_ascii_digit()).unwrap_or('/');
        let date = match form {
            DateForm::Digits => "%Y%m%d".to_owned(),
            DateForm::MonthFirst => format!("%m{mark}%d{mark}%Y"),
            _ => format!("%d{mark}%m{mark}%Y"),
        };
        let is_american = text.to_ascii_lowercase().ends_with('m');
        let between = if text.contains('T') { "T" } else { " " };
        let clock = match (text.matches(':').count(), is_american) {
            (0, _) => String::new(),
            (1, false) => format!("{between}%H:%M"),
            (1, true) => format!("{between}%I:%M %p"),
            (_, false) => format!("{between}%H:%M:%S"),
            (_, true) => format!("{between}%I:%M:%S %p"),
        };
        Self::Strptime(date + &clock)
    }

    /// As Fluent Bit reads it.
    pub(super) fn fluent_bit(&self) -> &str {
        match self {
            Self::Seconds => "%s",
            Self::Iso(form) | Self::Strptime(form) => form,
        }
    }

    /// As Fluentd reads it.
    pub(super) fn fluentd(&self) -> String {
        match self {
            Self::Seconds => "    time_type unixtime\n".to_owned(),
            Self::Iso(_) => "    time_format %iso8601\n".to_owned(),
            Self::Strptime(form) => format!("    time_format {form}\n"),
        }
    }
}
