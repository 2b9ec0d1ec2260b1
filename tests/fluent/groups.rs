//! Groups in the real Fluent Bit: the shipped configuration finds the host that is apart.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/path/of/another] cargo test --test fluent groups::`

use crate::common::program::{self, Running};
use crate::common::{build, hosts};
use std::fs;

const MODULE: &str = "target/wasm32-unknown-unknown/release/anomaly_filter.wasm";
const INI: &str = "fluent-config/groups/fluent-anomaly.ini";
const YAML: &str = "fluent-config/groups.yaml";
/// Left out here: the host's default of 8 KiB has to do as well.
const STACK: &str = "      wasm_stack_size: 65536\n";

#[test]
fn the_shipped_configuration_routes_the_host_that_is_apart() {
    for program in hosts::executables("FLUENT_BIT") {
        let site = program::site();
        program::install(&site, build::wasm_module(), MODULE);
        program::install(&site, &build::root().join(INI), INI);
        let yaml = fs::read_to_string(site.path().join(YAML)).unwrap();
        assert!(yaml.contains(STACK), "{YAML} asks for another stack now");
        fs::write(site.path().join("groups.yaml"), yaml.replace(STACK, "")).unwrap();
        let mut running = Running::start(&program, &["-c", "groups.yaml"], site.path(), "run");
        let stdout = site.path().join("run.stdout");
        let routed = || -> Vec<String> {
            let text = fs::read_to_string(&stdout).unwrap();
            text.lines().filter(|line| line.contains("] transition.load.")).map(str::to_owned).collect()
        };
        running.wait_for("a transition", || !routed().is_empty());
        assert!(running.stop().success());
        for line in routed() {
            assert!(line.contains("] transition.load.5: "), "{line}");
            assert!(
                line.contains("\"host\"=>\"web-5\"") && line.contains("\"transition\"=>\"OK->ALERT\""),
                "{line}"
            );
        }
        let stderr = running.stderr();
        assert!(!stderr.contains("[error]") && !stderr.contains("[fluent-anomaly]"), "{stderr}");
    }
}
