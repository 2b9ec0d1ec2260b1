//! The built library, called as hosts from 2.2 on call it.

mod host;
#[path = "../../tests/common/http.rs"]
mod http;

use host::{ERROR, Host, KEY, OK, RETRY, Section, chunk};
use http::{Reply, Server};
use std::ffi::{CStr, c_char};
use std::time::{Duration, Instant};

fn start(host: &Host, server: &Server, more: &[(&str, &str)]) -> (Box<Section>, usize) {
    let mut options = vec![("dd_api_key", KEY), ("dd_url", server.url.as_str())];
    options.extend_from_slice(more);
    let section = Box::new(Section::new(&options));
    let (code, context) = host.init(&section);
    assert_eq!(code, OK, "{:?}", section.log());
    assert!(!context.remote.is_null());
    (section, context.remote.addr())
}

#[test]
fn exports_are_those_the_host_looks_up() {
    let host = Host::new();
    for name in ["PreRegister", "Register", "Init", "FlushCtx", "ExitCtx"] {
        assert!(host.has(&format!("FLBPlugin{name}")), "{name}");
    }
    // a flush without a section could not know its options; unregistering would free static texts
    for name in ["Flush", "Unregister"] {
        assert!(!host.has(&format!("FLBPlugin{name}")), "{name}");
    }
}

#[test]
fn registering_writes_type_proxy_flags_name_and_description_and_nothing_else() {
    let host = Host::new();
    // 32 bytes up to 4.2.2, 40 up to 5.1.0, 48 from 5.1.1 on
    for _reload in 0..2 {
        let mut definition = [0xaa_u8; 48];
        assert_eq!(host.register(definition.as_mut_ptr()), 0);
        assert_eq!(definition[..12], [2, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(definition[12..16], [0xaa; 4]);
        assert_eq!(definition[32..], [0xaa; 16]);
        let text = |at: usize| {
            let pointer = usize::from_ne_bytes(definition[at..at + 8].try_into().unwrap()) as *const c_char;
            unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
        };
        assert_eq!(text(16), "dd");
        assert_eq!(text(24), "Points and anomaly scores to Datadog");
    }
    assert_eq!(host.register(std::ptr::null_mut()), -1);
}

#[test]
fn a_section_ships_and_says_at_its_end_what_it_did() {
    let (host, server) = (Host::new(), Server::start([]));
    let (section, remote) = start(&host, &server, &[("DD_TAGS", "env:x")]);
    assert_eq!(host.flush(remote, &chunk()), OK);
    assert_eq!(host.flush(remote, &[]), OK);
    assert_eq!(host.exit(remote), OK);
    let texts = server.texts();
    assert_eq!(texts.len(), 1);
    assert!(
        texts[0].starts_with(r#"{"series":[{"metric":"m","type":3,"points":[{"timestamp":"#),
        "{}",
        texts[0]
    );
    assert!(texts[0].ends_with(r#","value":1.0}],"tags":["env:x"]}]}"#), "{}", texts[0]);
    assert_eq!(
        section.log(),
        [
            format!("3 [output:dd] points go to {}/api/v2/series", server.url),
            "3 [output:dd] 1 points accepted in 1 requests, 0 retries, dropped: none".to_owned()
        ]
    );
}

#[test]
fn answers_become_the_hosts_codes_and_losses_are_logged() {
    let host = Host::new();
    let server = Server::start([Reply::status(400), Reply::accept(), Reply::status(503)]);
    let (section, remote) = start(&host, &server, &[]);
    assert_eq!(host.flush(remote, &chunk()), ERROR);
    assert_eq!(host.flush(remote, &chunk()), OK);
    assert_eq!(host.flush(remote, &chunk()), RETRY);
    assert_eq!(host.flush(remote, &chunk()), RETRY, "the intake is left alone for a second");
    assert_eq!(server.seen().len(), 3);
    assert_eq!(host.flush(remote, b"\xc1"), ERROR);
    host.exit(remote);
    let log = section.log();
    assert_eq!(
        log[1..3],
        [
            r#"1 [output:dd] points refused as malformed (400): {"errors":["status 400"]}"#,
            "2 [output:dd] dropped: 1 refused by the intake"
        ]
    );
    assert!(
        log[3].starts_with(r#"2 [output:dd] the intake is in trouble: 503 {"errors":["status 503"]};"#),
        "{log:?}"
    );
    assert_eq!(
        log[4],
        "3 [output:dd] 1 points accepted in 3 requests, 2 retries, dropped: 1 not a record, 1 refused by the intake"
    );
}

#[test]
fn stale_repeated_and_null_sections_are_harmless() {
    let (host, server) = (Host::new(), Server::start([]));
    let (_section, remote) = start(&host, &server, &[]);
    assert_eq!(host.exit(0), OK);
    assert_eq!(host.exit(remote), OK);
    assert_eq!(host.exit(remote), OK);
    assert_eq!(host.flush(remote, &chunk()), ERROR);
    assert_eq!(host.flush(0, &chunk()), ERROR);
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn wrong_options_fail_the_start_with_a_line_each_and_never_show_the_key() {
    let host = Host::new();
    let spoiled = format!("{KEY} {KEY}");
    let options =
        [("dd_api_key", spoiled.as_str()), ("dd_api", "v9"), ("dd_timeout", "never"), ("dd_site", "?")];
    let section = Section::new(&options);
    let (code, context) = host.init(&section);
    assert_eq!(code, ERROR);
    assert!(context.remote.is_null());
    let log = section.log();
    assert_eq!(log.len(), 4, "{log:?}");
    assert!(log.iter().all(|line| line.starts_with("1 [output:dd] ")), "{log:?}");
    assert!(log.contains(&"1 [output:dd] dd_api: \"v9\" given; allowed are v2, v1".to_owned()), "{log:?}");
    assert!(!log.concat().contains(KEY), "{log:?}");
}

#[test]
fn sections_of_one_library_keep_apart() {
    let (host, one, two) = (Host::new(), Server::start([]), Server::start([]));
    let (_first, first) = start(&host, &one, &[("dd_host", "one")]);
    let (_second, second) = start(&host, &two, &[("dd_host", "two"), ("dd_api", "v1")]);
    assert_eq!(host.flush(first, &chunk()), OK);
    assert_eq!(host.flush(second, &chunk()), OK);
    host.exit(first);
    assert_eq!(host.flush(second, &chunk()), OK);
    host.exit(second);
    assert_eq!((one.seen().len(), two.seen().len()), (1, 2));
    assert!(one.texts()[0].contains(r#""name":"one""#));
    assert!(two.texts()[1].contains(r#""host":"two""#));
}

#[test]
fn workers_flush_at_once() {
    let (host, server) = (Host::new(), Server::start([]));
    let (section, remote) = start(&host, &server, &[]);
    std::thread::scope(|scope| {
        for _worker in 0..8 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(host.flush(remote, &chunk()), OK)));
        }
    });
    host.exit(remote);
    assert_eq!(server.seen().len(), 40);
    assert!(section.log()[1].starts_with("3 [output:dd] 40 points accepted in 40 requests"));
}

#[test]
fn a_reload_starts_new_sections_while_the_old_ones_still_run() {
    let (old, server) = (Host::new(), Server::start([]));
    let (_old_section, old_remote) = start(&old, &server, &[]);
    let new = Host::load();
    assert_eq!(new.pre_register(1), 0);
    let mut definition = [0_u8; 48];
    assert_eq!(new.register(definition.as_mut_ptr()), 0);
    assert_eq!(old.flush(old_remote, &chunk()), OK);
    old.exit(old_remote);
    drop(old);
    let (_new_section, new_remote) = start(&new, &server, &[]);
    assert_ne!(old_remote, new_remote);
    assert_eq!(new.flush(new_remote, &chunk()), OK);
    new.exit(new_remote);
    drop(new);
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_flush_against_an_intake_that_hangs_is_over_before_the_hosts_grace() {
    let (host, server) = (Host::new(), Server::start([Reply::Hang(Duration::from_secs(30))]));
    let (section, remote) = start(&host, &server, &[]);
    let started = Instant::now();
    assert_eq!(host.flush(remote, &chunk()), RETRY);
    host.exit(remote);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(section.log()[1].contains("does not answer in time"), "{:?}", section.log());
}

#[test]
fn a_flush_needs_no_more_stack_than_a_coroutine_has() {
    let (host, server) = (Host::new(), Server::start([]));
    let (_section, remote) = start(&host, &server, &[]);
    let chunk = chunk();
    // resolve the symbol and warm the loader up on a roomy stack, as the host does
    assert_eq!(host.flush(remote, &chunk), OK);
    std::thread::scope(|scope| {
        let small = std::thread::Builder::new().stack_size(24 * 1024);
        let code = small.spawn_scoped(scope, || host.flush(remote, &chunk)).unwrap().join().unwrap();
        assert_eq!(code, OK);
    });
    host.exit(remote);
}
