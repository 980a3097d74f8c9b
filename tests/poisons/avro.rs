//! Broken Avro on the topics between the services.

use std::collections::BTreeMap;

use waybill::domain::delivery::DeliveryStatus;
use waybill::domain::erp::ShipmentLink;
use waybill::domain::odoo_command::OdooCommand;
use waybill::domain::record::Record;
use waybill::domain::verdict::Code;
use waybill::domain::vocabulary::Milestone;
use waybill::schema::codec::Codecs;

use super::Poison;

const AVRO: &str = "application/avro";
const LINKS: &str = "shipment.links";
const OBSERVATIONS: &str = "shipment.observations";
const STATUS: &str = "delivery.status";
const COMMANDS: &str = "odoo.commands";

fn link() -> Record {
    Record::ShipmentLink(Box::new(ShipmentLink {
        shipment_key: "P900000001".into(),
        tracking_number: "P900000001".into(),
        carrier: None,
        delivery_key: "main:1:777777".into(),
        picking_name: None,
        parcels_expected: 1,
        linked: true,
        linked_at: 1_763_625_600_000_000,
    }))
}

fn command(kind: &str, instance: &str, record_id: Option<i64>, arguments: &str) -> Record {
    Record::OdooCommand(Box::new(OdooCommand {
        command_id: format!("bad-{kind}-{instance}-{}", arguments.len()),
        odoo_instance: instance.into(),
        kind: kind.into(),
        model: "stock.picking".into(),
        record_id,
        arguments: arguments.into(),
        cause_id: "poison".into(),
        requested_at: 1_763_625_600_000_000,
    }))
}

fn status(instance: &str) -> Record {
    Record::DeliveryStatus(Box::new(DeliveryStatus {
        delivery_key: format!("{instance}:1:777777"),
        odoo_instance: instance.into(),
        company_id: 1,
        picking_id: 777_777,
        picking_name: None,
        milestone: Milestone::InTransit,
        complete: false,
        parcels_expected: 1,
        parcels_delivered: 0,
        action_required: false,
        parcels: Vec::new(),
        version: 1,
        received_at: 1_763_625_600_000_000,
    }))
}

/// A long as Avro writes it.
fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).expect("seven bits"));
    bytes
}

pub(super) fn all(ids: &BTreeMap<String, u32>, codecs: &Codecs) -> Vec<Poison> {
    let written = |record: &Record| {
        let mut value = Vec::new();
        codecs.encode(record, ids[record.name()], &mut value).expect("encodes");
        value
    };
    let wire = |name: &str, datum: &[u8]| [&[0][..], &ids[name].to_be_bytes(), datum].concat();
    let bad = |name, topic, value: Vec<u8>| Poison::parked(name, topic, AVRO, value, Code::BAD_AVRO);
    let good = written(&link());
    let with = |at: usize, bytes: &[u8]| [&good[..at], bytes, &good[at + 1..]].concat();
    // Magic byte and id, twice a length and ten characters, then the union of the carrier.
    let union = 5 + 11 + 11;
    let refused = |name, record: &Record, code| Poison::parked(name, COMMANDS, AVRO, written(record), code);
    let deep = String::from_utf8(super::nested(100_000)).expect("ASCII");
    let mut all = vec![
        bad("a wrong magic byte", LINKS, with(0, &[1])),
        bad("a schema that nobody knows", LINKS, [&[0][..], &3_999_999_999_u32.to_be_bytes(), &good[5..]].concat()),
        Poison::parked(
            "the schema of another record",
            LINKS,
            AVRO,
            [&[0][..], &ids["OdooCommand"].to_be_bytes(), &good[5..]].concat(),
            Code::WRONG_SCHEMA,
        ),
        Poison::parked("another record", LINKS, AVRO, written(&status("main")), Code::WRONG_SCHEMA),
        bad("cut in the middle", LINKS, good[..20].to_vec()),
        bad("cut before the last byte", LINKS, good[..good.len() - 1].to_vec()),
        bad("a header alone", LINKS, good[..5].to_vec()),
        bad("half a header", LINKS, good[..3].to_vec()),
        bad("bytes behind the datum", LINKS, [&good[..], b"more"].concat()),
        bad("a variant that does not exist", LINKS, with(union, &long(7))),
        bad("a negative variant", LINKS, with(union, &long(-1))),
        bad("a string that is not UTF-8", LINKS, with(6, &[0xff])),
        bad("a string of a terabyte", LINKS, wire("ShipmentLink", &long(1 << 40))),
        bad("a string of 16 MB that is not there", LINKS, wire("ShipmentLink", &long(16 << 20))),
        bad("a string of negative length", LINKS, wire("ShipmentLink", &long(-5))),
        bad("a length without an end", LINKS, wire("ShipmentLink", &[0xff; 64])),
        bad("JSON in place of Avro", LINKS, br#"{"shipment_key":"1"}"#.to_vec()),
        bad("an empty value", LINKS, Vec::new()),
        Poison::parked("tombstone of a link", LINKS, AVRO, Vec::new(), Code::EMPTY_VALUE).without_value(),
        bad("10 MB behind a header", OBSERVATIONS, wire("ShipmentEvent", &vec![0x80; 10 << 20])),
        bad("an observation of zeros", OBSERVATIONS, wire("ShipmentEvent", &[0; 8])),
        bad("an observation in JSON", OBSERVATIONS, b"{}".to_vec()),
        Poison::parked("tombstone of an observation", OBSERVATIONS, AVRO, Vec::new(), Code::EMPTY_VALUE).without_value(),
        Poison::parked("a link among the observations", OBSERVATIONS, AVRO, good.clone(), Code::WRONG_SCHEMA),
        bad("a status that is cut", STATUS, written(&status("main"))[..30].to_vec()),
        bad("a milestone that does not exist", STATUS, milestone(&written, 99)),
        bad("a list of a trillion parcels", STATUS, parcels(&written(&status("main")), 1 << 40)),
        Poison::parked("a status of an Odoo that is not ours", STATUS, AVRO, written(&status("elsewhere")), Code::ODOO_CONFIG),
        Poison::parked("tombstone of a status", STATUS, AVRO, Vec::new(), Code::EMPTY_VALUE).without_value(),
        bad("a command that is cut", COMMANDS, written(&command("note", "main", Some(1), "{}"))[..30].to_vec()),
        Poison::parked("a link among the commands", COMMANDS, AVRO, good.clone(), Code::WRONG_SCHEMA),
        refused("a command that nobody knows", &command("unlink", "main", Some(1), "{}"), Code::UNKNOWN_COMMAND),
        refused("arguments that are no JSON", &command("note", "main", Some(1), "{body"), Code::UNKNOWN_COMMAND),
        refused("arguments 100,000 deep", &command("note", "main", Some(1), &deep), Code::UNKNOWN_COMMAND),
        refused("a command without a record", &command("note", "main", None, r#"{"body":"x"}"#), Code::UNKNOWN_COMMAND),
        refused(
            "a command that writes the state",
            &command("write", "main", Some(1), r#"{"values":{"state":"done"}}"#),
            Code::ODOO_REFUSED,
        ),
        refused("a command to an Odoo that is not ours", &command("note", "elsewhere", Some(1), r#"{"body":"x"}"#), Code::ODOO_CONFIG),
    ];
    let flat = wire("OdooCommand", &vec![0xff; 10 << 20]);
    all.push(bad("10 MB of a number", COMMANDS, flat));
    all
}

/// A status whose milestone has this number. Where it stands is where two statuses differ that differ in nothing else.
fn milestone(written: &impl Fn(&Record) -> Vec<u8>, number: i64) -> Vec<u8> {
    let Record::DeliveryStatus(one) = status("main") else { panic!("a status") };
    let other = DeliveryStatus { milestone: Milestone::Delivered, ..(*one).clone() };
    let (one, other) = (written(&Record::DeliveryStatus(one)), written(&Record::DeliveryStatus(Box::new(other))));
    let at = one.iter().zip(&other).position(|(a, b)| a != b).expect("they differ");
    [&one[..at], &long(number), &one[at + 1..]].concat()
}

/// A status that promises so many parcels: behind them stand a version and a time, of one and eight bytes.
fn parcels(written: &[u8], count: i64) -> Vec<u8> {
    let tail = long(1).len() + long(1_763_625_600_000_000).len();
    let at = written.len() - tail - 1;
    assert_eq!(written[at], 0, "the list is empty");
    [&written[..at], &long(count)].concat()
}
