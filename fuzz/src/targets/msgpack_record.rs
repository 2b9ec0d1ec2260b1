//! Any bytes: scan and stream reader agree with rmpv and with each other, and annotating keeps all else.

use fluent_anomaly::records::msgpack::object_len;
use fluent_anomaly::{
    Format,
    records::{Accessor, Extractor, Field, Found, Output},
};

pub fn run(data: &[u8]) {
    let inputs = ["$a", "$a['b'][1]"].map(|text| Accessor::parse(text).unwrap());
    let outputs = [Output { name: "a new field".to_owned(), constant: None }];
    let extractor = Extractor::new(Format::Msgpack, &inputs, &outputs);
    let mut found = Found::default();
    let accepted = extractor.scan(data, &mut found).is_ok();

    let len = object_len(data);
    let is_map = data.first().is_some_and(|marker| matches!(marker, 0x80..=0x8f | 0xde | 0xdf));
    assert_eq!(accepted, is_map && len == Ok(Some(data.len())));
    if let Ok(Some(len)) = len {
        for cut in cuts(len) {
            assert_eq!(object_len(&data[..cut]), Ok(None));
        }
        let mut rest = data;
        if rmpv::decode::read_value_ref(&mut rest).is_ok() {
            assert_eq!(data.len() - rest.len(), len);
        }
    }

    let mut annotated = data.to_vec();
    extractor.annotate(&mut annotated, &found, &[(0, Field::Integer(7))]);
    if !accepted {
        assert_eq!(annotated, data);
        return;
    }
    extractor.scan(&annotated, &mut found).unwrap();
    if !data.windows(11).any(|bytes| bytes == b"a new field") {
        let header = |marker: u8| match marker {
            0xde => 3,
            0xdf => 5,
            _ => 1,
        };
        let (before, after) = (header(data[0]), header(annotated[0]));
        let members = &data[before..];
        assert_eq!(&annotated[after..][..members.len()], members);
        assert_eq!(&annotated[after + members.len()..], b"\xaba new field\x07");
    }
}

/// Every place in a short record; in a long one its ends and some between, or the square of its length is read.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    const ENDS: usize = 32;
    (0..len).filter(move |cut| *cut < ENDS || len - cut < ENDS || cut % 61 == 0)
}
