//! Both steps run one after the other on a state in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::domain::erp::{ErpDelivery, ErpInvoice, ErpOrder, ShipmentLink};
use crate::domain::record::Record;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::processor::{Input, Output, Outputs, Payload, Processor};
use crate::testkit::Memory;

mod notices;
mod orders;
mod rules;
mod transcripts;

/// 2026-11-21 12:00:00 UTC.
const NOON: Micros = 1_795_262_400_000_000;

struct Bench {
    reader: ImageReader,
    fold: ImageFold,
    memory: Memory,
    now: Micros,
    published: Vec<Output>,
}

fn settings() -> OdooNormalizerSettings {
    let main = OdooInstance {
        name: "main".into(),
        webhook_topic: "raw.odoo.main".into(),
        debezium_topics: vec![r"db1\.public\.[a-z_]+".into()],
        language: "en_US".into(),
        carriers: BTreeMap::from([("Next day".to_owned(), "dpd".to_owned())]),
        default_company: None,
        company_currencies: BTreeMap::from([(1, "EUR".to_owned())]),
    };
    let one_company = OdooInstance {
        name: "one_company".into(),
        webhook_topic: "raw.odoo.one-company".into(),
        default_company: Some(1),
        ..OdooInstance::default()
    };
    OdooNormalizerSettings { instances: vec![main, one_company], ..OdooNormalizerSettings::default() }
}

impl Bench {
    fn new(settings: OdooNormalizerSettings) -> Self {
        let settings = Arc::new(settings);
        let decode: AvroDecoder = Arc::new(|bytes| match bytes.strip_prefix(&[0, 0, 0, 0, 7]) {
            Some(json) => serde_json::from_slice(json).map_err(|_| Park::new(Code::BAD_AVRO, "broken")),
            None => Err(Park::new(Code::BAD_AVRO, "schema id is not known")),
        });
        let reader = ImageReader::new(settings.clone(), decode).expect("patterns");
        Self { reader, fold: ImageFold::new(settings), memory: Memory::default(), now: NOON, published: Vec::new() }
    }

    /// Sends one raw message through both steps; the verdict is that of the step where it ended.
    fn send(&mut self, topic: &str, value: &Value) -> Verdict {
        self.send_bytes(topic, Some(value.to_string().as_bytes()))
    }

    fn send_bytes(&mut self, topic: &str, value: Option<&[u8]>) -> Verdict {
        self.now += 1_000;
        let headers = Vec::new();
        let mut images = Outputs::default();
        let input = self.input(topic, &headers, Payload::Raw(value));
        let verdict = self.reader.process(&input, &mut Memory::default(), self.now, &mut images);
        if verdict != Verdict::Publish {
            assert!(images.records.is_empty(), "only what is published has outputs");
            return verdict;
        }
        let [Output { topic: IMAGES_TOPIC, key, record: record @ Record::OdooImage(image) }] = images.records.as_slice() else {
            panic!("one image: {images:?}");
        };
        assert_eq!(*key, image.odoo_instance);
        self.fold_one(record.clone())
    }

    fn fold_one(&mut self, image: Record) -> Verdict {
        let headers = Vec::new();
        let mut out = Outputs::default();
        let input = self.input(IMAGES_TOPIC, &headers, Payload::Canonical(image));
        let verdict = self.fold.process(&input, &mut self.memory, self.now, &mut out);
        assert_eq!(verdict == Verdict::Publish, !out.records.is_empty(), "C1: {verdict:?}");
        self.published.append(&mut out.records);
        verdict
    }

    fn input<'a>(&self, topic: &'a str, headers: &'a Vec<(String, Vec<u8>)>, payload: Payload<'a>) -> Input<'a> {
        Input { topic, partition: 0, offset: 0, received_at: self.now, key: None, headers, payload }
    }

    /// Wakes what is due, as the engine does.
    fn tick(&mut self, now: Micros) {
        self.now = now;
        for _ in 0..1_000 {
            let Some(key) = self.memory.due(now) else { return };
            if let Some((_, alarm)) = self.memory.values.get_mut(&key) {
                *alarm = None;
            }
            let mut out = Outputs::default();
            self.fold.wake(&key, &mut self.memory, now, &mut out);
            self.published.append(&mut out.records);
        }
        panic!("alarms without end");
    }

    fn deliveries(&self) -> BTreeMap<String, ErpDelivery> {
        let each = self.published.iter().filter_map(|o| match (o.topic, &o.record) {
            (DELIVERIES_TOPIC, Record::ErpDelivery(d)) => Some((o.key.clone(), (**d).clone())),
            _ => None,
        });
        each.inspect(|(key, d)| assert_eq!(*key, d.delivery_key)).collect()
    }

    fn orders(&self) -> BTreeMap<String, ErpOrder> {
        let each = self.published.iter().filter_map(|o| match (o.topic, &o.record) {
            (ORDERS_TOPIC, Record::ErpOrder(r)) => Some((o.key.clone(), (**r).clone())),
            _ => None,
        });
        each.collect()
    }

    fn invoices(&self) -> BTreeMap<String, ErpInvoice> {
        let each = self.published.iter().filter_map(|o| match (o.topic, &o.record) {
            (INVOICES_TOPIC, Record::ErpInvoice(r)) => Some((o.key.clone(), (**r).clone())),
            _ => None,
        });
        each.collect()
    }

    fn link_history(&self) -> Vec<ShipmentLink> {
        let each = self.published.iter().filter_map(|o| match (o.topic, &o.record) {
            (LINKS_TOPIC, Record::ShipmentLink(l)) => Some((o.key.clone(), (**l).clone())),
            _ => None,
        });
        each.inspect(|(key, l)| assert_eq!(*key, l.shipment_key)).map(|(_, link)| link).collect()
    }

    /// The pairs of delivery and shipment that stand in the end.
    fn linked(&self) -> BTreeSet<(String, String)> {
        let mut now = BTreeSet::new();
        for link in self.link_history() {
            let pair = (link.delivery_key, link.shipment_key);
            if link.linked {
                now.insert(pair);
            } else {
                now.remove(&pair);
            }
        }
        now
    }
}
