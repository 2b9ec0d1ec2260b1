use super::super::batch::Batch;
use super::super::settings::ShipperSettings;
use super::{Parser, RECORD_LIMIT, StreamFormat, read_ahead};
use proptest::prelude::*;

fn batch() -> Batch {
    let key = |name: &str| (name == "dd_api_key").then(|| "k".to_owned());
    Batch::new(&ShipperSettings::read(key, |_| None).unwrap())
}

/// Values of all points, and what was dropped.
fn parsed<'a>(blocks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<f64>, String) {
    let (mut parser, mut batch) = (Parser::new(String::new()), batch());
    for block in blocks {
        parser.feed(block, &mut batch);
        assert!(parser.pending.len() <= RECORD_LIMIT + block.len());
    }
    parser.finish(&mut batch);
    let values = batch.series().iter().flat_map(|s| &s.points).map(|p| p.value).collect();
    (values, batch.dropped().to_string())
}

const LINES: &str = "{\"metric\":\"m\",\"value\":1}\r\n\n{\"metric\":\"m\",\"value\":2}\nnot json\n{\"metric\":\"m\",\"value\":3}";
/// A legacy entry, a v2 entry, a bare record.
const ENTRIES: &[u8] = b"\x92\x01\x82\xa6metric\xa1m\xa5value\x01\x92\x92\xd7\0\0\0\0\x01\0\0\0\0\x80\x82\xa6metric\xa1m\xa5value\x02\x82\xa6metric\xa1m\xa5value\x03";

#[test]
fn both_formats_are_known_by_their_first_byte() {
    assert_eq!(parsed([LINES.as_bytes()]), (vec![1.0, 2.0, 3.0], "1 not a record".to_owned()));
    assert_eq!(parsed([ENTRIES]), (vec![1.0, 2.0, 3.0], "none".to_owned()));
    assert_eq!(parsed([]), (vec![], "none".to_owned()));
}

#[test]
fn a_cut_end_is_counted_once() {
    for cut in 1..ENTRIES.len() {
        let (values, dropped) = parsed([&ENTRIES[..cut]]);
        let whole = [19, 49].contains(&cut);
        assert!(values.len() < 3);
        assert_eq!(dropped, if whole { "none" } else { "1 not a record" }, "cut at {cut}");
    }
}

#[test]
fn broken_msgpack_ends_the_reading_and_costs_no_memory() {
    let (mut parser, mut batch) = (Parser::new(String::new()), batch());
    parser.feed(&[ENTRIES, &[0xc1]].concat(), &mut batch);
    assert_eq!(parser.format, StreamFormat::Broken);
    parser.feed(&[0; 1000], &mut batch);
    parser.finish(&mut batch);
    assert_eq!((parser.pending.capacity(), batch.len()), (0, 3));
    assert_eq!(batch.dropped().to_string(), "1 not a record");
}

#[test]
fn records_beyond_the_limit_are_passed_over() {
    let long = vec![b' '; RECORD_LIMIT];
    let good = b"{\"metric\":\"m\",\"value\":1}\n";
    let (values, dropped) = parsed([&good[..], &long, &long, b"\n", good]);
    assert_eq!((values, dropped.as_str()), (vec![1.0, 1.0], "1 not a record"));
    // a text of 4 GB is announced
    let (values, dropped) = parsed([&[0x81, 0xdb, 0xff, 0xff, 0xff, 0xff][..], &long, &long, ENTRIES]);
    assert_eq!((values, dropped.as_str()), (vec![], "1 not a record"));
}

proptest! {
    #[test]
    fn where_blocks_end_does_not_matter(cuts in proptest::collection::vec(1_usize..9, 1..100), msgpack: bool) {
        let whole = if msgpack { ENTRIES } else { LINES.as_bytes() };
        let (mut blocks, mut rest) = (Vec::new(), whole);
        for cut in cuts {
            let (block, after) = rest.split_at(cut.min(rest.len()));
            blocks.push(block);
            rest = after;
        }
        blocks.push(rest);
        prop_assert_eq!(parsed(blocks), parsed([whole]));
    }
}

#[test]
fn a_reader_that_fails_by_a_panic_is_no_end_of_the_input() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("a fault of the test")
        }
    }
    let blocks = read_ahead(Failing).unwrap();
    let error = blocks.recv().unwrap().unwrap_err().to_string();
    assert!(error.contains("the thread that reads it has failed"), "{error}");
}
