use super::*;
use crate::codec::{Reader, Writer};
use proptest::prelude::*;

fn saved(patterns: &LogPatterns) -> Vec<u8> {
    let mut bytes = Vec::new();
    patterns.save(&mut Writer::new(&mut bytes));
    bytes
}

#[test]
fn lines_that_differ_in_numbers_or_in_one_word_of_many_follow_one_template() {
    let mut patterns = LogPatterns::default();
    let id = patterns.observe(b"Received block blk_17 of size 67108864 from /10.250.19.102").id;
    assert_eq!(patterns.observe(b"Received block blk_-9 of size 91178 from /10.250.10.6").id, id);
    let other = patterns.observe(b"Deleting block blk_17 file /mnt/data");
    assert!(other.is_new && other.id != id);
    assert_eq!(patterns.template_of(id), Some("Received block blk_<*> of size <*> from /<*>"));
    let ann = patterns.observe(b"session opened for user ann by root");
    let bob = patterns.observe(b"session opened for user bob by root");
    assert_eq!((ann.id, bob.is_new, bob.is_changed), (bob.id, false, true));
    assert_eq!(patterns.template(bob.place), "session opened for user <*> by root");
    let empty = patterns.observe(b"").place;
    assert_eq!(patterns.template(empty), "");
    assert_eq!(patterns.len(), 4);
}

#[test]
fn an_id_is_that_of_the_first_line_whatever_came_before() {
    let line = b"cache miss for key 17 in shard b";
    let mut fresh = LogPatterns::default();
    let mut used = LogPatterns::default();
    for n in 0..500 {
        used.observe(format!("line of kind{} number {n}", "x".repeat(n % 40)).as_bytes());
    }
    assert_eq!(fresh.observe(line).id, used.observe(line).id);
    assert_eq!(fresh.observe(line).id, 0x1c41_3f1f, "ids are part of what users store");
}

#[test]
fn binary_junk_and_endless_lines_stay_within_the_bounds() {
    let mut patterns = LogPatterns::default();
    let mut state = 1u64;
    for n in 0..5000usize {
        let mut line = Vec::new();
        for _ in 0..n % 300 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            line.push((state >> 56) as u8);
        }
        patterns.observe(&line);
    }
    patterns.observe(&vec![b'x'; 1_000_000]);
    patterns.observe("a ".repeat(100_000).as_bytes());
    patterns.observe("ä".repeat(10_000).as_bytes());
    assert!(patterns.len() <= MAX_PATTERNS);
    assert!(patterns.forgotten() > 0);
    assert!(patterns.patterns.iter().all(|pattern| pattern.text.len() <= MAX_TEXT));
    assert!(saved(&patterns).len() < MAX_PATTERNS * (4 * MAX_WORDS + MAX_TEXT + 32));
    // what was seen last is still known
    assert!(!patterns.observe("ä".repeat(10_000).as_bytes()).is_new);
}

#[test]
fn the_template_seen_least_recently_is_forgotten_first() {
    let mut patterns = LogPatterns::default();
    let word = |n: usize| {
        format!("kind{}", "abcdefghij".chars().nth(n % 10).unwrap().to_string().repeat(1 + n / 10))
    };
    for n in 0..MAX_PATTERNS {
        assert!(patterns.observe(word(n).as_bytes()).is_new);
    }
    patterns.observe(word(0).as_bytes());
    assert!(patterns.observe(b"one more").is_new);
    assert!(!patterns.observe(word(0).as_bytes()).is_new);
    assert!(patterns.observe(word(1).as_bytes()).is_new);
    assert_eq!((patterns.len(), patterns.forgotten()), (MAX_PATTERNS, 2));
}

#[test]
fn a_word_that_was_the_same_in_a_hundred_lines_does_not_begin_to_vary() {
    let mut patterns = LogPatterns::default();
    let backup = |patterns: &mut LogPatterns, volume: usize, end: &str| {
        patterns.observe(format!("backup of volume {volume} to the vault has {end}").as_bytes())
    };
    let usual = backup(&mut patterns, 0, "succeeded").id;
    for volume in 1..100 {
        assert_eq!(backup(&mut patterns, volume, "succeeded").id, usual);
    }
    let failed = backup(&mut patterns, 7, "failed");
    assert!(failed.is_new);
    assert_eq!(patterns.template(failed.place), "backup of volume <*> to the vault has failed");
    // what differs from a line that came once is a name that varies
    let hung = backup(&mut patterns, 8, "hung");
    assert_eq!((hung.is_new, hung.id), (false, failed.id));
    assert_eq!(patterns.template(hung.place), "backup of volume <*> to the vault has <*>");
    // each goes on to its own
    assert_eq!(backup(&mut patterns, 9, "succeeded").id, usual);
    assert_eq!(backup(&mut patterns, 9, "stopped").id, failed.id);
}

#[test]
fn a_line_with_a_date_ahead_follows_its_template_in_each_month() {
    let mut patterns = LogPatterns::default();
    let id = patterns.observe(b"Jun 14 15:16:01 combo sshd: session opened for root").id;
    for date in ["Jul 2", "Dec 31", "Feb 29"] {
        let line = format!("{date} 15:16:02 combo sshd: session opened for root");
        let seen = patterns.observe(line.as_bytes());
        assert_eq!((seen.is_new, seen.id), (false, id), "{line}");
    }
}

#[test]
fn what_is_equal_but_for_its_numbers_does_not_make_lines_alike() {
    let mut patterns = LogPatterns::default();
    let first = patterns.observe(b"[req-17: node-3] [tenant-9] (5c) volume attached to instance");
    let second = patterns.observe(b"[req-18: node-4] [tenant-9] (5c) image deleted from cache");
    assert!(second.is_new && second.id != first.id);
}

proptest! {
    #[test]
    fn restored_templates_go_on_as_the_saved_ones(
        before in proptest::collection::vec("[ab]{1,2}( [ab1]{1,2}){0,5}", 0..60),
        behind in proptest::collection::vec("[ab]{1,2}( [ab1]{1,2}){0,5}", 0..60),
    ) {
        let mut original = LogPatterns::default();
        before.iter().for_each(|line| { original.observe(line.as_bytes()); });
        let mut restored = LogPatterns::restore(&mut Reader::new(&saved(&original))).unwrap();
        for line in &behind {
            prop_assert_eq!(restored.observe(line.as_bytes()), original.observe(line.as_bytes()));
        }
        prop_assert_eq!(saved(&restored), saved(&original));
    }

    #[test]
    fn no_line_and_no_bytes_make_it_panic(lines: Vec<Vec<u8>>, bytes: Vec<u8>) {
        let mut patterns = LogPatterns::default();
        for line in &lines {
            let seen = patterns.observe(line);
            prop_assert!(seen.id != 0 && patterns.template_of(seen.id).is_some());
        }
        let _ = LogPatterns::restore(&mut Reader::new(&bytes));
    }
}
