//! Slips in the options of every command, and wrong values of them.

#[path = "../../../tests/common/slips.rs"]
mod slips;

use std::any::TypeId;
use std::collections::BTreeSet;

use clap::Arg;

use super::*;
use slips::slips;

/// Each command that can be run, with the words that name it.
fn commands() -> Vec<(Vec<String>, Command)> {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    let mut open = vec![(vec!["fluent-anomaly".to_owned()], root)];
    while let Some((words, command)) = open.pop() {
        let inner = command.get_subcommands().filter(|command| command.get_name() != "help");
        let before = open.len();
        open.extend(
            inner.map(|inner| ([&words[..], &[inner.get_name().to_owned()]].concat(), inner.clone())),
        );
        if open.len() == before {
            found.push((words, command));
        }
    }
    found
}

/// What is said of these words behind a command; `None` where they are taken.
fn told(command: &[String], behind: &[&str]) -> Option<(ErrorKind, String)> {
    let words: Vec<OsString> =
        command.iter().map(String::as_str).chain(behind.iter().copied()).map(OsString::from).collect();
    read(&words).err().map(|error| (error.kind(), error.render().to_string()))
}

#[test]
fn each_slip_in_the_name_of_an_option_names_the_one_that_is_meant() {
    let (mut tried, mut suggested) = (0, 0);
    for (words, command) in commands() {
        let all: Vec<&Arg> = command.get_arguments().collect();
        let names = |option: &Arg| {
            let aliases = option.get_all_aliases().unwrap_or_default();
            option.get_long().into_iter().chain(aliases).map(str::to_owned).collect::<Vec<_>>()
        };
        let known: BTreeSet<String> = all.iter().flat_map(|option| names(option)).collect();
        for name in all.iter().filter(|option| !option.is_hide_set()).filter_map(|option| option.get_long()) {
            for slip in slips(name).into_iter().filter(|slip| !known.contains(slip)) {
                let (kind, said) = told(&words, &[&format!("--{slip}"), "x"]).unwrap();
                assert_eq!(kind, ErrorKind::UnknownArgument, "{words:?} --{slip}: {said}");
                assert!(said.contains(&format!("'--{slip}'")), "{words:?} --{slip}: {said}");
                let is_meant = said.contains(&format!("'--{name}'"));
                let is_listed = said.split([' ', ',', '\n']).any(|word| word == format!("--{name}"));
                assert!(is_meant || is_listed, "{words:?} --{slip}: {said}");
                tried += 1;
                suggested += usize::from(is_meant);
            }
        }
    }
    assert!(tried > 2000 && suggested * 100 > tried * 85, "{suggested} of {tried}");
}

#[test]
fn each_slip_in_the_name_of_a_command_names_the_one_that_is_meant() {
    let words: BTreeSet<Vec<String>> = commands()
        .into_iter()
        .flat_map(|(words, _)| (2..=words.len()).map(move |n| words[..n].to_vec()))
        .collect();
    for command in &words {
        let (name, before) = command.split_last().unwrap();
        for slip in slips(name) {
            if words.contains(&[before, std::slice::from_ref(&slip)].concat()) {
                continue;
            }
            let (kind, said) = told(before, &[&slip]).unwrap();
            assert_eq!(kind, ErrorKind::InvalidSubcommand, "{before:?} {slip}: {said}");
            let listed = said.split([' ', ',', '\n', '\'']).any(|word| word == name);
            assert!(said.contains(&format!("'{slip}'")) && listed, "{before:?} {slip}: {said}");
        }
    }
}

#[test]
fn each_wrong_value_of_an_option_with_a_kind_is_told_with_what_is_allowed() {
    let whole = [TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>()];
    let (mut words_tried, mut numbers_tried) = (0, 0);
    for (words, command) in commands() {
        for option in command.get_arguments().filter(|option| option.get_action().takes_values()) {
            let Some(name) = option.get_long() else { continue };
            let allowed: Vec<String> =
                option.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
            let kind = option.get_value_parser().type_id();
            let is_whole = whole.iter().any(|whole| kind == *whole);
            let wrong: &[&str] = match () {
                () if !allowed.is_empty() => &["", "nonsense", "Text,"],
                () if is_whole => &["", "many", "-1", "1.5", "1,000", "60s", "99999999999999999999"],
                () => continue,
            };
            for value in wrong {
                let (kind, said) = told(&words, &[&format!("--{name}"), value]).unwrap();
                let of = format!("{words:?} --{name} {value}: {said}");
                assert!(
                    [ErrorKind::InvalidValue, ErrorKind::ValueValidation].contains(&kind),
                    "{kind:?} {of}"
                );
                assert!(said.contains(&format!("'--{name} <")) && said.contains(value), "{of}");
                assert!(allowed.iter().all(|word| said.contains(word)), "{of}");
                assert!(!is_whole || said.contains("a whole number is wanted, "), "{of}");
            }
            (words_tried, numbers_tried) =
                (words_tried + usize::from(!is_whole), numbers_tried + usize::from(is_whole));
        }
    }
    assert!(words_tried >= 12 && numbers_tried >= 6, "{words_tried} {numbers_tried}");
}

#[test]
fn what_is_wrong_on_the_command_line_stands_in_the_log_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("filter.log");
    let path = path.to_str().unwrap();
    for words in [
        vec!["fluent-anomaly", "filter", "--tagkey", "x", "--log", path],
        vec!["fluent-anomaly", "filter", &format!("--log={path}"), "--format", "xml"],
    ] {
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        log(&words, &read(&words).unwrap_err());
    }
    let said = std::fs::read_to_string(path).unwrap();
    assert!(said.contains("'--tag-key'") && said.contains("[possible values: json, msgpack]"), "{said}");
}
