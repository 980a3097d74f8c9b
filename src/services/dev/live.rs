//! What happens, in plain words, as it happens.

use crate::domain::record::Record;
use crate::engine::dead_letter::header;
use crate::schema::codec::Codecs;

/// Topics that are watched, without prefix; dead letters come beside them.
pub const WATCHED: &[&str] =
    &["shipment.events", "shipment.links", "delivery.status", "exceptions", "finance.entries", "finance.verdicts", "odoo.results"];

/// One line about a record of a watched topic; `None` where there is nothing to say.
#[must_use]
pub fn line(topic: &str, value: Option<&[u8]>, headers: &[(String, Vec<u8>)], codecs: &Codecs) -> Option<String> {
    let text =
        |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| String::from_utf8_lossy(v).into_owned()).unwrap_or_default();
    if topic.strip_suffix(".dlq").is_some() {
        return Some(format!("dead letter  {} {}: {}", text(header::CODE), text(header::TOPIC), text(header::CAUSE)));
    }
    let name = match topic {
        "shipment.events" => "ShipmentEvent",
        "shipment.links" => "ShipmentLink",
        "delivery.status" => "DeliveryStatus",
        "exceptions" => "ExceptionRaised",
        "finance.entries" => "FinanceEntry",
        "finance.verdicts" => "FreightVerdict",
        "odoo.results" => "OdooResult",
        _ => return None,
    };
    match codecs.decode(name, value?).ok()? {
        Record::ShipmentEvent(e) => {
            let when = e.occurred_local.as_deref().unwrap_or("at a time not told");
            let reason = e.exception_reason.map(|r| format!(" ({r})")).unwrap_or_default();
            Some(format!("event        {} {} {}{reason}, {when}, told by {}", e.carrier, e.tracking_number, e.milestone, e.source))
        }
        Record::ShipmentLink(l) => {
            let verb = if l.linked { "belongs to" } else { "no longer belongs to" };
            Some(format!("link         {} {verb} {}", l.tracking_number, l.picking_name.as_deref().unwrap_or(&l.delivery_key)))
        }
        Record::DeliveryStatus(d) => {
            let name = d.picking_name.as_deref().unwrap_or(&d.delivery_key);
            Some(format!("delivery     {name} {}, {} of {} parcels delivered", d.milestone, d.parcels_delivered, d.parcels_expected))
        }
        Record::ExceptionRaised(x) => Some(format!("for a person {} ({}): {}", x.kind, x.state, x.summary)),
        Record::FinanceEntry(e) => {
            let name = e.picking_name.as_deref().unwrap_or(&e.delivery_key);
            Some(format!("entry        {name} {}, {} {} for {}", e.kind, e.amount, e.currency, e.charge_type))
        }
        Record::FreightVerdict(v) => {
            Some(format!("billed       {} {} for {} {}: {}", v.amount, v.currency, v.charge_type, v.verdict, v.reason))
        }
        Record::OdooResult(r) => {
            let record = r.record_id.map(|id| id.to_string()).unwrap_or_default();
            Some(format!("odoo         {} on {} {record}: {}", r.kind, r.model, r.outcome))
        }
        _ => None,
    }
}
