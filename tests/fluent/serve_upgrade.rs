//! `serve` goes on from a folder of an earlier version: what a client sends again is known.

use std::fs;
use std::path::Path;

use super::serve::{Client, INI, Serve, wait_until};
use crate::common::forward_server::Server;

/// Files of the version before 28 November 2026, whose keys of chunks have another checksum. It had acknowledged the chunks
/// `a` and `b` of 127.0.0.1 and was stopped; then it had sent `c`, without an answer, and was killed.
const MODELS: &str = "\
    66612d73657276650200000000000000030000000000000002815f063786f12921c7f587c9082be2f7e979976095a8a7bff7715be26eefcd04017001 \
    000000000000d402c902464c55414e4f4d013508795e03530100000000000000010000000000000000000000010e7365726965732e6c6174656e6379 \
    9d97811f76b320ba0000000000000080fa01fb25ef2673000000cac471fe9c9717027461ea01010076e09c11a5bdd13f1a15ddb8b255f03f00000000 \
    00001c400000000000001c400508e8c47a38fd3f11d867dab652ec3f7dfe05507db8acbf000000000000000000000000000000000000000000000000 \
    00000000000000000000000000000000000000000000000000000000000000000000000000000000889013cc45e33940dcffe54c640c0b40fc9d297f \
    8e1bac3f9f4024736455b43fd3a60f70d1b50440d0a626de416a0740147f45bf9de1c23f4a42502c2f76b23fc4cf3313fb4b62bf0000000000000000 \
    0000000000000000000000000000000054cced0c55c7484094bb125023782140020def3f1c4501c38e2b7d7a02a5ad00010e7365726965732e6c6174 \
    656e637900000000000000000000f6172eda2b34f04d";
const LOG_2: &str = "\
    09000000b79a9ecc0f32f441480200000000000000";
const LOG_3: &str = "\
    09000000f68ddc3542055efb48030000000000000040000000fcba16705a4ea2e243030000000000000097731e834319ec184de465c6f74445132aef \
    44bb385de07c076170702e77656292d7006553f1020000000082a4686f7374a161a26d7307";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').map(digit).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The chunk with this id, a second later than the one before.
fn send(client: &mut Client, id: u8) {
    let time = [0xd7, 0, 0x65, 0x53, 0xf1, id - b'a', 0, 0, 0, 0];
    let record = b"\x82\xa4host\xa1a\xa2ms\x07\x81\xa5chunk\xa1";
    client.send(&[b"\x94\xa7app.web", &time[..], record, &[id]].concat());
    client.expect(&[b"\x81\xa3ack\xa1", &[id][..]].concat());
}

fn start_again(serve: &mut Serve, to: &str) -> Client {
    (serve.program, serve.port) = Serve::program(serve.folder.path(), to, "tcp");
    serve.client()
}

#[test]
fn chunks_that_an_earlier_version_took_are_known_and_its_models_go_on() {
    let whole = Server::start(vec![]);
    let undisturbed = Serve::start(INI, &whole.url());
    let mut client = undisturbed.client();
    (b'a'..=b'e').for_each(|id| send(&mut client, id));
    let wanted = whole.records();

    let next = Server::start(vec![]);
    let mut serve = Serve::start(INI, &next.url());
    serve.program.stop();
    let state = serve.folder.path().join("state/serve");
    fs::remove_dir_all(&state).unwrap();
    fs::create_dir(&state).unwrap();
    for (name, hex) in [("models", MODELS), ("log-02", LOG_2), ("log-03", LOG_3)] {
        fs::write(Path::new(&state).join(name), bytes(hex)).unwrap();
    }
    let mut client = start_again(&mut serve, &next.url());
    wait_until("what was on its way goes first", || next.records().len() == 1);
    for id in *b"abcab" {
        send(&mut client, id);
    }
    send(&mut client, b'd');
    assert_eq!(next.records(), wanted[2..4], "only what is new is scored: {}", serve.program.stderr());
    serve.program.stop();
    // the state is now of this version, and says which of its keys are not
    let mut client = start_again(&mut serve, &next.url());
    for id in *b"abcd" {
        send(&mut client, id);
    }
    send(&mut client, b'e');
    assert_eq!(next.records(), wanted[2..], "{}", serve.program.stderr());
}
