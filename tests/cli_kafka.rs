//! The operators' commands on a real cluster: topics are made as `topics.yaml` says, dead letters are seen and go back whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

#[path = "cli_kafka/finance.rs"]
mod finance;
mod support;

use std::ffi::OsString;
use std::time::Duration;

use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use support::kafka::{Kafka, unique};
use support::wait_until;
use waybill::cli::{Exit, answer};
use waybill::services::dev::odoo_standin::{Settings, Standin};
use waybill::services::dev::registry::RegistryStandin;

const LIMIT: Duration = Duration::from_secs(20);

/// An installation of its own on the shared broker.
struct Place {
    prefix: String,
    environment: Vec<(String, String)>,
}

impl Place {
    fn new(more: &[(&str, &str)]) -> Self {
        let prefix = format!("{}.", unique("cli"));
        let own = [("WAYBILL_KAFKA__BROKERS", Kafka::shared().brokers()), ("WAYBILL_KAFKA__PREFIX", &prefix)];
        let environment = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { prefix, environment }
    }

    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn waybill(&self, line: &str) -> (Exit, String, String) {
        let (mut out, mut talk) = (Vec::new(), Vec::new());
        let words = format!("waybill {line}");
        let exit = answer(words.split_whitespace().map(OsString::from), self.environment.clone(), &mut out, &mut talk);
        (exit, String::from_utf8(out).unwrap(), String::from_utf8(talk).unwrap())
    }

    #[track_caller]
    fn done(&self, line: &str) {
        let (exit, out, talk) = self.waybill(line);
        assert_eq!(exit, Exit::Done, "{line}: {out}{talk}");
    }

    #[track_caller]
    fn json(&self, line: &str, expected: Exit) -> Vec<Value> {
        let (exit, out, talk) = self.waybill(&format!("{line} --output json"));
        assert_eq!(exit, expected, "{line}: {out}{talk}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{line}: {error}: {out}{talk}"))
    }
}

#[test]
fn topics_are_made_as_written_and_nothing_is_shrunk() {
    let place = Place::new(&[("WAYBILL_ODOO__INSTANCES", "{main: {url: 'http://odoo', database: d}}")]);
    // One with too few partitions, one that keeps more than it has to, one that keeps less; with a setting of the operator's own.
    let kafka = Kafka::shared();
    kafka.create_topic(&place.topic("exceptions"), 1, &[("cleanup.policy", "delete")]);
    kafka.create_topic(&place.topic("raw.carrier.ups"), 12, &[("retention.ms", "-1"), ("max.message.bytes", "16777216")]);
    kafka.create_topic(
        &place.topic("raw.carrier.fedex"),
        12,
        &[("retention.ms", "3600000"), ("max.message.bytes", "16777216"), ("segment.bytes", "1048576")],
    );

    let open = place.json("topics diff", Exit::Findings);
    let state = |rows: &[Value], topic: &str, change: &str| {
        let row = rows.iter().find(|row| row["topic"] == place.topic(topic).as_str() && row["change"] == change);
        row.map(|row| row["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(&open, "raw.odoo.main", "create").as_deref(), Some("open"));
    assert_eq!(state(&open, "exceptions", "partitions").as_deref(), Some("by hand"));

    let applied = place.json("topics apply", Exit::Findings);
    assert_eq!(state(&applied, "raw.odoo.main", "create").as_deref(), Some("done"));
    assert_eq!(state(&applied, "raw.carrier.fedex", "set").as_deref(), Some("done"));
    assert_eq!(state(&applied, "raw.carrier.ups", "set"), None, "who keeps records longer is let be");
    let left = place.json("topics diff", Exit::Findings);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left.iter().all(|row| row["state"] == "by hand"), "{left:?}");

    let place = Place::new(&[]);
    place.done("topics apply --replication 1");
    assert_eq!(place.waybill("topics diff"), (Exit::Done, String::new(), "no differences\n".to_owned()));
}

#[test]
fn what_was_set_for_a_topic_by_hand_stays_when_another_setting_is_mended() {
    let place = Place::new(&[]);
    let name = place.topic("raw.carrier.fedex");
    Kafka::shared().create_topic(
        &name,
        12,
        &[("retention.ms", "3600000"), ("max.message.bytes", "16777216"), ("segment.bytes", "1048576")],
    );
    place.done("topics apply");
    let admin: rdkafka::admin::AdminClient<_> = Kafka::shared().client(&[]).create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = [rdkafka::admin::ResourceSpecifier::Topic(&name)];
    let described = runtime.block_on(admin.describe_configs(&asked, &rdkafka::admin::AdminOptions::new())).unwrap();
    let entries = described.into_iter().next().unwrap().unwrap().entries;
    let value = |key: &str| entries.iter().find(|entry| entry.name == key).and_then(|entry| entry.value.clone());
    assert_eq!(value("segment.bytes").as_deref(), Some("1048576"));
    assert_eq!(value("retention.ms").as_deref(), Some("3888000000"));
}

/// A dead letter as the engine writes it, of partition 1 of the source's topic.
fn park(place: &Place, code: &str, origin: (&str, i64), key: &str, value: Option<&[u8]>) {
    let producer: BaseProducer = Kafka::shared().client(&[]).create().unwrap();
    let dlq = place.topic("carrier-normalizer.dlq");
    let (topic, offset) = (place.topic(origin.0), origin.1.to_string());
    let headers = [
        ("ce_id", "event-1"),
        ("http_header_x-signature", "hush"),
        ("wb_code", code),
        ("wb_cause", "a field is missing"),
        ("wb_service", "carrier-normalizer"),
        ("wb_topic", &topic),
        ("wb_partition", "1"),
        ("wb_offset", &offset),
        ("wb_timestamp", "1790000000000000"),
    ];
    let headers = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
    let mut record = BaseRecord::to(&dlq).partition(0).key(key).headers(headers);
    if let Some(value) = value {
        record = record.payload(value);
    }
    producer.send(record).map_err(|(error, _)| error).expect("queued");
    wait_until(LIMIT, "the broker has the record", || {
        producer.poll(Duration::from_millis(1));
        producer.in_flight_count() == 0
    });
}

fn header(record: &OwnedMessage, name: &str) -> Option<String> {
    let found = record.headers()?.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value.unwrap_or_default()).into_owned())
}

#[test]
fn dead_letters_are_listed_shown_and_sent_back_as_they_were() {
    let place = Place::new(&[]);
    place.done("topics apply");
    let source = place.topic("raw.carrier.ups");
    let bytes = b"{\"name\":\"Jane Roe\"}";
    park(&place, "WB-0108", ("raw.carrier.ups", 7), "1Z1", Some(bytes));
    park(&place, "WB-0101", ("raw.carrier.ups", 8), "1Z2", None);
    park(&place, "WB-0108", ("raw.carrier.gone", 9), "1Z3", Some(&[0xff, 0]));

    let listed = place.json("dlq list", Exit::Done);
    let told: Vec<_> = listed.iter().map(|row| (row["code"].as_str().unwrap(), row["key"].as_str().unwrap())).collect();
    assert_eq!(told, [("WB-0108", "1Z1"), ("WB-0101", "1Z2"), ("WB-0108", "1Z3")]);
    assert_eq!(listed[0]["origin"], serde_json::json!({"topic": source, "partition": 1, "offset": 7}));
    assert_eq!(place.json("dlq list --service carrier-normalizer --code wb-0108 --limit 1", Exit::Done).len(), 1);
    assert_eq!(place.json("dlq list --service odoo-writer", Exit::Done).len(), 0);
    let grouped = place.json("dlq list --group", Exit::Done);
    assert_eq!(grouped.iter().map(|row| row["count"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 1, 1], "{grouped:?}");

    let (exit, masked, _) = place.waybill("dlq show carrier-normalizer 0:0");
    assert!(exit == Exit::Done && !masked.contains("Jane") && !masked.contains("hush"), "{masked}");
    assert!(masked.contains("value: 19 bytes, sha256 ") && masked.contains("header ce_id: event-1"), "{masked}");
    let (_, whole, _) = place.waybill("dlq show carrier-normalizer 0:0 --reveal");
    assert!(whole.contains("Jane Roe") && whole.contains("hush"), "{whole}");
    assert!(place.waybill("dlq show carrier-normalizer 0:2 --reveal").1.contains("\nff00\n"));
    assert_eq!(place.waybill("dlq show carrier-normalizer 0:99").0, Exit::Failed);
    assert_eq!(place.waybill("dlq show carrier-normalizer 3-17").0, Exit::Usage);

    let planned = place.json("dlq replay --service carrier-normalizer --dry-run", Exit::Findings);
    assert!(planned.iter().filter(|row| row["state"] == "would be sent").count() == 2, "{planned:?}");
    assert!(Kafka::shared().read_committed(&source).is_empty());

    let sent = place.json("dlq replay --service carrier-normalizer", Exit::Findings);
    assert_eq!(sent.iter().filter(|row| row["state"] == "sent").count(), 2, "{sent:?}");
    let back = Kafka::shared().read_committed(&source);
    let seen: Vec<_> = back.iter().map(|record| (record.partition(), record.key().unwrap(), record.payload())).collect();
    assert_eq!(seen, [(1, &b"1Z1"[..], Some(&bytes[..])), (1, b"1Z2", None)]);
    assert_eq!(header(&back[0], "http_header_x-signature").as_deref(), Some("hush"));
    assert_eq!(header(&back[0], "wb_code"), None);
    assert_eq!(header(&back[0], "wb_replay_of"), Some(format!("{}/0/0", place.topic("carrier-normalizer.dlq"))));
    assert!(header(&back[0], "wb_timestamp").is_some_and(|at| at.parse::<i64>().is_ok_and(|at| at > 0)), "when the original came");
    assert_eq!(back[1].headers().unwrap().count(), 4);
}

#[test]
fn a_billing_file_is_sent_row_by_row_and_the_end_of_its_invoice_last() {
    let place = Place::new(&[]);
    place.done("topics apply");
    let folder = tempfile::tempdir().unwrap();
    let row = |number: &str, net: &str| {
        let mut cells = vec![""; 53];
        for (at, text) in [(4, "2026-11-14"), (5, "A17"), (9, "EUR"), (10, "12.5"), (20, number), (34, "SHP"), (43, "FRT"), (52, net)] {
            cells[at] = text;
        }
        cells.join(",") + "\n"
    };
    let file = folder.path().join("invoice.csv");
    std::fs::write(&file, row("1Z1", "10") + &row("1Z2", "1.25") + &row("1Z2", "1.25")).unwrap();
    let told = place.json(&format!("freight send --source ups_billing {}", file.display()), Exit::Done);
    assert_eq!((&told[0]["invoice"], &told[0]["billed"], &told[0]["ties"]), (&"ups:A17:2026-11-14".into(), &"12.5".into(), &true.into()));
    let sent = Kafka::shared().read_committed(&place.topic("raw.carrier.ups-billing"));
    let seen: Vec<_> = sent.iter().map(|r| (r.key().unwrap(), header(r, "ce_fileline"), header(r, "ce_occurrence"))).collect();
    let expected =
        [("1", "1"), ("2", "1"), ("3", "2"), ("0", "1")].map(|(line, n)| (&b"ups:A17"[..], Some(line.to_owned()), Some(n.to_owned())));
    assert_eq!(seen, expected, "one partition, in order");
    let partitions: std::collections::BTreeSet<_> = sent.iter().map(|r| r.partition()).collect();
    assert_eq!(partitions.len(), 1);
    assert_eq!(header(&sent[3], "content-type").as_deref(), Some("application/vnd.waybill.invoice-totals+json"));
}

#[test]
fn an_installation_that_lacks_something_is_told_what_and_a_whole_one_has_no_findings() {
    let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (registry, odoo) =
        outside.block_on(async { (RegistryStandin::start().await.unwrap(), Standin::start(Settings::of_version(18)).await.unwrap()) });
    let instance = |key: &str| format!("{{main: {{url: '{}', database: standin, login: waybill, api_key: {key}}}}}", odoo.url());
    let (right, wrong, url) = (instance("standin-key"), instance("stale-key"), registry.url());
    let mut place = Place::new(&[("WAYBILL_REGISTRY__URL", &url), ("WAYBILL_ODOO__INSTANCES", &wrong)]);

    let findings = place.json("validate --online", Exit::Findings);
    let found = |code: &str| findings.iter().filter(|finding| finding["code"] == code).count();
    assert!(found("WB-0205") > 10 && found("WB-0206") > 5 && found("WB-0142") == 1, "{findings:?}");
    assert!(findings.iter().all(|finding| !finding["remedy"].as_str().unwrap().is_empty()));
    assert!(!format!("{findings:?}").contains("stale-key"));

    place.done("topics apply");
    let registered = place.json("schemas register", Exit::Done);
    assert!(registered.iter().all(|row| row["schema_id"].as_u64().unwrap() > 0));
    let (exit, out, talk) = place.waybill("schemas check --online");
    assert!(exit == Exit::Done && out.is_empty() && talk.contains("no findings"), "{out}{talk}");
    place.environment.retain(|(name, _)| name != "WAYBILL_ODOO__INSTANCES");
    place.environment.push(("WAYBILL_ODOO__INSTANCES".to_owned(), right));
    place.done("topics apply");
    let (exit, out, talk) = place.waybill("validate --online");
    assert_eq!((exit, out.as_str()), (Exit::Done, "no findings\n"), "{talk}");
}
