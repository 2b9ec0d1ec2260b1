use super::{Compression, IntakeApi, ShipperSettings};
use std::time::Duration;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn read(options: &[(&str, &str)], env: &[(&str, &str)]) -> Result<ShipperSettings, Vec<String>> {
    let find = |table: &[(&str, &str)], name: &str| {
        table.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    };
    ShipperSettings::read(|name| find(options, name), |name| find(env, name)).map_err(|e| e.problems)
}

#[test]
fn defaults_need_only_a_key() {
    let settings = read(&[("dd_api_key", KEY)], &[]).unwrap();
    assert_eq!(settings.endpoint(), "https://api.datadoghq.com/api/v2/series");
    assert_eq!(settings.compression, Compression::Deflate);
    assert_eq!(settings.timeout, Duration::from_millis(3500));
    assert!(!settings.use_tag && settings.order.is_none());
    assert!(!format!("{settings:?}").contains(KEY));
}

#[test]
fn environment_gives_key_and_site_and_options_win() {
    let env = [("DD_API_KEY", KEY), ("DD_SITE", "datadoghq.eu")];
    assert_eq!(read(&[], &env).unwrap().endpoint(), "https://api.datadoghq.eu/api/v2/series");
    let settings = read(&[("dd_site", "us3.datadoghq.com"), ("dd_api_key", "own")], &env).unwrap();
    assert_eq!(settings.endpoint(), "https://api.us3.datadoghq.com/api/v2/series");
    assert_eq!(settings.key.expose(), "own");
}

#[test]
fn every_option_is_read() {
    let settings = read(
        &[
            ("dd_api_key", KEY),
            ("dd_url", "http://127.0.0.1:8126/"),
            ("dd_host", "web1"),
            ("dd_device", "sda"),
            ("dd_tags", "Env:Prod, team:x,,"),
            ("use_fluentd_tag_for_datadog_tag", "true"),
            ("dd_api", "V1"),
            ("dd_compress", "gzip"),
            ("dd_timeout", "2.5s"),
            ("dd_order", "on"),
            ("dd_order_start", "0"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(settings.endpoint(), "http://127.0.0.1:8126/api/v1/series");
    assert!(settings.local);
    assert_eq!(settings.host.as_deref(), Some("web1"));
    assert_eq!(settings.device.as_deref(), Some("sda"));
    assert_eq!(settings.tags, ["env:prod", "team:x"]);
    assert!(settings.use_tag);
    assert_eq!((settings.api, settings.compression), (IntakeApi::V1, Compression::Gzip));
    assert_eq!(settings.timeout, Duration::from_millis(2500));
    assert_eq!(settings.order.map(|order| order.start), Some(Duration::ZERO));
}

#[test]
fn each_wrong_value_is_named_with_what_is_allowed() {
    let long = "x".repeat(300);
    let table: &[(&str, &str, &str)] = &[
        ("dd_api", "v3", "dd_api: \"v3\" given; allowed are v2, v1"),
        ("dd_compress", "zstd", "dd_compress: \"zstd\" given; allowed are deflate, gzip, off"),
        ("dd_timeout", "0", "dd_timeout: \"0\" given; allowed are 0.1 to 60 seconds"),
        ("dd_order", "strict", "dd_order: \"strict\" given; allowed are off, on"),
        ("dd_order_start", "61", "dd_order_start: \"61\" given; allowed are 0 to 60 seconds"),
        ("dd_timeout", "NaN", "dd_timeout: \"NaN\" given"),
        ("dd_timeout", "soon", "dd_timeout: \"soon\" given"),
        ("dd_site", "https://api.datadoghq.eu", "dd_site: \"https://api.datadoghq.eu\" given"),
        ("dd_site", "api.datadoghq.eu", "dd_site: "),
        ("dd_site", "here", "dd_site: \"here\" given"),
        ("dd_url", "http://intake.example", "dd_url: http would show the key to the network"),
        ("dd_url", "http://127.0.0.1.example", "dd_url: http would show the key"),
        ("dd_url", "https://user:pw@intake.example", "dd_url: user names and queries are refused"),
        ("dd_url", "https://intake.example/?api_key=1", "dd_url: user names and queries are refused"),
        ("dd_url", "ftp://intake.example", "dd_url: the scheme is neither"),
        ("dd_url", "intake", "dd_url: "),
        ("dd_tags", "ok:1,42", "dd_tags: \"42\" holds no letter"),
        ("dd_host", &long, "dd_host: 300 bytes given; at most 255"),
        ("use_fluentd_tag_for_datadog_tag", "maybe", "use_fluentd_tag_for_datadog_tag: \"maybe\" given"),
        ("dd_api_key_file", "/nonexistent/key", "dd_api_key and dd_api_key_file are both given"),
        ("api_key", "x", "api_key: there is no such option; dd_api_key is meant"),
    ];
    for (option, value, wanted) in table {
        let problems = read(&[("dd_api_key", KEY), (option, value)], &[]).unwrap_err();
        assert_eq!(problems.len(), 1, "{option}={value}: {problems:?}");
        assert!(problems[0].starts_with(wanted), "{option}={value}: {problems:?}");
    }
}

#[test]
fn each_slip_in_the_name_of_an_option_is_told_with_the_option_that_is_meant() {
    let options: Vec<&str> = ShipperSettings::OPTIONS.iter().map(|(option, ..)| *option).collect();
    let mut tried = 0;
    for meant in &options {
        for given in super::slips::slips(meant).iter().filter(|given| !options.contains(&given.as_str())) {
            let problems = read(&[("dd_api_key", KEY), (given, "x")], &[]).unwrap_err();
            let told = |meant: &str| format!("{given}: there is no such option; {meant} is meant");
            assert!(problems.contains(&told(meant)), "{given}: {problems:?}");
            // one slip may be as far from two options
            assert!(problems.iter().all(|problem| options.iter().any(|other| *problem == told(other))));
            tried += 1;
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn all_problems_come_at_once() {
    let problems = read(&[("dd_api", "v3"), ("dd_timeout", "x"), ("dd_site", "?")], &[]).unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
}

#[test]
fn no_message_shows_the_key() {
    for key in [format!("{KEY} {KEY}"), format!("{KEY}\u{e9}"), KEY.repeat(20)] {
        let problems = read(&[("dd_api_key", &key)], &[]).unwrap_err();
        assert!(!problems.join(" ").contains(KEY), "{problems:?}");
    }
}

#[test]
fn key_files_are_read_and_trimmed() {
    let path = std::env::temp_dir().join(format!("fluent-anomaly-key-{}", std::process::id()));
    std::fs::write(&path, format!("{KEY}\n")).unwrap();
    let settings = read(&[("dd_api_key_file", path.to_str().unwrap())], &[]).unwrap();
    assert_eq!(settings.key.expose(), KEY);
    std::fs::write(&path, "\n").unwrap();
    let problems = read(&[("dd_api_key_file", path.to_str().unwrap())], &[]).unwrap_err();
    assert!(problems[0].starts_with("dd_api_key_file: 0 bytes"), "{problems:?}");
    std::fs::remove_file(&path).unwrap();
    let problems = read(&[("dd_api_key_file", "/nonexistent/key")], &[]).unwrap_err();
    assert!(problems[0].contains("/nonexistent/key"), "{problems:?}");
}

#[test]
fn the_table_of_options_is_what_is_read_and_described() {
    let asked = std::cell::RefCell::new(Vec::new());
    let _ = ShipperSettings::read(
        |name| {
            asked.borrow_mut().push(name.to_owned());
            None
        },
        |_| None,
    );
    let mut asked = asked.into_inner();
    asked.retain(|name| !super::NEAR_MISSES.iter().any(|(miss, _)| miss == name));
    // `dd_ap` is asked for to tell that `dd_api` is meant
    let is_listed = |name: &str| ShipperSettings::OPTIONS.iter().any(|(option, ..)| *option == name);
    let is_slip = |name: &String| {
        ShipperSettings::OPTIONS.iter().any(|(option, ..)| super::slips::slips(option).contains(name))
    };
    asked.retain(|name| is_listed(name) || !is_slip(name));
    asked.dedup();
    asked.sort();
    let mut listed: Vec<_> = ShipperSettings::OPTIONS.iter().map(|(name, ..)| *name).collect();
    listed.sort_unstable();
    assert_eq!(asked, listed);
    let readme = include_str!("../../../../output-dd/README.md");
    for name in listed {
        assert!(readme.contains(&format!("`{name}`")), "{name} is missing in output-dd/README.md");
    }
}
