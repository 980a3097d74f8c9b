//! What is outside may be away, at the start and later: nothing is lost, nothing doubled, and work goes on by itself.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::{Value, json};
use waybill::domain::record::Record;
use waybill::odoo::effects::{Action, PlanSettings, plan};
use waybill::services::dev::odoo_standin::Away;
use waybill::testkit::generator::{RawRecord, generate};

use crate::SERVICES;
use crate::look::{self, Metrics};
use crate::support::kafka::{Down, Kafka, unique};
use crate::support::registry::Registry;
use crate::support::rig::{Instance, Rig};
use crate::support::wait_until;

/// An hour without Odoo, condensed: the longest pauses between tries are reached well before its end.
const ODOO_AWAY: Duration = Duration::from_mins(1);
/// What the writer may take more after that, KiB. A copy of the backlog would take many times as much.
const GROWTH_MAX_KIB: u64 = 16 << 10;
const RESIDENT_MAX_KIB: u64 = 200 << 10;

pub(crate) fn odoo() {
    let mut rig = Rig::new(Kafka::shared(), "odoo-away");
    let run = generate(4_711, 6_000);
    let mut instances: Vec<Instance> = SERVICES.iter().map(|s| rig.start(s, "0", true)).collect();
    look::wait_ready(&instances);
    let (first, rest) = run.records.split_at(run.records.len() / 4);
    rig.produce(first);
    rig.wait_idle(Duration::from_mins(2), &mut instances);

    rig.odoo.set_faults(|faults| faults.away = Away::Refuses);
    rig.produce(rest);
    let began = Instant::now();
    wait_until(Duration::from_mins(1), "calls are held back", || {
        Metrics::of(writer(&instances)).sum("waybill_breaker_open", &[("target", "main")]) > 0.5
    });
    wait_until(Duration::from_mins(2), "the other services have done all they can", || behind(&rig, &instances[..3]) == 0);
    let (stood, calls, memory) = (stands(&rig), calls(&instances), look::resident_kib(writer(&instances)));
    let mut largest = memory;
    // Half of the time nobody listens, half of it Odoo has lost its database.
    let half = began + ODOO_AWAY / 2;
    while began.elapsed() < ODOO_AWAY {
        if Instant::now() > half {
            rig.odoo.set_faults(|faults| faults.away = Away::WithoutDatabase);
        }
        largest = largest.max(look::resident_kib(writer(&instances)));
        std::thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(stands(&rig), stood, "the writer stands where Odoo went away");
    let told = Metrics::of(writer(&instances));
    let queued = rig.read("delivery.status").len() - usize::try_from(stood.values().sum::<i64>()).expect("fits");
    assert!(queued > 1_500, "only {queued} changes wait");
    assert!(told.sum("waybill_breaker_open", &[("target", "main")]) > 0.5, "calls are held back");
    assert!(told.sum("waybill_consumer_lag_records", &[("topic", "delivery.status")]) > 1_000.0, "the lag is told meanwhile");
    assert_eq!(rig.read("odoo-writer.dlq").len(), 0, "nothing is put aside for what passes");
    let tried = self::calls(&instances) - calls;
    assert!((1..=60).contains(&tried), "{tried} calls to an Odoo that is away");
    eprintln!("odoo away: {queued} changes wait, {tried} calls tried, writer {memory} KiB before, {largest} KiB at most");
    assert!(largest < memory + GROWTH_MAX_KIB && largest < RESIDENT_MAX_KIB, "memory grew from {memory} to {largest} KiB");
    assert_eq!(look::status(writer(&instances), "/livez"), Some(200), "a restart would not help");

    rig.odoo.set_faults(|faults| faults.away = Away::No);
    rig.wait_idle(Duration::from_mins(3), &mut instances);
    wait_until(Duration::from_secs(5), "calls pass", || {
        Metrics::of(writer(&instances)).sum("waybill_breaker_open", &[("target", "main")]) < 0.5
    });
    let evidence = rig.judge(&run);
    notes_stand_in_order(&rig, &evidence.topics["delivery.status"]);
    assert!(look::resident_kib(writer(&instances)) < RESIDENT_MAX_KIB);
}

fn writer(instances: &[Instance]) -> &Instance {
    instances.iter().find(|i| i.service == "odoo-writer").expect("it runs")
}

fn calls(instances: &[Instance]) -> u64 {
    Metrics::of(writer(instances)).count("waybill_odoo_calls_total", &[])
}

/// Records that these services have not worked on yet.
fn behind(rig: &Rig<'_>, instances: &[Instance]) -> usize {
    let fed = |service: &str| {
        let topics = waybill::testkit::oracle::INPUTS.iter().find(|(s, _)| *s == service).expect("a service").1;
        topics.iter().map(|topic| rig.read(topic).len()).sum::<usize>()
    };
    let done = |i: &Instance| usize::try_from(Metrics::of(i).count("waybill_records_total", &[])).expect("fits");
    instances.iter().map(|i| fed(i.service).saturating_sub(done(i))).sum()
}

/// How many records of each partition of `delivery.status` the writer has done with.
fn stands(rig: &Rig<'_>) -> BTreeMap<i32, i64> {
    let mine = |stand: &waybill::testkit::oracle::Stand| stand.service == "odoo-writer" && stand.topic == "delivery.status";
    let consumed = |metadata: &str| metadata.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    rig.stands().into_iter().filter(mine).map(|stand| (stand.partition, consumed(&stand.metadata))).collect()
}

/// C3 in Odoo: the notes of a picking stand in the order in which the changes of its delivery were decided.
fn notes_stand_in_order(rig: &Rig<'_>, statuses: &[waybill::testkit::oracle::Read]) {
    let mut expected: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut known = HashSet::new();
    for status in statuses {
        let value = status.value.as_deref().expect("a value");
        let Ok(Record::DeliveryStatus(status)) = rig.codecs.decode("DeliveryStatus", value) else { panic!("no status") };
        for effect in plan(&status, &PlanSettings::default()) {
            if let Action::Note { message_id, .. } = effect.action
                && known.insert(message_id.clone())
            {
                expected.entry(status.picking_id).or_default().push(message_id);
            }
        }
    }
    assert!(expected.len() > 100);
    for (picking, notes) in expected {
        let there: Vec<String> = rig.odoo.notes(picking).into_iter().map(|note| note.message_id).collect();
        assert_eq!(there, notes, "the notes of picking {picking}");
    }
}

/// Schemas of a change event in Debezium's envelope.
const CHANGE: &str = r#"{"type":"record","name":"Envelope","fields":[
    {"name":"op","type":"string"},
    {"name":"after","type":{"type":"record","name":"Row","fields":[
        {"name":"id","type":"int"},{"name":"name","type":"string"},{"name":"state","type":"string"},
        {"name":"company_id","type":"int"},{"name":"carrier_tracking_ref","type":["null","string"]}]}},
    {"name":"source","type":{"type":"record","name":"Source","fields":[{"name":"table","type":"string"},{"name":"lsn","type":"long"}]}}]}"#;

pub(crate) fn registry() {
    let registry = Registry::start();
    if !registry.can_restart() {
        return;
    }
    let mut rig = Rig::bare(Kafka::shared(), format!("{}.", unique("registry-away")));
    rig.partitions = 12;
    rig.extra.push(("WAYBILL_REGISTRY__URL".to_owned(), registry.url().to_owned()));
    for words in [&["topics", "apply", "--replication", "1"][..], &["schemas", "register"]] {
        let (code, said) = rig.command(words);
        assert_eq!(code, Some(0), "waybill {}: {said}", words.join(" "));
    }
    let schema_id = register(&rig, &registry);

    registry.stop();
    let mut instances: Vec<Instance> = SERVICES[..3].iter().map(|s| rig.start(s, "0", true)).collect();
    for instance in &instances {
        let waits = || instance.output().contains("waiting_for") && instance.output().contains("schema registry");
        wait_until(Duration::from_secs(30), "it says what it waits for", waits);
        assert_eq!((look::status(instance, "/livez"), look::status(instance, "/readyz")), (Some(200), Some(503)), "{}", instance.service);
    }
    registry.resume();
    look::wait_ready(&instances);

    registry.stop();
    // What is known goes on; what is not known waits, and what stands behind it too.
    rig.produce(&[ups(), change(schema_id, 1), change(schema_id, 2)]);
    wait_until(Duration::from_secs(30), "carriers' messages go on", || rig.read("shipment.events").len() == 1);
    let normalizer = instances.iter().find(|i| i.service == "odoo-normalizer").expect("it runs");
    wait_until(Duration::from_secs(40), "the change waits for its schema", || {
        Metrics::of(normalizer).count("waybill_transactions_total", &[("outcome", "aborted")]) >= 2
    });
    assert_eq!((rig.read("odoo.images").len(), rig.read("odoo-normalizer.dlq").len()), (0, 0), "nothing is put aside for what passes");
    assert_eq!(look::status(normalizer, "/livez"), Some(200));
    registry.resume();
    wait_until(Duration::from_mins(1), "both changes are read", || rig.read("erp.deliveries").len() == 2);
    for instance in &mut instances {
        assert!(instance.alive(), "{} has ended: {}", instance.service, instance.output());
    }
    assert_eq!(rig.read("odoo-normalizer.dlq").len(), 0);
}

/// Joined topics that are not all there yet are given apart; nothing of them flows, and all of it once they are.
pub(crate) fn topics() {
    let rig = Rig::bare(Kafka::shared(), format!("{}.", unique("topics-late")));
    let (code, said) = rig.command(&["schemas", "register"]);
    assert_eq!(code, Some(0), "{said}");
    let create = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("{}{name}", rig.prefix)).collect();
        rig.kafka.create_topics(&names, rig.partitions);
    };
    create(&["raw.carrier.ups", "raw.carrier.fedex", "raw.carrier.easypost", "raw.carrier.x12-214", "carrier-normalizer.dlq"]);
    create(&[
        "raw.carrier.ups-billing",
        "raw.carrier.fedex-billing",
        "raw.carrier.dhl-billing",
        "raw.carrier.x12-210",
        "raw.carrier.x12-ship",
    ]);
    create(&["shipment.observations", "freight.invoices", "freight.charges", "shipment.notices"]);
    let instances = ["carrier-normalizer", "shipment-tracker"].map(|service| rig.start(service, "0", true));
    rig.produce(&[ups()]);
    let given = |line: &Value| line["kind"] == "assigned" && line["partitions"].as_str().is_some_and(|p| !p.is_empty());
    wait_until(Duration::from_secs(30), "a part of its topics is given to the tracker", || {
        instances[1].logged("rebalanced", 0).iter().any(given)
    });
    wait_until(Duration::from_secs(30), "there is something to be read", || rig.read("shipment.observations").len() == 1);
    assert_eq!(look::status(&instances[1], "/readyz"), Some(503));
    create(&["shipment.links", "shipment.parcels", "source.counts", "shipment-tracker.changelog", "shipment-tracker.dlq"]);
    create(&["shipment.events", "shipment.status", "delivery.status", "exceptions"]);
    look::wait_ready(&instances);
    wait_until(Duration::from_secs(30), "the event has come through", || rig.read("shipment.events").len() == 1);
}

fn register(rig: &Rig<'_>, registry: &Registry) -> u32 {
    let url = format!("{}/subjects/{}debezium-value/versions", registry.url(), rig.prefix);
    let answer: Value = rig.runtime.block_on(async {
        let sent = reqwest::Client::new().post(url).json(&json!({"schema": CHANGE})).send().await;
        sent.expect("the registry answers").json().await.expect("json")
    });
    u32::try_from(answer["id"].as_u64().expect("an id")).expect("ids are small")
}

fn change(schema_id: u32, lsn: i64) -> RawRecord {
    let text = |text: &str| Avro::String(text.to_owned());
    let row = vec![
        ("id".to_owned(), Avro::Int(17)),
        ("name".to_owned(), text("WH/OUT/00017")),
        ("state".to_owned(), text(if lsn == 1 { "assigned" } else { "done" })),
        ("company_id".to_owned(), Avro::Int(1)),
        ("carrier_tracking_ref".to_owned(), Avro::Union(1, Box::new(text("1Z88W0E70312345678")))),
    ];
    let source = vec![("table".to_owned(), text("stock_picking")), ("lsn".to_owned(), Avro::Long(lsn))];
    let envelope = Avro::Record(vec![
        ("op".to_owned(), text("u")),
        ("after".to_owned(), Avro::Record(row)),
        ("source".to_owned(), Avro::Record(source)),
    ]);
    let schema = apache_avro::Schema::parse_str(CHANGE).expect("a schema");
    let mut value = vec![0];
    value.extend(schema_id.to_be_bytes());
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    writer.write_value(&mut value, envelope).expect("it fits");
    RawRecord {
        topic: "raw.odoo.main".to_owned(),
        key: Some("stock.picking:17".to_owned()),
        value: Some(value),
        headers: Vec::new(),
        poison: None,
    }
}

fn ups() -> RawRecord {
    let body = json!({
        "trackingNumber": "1Z88W0E70312345678", "localActivityDate": "20261119", "localActivityTime": "131540",
        "activityLocation": {"city": "Ulm", "country": "DE"}, "activityStatus": {"type": "I", "code": "AR"},
    });
    let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
    RawRecord { topic: "raw.carrier.ups".to_owned(), key: None, value: Some(body.to_string().into_bytes()), headers, poison: None }
}

pub(crate) fn brokers() {
    // Its own, because others would miss it.
    let kafka = Kafka::start();
    if !kafka.can_restart() {
        return;
    }
    let mut rig = Rig::new(&kafka, "brokers-away");
    rig.extra.push(("WAYBILL_KAFKA__PROBE".to_owned(), "true".to_owned()));
    let run = generate(815, 3_000);
    kafka.stop(Down::Term);
    let mut instances: Vec<Instance> = SERVICES.iter().map(|s| rig.start(s, "0", true)).collect();
    for instance in &instances {
        wait_until(Duration::from_secs(30), "it says what it waits for", || instance.output().contains("waiting for brokers"));
        assert_eq!((look::status(instance, "/livez"), look::status(instance, "/readyz")), (Some(200), Some(503)), "{}", instance.service);
    }
    kafka.resume();
    look::wait_ready(&instances);

    for part in run.records.chunks(run.records.len() / 2 + 1) {
        let before = Metrics::of(&instances[2]).count("waybill_records_total", &[]);
        rig.produce(part);
        wait_until(Duration::from_secs(30), "work is under way", || {
            Metrics::of(&instances[2]).count("waybill_records_total", &[]) > before + 50
        });
        kafka.stop(Down::Term);
        for instance in &mut instances {
            assert_eq!(look::status(instance, "/livez"), Some(200), "{}: a restart would not help", instance.service);
            assert!(look::get(&instance.address(), "/metrics").is_some());
        }
        kafka.resume();
        rig.wait_idle(Duration::from_mins(2), &mut instances);
    }
    look::wait_ready(&instances);
    rig.judge(&run);
}
