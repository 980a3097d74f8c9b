use super::*;
use crate::config::load;
use crate::config::topics::{TopicSchema, Topics};

/// What the services write and read is what `topics.yaml` says of them, both ways.
#[test]
fn every_service_writes_and_reads_what_the_list_of_topics_says() {
    let topics = Topics::builtin().expect("topics.yaml");
    let config = Config::built_in().expect("defaults");
    for service in Service::ALL {
        let spec = spec(service, &config, &SchemaIds::new());
        for topic in outputs(service) {
            let entry = topics.find(topic).unwrap_or_else(|| panic!("{service} writes {topic}, which is not listed"));
            assert!(entry.is_written_by(service.as_str()), "{service} writes {topic} and is not named there");
            assert!(matches!(entry.schema, TopicSchema::Record(_)), "{topic} has no record");
        }
        for input in &spec.inputs {
            let entry = topics.find(&input.topic).unwrap_or_else(|| panic!("{service} reads {}, which is not listed", input.topic));
            assert!(entry.readers.iter().any(|r| r == service.as_str()), "{service} reads {} and is not named there", input.topic);
            if let InputKind::Canonical(record) = input.kind {
                assert_eq!(entry.schema, TopicSchema::Record(record.to_owned()), "{service} reads {}", input.topic);
            }
        }
        let own = |name: &str, schema| {
            let entry = topics.find(name).unwrap_or_else(|| panic!("{name} is not listed"));
            assert_eq!((entry.owner.as_str(), &entry.schema), (service.as_str(), &schema), "{name}");
        };
        own(spec.dead_letters, TopicSchema::DeadLetter);
        if let Some(changelog) = spec.changelog {
            own(changelog, TopicSchema::Changelog);
        }
        let mut listed: Vec<&str> = topics.topics.iter().filter(|t| t.is_written_by(service.as_str())).map(|t| t.name.as_str()).collect();
        listed.retain(|name| !outputs(service).contains(name) && *name != spec.dead_letters && Some(*name) != spec.changelog);
        assert_eq!(listed, [""; 0], "{service} is named as their writer and does not write them");
    }
}

/// A partition's memory meets the same partition of every stateful input.
#[test]
fn what_meets_in_a_memory_is_joined_with_its_changelog() {
    let topics = Topics::builtin().expect("topics.yaml");
    let config = Config::built_in().expect("defaults");
    for service in Service::ALL {
        let spec = spec(service, &config, &SchemaIds::new());
        let group = |name: &str| topics.find(name).and_then(|t| t.joined_with.clone());
        let stateful: Vec<&InputSpec> = spec.inputs.iter().filter(|i| i.stateful).collect();
        assert_eq!(spec.changelog.is_some(), !stateful.is_empty(), "{service}");
        for input in stateful {
            let of_memory = spec.changelog.and_then(group);
            assert!(of_memory.is_some() && group(&input.topic) == of_memory, "{service}: {} is not joined with its memory", input.topic);
        }
    }
}

#[test]
fn notices_belong_to_the_only_odoo_or_to_the_one_that_is_named() {
    let instance = "{url: 'http://localhost', database: odoo}";
    let of = |instances: &str, named: Option<&str>| {
        let mut environment = vec![("WAYBILL_ODOO__INSTANCES".to_owned(), instances.to_owned())];
        environment.extend(named.map(|name| ("WAYBILL_CARRIERS__SOURCES__X12_SHIP__ODOO_INSTANCE".to_owned(), name.to_owned())));
        let config = load(None, &environment, None).map_err(|_| ())?.config;
        let source = config.carriers.sources.get(x12_ship::SOURCE).ok_or(())?;
        Ok::<_, ()>(notices_settings(source, &config).odoo_instance)
    };
    let (one, two) = (format!("{{main: {instance}}}"), format!("{{main: {instance}, outlet: {instance}}}"));
    assert_eq!(of(&one, None), Ok(Some("main".into())));
    assert_eq!(of(&two, None), Ok(None), "which of them is not guessed");
    assert_eq!(of(&two, Some("outlet")), Ok(Some("outlet".into())));
    assert_eq!(of("{}", Some("outlet")), Ok(Some("outlet".into())), "whoever only normalizes need not know how to call Odoo");
    assert_eq!(of(&one, Some("outlet")), Err(()), "there is no such instance");
}
