//! Any bytes of a forward server: a whole value has an end, and what comes behind it does not move that end.

use fluent_anomaly::internals::read_forward_answers;

pub fn run(data: &[u8]) {
    let Some(len) = read_forward_answers(data) else { return };
    assert!(len <= data.len());
    assert_eq!(read_forward_answers(&data[..len]), Some(len));
    let mut rest = data;
    if rmpv::decode::read_value_ref(&mut rest).is_ok() {
        assert_eq!(data.len() - rest.len(), len);
    }
}
