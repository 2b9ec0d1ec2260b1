use super::*;
use proptest::prelude::*;

fn points(file: &SeriesFile) -> Vec<(&str, i64, Option<f64>)> {
    let of = |series: &'_ FileSeries| -> Vec<(i64, Option<f64>)> {
        series.points.iter().map(|point| (point.time.seconds(), point.value)).collect()
    };
    file.series
        .iter()
        .flat_map(|s| of(s).into_iter().map(|(time, value)| (s.name.as_str(), time, value)))
        .collect()
}

fn error(text: &str) -> String {
    read(text.as_bytes(), &Layout::default()).unwrap_err().to_string()
}

#[test]
fn csv_of_every_shape_gives_the_same_points() {
    let expected = [("", 0, Some(1.0)), ("", 60, None), ("", 120, Some(-2.5))];
    for text in [
        "time,value\n0,1\n60,\n120,-2.5\n",
        "0,1\n60,NaN\n120,-2.5",
        "\u{feff}value;timestamp\r\n1;1970-01-01 00:00:00\r\n\r\nnull;1970-01-01T00:01Z\r\n-2.5;1970-01-01T01:02:00+01:00\r\n",
        "$time\traw_value\n0\t1e0\n60\tNA\n120\t-25e-1\n",
        "\"time\",\"value\"\n\"0\",\"1\"\n60 , \n 120, \"-2.5\"\n",
        "{\"time\":0,\"value\":1}\n{\"time\":60,\"value\":null}\n{\"time\":120.0,\"value\":-2.5}\n",
        "{\"raw_value\":1,\"date\":0.25}\n{\"other\":1}\n{\"raw_value\":null,\"date\":60}\n{\"raw_value\":-2.5,\"date\":\"1970-01-01T00:02:00Z\"}",
    ] {
        let file =
            read(text.as_bytes(), &Layout::default()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(points(&file), expected, "{text}");
    }
}

#[test]
fn columns_and_fields_tell_series_apart() {
    let csv = "time,value,host,zone\n0,1,a,x\n0,2,b,x\n60,3,a,x\n";
    let file = read(csv.as_bytes(), &Layout::default()).unwrap();
    assert_eq!(points(&file), [("a, x", 0, Some(1.0)), ("a, x", 60, Some(3.0)), ("b, x", 0, Some(2.0))]);
    assert_eq!(
        file.series[0].keys,
        [("host".to_owned(), "a".to_owned()), ("zone".to_owned(), "x".to_owned())]
    );
    let by_host = Layout { by: vec!["$host".to_owned()], ..Layout::default() };
    assert_eq!(read(csv.as_bytes(), &by_host).unwrap().series[1].name, "b");
    let json = "{\"host\":\"a\",\"time\":0,\"value\":1}\n{\"host\":7,\"time\":0,\"value\":2}\n";
    assert_eq!(read(json.as_bytes(), &by_host).unwrap().series[1].name, "7");
    assert_eq!(read(json.as_bytes(), &Layout::default()).unwrap().series.len(), 1);
}

#[test]
fn milliseconds_are_told_by_their_size() {
    let file = read(b"time,value\n1700000000000,1\n1700000060000,2\n", &Layout::default()).unwrap();
    assert_eq!(points(&file)[1].1, 1_700_000_060);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, told) in [
        (
            "",
            "the file is empty: CSV with the columns time and value is wanted, or JSON lines with such fields",
        ),
        (
            "\n \n",
            "the file is empty: CSV with the columns time and value is wanted, or JSON lines with such fields",
        ),
        ("time,value\n", "no line has a point with a value (lines: 1): two or more are wanted"),
        ("time,value\n0,1\n60,\n", "line 2: there is only one point with a value: two or more are wanted"),
        ("{\"time\":5,\"value\":1}", "line 1: there is only one point with a value: two or more are wanted"),
        (
            "time,load\n0,1\n",
            "line 1: no value among \"time\", \"load\": one of value, raw_value is wanted; name another with --value",
        ),
        (
            "hour,value\n0,1\n",
            "line 1: no time among \"hour\", \"value\": one of time, timestamp, date, fluent_time is wanted; name another with --time",
        ),
        (
            "0\n60\n",
            "line 1: no value among \"1 column without a name\": one of value, raw_value is wanted; name another with --value",
        ),
        (
            "{\"time\":0,\"load\":1}\n",
            "line 1: no value among the fields of the record: one of $value, $raw_value is wanted; name another with --value",
        ),
        (
            "{\"value\":0}\n",
            "line 1: no time among the fields of the record: one of $time, $timestamp, $date, $fluent_time is wanted; name another with --time",
        ),
        ("time,value\n0,1\n60\n", "line 3: 1 columns, but the first line has 2"),
        (
            "time,value\n0,1\n60,fast\n",
            "line 3, column 2 (value): \"fast\" is not allowed: a finite number, or nothing where one is missing",
        ),
        (
            "0,1\n60,inf\n",
            "line 2, column 2: \"inf\" is not allowed: a finite number, or nothing where one is missing",
        ),
        (
            "time,value\n0,1\nnoon,2\n",
            "line 3, column 1 (time): \"noon\" is not allowed: seconds since 1970, or a date such as 2026-01-31T12:00:00Z",
        ),
        (
            "time,value\n2026-02-30,1\n",
            "line 2, column 1 (time): \"2026-02-30\" is not allowed: seconds since 1970, or a date such as 2026-01-31T12:00:00Z",
        ),
        (
            "time,value\n60,1\n0,2\n",
            "line 3, column 1 (time): \"0\" is earlier than the time in line 2: sort the file by time",
        ),
        (
            "time,value,host\n60,1,a\n0,2,b\n30,1,a\n",
            "line 4, column 1 (time): \"30\" is earlier than the time in line 2 of a: sort the file by time",
        ),
        (
            "{\"time\":1,\"value\":\"12\"}\n",
            "line 1, column $value: \"12\" is not allowed: a finite number, or null where one is missing",
        ),
        (
            "{\"time\":1,\"value\":1e999}\n",
            "line 1, column $value: 1e999 is not allowed: a finite number, or null where one is missing",
        ),
        (
            "{\"time\":[],\"value\":1}\n",
            "line 1, column $time: an array is not allowed: seconds since 1970, or a date such as \"2026-01-31T12:00:00Z\"",
        ),
        (
            "{\"time\":9,\"value\":1}\n{\"time\":8,\"value\":1}\n",
            "line 2, column $time: \"8\" is earlier than the time in line 1: sort the file by time",
        ),
        (
            "{\"time\":9,\"value\":1}\nx\n",
            "line 2: not a record: it does not begin with an object (`{`) or map at byte 0",
        ),
        ("time,value\n0,\"1\n", "line 2: a quote that is not closed on its line"),
        ("time,value\n0,\"1\"2\n", "line 2: text behind a closing quote"),
    ] {
        assert_eq!(error(text), told, "{text:?}");
    }
    assert_eq!(
        read(b"0,1\n\xff,2\n", &Layout::default()).unwrap_err().to_string(),
        "line 2: bytes that are no UTF-8 text"
    );
    let long = format!("time,value\n0,{}\n", "x".repeat(500));
    assert!(error(&long).len() < 200);
}

#[test]
fn times_that_go_back_may_be_sorted() {
    let sort = Layout { sort: true, ..Layout::default() };
    let file = read(b"time,value\n60,1\n0,2\n", &sort).unwrap();
    assert_eq!(points(&file), [("", 0, Some(2.0)), ("", 60, Some(1.0))]);
}

proptest! {
    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &Layout::default());
    }

    #[test]
    fn no_text_does_harm(text in "[0-9a-z,;\"\\n{}:. -]{0,80}") {
        let _ = read(text.as_bytes(), &Layout::default());
    }

    #[test]
    fn numbers_come_back_as_they_were_written(values in proptest::collection::vec(-1e12..1e12f64, 2..20)) {
        let csv: String = values.iter().enumerate().map(|(n, value)| format!("{},{value}\n", n * 60)).collect();
        let json: String =
            values.iter().enumerate().map(|(n, value)| format!("{{\"time\":{},\"value\":{value:?}}}\n", n * 60)).collect();
        for text in [csv, json] {
            let file = read(text.as_bytes(), &Layout::default()).unwrap();
            let read: Vec<f64> = file.series[0].points.iter().filter_map(|point| point.value).collect();
            prop_assert_eq!(&read, &values);
        }
    }
}
