use std::io::Write;

use super::*;
use crate::config::{Assignor, LogLevel, Verify};

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn findings(text: &str, pairs: &[(&str, &str)]) -> Vec<Finding> {
    match load(Some(file(text).path()), &env(pairs), None) {
        Err(Error::Findings(findings)) => findings,
        other => panic!("expected findings, got {other:?}"),
    }
}

#[test]
fn the_defaults_are_complete_and_sound() {
    let loaded = load(None, &[], None).unwrap();
    assert_eq!(loaded.config.kafka.assignor, Assignor::Range);
    assert_eq!(loaded.config.carriers.source_of("raw.carrier.x12-214").unwrap().0, "x12_214");
    assert!(loaded.shown.iter().all(|shown| shown.origin == "default"), "{:?}", loaded.shown);
    assert!(Config::built_in().unwrap().findings(None).is_empty());
}

#[test]
fn a_file_is_over_the_defaults_and_a_variable_over_both() {
    let file = file("kafka: {brokers: 'a:1', batch_ms: 20, instance_id: 7}\nlog: {level: debug}\n");
    let variables = env(&[
        ("WAYBILL_KAFKA__BROKERS", "b:2,c:3"),
        ("WAYBILL_KAFKA__BATCH_RECORDS", "10"),
        ("WAYBILL_KAFKA__PREFIX", "007"),
        ("WAYBILL_CARRIERS__SOURCES__X12_214__ACCOUNT_ZONE", "America/Chicago"),
        ("WAYBILL_TEST_KAFKA", "ignored:1"),
        ("NO_COLOR", "1"),
    ]);
    let Loaded { config, shown } = load(Some(file.path()), &variables, None).unwrap();
    assert_eq!((config.kafka.brokers.as_str(), config.kafka.batch_ms, config.kafka.batch_records), ("b:2,c:3", 20, 10));
    assert_eq!((config.kafka.instance_id.as_str(), config.kafka.prefix.as_str()), ("7", "007"));
    assert_eq!(config.carriers.sources["x12_214"].account_zone.as_deref(), Some("America/Chicago"));
    assert_eq!((config.log.level, config.log.color), (LogLevel::Debug, false));
    let origin = |key: &str| shown.iter().find(|shown| shown.key == key).unwrap().origin.clone();
    assert_eq!(origin("kafka.brokers"), "variable WAYBILL_KAFKA__BROKERS");
    assert!(origin("kafka.batch_ms").starts_with("file "));
    assert_eq!(origin("kafka.session_timeout_ms"), "default");
    assert_eq!(origin("log.color"), "variable NO_COLOR");
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let secret = file("s3cret-key\n");
    let path = secret.path().display().to_string();
    let config = file("odoo: {instances: {main: {url: 'https://odoo.example.com', database: prod}}}");
    let variables = env(&[
        ("WAYBILL_ODOO__INSTANCES__MAIN__API_KEY_FILE", &path),
        ("WAYBILL_KAFKA__PROPERTIES__SASL_PASSWORD_FILE", &path),
        ("WAYBILL_KAFKA__PROPERTIES__SECURITY_PROTOCOL", "SASL_SSL"),
    ]);
    let loaded = load(Some(config.path()), &variables, None).unwrap();
    let properties = &loaded.config.kafka.properties;
    assert_eq!(loaded.config.odoo.instances["main"].api_key.expose(), "s3cret-key");
    assert_eq!((properties["sasl.password"].expose(), properties["security.protocol"].expose()), ("s3cret-key", "SASL_SSL"));
    assert!(!format!("{loaded:?}").contains("s3cret"), "{loaded:?}");
    let shown = loaded.shown.iter().find(|shown| shown.key == "odoo.instances.main.api_key").unwrap();
    assert_eq!((shown.value.as_str(), shown.origin.contains("API_KEY_FILE")), (Some("(secret)"), true));
}

#[test]
fn a_whole_map_may_be_one_variable() {
    let map = "{main: {url: 'https://odoo.example.com', database: prod, api_key: k, carriers: {UPS Ground: ups}}}";
    let loaded = load(None, &env(&[("WAYBILL_ODOO__INSTANCES", map)]), Some(Service::OdooWriter)).unwrap();
    assert_eq!(loaded.config.odoo.instances["main"].carriers["UPS Ground"], "ups");
    let shown = loaded.shown.iter().find(|shown| shown.key == "odoo.instances.main.url").unwrap();
    assert_eq!(shown.origin, "variable WAYBILL_ODOO__INSTANCES");
    assert!(!format!("{:?}", loaded.shown).contains(r#"String("k")"#));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_key_and_origin() {
    let text = "kafka: {brokerz: x, batch_ms: soon, batch_records: 0, properties: {enable.auto.commit: true}}\n\
        registry: {url: 'http://me:pw@host', password: 5}\n\
        carriers: {sources: {ups: {account_zone: Mars/Base, currency: Dollar}, fedex: {topic: raw.carrier.ups}, dhl: {body_bytes_max: 2000}}}\n\
        odoo: {instances: {'Main:1': {url: ftp://x}}}\nhttp: {listen: '9100'}\n";
    let found = findings(text, &[("WAYBILL_KAFK__BROKERS", "a:1"), ("WAYBILL_REGISTRY__PASSWORD_FILE", "/nowhere/at/all")]);
    let keys: Vec<&str> = found.iter().map(|finding| finding.key.as_str()).collect();
    for key in [
        "kafka.brokerz",
        "kafka.batch_ms",
        "kafka.batch_records",
        "kafka.properties.enable.auto.commit",
        "registry.url",
        "registry.user",
        "registry.password",
        "carriers.sources.ups.account_zone",
        "carriers.sources.ups.currency",
        "carriers.sources.ups.topic",
        "carriers.sources.dhl.topic",
        "odoo.instances.Main:1",
        "odoo.instances.Main:1.url",
        "odoo.instances.Main:1.database",
        "http.listen",
        "kafk.brokers",
    ] {
        assert!(keys.contains(&key), "{key} is not among {keys:?}");
    }
    assert!(found.iter().all(|finding| !finding.problem.is_empty() && !finding.remedy.is_empty()));
    assert!(found.iter().any(|f| f.key == "kafka.batch_records" && f.origin.starts_with("file ")), "{found:?}");
    assert!(!format!("{found:?}").contains("pw@"), "credentials are not repeated");
}

#[test]
fn a_service_may_need_more_than_the_others() {
    assert!(load(None, &[], Some(Service::CarrierNormalizer)).is_ok());
    let error = load(None, &[], Some(Service::OdooWriter)).unwrap_err().to_string();
    assert!(error.contains("odoo.instances"), "{error}");

    let odoo = file("odoo: {instances: {main: {url: 'https://odoo.example.com', database: prod}}}");
    assert!(load(Some(odoo.path()), &[], Some(Service::OdooNormalizer)).is_ok(), "who never calls Odoo holds no key");
    let error = load(Some(odoo.path()), &[], Some(Service::OdooWriter)).unwrap_err().to_string();
    assert!(error.contains("odoo.instances.main.api_key"), "{error}");
}

#[test]
fn what_is_not_yaml_is_said_with_its_place() {
    let error = load(Some(file("kafka: [").path()), &[], None).unwrap_err();
    assert!(matches!(error, Error::NotYaml { .. }), "{error}");
    assert!(matches!(load(Some(Path::new("/nowhere.yaml")), &[], None).unwrap_err(), Error::Unreadable { .. }));
    assert!(load(Some(file("# nothing\n").path()), &[], None).is_ok());
}

#[test]
fn a_value_that_does_not_fit_is_not_repeated() {
    for (name, value) in [
        ("WAYBILL_ODOO__INSTANCES", "{main: {api_key: s3cret"),
        ("WAYBILL_ODOO__INSTANCES__MAIN", "s3cret \" and more"),
        ("WAYBILL_KAFKA__PROPERTIES", "s3cret"),
        ("WAYBILL_ODOO__INSTANCES__MAIN__API_KEY__X", "s3cret"),
    ] {
        let found = findings("", &[(name, value)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(!format!("{found:?}").contains("s3cret"), "{found:?}");
        assert!(found[0].problem.contains("invalid type") || found[0].problem.contains("expected"), "{found:?}");
    }
}

#[test]
fn a_variable_with_one_underscore_is_not_passed_over() {
    let kubernetes = env(&[("WAYBILL_KAFKA_PORT_9092_TCP", "tcp://10.0.0.1:9092"), ("WAYBILL_KAFKA_SERVICE_HOST", "10.0.0.1")]);
    assert!(load(None, &kubernetes, None).is_ok());
    let found = findings("", &[("WAYBILL_KAFKA_BROKERS", "a:1")]);
    assert_eq!((found[0].key.as_str(), found[0].remedy.as_str()), ("kafka.brokers", "write it as WAYBILL_KAFKA__BROKERS"));
}

#[test]
fn secrets_of_carriers_are_read_like_the_others() {
    let secret = file("s3cret-key\n");
    let path = secret.path().display().to_string();
    let variables = env(&[
        ("WAYBILL_CARRIERS__SOURCES__EASYPOST__SECRETS__Y2026_FILE", &path),
        ("WAYBILL_CARRIERS__SOURCES__EASYPOST__SECRETS__Y2027", "12345"),
        ("WAYBILL_CARRIERS__SOURCES__EASYPOST__VERIFY", "required"),
    ]);
    let config = file("carriers: {sources: {fedex: {secrets: {old: s3cret-too}, verify: never, signature_header: X-Other}}}");
    let loaded = load(Some(config.path()), &variables, None).unwrap();
    let (easypost, fedex) = (&loaded.config.carriers.sources["easypost"], &loaded.config.carriers.sources["fedex"]);
    assert_eq!((easypost.secrets["y2026"].expose(), easypost.secrets["y2027"].expose()), ("s3cret-key", "12345"));
    assert_eq!(
        (easypost.verify, fedex.verify, loaded.config.carriers.sources["ups"].verify),
        (Verify::Required, Verify::Never, Verify::WhenSigned)
    );
    assert_eq!((fedex.secrets["old"].expose(), fedex.signature_header.as_deref()), ("s3cret-too", Some("X-Other")));
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("12345"), "{shown}");
    let shown = loaded.shown.iter().find(|shown| shown.key == "carriers.sources.easypost.secrets.y2026").unwrap();
    assert_eq!((shown.value.as_str(), shown.origin.contains("Y2026_FILE")), (Some("(secret)"), true));
}

#[test]
fn what_is_wrong_about_signatures_is_told_without_their_secrets() {
    let secrets = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("k{n}: s3cret")).join(", ");
    let text = format!(
        "carriers: {{sources: {{ups: {{signature_header: 'X-Token: s3cret', signature_age_max_s: 0}}, fedex: {{secrets: {{{secrets}}}}}, \
         easypost: {{secrets: [s3cret], verify: sometimes}}}}}}"
    );
    let found = findings(&text, &[]);
    let keys: Vec<&str> = found.iter().map(|finding| finding.key.as_str()).collect();
    for key in ["ups.signature_header", "ups.signature_age_max_s", "fedex.secrets", "easypost.secrets", "easypost.verify"] {
        assert!(keys.contains(&format!("carriers.sources.{key}").as_str()), "{key} is not among {keys:?}");
    }
    assert!(!format!("{found:?}").contains("s3cret"), "{found:?}");
}

#[test]
fn shares_of_unknown_codes_are_percents() {
    let text = |all: &str, own: &str, fewest: &str| {
        format!(
            "tracker: {{unknown_percent: {all}, unknown_events_min: {fewest}}}\ncarriers: {{sources: {{ups: {{topic: raw.carrier.ups, unknown_percent: {own}}}}}}}\n"
        )
    };
    for (all, own, fewest) in [("1", "100", "1"), ("100", "1", "1000000")] {
        let config = load(Some(file(&text(all, own, fewest)).path()), &[], None).unwrap().config;
        assert_eq!(config.carriers.sources["ups"].unknown_percent.map(|own| own.to_string()).as_deref(), Some(own));
        assert_eq!(config.tracker.unknown_percent.to_string(), all);
    }
    for wrong in ["0", "101"] {
        let found = findings(&text(wrong, wrong, "0"), &[]);
        let keys: Vec<&str> = found.iter().map(|finding| finding.key.as_str()).collect();
        assert_eq!(keys, ["carriers.sources.ups.unknown_percent", "tracker.unknown_percent", "tracker.unknown_events_min"], "{wrong}");
    }
}
