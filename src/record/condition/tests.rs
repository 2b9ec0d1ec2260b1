//! What holds, what is refused, and that no text makes the parser or the matcher panic.

use proptest::prelude::*;

use super::*;
use crate::record::{Extractor, Format, Found};

/// Whether a condition holds for a JSON record.
fn holds(condition: &str, record: &str) -> bool {
    let condition = Condition::parse(condition).unwrap_or_else(|error| panic!("{error}"));
    let extractor = Extractor::new(Format::Json, condition.fields(), &[]);
    let mut found = Found::default();
    extractor.scan(record.as_bytes(), &mut found).unwrap();
    let holds = condition.holds(&mut Vec::new(), |field| found.value(record.as_bytes(), field));
    if let Some((field, needed)) = condition.needed_text()
        && found.plain_text(record.as_bytes(), field).is_some_and(|text| text != needed)
    {
        assert!(!holds, "{condition} holds without the text that it needs");
    }
    holds
}

const RECORD: &str = r#"{"level":"error","code":503,"took":"12.5","ok":false,"said":"true","gone":null,
    "path":"/api/v2/users","msg":"he said \"no\" to /x","k8s":{"ns":"shop","labels":["a","b"]},"exp":5e2,"ü":"größe"}"#;

#[test]
fn each_test_holds_where_it_should_and_only_there() {
    for (condition, expected) in [
        ("$level == 'error'", true),
        ("$level == \"error\"", true),
        ("$level=='error'", true),
        ("$level == 'Error'", false),
        ("$level != 'error'", false),
        ("$level < 'f' and $level > 'd' and $level >= 'error' and $level <= 'error'", true),
        ("$code >= 500", true),
        ("$code > 503", false),
        ("$code < 503.5", true),
        ("$code == 5.03e2", true),
        ("$exp == 500", true),
        ("$exp == '500'", false),
        ("$exp == '5e2'", true),
        ("$code == '503'", true),
        ("$took > 12", true),
        ("$took == 12.50", true),
        ("$took == '12.50'", false),
        ("$level > 0", false),
        ("$ok == false", true),
        ("$ok == 'false'", true),
        ("$said == true", true),
        ("$level == true", false),
        ("$code == true", false),
        ("$gone exists", false),
        ("$gone == 0", false),
        ("$gone != 0", true),
        ("$k8s exists and $k8s['ns'] exists and $k8s['labels'][1] == 'b'", true),
        ("$k8s['labels'][2] exists", false),
        ("$k8s == ''", false),
        ("$absent != 'x'", true),
        ("$absent == 'x'", false),
        ("$absent < 1 or $absent >= 1", false),
        ("$path contains 'v2'", true),
        ("$path contains ''", true),
        ("$path contains 'v3'", false),
        ("$path not contains 'v3'", true),
        ("$path starts with '/api/'", true),
        ("$path starts with 'api'", false),
        ("$path not starts with 'api'", true),
        ("$code starts with '5'", true),
        ("$code matches /^5..$/", true),
        ("$msg == 'he said \"no\" to /x'", true),
        ("$msg matches /\"no\" to \\/x$/", true),
        ("$msg contains '\"no\"'", true),
        ("$level in ('warn', 'error')", true),
        ("$code in (500, 503)", true),
        ("$code in ('500', '503')", true),
        ("$code not in (500, 503)", false),
        ("$level in ('warn', 3, true)", false),
        ("$ü == 'größe'", true),
        ("$ü matches /^GR..E$/i", true),
        ("$path matches /^\\/API\\/v\\d+\\/[a-z]+$/i", true),
        ("not $level == 'error'", false),
        ("not not $level == 'error'", true),
        ("NOT ($level == 'warn' OR $code < 500)", true),
        ("$a == 1 or $level == 'error' and $b == 2", false),
        ("($a == 1 or $level == 'error') and $code == 503", true),
        ("$level == 'error' or $a == 1 and $b == 2", true),
        ("not $a == 1 and not $b == 2", true),
        ("((((($level == 'error')))))", true),
        ("$level == 'error'\n  and $code > 1", true),
    ] {
        assert_eq!(holds(condition, RECORD), expected, "{condition}");
    }
}

#[test]
fn an_error_shows_the_place_and_what_is_allowed() {
    for (text, column, says) in [
        ("", 1, "a condition is wanted"),
        ("$level == error", 11, "`error` stands where a value is wanted"),
        ("level == 'error'", 1, "a field begins with $"),
        ("$level = 'error'", 8, "write =="),
        ("$level =~ 'error'", 8, "write matches"),
        ("$level <> 'error'", 8, "write !="),
        ("$level is 'error'", 8, "write == or exists"),
        ("$level", 7, "the text ends where a comparison is wanted"),
        ("$a == 1 && $b == 2", 9, "write `and`"),
        ("$a == 1 || $b == 2", 9, "write `or`"),
        ("! $a == 1", 1, "write `not`"),
        ("$a == 1 $b == 2", 9, "where `and`, `or` or the end is wanted"),
        ("$a == 'x", 7, "no closing quote"),
        ("$a == 5x", 7, "`5x` stands where a value is wanted"),
        ("($a == 1", 1, "not closed"),
        ("$a == 1)", 8, "closes none"),
        ("$a in 1", 7, "where a list is wanted"),
        ("$a in (1 2)", 10, "where `,` or `)` is wanted"),
        ("$a in ()", 8, "where a value is wanted"),
        ("$a starts 'x'", 11, "where `with` is wanted"),
        ("$a contains 5", 13, "where a text in quotes is wanted"),
        ("$a matches 'x'", 12, "between slashes"),
        ("$a matches /x", 12, "no closing slash"),
        ("$a matches /x/g", 15, "only `i` is allowed"),
        ("$a matches /x(y/", 14, "group is not closed"),
        ("$a matches /x**/", 15, "nothing to repeat"),
        ("$a matches /(?=x)/", 13, "look-around"),
        ("$a matches /\\p{L}/", 13, "escape is unknown"),
        ("$a matches /[z-a]/", 13, "range"),
        ("$a matches /x{9999}/", 14, "repetition"),
        ("$a matches /(\\w{100}){100}/", 22, "too large"),
        ("$a.b == 1", 1, "write $['a.b'] for a key with a dot, or $a['b']"),
        ("$a[ == 1", 1, "the bracket at column 3"),
        ("$größe == x", 11, "`x` stands"),
        ("$a == null", 7, "not $field exists"),
        ("'error' == $a", 1, "the field comes first"),
        ("500 <= $a", 1, "the field comes first"),
    ] {
        let error = Condition::parse(text).expect_err(text);
        assert_eq!(error.column(), column, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
        let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
        assert_eq!(
            lines.last().unwrap().chars().count(),
            4 + column,
            "the caret is below the place: {error}"
        );
    }
    // wide characters take two columns of a terminal, a joined one none
    let caret = |text: &str| Condition::parse(text).unwrap_err().to_string().lines().last().unwrap().len();
    assert_eq!(caret("$a == '日本' and x"), caret("$a == 'abcd' and x"));
    assert_eq!(caret("$a == 'e\u{301}🚀' and x"), caret("$a == 'abc' and x"));
}

#[test]
fn brackets_may_nest_as_deep_as_the_text_is_long_and_tests_are_counted() {
    let deep = format!("{}$a == 1{}", "(".repeat(2000), ")".repeat(2000));
    assert!(holds(&deep, r#"{"a":1}"#));
    let deep = format!("{}$a == 1", "not ".repeat(1001));
    assert!(!holds(&deep, r#"{"a":1}"#));
    let many = |n: usize| vec!["$a == 1"; n].join(" and ");
    assert!(holds(&many(64), r#"{"a":1}"#));
    assert!(Condition::parse(&many(65)).unwrap_err().to_string().contains("at most 64 tests"));
    let long = format!("$a == '{}'", "x".repeat(5000));
    assert!(Condition::parse(&long).unwrap_err().to_string().contains("at most 4096 bytes"));
}

#[test]
fn a_field_that_is_tested_twice_is_read_by_one_accessor() {
    let condition = Condition::parse("$a > 1 and $a < 5 and $b exists").unwrap();
    assert_eq!(condition.fields().len(), 2);
}

#[test]
fn msgpack_records_are_tested_alike() {
    let condition = Condition::parse("$a == '7' and $b >= 1.5 and $c == true and $d contains 'x'").unwrap();
    let record = b"\x84\xa1a\x07\xa1b\xcb\x3f\xf8\0\0\0\0\0\0\xa1c\xc3\xa1d\xa3axb";
    let extractor = Extractor::new(Format::Msgpack, condition.fields(), &[]);
    let mut found = Found::default();
    extractor.scan(record, &mut found).unwrap();
    assert!(condition.holds(&mut Vec::new(), |field| found.value(record, field)));
}

#[test]
fn expressions_that_explode_elsewhere_take_linear_time() {
    let record = format!("{{\"a\":\"{}b\"}}", "a".repeat(100_000));
    assert!(!holds(r"$a matches /^(a+)+$/", &record));
    assert!(!holds(r"$a matches /(a|a)*c/", &record));
    assert!(!holds(r"$a matches /(a*)*(a*)*(a?){100}c/", &record));
}

/// A condition whose value is known, from the outside in.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(bool, bool),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn value(&self) -> bool {
        match self {
            Tree::Leaf(value, _) => *value,
            Tree::Not(inner) => !inner.value(),
            Tree::And(a, b) => a.value() && b.value(),
            Tree::Or(a, b) => a.value() || b.value(),
        }
    }

    fn text(&self) -> String {
        match self {
            Tree::Leaf(true, false) => "$t == 1".to_owned(),
            Tree::Leaf(true, true) => "$f != 1".to_owned(),
            Tree::Leaf(false, false) => "$f == 1".to_owned(),
            Tree::Leaf(false, true) => "$t not in (1, 2)".to_owned(),
            Tree::Not(inner) => match **inner {
                Tree::And(..) | Tree::Or(..) => format!("not ({})", inner.text()),
                _ => format!("not {}", inner.text()),
            },
            Tree::And(a, b) => {
                let side = |tree: &Tree| match tree {
                    Tree::Or(..) => format!("({})", tree.text()),
                    _ => tree.text(),
                };
                format!("{} and {}", side(a), side(b))
            }
            Tree::Or(a, b) => format!("{} or {}", a.text(), b.text()),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    any::<(bool, bool)>().prop_map(|(value, negated)| Tree::Leaf(value, negated)).prop_recursive(
        5,
        40,
        2,
        |inner| {
            let two = (inner.clone(), inner.clone()).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
            prop_oneof![
                inner.prop_map(|inner| Tree::Not(Box::new(inner))),
                two.clone().prop_map(|(a, b)| Tree::And(a, b)),
                two.prop_map(|(a, b)| Tree::Or(a, b)),
            ]
        },
    )
}

/// Expressions in a syntax that the oracle shares.
fn patterns() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abé]",
        Just(".".to_owned()),
        "\\[\\^?[ab]{1,2}\\]",
        Just("[a-c]".to_owned()),
        Just("[aé]".to_owned()),
        Just("\\w".to_owned()),
        Just("\\W".to_owned()),
        Just("\\b".to_owned()),
        Just("\\B".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned()),
        Just("".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            (
                inner,
                prop_oneof![
                    Just("*"),
                    Just("+"),
                    Just("?"),
                    Just("*?"),
                    Just("{2}"),
                    Just("{1,3}"),
                    Just("{0,2}"),
                    Just("{2,}"),
                    Just("{0}")
                ]
            )
                .prop_map(|(inner, times)| format!("({inner}){times}")),
        ]
    })
}

proptest! {
    #[test]
    fn and_or_not_and_brackets_mean_what_they_say(tree in trees()) {
        prop_assert_eq!(holds(&tree.text(), r#"{"t":1,"f":0}"#), tree.value(), "{}", tree.text());
    }

    #[test]
    fn an_expression_matches_what_the_oracle_matches(pattern in patterns(), texts in proptest::collection::vec("[abc_é \\n]{0,8}", 8)) {
        let ours = match regex::Regex::new(&pattern, false) {
            Ok(ours) => ours,
            Err((_, error)) => { prop_assert_eq!(error, regex::RegexError::TooLarge); return Ok(()); }
        };
        let oracle = ::regex_lite::Regex::new(&pattern).unwrap();
        for text in texts {
            prop_assert_eq!(ours.is_match(text.as_bytes()), oracle.is_match(&text), "{:?} on {:?}", pattern, text);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in "\\PC{0,30}",
        odd in "[$a ='\"()\\[\\]<>!/\\\\^*{}0-9,]{0,30}",
        words in proptest::collection::vec(prop_oneof![
            Just("$a"), Just("=="), Just("in"), Just("("), Just(")"), Just("not"), Just("and"), Just("or"), Just("'x'"),
            Just("5"), Just("matches"), Just("/a(b|c)*[^x]{2,}/"), Just("starts"), Just("with"), Just(","), Just("exists")
        ], 0..12),
    ) {
        for text in [text, odd, words.join(" ")] {
            match Condition::parse(&text) {
                Ok(condition) => { condition.holds(&mut Vec::new(), |_| None); }
                Err(error) => prop_assert!(error.to_string().lines().count() == 3),
            }
        }
    }

    #[test]
    fn no_bytes_make_the_matcher_panic(pattern in "\\PC{0,10}", odd in "[a.(|)*+?{}0-9,\\[\\]^$\\\\bwdé-]{0,20}", bytes in any::<Vec<u8>>()) {
        for pattern in [pattern, odd] {
            if let Ok(regex) = regex::Regex::new(&pattern, true) {
                regex.is_match(&bytes);
            }
        }
    }
}
