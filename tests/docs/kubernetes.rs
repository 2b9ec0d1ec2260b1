//! The manifests hold nothing that Kubernetes does not know: what is read into its own types comes out as it went in.

use std::fs;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaim, Probe, Service, Volume, VolumeMount};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fluent-config/kubernetes/");

fn documents(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(format!("{FOLDER}{name}")).unwrap();
    YamlLoader::load_from_str(&text).unwrap().iter().map(value).collect()
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Integer(number) => json!(number),
        Yaml::Boolean(flag) => json!(flag),
        Yaml::String(text) => json!(text),
        Yaml::Array(items) => items.iter().map(value).collect(),
        Yaml::Hash(members) => {
            let members =
                members.iter().map(|(key, member)| (key.as_str().unwrap().to_owned(), value(member)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => panic!("{other:?}"),
    }
}

/// Fails at a key that the type has not, and at a value of another kind.
fn assert_known<T: DeserializeOwned + Serialize>(given: &Value) {
    let read: T = serde_json::from_value(given.clone()).unwrap_or_else(|error| panic!("{error} in {given}"));
    // empty maps may go, and a type adds the names of its API
    let back = serde_json::to_value(read).unwrap();
    assert_within(given, &back, "");
}

fn assert_within(given: &Value, back: &Value, at: &str) {
    match (given, back) {
        (Value::Object(given), Value::Object(back)) => {
            for (key, member) in given {
                let at = format!("{at}.{key}");
                let is_empty = member.as_object().is_some_and(Map::is_empty);
                let found = back.get(key).unwrap_or(&Value::Null);
                assert!(is_empty || !found.is_null(), "Kubernetes does not know {at}");
                assert_within(member, found, &at);
            }
        }
        (Value::Array(given), Value::Array(back)) => {
            given.iter().zip(back).for_each(|(given, back)| assert_within(given, back, at));
        }
        _ => {
            assert!(given == back || given.as_object().is_some_and(Map::is_empty), "{at}: {given} and {back}")
        }
    }
}

fn assert_manifest(manifest: &Value) {
    match manifest["kind"].as_str() {
        Some("Deployment") => assert_known::<Deployment>(manifest),
        Some("StatefulSet") => assert_known::<StatefulSet>(manifest),
        Some("Service") => assert_known::<Service>(manifest),
        Some("PersistentVolumeClaim") => assert_known::<PersistentVolumeClaim>(manifest),
        other => panic!("no manifest of ours is {other:?}"),
    }
}

#[test]
fn kubernetes_knows_every_key_of_the_manifests() {
    for (name, kinds) in [
        ("pull.yaml", &["PersistentVolumeClaim", "Deployment"][..]),
        ("serve.yaml", &["Service", "StatefulSet"]),
    ] {
        let manifests = documents(name);
        let found: Vec<_> = manifests.iter().map(|manifest| manifest["kind"].as_str().unwrap()).collect();
        assert_eq!(found, kinds, "{name}");
        manifests.iter().for_each(assert_manifest);
    }
}

#[test]
#[should_panic(expected = "Kubernetes does not know .spec.template.spec.containers.livenesProbe")]
fn a_misspelled_key_is_found() {
    let mut manifest = documents("serve.yaml").remove(1);
    let container = &mut manifest["spec"]["template"]["spec"]["containers"][0];
    let probe = container["livenessProbe"].take();
    container.as_object_mut().unwrap().remove("livenessProbe");
    container["livenesProbe"] = probe;
    assert_manifest(&manifest);
}

#[test]
fn kubernetes_knows_what_the_values_of_the_chart_hand_on() {
    let values = documents("fluent-bit-values.yaml").remove(0);
    let each = |key: &str| values[key].as_array().unwrap().clone();
    each("initContainers").iter().for_each(assert_known::<Container>);
    each("extraVolumes").iter().for_each(assert_known::<Volume>);
    each("extraVolumeMounts").iter().for_each(assert_known::<VolumeMount>);
    assert_known::<ResourceRequirements>(&values["resources"]);
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_known::<Probe>(&values[probe]);
    }
    // each mount has its volume
    let names =
        |list: &[Value]| list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let volumes = names(&each("extraVolumes"));
    assert!(names(&each("extraVolumeMounts")).iter().all(|name| volumes.contains(name)));
}

#[test]
fn the_configuration_of_the_config_map_is_accepted() {
    let path = format!("{FOLDER}fluent-anomaly.ini");
    let text = fs::read_to_string(&path).unwrap();
    let config = fluent_anomaly::Config::parse(&path, &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.sections.len(), 1);
}
