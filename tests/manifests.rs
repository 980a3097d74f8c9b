//! What is deployed is what the binary has: the manifests and the compose file name exactly its services, are valid, are
//! locked down, and configure waybill with settings that exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{python, repository};
use waybill::config::{self, Service};

const PLACEHOLDER: &str = "{service}";

#[test]
fn every_service_has_a_manifest_made_from_the_template() {
    let template = read("k8s/base/service.yaml.in");
    for service in Service::ALL {
        let path = format!("k8s/base/{service}.yaml");
        let expected = template.replace(PLACEHOLDER, service.as_str());
        if std::env::var_os("WAYBILL_BLESS").is_some() {
            std::fs::write(repository(&path), &expected).expect("the manifest can be written");
        }
        assert!(read(&path) == expected, "{path} differs from its template: run WAYBILL_BLESS=1 cargo test --test manifests");
    }
}

#[test]
fn the_kustomization_lists_every_service_and_every_file() {
    let kustomization = yaml("k8s/base/kustomization.yaml").remove(0);
    let listed: BTreeSet<String> = strings(&kustomization["resources"]);
    let beside: BTreeSet<String> = files_of_base().into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, beside);
    for service in Service::ALL {
        assert!(listed.contains(&format!("{service}.yaml")), "{service} is not deployed");
    }
    // What has no configuration yet would end again and again.
    assert_eq!(kustomization["replicas"], serde_json::json!([{"name": "finance-accrual", "count": 0}]));
    let workloads = files_of_base().into_iter().flat_map(|(_, path)| yaml(&path)).filter(|manifest| manifest["kind"] == "StatefulSet");
    assert_eq!(workloads.count(), Service::ALL.len(), "a workload that is no service");
    for patch in kustomization["patches"].as_array().expect("patches") {
        let (target, path) = (text(&patch["target"]["name"]), text(&patch["path"]));
        assert!(repository(&format!("k8s/base/{path}")).is_file(), "no such patch: {path}");
        for name in target.split('|') {
            name.parse::<Service>().expect("patches are for services");
        }
    }
}

#[test]
fn every_pod_is_probed_and_locked_down() {
    for (name, path) in files_of_base() {
        for manifest in yaml(&path) {
            let pod = &manifest["spec"]["template"]["spec"];
            let kind = text(&manifest["kind"]);
            if !pod.is_object() {
                continue;
            }
            assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
            assert_eq!(pod["enableServiceLinks"], false, "{name}");
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            let containers = [&pod["containers"], &pod["initContainers"]].into_iter().filter_map(Value::as_array).flatten();
            for container in containers {
                assert_eq!(container["image"], "waybill", "{name}: the kustomization sets the image by this name");
                assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL", "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}: memory is bounded");
                if kind == "StatefulSet" {
                    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/livez", "{name}");
                    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz", "{name}");
                }
            }
        }
    }
}

#[test]
fn the_compose_file_starts_exactly_the_services() {
    let compose = yaml("docker-compose.kafka.yml").remove(0);
    let started: BTreeSet<String> = compose["services"]
        .as_object()
        .expect("services")
        .iter()
        .filter(|(_, service)| service["command"][0] == "run")
        .map(|(name, service)| {
            assert_eq!(service["command"][1], name.as_str(), "the name in the compose file is the service's");
            name.clone()
        })
        .collect();
    assert_eq!(started, Service::ALL.iter().map(ToString::to_string).collect());
    let volumes = compose["volumes"].as_object().expect("volumes");
    assert!(started.iter().all(|name| volumes.contains_key(name)), "each service keeps its memory");
}

#[test]
fn what_is_deployed_is_configured_with_settings_that_exist() {
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "key").expect("written");
    let variable = |name: &str, value: &str| {
        // A secret lies elsewhere in the container than here.
        let value = if name.ends_with("_FILE") { secret.path().display().to_string() } else { value.to_owned() };
        (name.to_owned(), value)
    };

    let compose = yaml("docker-compose.kafka.yml").remove(0);
    let odoo_access = yaml("k8s/base/patches/odoo-access.yaml").remove(0);
    let with_books = with_the_example(&read("k8s/base/waybill.yaml"));
    for service in Service::ALL {
        let environment = compose["services"][service.as_str()]["environment"].as_object().expect("environment");
        let as_it_stands: Vec<_> = environment.iter().map(|(name, value)| variable(name, &without_placeholder(text(value)))).collect();
        if service == Service::FinanceAccrual {
            let error = config::load(None, &as_it_stands, Some(service)).expect_err("nothing is booked by guess").to_string();
            assert!(error.contains("finance.books.main.journal"), "{error}");
        }
        let environment: Vec<_> = environment.iter().map(|(name, value)| variable(name, &as_told(text(value)))).collect();
        config::load(None, &environment, Some(service)).unwrap_or_else(|error| panic!("compose, {service}: {error}"));

        let manifest = yaml(&format!("k8s/base/{service}.yaml")).remove(0);
        let mut environment = container_environment(&manifest);
        if service == Service::OdooWriter {
            environment.extend(container_environment(&odoo_access));
        }
        let environment: Vec<_> = environment.iter().map(|(name, value)| variable(name, value)).collect();
        let path = if service == Service::FinanceAccrual { with_books.path().to_path_buf() } else { repository("k8s/base/waybill.yaml") };
        config::load(Some(&path), &environment, Some(service)).unwrap_or_else(|error| panic!("kubernetes, {service}: {error}"));
    }
    config::load(Some(&repository("k8s/base/waybill.yaml")), &[], None).expect("the setup job has no key to Odoo and needs none");
}

#[test]
fn every_command_that_is_deployed_exists() {
    let compose = yaml("docker-compose.kafka.yml").remove(0);
    let composed = compose["services"].as_object().expect("services").values().filter(|service| service["build"].is_object());
    let mut commands: Vec<Value> = composed.map(|service| service["command"].clone()).collect();
    for manifest in files_of_base().into_iter().flat_map(|(_, path)| yaml(&path)) {
        let pod = &manifest["spec"]["template"]["spec"];
        let containers = [&pod["containers"], &pod["initContainers"]].into_iter().filter_map(Value::as_array).flatten();
        commands.extend(containers.map(|container| container["args"].clone()));
    }
    assert_eq!(commands.len(), 2 * (Service::ALL.len() + 2), "each service, topics and schemas, in both worlds");
    for command in commands {
        let words: Vec<&str> = command.as_array().expect("a command").iter().map(text).collect();
        // With --help the words are checked and nothing is done.
        let output = Command::new(env!("CARGO_BIN_EXE_waybill")).args(&words).arg("--help").output().expect("waybill starts");
        assert!(output.status.success(), "waybill {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_image_is_built_with_everything_that_is_compiled_in() {
    let (dockerfile, ignored) = (read("Dockerfile"), read(".dockerignore"));
    // What lies outside `src` and is compiled in: `include_str!("../../topics.yaml")`, and concat! of the same.
    let outside = regex::Regex::new(r#"include_(?:str|bytes)!\((?:concat!\()?\s*"(?:\.\./){2,}([^/"]+)"#).expect("a pattern");
    let mut found = BTreeSet::new();
    let mut folders = vec![repository("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(source) = std::fs::read_to_string(&path) {
                found.extend(outside.captures_iter(&source).map(|capture| capture[1].to_owned()));
            }
        }
    }
    assert!(found.contains("topics.yaml"), "the search itself works: {found:?}");
    if read("Cargo.toml").contains("[[bench]]") {
        // Not built for the image, but cargo refuses a manifest that names files which are not there.
        found.insert("benches".to_owned());
    }
    for name in found {
        assert!(dockerfile.lines().any(|line| line.starts_with(&format!("COPY {name} "))), "Dockerfile does not copy {name}");
        assert!(ignored.lines().any(|line| line == format!("!{name}")), ".dockerignore keeps {name} out");
    }
}

#[test]
fn kubernetes_would_take_the_manifests() {
    let validator = python::python().with_file_name("kubernetes-validate");
    let validate = |paths: &[PathBuf]| {
        let output = Command::new(&validator).args(["--strict", "--no-warn"]).args(paths).output().expect("the validator starts");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        told.matches(" passed ").count()
    };
    let paths: Vec<PathBuf> = files_of_base().into_iter().map(|(_, path)| repository(&path)).collect();
    assert!(validate(&paths) > 3 * Service::ALL.len(), "each service has three manifests");

    // With the patches laid on, where kustomize is at hand.
    let Ok(rendered) = Command::new("kubectl").arg("kustomize").arg(repository("k8s/base")).output() else {
        eprintln!("skipped: kubectl is not installed, the patches were not rendered");
        return;
    };
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    std::fs::write(file.path(), rendered.stdout).expect("written");
    validate(&[file.path().to_path_buf()]);
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file, anchors and merges resolved.
fn yaml(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Name and path of every resource in the base, which is every YAML file beside the kustomization but its configuration.
fn files_of_base() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(repository("k8s/base")).expect("the base is there");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
    let is_yaml = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "yaml");
    let resources = names.filter(|name| is_yaml(name) && !["kustomization.yaml", "waybill.yaml"].contains(&name.as_str()));
    resources.map(|name| (name.clone(), format!("k8s/base/{name}"))).collect()
}

fn container_environment(manifest: &Value) -> Vec<(String, String)> {
    let entries = manifest["spec"]["template"]["spec"]["containers"][0]["env"].as_array().expect("env");
    // What the cluster fills in, such as the pod's name, is any text here.
    entries.iter().map(|entry| (text(&entry["name"]).to_owned(), entry["value"].as_str().unwrap_or("any-0").to_owned())).collect()
}

/// `${NAME:-default}` as compose reads it when the variable is not set.
fn without_placeholder(value: &str) -> String {
    let inside = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inside.and_then(|inside| inside.split_once(":-")).map_or_else(|| value.to_owned(), |(_, default)| default.to_owned())
}

/// The same with what only the operator knows: ids, each another one.
fn as_told(value: &str) -> String {
    let id = value.strip_prefix("${FINANCE_").filter(|_| value.ends_with(":-0}"));
    id.map_or_else(|| without_placeholder(value), |name| name.bytes().map(u64::from).sum::<u64>().to_string())
}

/// A configuration with the example in its comments taken up.
fn with_the_example(text: &str) -> tempfile::NamedTempFile {
    let taken_up = |line: &str| match line.strip_prefix('#') {
        Some(example) if !example.starts_with(' ') || example.starts_with("  ") => example.to_owned(),
        _ => line.to_owned(),
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text.lines().map(taken_up).collect::<Vec<_>>().join("\n")).expect("written");
    file
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().expect("a list").iter().map(|item| text(item).to_owned()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}
