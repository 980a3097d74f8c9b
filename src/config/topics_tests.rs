use super::*;

fn builtin() -> Topics {
    Topics::builtin().expect("topics.yaml")
}

fn as_created(topics: &Topics, prefix: &str) -> Vec<ActualTopic> {
    let created = topics.diff(&[], prefix).into_iter();
    created
        .map(|change| match change {
            TopicChange::Create { name, partitions, configs } => ActualTopic { name, partitions, configs },
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_file_of_the_binary_is_right() {
    assert_eq!(builtin().validate(), []);
}

/// A service's memory is per partition number: what one service keeps together must stay together.
#[test]
fn what_is_joined_is_named_so() {
    let topics = builtin();
    for (group, names) in [
        ("shipment", &["shipment.observations", "shipment.links", "shipment.parcels", "source.counts", "shipment-tracker.changelog"][..]),
        ("odoo-images", &["odoo.images", "shipment.notices", "odoo-normalizer.changelog"]),
        ("delivery", &["delivery.status", "odoo.commands", "odoo-writer.changelog"]),
        ("finance", &["finance.facts", "finance-accrual.changelog"]),
    ] {
        let joined: Vec<&str> = topics.topics.iter().filter(|t| t.joined_with.as_deref() == Some(group)).map(|t| t.name.as_str()).collect();
        assert_eq!(joined, names, "{group}");
    }
}

#[test]
fn a_broken_file_is_told_what_is_wrong() {
    type Break = fn(&mut Topic);
    let cases: [(&str, Break, &str); 12] = [
        ("shipment.events", |t| t.name = "shipment_events".into(), "is no name"),
        ("shipment.links", |t| t.partitions = 4, "unequal partition counts"),
        ("shipment.links", |t| t.partitions = 0, "cannot have 0 partitions"),
        ("shipment.status", |t| t.schema = TopicSchema::Record("Nothing".into()), "has no schema"),
        ("odoo.results", |t| t.schema = TopicSchema::Planned, "the record has no topic"),
        ("exceptions", |t| t.readers.push("accounting".into()), "unknown service: accounting"),
        ("exceptions", |t| t.writers.push("accounting".into()), "unknown service: accounting"),
        ("exceptions", |t| t.writers.push("shipment-tracker".into()), "names a writer twice: shipment-tracker"),
        ("exceptions", |t| t.writers.push("finance-accrual".into()), "names a writer twice: finance-accrual"),
        ("odoo-writer.changelog", |t| t.writers.push("finance-accrual".into()), "has writers beside its owner"),
        ("raw.carrier.ups", |t| t.max_message_bytes = None, "needs max_message_bytes"),
        ("odoo-writer.changelog", |t| t.cleanup_policy = CleanupPolicy::Delete, "must be compacted"),
    ];
    for (name, change, problem) in cases {
        let mut topics = builtin();
        change(topics.topics.iter_mut().find(|t| t.name == name).expect(name));
        let found = topics.validate();
        assert!(found.iter().any(|f| f.problem.contains(problem)), "{name}: {problem} not in {found:?}");
    }
    let mut twice = builtin();
    twice.topics.push(twice.topics[0].clone());
    assert!(twice.validate().iter().any(|f| f.problem == "is named twice"));
}

#[test]
fn what_the_brokers_lack_is_created_once_and_nothing_else() {
    let topics = builtin();
    let brokers = as_created(&topics, "acme.");
    assert!(brokers.iter().all(|t| t.name.starts_with("acme.")));
    assert!(brokers.iter().any(|t| t.name == "acme.shipment.events"));
    assert!(!brokers.iter().any(|t| t.name.contains('*') || t.name == "acme.notification.outcomes"), "families and plans are not created");
    let raw = brokers.iter().find(|t| t.name == "acme.raw.carrier.ups").expect("raw");
    assert_eq!(raw.configs.get("max.message.bytes").map(String::as_str), Some("16777216"));
    assert_eq!(raw.configs.get("retention.ms").map(String::as_str), Some("3888000000"));
    let mut with_extra = brokers.clone();
    with_extra.push(ActualTopic { name: "acme.someone.elses".into(), partitions: 1, configs: BTreeMap::new() });
    assert_eq!(topics.diff(&with_extra, "acme."), []);
}

#[test]
fn differences_are_told_and_partitions_never_changed() {
    let topics = builtin();
    let mut brokers = as_created(&topics, "");
    let at = |name: &str, brokers: &[ActualTopic]| brokers.iter().position(|t| t.name == name).expect("there");
    let events = at("shipment.events", &brokers);
    brokers[events].configs.insert("retention.ms".into(), "1".into());
    let links = at("shipment.links", &brokers);
    brokers[links].partitions = 4;
    let status = at("delivery.status", &brokers);
    brokers[status].configs.clear();
    let changes = topics.diff(&brokers, "");
    assert_eq!(
        changes,
        [
            TopicChange::PartitionMismatch { name: "shipment.links".into(), actual: 4, expected: 6 },
            TopicChange::AlterConfig {
                name: "shipment.events".into(),
                key: "retention.ms".into(),
                from: "1".into(),
                to: "31536000000".into()
            },
            TopicChange::AddConfig { name: "delivery.status".into(), key: "cleanup.policy".into(), value: "compact".into() },
            TopicChange::AddConfig { name: "delivery.status".into(), key: "max.message.bytes".into(), value: "16777216".into() },
        ]
    );
    assert_eq!(changes.iter().map(TopicChange::is_applied).collect::<Vec<_>>(), [false, true, true, true]);
}

#[test]
fn an_operator_may_be_more_generous() {
    let topics = builtin();
    let mut brokers = as_created(&topics, "");
    for topic in &mut brokers {
        for (key, value) in [("retention.ms", "-1"), ("max.message.bytes", "20000000")] {
            topic.configs.entry(key.into()).and_modify(|set| *set = value.into());
        }
        if topics.find(&topic.name).is_some_and(|t| t.joined_with.is_none()) {
            topic.partitions *= 2;
        }
    }
    assert_eq!(topics.diff(&brokers, ""), []);
}

#[test]
fn who_writes_is_of_the_topics_that_it_writes() {
    let topics = builtin();
    for (service, writes) in [("shipment-tracker", true), ("finance-accrual", true), ("notifier", false)] {
        assert_eq!(topics.find("exceptions").map(|t| t.is_written_by(service)), Some(writes), "{service}");
    }
    assert!(topics.of_service("finance-accrual").any(|t| t.name == "exceptions"));
    assert!(!topics.of_service("odoo-writer").any(|t| t.name == "exceptions"));
}

#[test]
fn families_match_one_part() {
    let topics = builtin();
    assert_eq!(topics.find("raw.odoo.main").map(|t| t.name.as_str()), Some("raw.odoo.*"));
    assert_eq!(topics.find("raw.odoo.main.extra"), None);
    assert_eq!(topics.find("raw.odoo."), None);
    assert_eq!(topics.find("raw.carrier.ups").map(|t| t.owner.as_str()), Some("relay"));
}

#[test]
fn a_file_of_the_operator_is_read_and_its_mistakes_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("topics.yaml");
    std::fs::write(&path, include_str!("../../topics.yaml").replace("partitions: 6", "partitions: 24")).expect("written");
    assert_eq!(Topics::load(&path).expect("loads").find("shipment.events").map(|t| t.partitions), Some(24));
    std::fs::write(&path, "topics:\n  - name: a\n    retention: soon\n").expect("written");
    assert!(matches!(Topics::load(&path), Err(TopicsError::Parse { .. })));
    assert!(matches!(Topics::load(&folder.path().join("none.yaml")), Err(TopicsError::Read { .. })));
}

#[test]
fn nothing_is_applied_that_would_delete_or_refuse_records() {
    for (key, from, to, applied) in [
        ("retention.ms", "1000", "2000", true),
        ("retention.ms", "1000", "-1", true),
        ("retention.ms", "2000", "1000", false),
        ("retention.ms", "-1", "1000", false),
        ("max.message.bytes", "20", "10", false),
        ("max.message.bytes", "10", "20", true),
        ("cleanup.policy", "delete", "compact", true),
    ] {
        let change = TopicChange::AlterConfig { name: "t".into(), key: key.into(), from: from.into(), to: to.into() };
        assert_eq!(change.is_applied(), applied, "{key} {from} {to}");
    }
}
