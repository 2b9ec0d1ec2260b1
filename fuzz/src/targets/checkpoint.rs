//! Checkpoints of a partition and their pieces: broken ones are refused, sound ones give back what was saved.

use fluent_anomaly::streams::{Assembler, Checkpoint, chunks};
use fluent_anomaly::{Config, Format, Pipeline, Time};

thread_local! {
    static CONFIG_OF_ALL: Config = {
        let text = "[series.a]\nmatch: *\nvalue: $x\nby: $h\nk: 2\n";
        Config::parse("f.ini", text).expect("a fixed text")
    };
}

/// The first byte says what the rest is: a checkpoint, a checkpoint with a right checksum, pieces, models.
pub fn run(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    match how & 3 {
        0 => read(rest),
        1 => {
            let mut sealed = [&b"FLUACKP\x01"[..], rest].concat();
            let sum = fluent_anomaly::internals::checksum(0, &sealed);
            sealed.extend_from_slice(&sum.to_le_bytes());
            read(&sealed);
        }
        2 => {
            let mut assembler = Assembler::new(None);
            // the head of a piece has a byte for its number and one for their count here
            for piece in rest.chunks(12) {
                let _ = assembler.push(piece);
            }
            let mut assembler = Assembler::new(Some(7));
            let whole: Vec<_> = chunks(7, rest).map(|piece| assembler.push(&piece)).collect();
            assert_eq!(whole.last(), Some(&Ok(Some(rest.to_vec()))));
        }
        _ => {
            let resumed = CONFIG_OF_ALL.with(|config| Pipeline::resume(config, Format::Json, rest));
            if let Ok(mut pipeline) = resumed {
                pipeline.process(b"t", Time::from_seconds(60), &mut br#"{"x":1,"h":"a"}"#.to_vec());
            }
        }
    }
}

fn read(bytes: &[u8]) {
    if let Ok(checkpoint) = Checkpoint::decode(bytes, "t", 0) {
        assert_eq!(Checkpoint::decode(&checkpoint.encode(), "t", 0).as_ref(), Ok(&checkpoint));
    }
}
