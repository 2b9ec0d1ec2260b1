//! Dates that a whole column tells how to read: `13/01/2026`, `1/31/2026 12:00`, `31.01.2026`, `20260131`.
//!
//! By itself `01/02/2026` is the first of February to some and the second of January to others. A column in which one
//! of the two numbers exceeds 12 tells; one in which none does, tells not, and is refused.

use std::collections::HashSet;

use super::date_form::{DateForm, Parts};
use super::error::SeriesFileError;
use super::table::{Cell, Column, Row, Table};

/// Looks at each column once.
pub(super) fn find(table: &mut Table) {
    for column in 0..table.columns.len() {
        let form = form_of(table, column);
        if let Some(column) = table.columns.get_mut(column) {
            column.dates = form;
        }
    }
}

fn form_of(table: &Table, column: usize) -> Option<DateForm> {
    let mut texts: HashSet<u32> = HashSet::new();
    let mut numbers = Vec::new();
    for row in &table.rows {
        match row.cell(column) {
            Cell::Text(text) => {
                texts.insert(text);
            }
            // eight digits of a line are a number until the column says otherwise; in JSON a number is one
            Cell::Number(number) if !table.records && number.fract() == 0.0 => {
                numbers.push(number.to_string())
            }
            Cell::Absent | Cell::Null => {}
            _ => return None,
        }
    }
    let texts = texts.into_iter().map(|text| table.text(text));
    DateForm::of_texts(texts.chain(numbers.iter().map(String::as_str)))
}

/// Refuses a column of dates that cannot be read.
pub(super) fn check(table: &Table, column: usize) -> Result<(), SeriesFileError> {
    let Some(Column { name, dates: Some(form), .. }) = table.columns.get(column) else { return Ok(()) };
    let text = |row: &Row| match row.cell(column) {
        Cell::Text(text) => Some((row.line, table.text(text).to_owned())),
        _ => None,
    };
    let mut dates = table.rows.iter().filter_map(text);
    match form {
        DateForm::Unclear => {
            let (line, given) = dates.next().unwrap_or_default();
            Err(SeriesFileError::UnclearDate { line, column: name.clone(), given })
        }
        DateForm::Mixed => {
            let is_late = |at: usize| {
                move |(_, text): &(usize, String)| Parts::of(text).is_some_and(|parts| parts.numbers[at] > 12)
            };
            let (_, day_first) = table.rows.iter().filter_map(text).find(is_late(0)).unwrap_or_default();
            let (line, given) = dates.find(is_late(1)).unwrap_or_default();
            Err(SeriesFileError::MixedDates { line, column: name.clone(), given, other: day_first })
        }
        _ => Ok(()),
    }
}

/// Why the dates of a column, or of the first one that has such, cannot be read: their months may stand in two places.
#[must_use]
pub fn unread_dates(table: &Table, column: Option<usize>) -> Option<SeriesFileError> {
    let mut columns = column.map_or(0..table.columns.len(), |column| column..column + 1);
    columns.find_map(|column| check(table, column).err())
}

#[cfg(test)]
mod tests {
    use super::super::{Layout, read};

    fn times(texts: &[&str]) -> Result<Vec<i64>, String> {
        let rows: Vec<String> = texts.iter().enumerate().map(|(n, text)| format!("{text};{n}\n")).collect();
        let file = read(format!("date;value\n{}", rows.concat()).as_bytes(), &Layout::default());
        let file = file.map_err(|error| error.to_string())?;
        Ok(file.series.iter().flat_map(|one| &one.points).map(|point| point.time.seconds()).collect())
    }

    #[test]
    fn a_column_in_which_one_number_exceeds_twelve_tells_where_the_month_stands() {
        // 2026-01-02, 2026-01-13
        let expected = Ok(vec![1_767_312_000, 1_768_262_400]);
        for texts in [
            ["02/01/2026", "13/01/2026"],
            ["01/02/2026", "01/13/2026"],
            ["1/2/2026", "1/13/2026"],
            ["02-01-2026", "13-01-2026"],
            ["02.01.2026", "13.01.2026"],
            ["02.01.2026 00:00", "13.01.2026 00:00"],
            ["02/01/2026 00:00:00", "13/01/2026 00:00:00.000"],
            ["1/2/2026 12:00 AM", "1/13/2026 12:00 am"],
            ["20260102", "20260113"],
            ["\"20260102\"", "20260113"],
        ] {
            assert_eq!(times(&texts), expected, "{texts:?}");
        }
        assert_eq!(times(&["3.4.2026 1:05", "4.4.2026 13:05:30"]), Ok(vec![1_775_178_300, 1_775_307_930]));
        // AM and PM are American where the days do not say otherwise
        assert_eq!(times(&["1/2/2026 1:00 PM", "1/3/2026 1:00 PM"]), Ok(vec![1_767_358_800, 1_767_445_200]));
        assert_eq!(times(&["2/1/2026 1:00 PM", "13/1/2026 1:00 PM"]), Ok(vec![1_767_358_800, 1_768_309_200]));
    }

    #[test]
    fn dates_that_can_be_read_in_two_ways_are_refused_with_the_reason() {
        assert_eq!(
            times(&["01/02/2026", "03/02/2026"]).unwrap_err(),
            "line 2, column date: \"01/02/2026\" may be 2026-02-01 or 2026-01-02, and no line of the column has a day above 12 \
             that would tell: write the dates as 2026-02-01"
        );
        assert_eq!(
            times(&["13/02/2026", "02/14/2026"]).unwrap_err(),
            "line 3, column date: \"02/14/2026\" has the month first and \"13/02/2026\" the day: write all dates as 2026-02-14"
        );
    }

    #[test]
    fn what_was_taken_is_told() {
        for (text, note) in [
            ("date,value\n13/01/2026,1\n14/01/2026,2\n", "`date`: its dates taken as day, month, year"),
            ("date,value\n01/13/2026,1\n01/14/2026,2\n", "`date`: its dates taken as month, day, year"),
            ("date,value\n20260113,1\n20260114,2\n", "`date`: its eight digits taken as year, month, day"),
        ] {
            let file = read(text.as_bytes(), &Layout::default()).unwrap();
            assert!(file.notes.iter().any(|told| told.starts_with(note)), "{:?}", file.notes);
            assert_eq!(file.fields.time, None, "no section reads such dates");
        }
    }

    #[test]
    fn numbers_that_are_no_dates_stay_seconds_and_records_keep_their_numbers() {
        for (texts, expected) in [
            (["20261301", "20261302"], [20_261_301, 20_261_302]),
            (["20260131", "20260132"], [20_260_131, 20_260_132]),
            (["18990101", "18990102"], [18_990_101, 18_990_102]),
        ] {
            assert_eq!(times(&texts), Ok(expected.to_vec()), "{texts:?}");
        }
        let json = b"{\"time\":20260102,\"value\":1}\n{\"time\":20260113,\"value\":2}\n";
        let file = read(json, &Layout::default()).unwrap();
        assert_eq!(file.series[0].points[0].time.seconds(), 20_260_102);
    }
}
