//! Records out of a file that the shared reader knows: JSON as it stands, all else as JSON made of its rows.

use std::path::Path;

use fluent_anomaly::Time;
use fluent_anomaly::records::{Accessor, Extractor, Found, Unit, Value};
use fluent_anomaly::sources::series_file::{self, Cell, Form, Row};

use crate::failure::Failure;
use crate::history;
use crate::record_reader::{NextRecord, RecordReader};

/// A file's records in the order of time, each with its time where it has one.
pub(crate) struct FileRecords {
    pub(crate) records: Vec<(Option<Time>, Vec<u8>)>,
    /// What was taken for what, and what was done about it.
    pub(crate) notes: Vec<String>,
}

/// Reads a file. `time` names the field of the time; `by` the fields that stay text.
pub(crate) fn read(path: &Path, time: Option<&str>, by: &[String]) -> Result<FileRecords, Failure> {
    of_bytes(path, &history::bytes(path)?, time, by)
}

/// The same of the bytes of one.
pub(crate) fn of_bytes(
    path: &Path,
    packed: &[u8],
    time: Option<&str>,
    by: &[String],
) -> Result<FileRecords, Failure> {
    let bytes = series_file::unpacked(packed)
        .map_err(|error| Failure::Usage(format!("{}: {error}", history::shown(path))))?;
    let mut read = match series_file::form(&bytes) {
        Form::Json => json(&bytes, time)?,
        _ => rows(path, &bytes, time, by)?,
    };
    read.sort();
    Ok(read)
}

impl FileRecords {
    /// A record without a time stays behind the one before it.
    fn sort(&mut self) {
        let mut last = Time::MIN;
        let mut times: Vec<Time> = Vec::with_capacity(self.records.len());
        for (time, _) in &self.records {
            last = time.unwrap_or(last);
            times.push(last);
        }
        if times.is_sorted() {
            return;
        }
        self.notes.push("the records are not in the order of time: sorted".to_owned());
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by_key(|&at| times.get(at).copied());
        let mut records: Vec<_> = std::mem::take(&mut self.records).into_iter().map(Some).collect();
        self.records = order.iter().filter_map(|&at| records.get_mut(at)?.take()).collect();
    }
}

/// The bytes of each record, on one line.
fn json(bytes: &[u8], time: Option<&str>) -> Result<FileRecords, Failure> {
    let mut reader = RecordReader::new(fluent_anomaly::Format::Json);
    reader.push(bytes);
    reader.finish();
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut piece = Vec::new();
    loop {
        match reader.next(&mut piece) {
            NextRecord::Record if piece.trim_ascii().is_empty() => {}
            NextRecord::Record => records.push(one_line(&piece)),
            // brackets and commas between the elements of an array
            NextRecord::Through(None) => {}
            NextRecord::Through(Some(_)) => records.push(piece.clone()),
            NextRecord::More => break,
        }
    }
    let mut notes = Vec::new();
    let name = match time {
        Some(name) => Some(name.to_owned()),
        None => {
            let some: Vec<Vec<u8>> = records.iter().take(100).map(|it| [&it[..], b"\n"].concat()).collect();
            usual_time(&some.concat()).map(|(name, _)| field(&name))
        }
    };
    let Some(name) = name else {
        notes.push("read as JSON: no time, the time of arrival counts; --time names a field".to_owned());
        return Ok(FileRecords {
            records: records.into_iter().map(|record| (None, record)).collect(),
            notes,
        });
    };
    let accessor = Accessor::parse(&name).map_err(|error| Failure::Usage(format!("--time: {error}")))?;
    let extractor = Extractor::new(fluent_anomaly::Format::Json, &[accessor], &[]);
    let mut found = Found::default();
    let mut timed = Vec::with_capacity(records.len());
    let mut without = 0_usize;
    for record in records {
        let time = extractor.scan(&record, &mut found).ok().and_then(|()| moment(found.value(&record, 0)?));
        without += usize::from(time.is_none());
        timed.push((time, record));
    }
    if timed.iter().all(|(time, _)| time.is_none()) && !timed.is_empty() {
        return Err(Failure::Usage(format!("--time: no record has a time in {name}: {}", Time::READABLE)));
    }
    let plain = name.strip_prefix("$['").and_then(|name| name.strip_suffix("']"));
    notes.push(format!("read as JSON: time `{}`", plain.unwrap_or(&name)));
    if without > 0 {
        notes.push(format!("{without} records have no time: they count with that of the record before"));
    }
    Ok(FileRecords { records: timed, notes })
}

/// The column of a file that goes by this name in any case, and the unit of its first text that has one. A name that
/// is nowhere stays: the records tell what they have.
pub(super) fn value_column(path: &Path, wanted: &str) -> Result<(String, Option<Unit>), Failure> {
    let Ok(table) = series_file::read_table(&history::bytes(path)?, &[]) else {
        return Ok((wanted.to_owned(), None)); // what is wrong with the file is told when its records are read
    };
    let Some(column) = table.column_named(wanted) else { return Ok((wanted.to_owned(), None)) };
    let name = table.columns.get(column).map_or(wanted, |column| &column.name);
    let unit = table.rows.iter().find_map(|row| match row.cell(column) {
        Cell::Text(text) => Unit::of(table.text(text)),
        _ => None,
    });
    Ok((name.to_owned(), unit))
}

/// The accessor of a column or field, which may be one already.
pub(crate) fn field(name: &str) -> String {
    if name.starts_with('$') { name.to_owned() } else { format!("$['{}']", name.replace('\'', "''")) }
}

/// The field with a usual name that holds a time in these records, and the first such time.
pub(super) fn usual_time(records: &[u8]) -> Option<(String, Time)> {
    let table = series_file::read_table(records, &[]).ok()?;
    let column = table.time_column()?;
    let time = table.time_of(column, table.rows.first()?.cell(column))?;
    Some((table.columns.get(column)?.name.clone(), time))
}

/// The time that a value stands for.
pub(super) fn moment(value: Value<'_>) -> Option<Time> {
    match value {
        Value::Number(number) => match number.to_i64() {
            Some(integer) => Time::from_integer_of_any_unit(integer),
            None => {
                let text = number.text().and_then(Time::from_seconds_text);
                text.filter(|time| time.seconds().unsigned_abs() < 1 << 33)
                    .or_else(|| Time::from_float_of_any_unit(number.to_f64()))
            }
        },
        Value::Text(text) => {
            let mut bytes = Vec::new();
            text.append_to(&mut bytes);
            series_file::parse_time(std::str::from_utf8(&bytes).ok()?)
        }
        _ => None,
    }
}

/// A record without line ends and the blanks behind them; those within texts are escaped already.
fn one_line(record: &[u8]) -> Vec<u8> {
    if !record.contains(&b'\n') {
        return record.to_vec();
    }
    record.split(|&byte| byte == b'\n').map(|line| line.trim_ascii()).collect::<Vec<_>>().concat()
}

/// Rows of any other file.
fn rows(path: &Path, bytes: &[u8], time: Option<&str>, by: &[String]) -> Result<FileRecords, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", history::shown(path)));
    let table = series_file::read_table(bytes, by).map_err(|error| usage(&error))?;
    let column = match time {
        Some(name) => Some(table.column_named(name).ok_or_else(|| {
            let there: Vec<&str> = table.columns.iter().take(20).map(|column| column.name.as_str()).collect();
            usage(&format!("--time: there is no {name:?}; there are {}", there.join(", ")))
        })?),
        None => table.time_column(),
    };
    if let Some(why) = time.and(series_file::unread_dates(&table, column)) {
        return Err(usage(&why));
    }
    let name = column.and_then(|column| table.columns.get(column)).map(|column| column.name.as_str());
    let time = match name {
        Some(name) => format!("time `{name}`"),
        None if table.rows.iter().any(|row| row.time.is_some()) => "the envelope's time".to_owned(),
        None => "no time, the time of arrival counts; --time names a column".to_owned(),
    };
    let mut notes = vec![format!("read as {}: {time}", table.form)];
    if column.is_none() {
        notes.extend(series_file::unread_dates(&table, None).map(|why| why.to_string()));
    }
    notes.extend(table.odd_lines_note());
    let record = |row: &Row| {
        let time = match column {
            Some(column) => table.time_of(column, row.cell(column)),
            None => row.time,
        };
        (time, table.record(row).to_string().into_bytes())
    };
    Ok(FileRecords { records: table.rows.iter().map(record).collect(), notes })
}
