//! Lines of plain text: a time at the head, a level behind it where programs write one, words, how long something took.
//!
//! | head | of |
//! |---|---|
//! | `2026-01-31 12:00:00,123 `, also with `T`, `/`, a zone, in brackets | most programs |
//! | `[Sat Jan 31 12:00:00.123456 2026] ` | Apache's error log |
//! | `E0131 12:00:00.123456       1 ` | the programs of Kubernetes |
//! | those of collectors | [`Prefix`] |
//!
//! A line without a head continues the one before, as those of a stack trace do.

use jiff::Timestamp;

use super::kinds::{Form, Prefix, PrefixKind};
use super::line_words::{DURATIONS, duration_of, level_of};
use super::prefixed::{Line, text_line};
use super::table::{Cell, Table, finite};

/// Of so many lines one has a duration, at least, for it to be a field.
const ONE_OF: usize = 5;
/// Lines that are looked at to tell the head.
const LOOKED_AT: usize = 200;

/// Reads lines of text as records with `log`, with `level` where most lines have one, with the fields of their heads, and with
/// `ms` or `seconds` where one in five tells how long something took.
///
/// `None`: the bytes are no text.
///
/// ```
/// use fluent_anomaly::sources::series_file::read_plain_text;
/// let table = read_plain_text(b"2026-01-31 12:00:00 ERROR disk full\n2026-01-31 12:00:05 INFO ok\n").unwrap();
/// assert_eq!(table.record(&table.rows[0]).to_string(), r#"{"level":"ERROR","log":"ERROR disk full"}"#);
/// ```
#[must_use]
pub fn read_plain_text(bytes: &[u8]) -> Option<Table> {
    let mut table = read(&super::unpacked(bytes).ok()?, false)?;
    table.preparation.extend(super::compressed::command(bytes).map(str::to_owned));
    Some(table)
}

/// The same of bytes that are not packed. `None` also where lines share no head and one is needed.
pub(super) fn read(bytes: &[u8], needs_head: bool) -> Option<Table> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim_end()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let head = head_of(&lines);
    if head.is_none() && needs_head {
        return None;
    }
    let now = Timestamp::now();
    let mut table = Table::new("plain text", true);
    table.kind = Form::Text;
    let mut rows = Vec::new();
    for (number, line) in lines {
        let parsed = text_line(line).filter(|parsed| Some(parsed.kind) == head);
        match (parsed, head) {
            (Some(parsed), _) => rows.push((number, parsed)),
            (None, Some(_)) => table.continuations += usize::from(!rows.is_empty()),
            (None, None) => rows.push((number, Line::new(PrefixKind::Time, "", line))),
        }
    }
    let levels: Vec<Option<&str>> = rows.iter().map(|(_, line)| level_of(line.rest)).collect();
    let has_level = levels.iter().flatten().count() * 10 >= rows.len() * 8;
    let tells = |(_, units): &&(&str, &[&str])| {
        rows.iter().filter(|(_, line)| duration_of(line.rest, units).is_some()).count() * ONE_OF >= rows.len()
    };
    let duration = DURATIONS.iter().find(tells).copied();
    let first_time = rows.first().map_or("", |(_, line)| line.time).to_owned();
    table.prefix =
        head.map(|kind| Prefix { kind, time: first_time, inner: Form::Text, has_level, hidden: Vec::new() });
    for ((number, line), level) in rows.iter().zip(levels) {
        table.lines += 1;
        let mut cells = Vec::new();
        let level = level.filter(|_| has_level && head != Some(PrefixKind::Klog));
        let fields = line.fields.iter().copied().chain(level.map(|level| ("level", level)));
        if let Some((name, units)) = duration
            && let Some(number) = duration_of(line.rest, units).and_then(finite)
        {
            table.put(&mut cells, &[name.to_owned()], Cell::Number(number));
        }
        for (name, text) in fields.chain([("log", line.rest)]) {
            let cell: Cell = table.text_cell(text);
            table.put(&mut cells, &[name.to_owned()], cell);
        }
        table.push(*number, cells);
        if let Some(row) = table.rows.last_mut() {
            row.time = line.moment(now);
        }
    }
    Some(table)
}

/// Whether the first line has a head, which names of columns have not.
pub(super) fn begins_with_head(bytes: &[u8]) -> bool {
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    std::str::from_utf8(first).is_ok_and(|line| text_line(line.trim_end()).is_some())
}

/// The head that lines share: of the first line, and of one in five at least, since traces have many lines.
fn head_of(lines: &[(usize, &str)]) -> Option<PrefixKind> {
    let looked_at = lines.iter().take(LOOKED_AT);
    let kinds: Vec<Option<PrefixKind>> =
        looked_at.map(|(_, line)| text_line(line).map(|line| line.kind)).collect();
    let first = kinds.iter().flatten().next().copied()?;
    let fitting = kinds.iter().filter(|kind| **kind == Some(first)).count();
    (fitting * 5 >= kinds.len()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<String> {
        let table = read(text.as_bytes(), true).unwrap();
        table.rows.iter().map(|row| table.record(row).to_string()).collect()
    }

    #[test]
    fn heads_levels_and_words_come_apart() {
        for (line, record) in [
            (
                "2026-01-31 12:00:00,123 INFO [main] a.B - done",
                r#"{"level":"INFO","log":"INFO [main] a.B - done"}"#,
            ),
            (
                "E0131 12:00:00.123456       1 a.go:12] boom, info",
                r#"{"level":"E","log":"1 a.go:12] boom, info"}"#,
            ),
            ("2026-01-31T12:00:00Z took 12.5ms", r#"{"log":"took 12.5ms","ms":12.5}"#),
            ("[2026-01-31 12:00:00] prod.ERROR: boom", r#"{"level":"ERROR","log":"prod.ERROR: boom"}"#),
            ("2026/01/31 12:00:00 [error] 7#7: *1 boom", r#"{"level":"error","log":"[error] 7#7: *1 boom"}"#),
            (
                "[Sat Jan 31 12:00:00.123456 2026] [core:error] [pid 1] boom",
                r#"{"level":"error","log":"[core:error] [pid 1] boom"}"#,
            ),
            ("2026-01-31T12:00:00.5Z stdout F boom", r#"{"log":"boom","stream":"stdout"}"#),
            ("Jan 31 12:00:00 web-1 sshd[1]: bye", r#"{"host":"web-1","ident":"sshd","log":"bye"}"#),
            (
                "2026-01-31 12:00:00.123 UTC [9] LOG:  information_schema",
                r#"{"level":"LOG","log":"UTC [9] LOG:  information_schema"}"#,
            ),
        ] {
            assert_eq!(records(&format!("{line}\n{line}")), [record, record], "{line}");
            let table = read(line.as_bytes(), true).unwrap();
            assert_eq!(table.rows[0].time.unwrap().seconds() % 86_400, 43_200, "{line}");
        }
    }

    #[test]
    fn a_line_without_a_head_continues_the_one_before() {
        let table =
            read(b"2026-01-31 12:00:00 ERROR a\n\tat b\n\tat c\n2026-01-31 12:00:01 INFO d\n", true).unwrap();
        assert_eq!((table.rows.len(), table.continuations), (2, 2));
    }

    #[test]
    fn lines_that_share_no_head_are_words_alone_where_none_is_needed() {
        assert!(read(b"one\ntwo\n", true).is_none());
        let table = read(b"one\ntwo\n", false).unwrap();
        assert_eq!((table.rows.len(), table.rows[1].time), (2, None));
        assert!(read(b"\xff\xfe\x00", false).is_none());
    }
}
