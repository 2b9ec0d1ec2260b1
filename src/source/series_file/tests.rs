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
        "Load;DateTime\n1,0;1970-01-01 00:00:00\n-;1970-01-01 00:01:00\n-2,5;1970-01-01 00:02:00\n",
        "ts,load\n120,-2.5\n60,null\n0,1\n",
        "[{\"@timestamp\":0,\"x\":1},{\"@timestamp\":60,\"x\":null},\n{\"@timestamp\":120,\"x\":-2.5}]",
        "{\n  \"time\": 0,\n  \"value\": 1\n}\n{\"time\":60,\"value\":null}\n{\"time\":120,\"value\":-2.5}",
        "time=0 value=1\ntime=60 value=\ntime=120 value=-2.5 msg=\"a \\\"text\\\"\"\n",
        "#group,false\ntime,value\n1970-01-01T00:00:00Z,1\n[01/Jan/1970:00:01:00 +0000],\n1970/01/01 00:02:00,-2.5\n",
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
fn columns_with_texts_name_series_wherever_they_stand() {
    let expected = [("a, x", 0, Some(1.0)), ("a, x", 60, Some(3.0)), ("b, x", 0, Some(2.0))];
    for csv in [
        "time,value,host,zone\n0,1,a,x\n0,2,b,x\n60,3,a,x\n",
        "time,host,value,zone\n0,a,1,x\n0,b,2,x\n60,a,3,x\n",
        "host,zone,value,time\na,x,1,0\nb,x,2,0\na,x,3,60\n",
    ] {
        let file = read(csv.as_bytes(), &Layout::default()).unwrap();
        assert_eq!(points(&file), expected, "{csv}");
        assert_eq!(file.notes[0], "read as CSV: time `time`, value `value`, series by `host`, `zone`");
    }
    // a column of numbers is none: labels, counters
    let file = read(b"timestamp,value,label\n0,1,0\n60,2,1\n", &Layout::default()).unwrap();
    assert_eq!(points(&file), [("", 0, Some(1.0)), ("", 60, Some(2.0))]);
    let by_label = Layout { by: vec!["label".to_owned()], ..Layout::default() };
    assert_eq!(read(b"timestamp,value,label\n0,1,0\n60,2,01\n", &by_label).unwrap().series[1].name, "01");
    let json = "{\"host\":\"a\",\"time\":0,\"value\":1}\n{\"host\":7,\"time\":0,\"value\":2}\n";
    let by_host = Layout { by: vec!["$host".to_owned()], ..Layout::default() };
    assert_eq!(read(json.as_bytes(), &by_host).unwrap().series[1].name, "7");
}

#[test]
fn fields_of_records_name_series_as_far_as_they_tell_them_apart() {
    let json = r#"{"service":"shop","pod":{"name":"p1"},"time":0,"value":1,"id":"a0"}
{"service":"shop","pod":{"name":"p2"},"time":0,"value":2,"id":"a1"}
{"service":"shop","pod":{"name":"p1"},"time":60,"value":3,"id":"a0"}"#;
    let file = read(json.as_bytes(), &Layout::default()).unwrap();
    assert_eq!(file.series.iter().map(|series| &series.name[..]).collect::<Vec<_>>(), ["a0, p1", "a1, p2"]);
    assert_eq!(file.series[0].keys[1].0, "pod['name']");
    let unique: String = (0..20).map(|n| format!("{{\"ts\":{n},\"ms\":{n},\"trace\":\"t{n}\"}}\n")).collect();
    let file = read(unique.as_bytes(), &Layout::default()).unwrap();
    assert_eq!((file.series.len(), file.notes.len()), (1, 2), "{:?}", file.notes);
    assert!(file.notes[1].starts_with("`trace` holds 20 different texts in 20 lines"), "{:?}", file.notes);
    let pulled = r#"{"metric":"cpu","raw_value":1,"scope":"host:a","host":"a","time":0}
{"metric":"cpu","raw_value":2,"scope":"host:b","host":"b","time":0}"#;
    assert_eq!(read(pulled.as_bytes(), &Layout::default()).unwrap().series[1].name, "host:b");
}

#[test]
fn times_of_every_unit_and_form_are_told_by_their_size() {
    for (time, seconds) in [
        ("1700000060", 1_700_000_060),
        ("1700000060.5", 1_700_000_060),
        ("1700000060000", 1_700_000_060),
        ("1700000060000000", 1_700_000_060),
        ("1700000060000000000", 1_700_000_060),
        ("2023-11-14T22:14:20Z", 1_700_000_060),
        ("2023-11-14T23:14:20+01:00", 1_700_000_060),
        ("2023-11-14 22:14:20", 1_700_000_060),
        ("14/Nov/2023:22:14:20 +0000", 1_700_000_060),
        ("2023/11/14 22:14:20", 1_700_000_060),
    ] {
        let csv = format!("time,value\n0,1\n{time},2\n");
        assert_eq!(points(&read(csv.as_bytes(), &Layout::default()).unwrap())[1].1, seconds, "{time}");
        let json = format!("{{\"time\":0,\"value\":1}}\n{{\"time\":\"{time}\",\"value\":2}}\n");
        assert_eq!(points(&read(json.as_bytes(), &Layout::default()).unwrap())[1].1, seconds, "{time}");
    }
}

#[test]
fn exports_of_other_programs_are_read() {
    for (text, expected) in [
        (
            // Prometheus, query_range
            r#"{"status":"success","data":{"resultType":"matrix","result":[
              {"metric":{"__name__":"up","instance":"a"},"values":[[0,"1"],[60,"NaN"]]},
              {"metric":{"__name__":"up","instance":"b"},"values":[[0.5,"2"]]}]}}"#,
            vec![("a", 0, Some(1.0)), ("a", 60, None), ("b", 0, Some(2.0))],
        ),
        (
            // Datadog, /api/v1/query
            r#"{"status":"ok","series":[{"metric":"cpu","scope":"host:a","pointlist":[[0.0,1],[60000.0,null]]},{"metric":"cpu","scope":"host:b","pointlist":[[0,2]]}]}"#,
            vec![("host:a", 0, Some(1.0)), ("host:a", 60, None), ("host:b", 0, Some(2.0))],
        ),
        (
            // Datadog, /api/v2/query/timeseries
            r#"{"data":{"type":"timeseries_response","attributes":{"series":[{"group_tags":["host:a"]},{"group_tags":["host:b"]}],"times":[1700000000000,1700000060000],"values":[[1,null],[2,3]]}}}"#,
            vec![
                ("host:a", 1_700_000_000, Some(1.0)),
                ("host:a", 1_700_000_060, None),
                ("host:b", 1_700_000_000, Some(2.0)),
                ("host:b", 1_700_000_060, Some(3.0)),
            ],
        ),
        (
            // Grafana, series joined by time
            "\"Time\",\"a\",\"b\"\n2023-11-14 22:13:20,1,2\n2023-11-14 22:14:20,,3\n",
            vec![
                ("a", 1_700_000_000, Some(1.0)),
                ("a", 1_700_000_060, None),
                ("b", 1_700_000_000, Some(2.0)),
                ("b", 1_700_000_060, Some(3.0)),
            ],
        ),
        (
            // Grafana, one row a point, for a spreadsheet
            "sep=;\nSeries;Time;Value\na;2023-11-14T22:13:20+00:00;1\nb;2023-11-14T22:13:20+00:00;2\n",
            vec![("a", 1_700_000_000, Some(1.0)), ("b", 1_700_000_000, Some(2.0))],
        ),
        (
            "cpu,host=a\\ 1,core=0 usage=1 1700000000000000000\ncpu,host=b usage=2i 1700000000000000000\n",
            vec![("a 1", 1_700_000_000, Some(1.0)), ("b", 1_700_000_000, Some(2.0))],
        ),
    ] {
        let file =
            read(text.as_bytes(), &Layout::default()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(points(&file), expected, "{text}: {:?}", file.notes);
    }
}

#[test]
fn packed_files_are_unpacked() {
    let text = b"time,value\n0,1\n60,2\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, text).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(&text[..], ruzstd::encoding::CompressionLevel::Fastest);
    for packed in [&gzip[..], &zstd] {
        assert_eq!(points(&read(packed, &Layout::default()).unwrap()).len(), 2);
    }
    let cut = read(&gzip[..gzip.len() - 9], &Layout::default()).unwrap_err().to_string();
    assert!(cut.starts_with("the file begins as gzip does, and cannot be unpacked: "), "{cut}");
}

#[test]
fn msgpack_and_the_forward_protocol_are_read() {
    // {"time": 0, "value": 1}, {"time": 60, "value": 2}
    let maps = b"\x82\xa4time\x00\xa5value\x01\x82\xa4time\x3c\xa5value\x02";
    assert_eq!(points(&read(maps, &Layout::default()).unwrap()), [("", 0, Some(1.0)), ("", 60, Some(2.0))]);
    // ["app", [[event time, {"ms": 1}], [1, {"ms": 2}]]]
    let forward =
        b"\x92\xa3app\x92\x92\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00\x81\xa2ms\x01\x92\x01\x81\xa2ms\x02";
    let file = read(forward, &Layout::default()).unwrap();
    assert_eq!(points(&file), [("", 0, Some(1.0)), ("", 1, Some(2.0))]);
    assert_eq!(file.notes, ["read as msgpack: time the envelope's, value `ms`"]);
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
        ("time,load\n0,1\n", "line 2: there is only one point with a value: two or more are wanted"),
        (
            "hour,value\n0,1\n",
            "line 1: no time among \"hour\", \"value\": one of time, timestamp, ts, @timestamp, date, datetime, fluent_time, _time, eventtime is wanted; name another with --time",
        ),
        (
            "0\n60\n",
            "line 1: no value among \"column 1\": one of value, raw_value, _value, val is wanted; name another with --value",
        ),
        (
            "time,host,load,ms\n0,a,1,2\n",
            "line 1: `load`, `ms` all hold numbers: name the one that is wanted with --value",
        ),
        (
            "{\"time\":0,\"load\":\"x\",\"b\":true}\n",
            "line 1: no value among \"b\", \"load\", \"time\": one of value, raw_value, _value, val is wanted; name another with --value",
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
            "time,value\n60,1\n0,2\n60,3\n",
            "line 4: the series has a value at this time already, in line 2: name with --by what tells its series apart",
        ),
        (
            "time,value,host\n60,1,a\n0,2,b\n60,3,a\n",
            "line 4: the series a has a value at this time already, in line 2: name with --by what tells its series apart",
        ),
        (
            "{\"time\":1,\"value\":\"12 fish\"}\n",
            "line 1, column value: \"12 fish\" is not allowed: a finite number, or null where one is missing",
        ),
        (
            "{\"time\":[],\"value\":1}\n",
            "line 1: no time among \"value\": one of time, timestamp, ts, @timestamp, date, datetime, fluent_time, _time, eventtime is wanted; name another with --time",
        ),
        ("{\"time\":9,\"value\":1}\nx\n", "line 2: not a record: no JSON at column 1: expected value"),
        (
            "{\"time\":9,\"value\":1}\n[1]\n",
            "line 2: not a record: it is an array, an object (`{`) is wanted",
        ),
        ("[{\"time\":9},\n7]", "line 2: not a record: it is a number, an object (`{`) is wanted"),
        ("[{\"time\":9}", "line 1: not a record: the array is not closed"),
        ("time,value\n0,\"1\n", "line 2: a quote that is not closed on its line"),
        ("time,value\n0,\"1\"2\n", "line 2: text behind a closing quote"),
        (
            "m,a=b v=1 5\nm,a=b\n",
            "line 2: not a record: it is no `measurement,tag=value field=1.5 <time>` of InfluxDB's line protocol",
        ),
        (
            "\u{feff}",
            "the file is empty: CSV with the columns time and value is wanted, or JSON lines with such fields",
        ),
    ] {
        assert_eq!(error(text), told, "{text:?}");
    }
    for (bytes, told) in [
        (&b"0,1\n\xff,2\n"[..], "line 2: bytes that are no UTF-8 text"),
        (b"\xff\xfe\0\xd8t\0", "line 1: text that is no UTF-16: save it as UTF-8"),
        (b"\x28\xb5\x2f\xfdno", "the file begins as zstd does, and cannot be unpacked"),
    ] {
        let error = read(bytes, &Layout::default()).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    let long = format!("time,value\n0,{}\n", "x".repeat(500));
    assert!(error(&long).len() < 200);
    let by = Layout { by: vec!["pod".to_owned()], ..Layout::default() };
    assert_eq!(
        read(b"time,value\n0,1\n", &by).unwrap_err().to_string(),
        "no column is named \"pod\" (--by); there are \"time\", \"value\""
    );
}

#[test]
fn a_few_times_that_come_twice_are_kept_where_clocks_may_be_set_back() {
    let csv: String =
        (0..200).map(|n| format!("{},{n}\n", if n == 100 { 99 * 60 } else { n * 60 })).collect();
    let repeats = Layout { repeats: true, ..Layout::default() };
    assert_eq!(read(csv.as_bytes(), &repeats).unwrap().series[0].points.len(), 200);
    assert!(read(csv.as_bytes(), &Layout::default()).is_err());
    let file = read(b"time,value\n0,1\n0,1\n60,2\n", &Layout::default()).unwrap();
    assert_eq!(points(&file).len(), 2, "the same line twice is one point: {:?}", file.notes);
}

#[test]
fn lines_that_are_not_in_the_order_of_time_are_sorted() {
    let file = read(b"time,value\n60,1\n0,2\n", &Layout::default()).unwrap();
    assert_eq!(points(&file), [("", 0, Some(2.0)), ("", 60, Some(1.0))]);
    assert_eq!(file.notes[1], "the lines are not in the order of time: sorted");
}

#[test]
fn a_section_says_where_to_look_first() {
    let section = Layout { value: Some("$ms".to_owned()), by: vec!["$host".to_owned()], ..Layout::default() };
    let layout = Layout { section: Some(Box::new(section)), ..Layout::default() };
    let file =
        read(b"{\"time\":0,\"ms\":1,\"value\":9}\n{\"time\":1,\"ms\":2,\"value\":9}", &layout).unwrap();
    assert_eq!(points(&file), [("", 0, Some(1.0)), ("", 1, Some(2.0))]);
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

#[test]
fn exports_of_collectors_are_read_and_a_page_of_an_exporter_says_where_history_is() {
    let exported = concat!(
        r#"{"metric":{"__name__":"load","instance":"a"},"values":[1,2],"timestamps":[1700000000000,1700000060000]}"#,
        "\n",
        r#"{"metric":{"__name__":"load","instance":"b"},"values":[3,4],"timestamps":[1700000000000,1700000060000]}"#,
        "\n"
    );
    let file = read(exported.as_bytes(), &Layout::default()).unwrap();
    assert_eq!(points(&file)[1], ("a", 1_700_000_060, Some(2.0)));
    assert_eq!(points(&file)[3], ("b", 1_700_000_060, Some(4.0)));
    let zabbix = "{\"clock\":1700000000,\"name\":\"Load\",\"value\":1}\n{\"clock\":1700000060,\"name\":\"Load\",\"value\":2}\n";
    let file = read(zabbix.as_bytes(), &Layout::default()).unwrap();
    assert_eq!(points(&file)[1].1, 1_700_000_060);
    let page = "# HELP node_load1 1m load average.\n# TYPE node_load1 gauge\nnode_load1 0.42\n";
    assert!(error(page).contains("GET /api/v1/query_range"), "{}", error(page));
    let lists = read_table(b"{\"time\":1,\"values\":[1.5,2]}\n{\"time\":2,\"values\":[1,2]}\n", &[]).unwrap();
    assert_eq!(lists.lists, ["$values"]);
}
