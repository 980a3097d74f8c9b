//! Second step: images in, canonical records out. Remembers the last image of each record.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::held::{self, Held, repetition_key};
use super::join::{self, Around, Whose};
use super::{DELIVERIES_TOPIC, INVOICES_TOPIC, ORDERS_TOPIC, OdooNormalizerSettings, consignment, links, names, users};
use crate::domain::dedup;
use crate::domain::record::{OdooImage, Record};
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::processor::{Input, Outputs, Payload, Processor, State};
use crate::odoo::changes::columns;

pub(super) const PICKING: &str = "stock.picking";
const ORDER: &str = "sale.order";
const INVOICE: &str = "account.move";
const CARRIER: &str = "delivery.carrier";
const PARTNER: &str = "res.partner";

/// Folds images into deliveries, orders, invoices and links.
#[derive(Debug)]
pub struct ImageFold {
    pub(super) settings: Arc<OdooNormalizerSettings>,
}

/// Where one record or alarm is worked on.
pub(super) struct Desk<'a> {
    pub state: &'a mut dyn State,
    pub out: &'a mut Outputs,
    pub instance: &'a str,
    pub now: Micros,
}

impl ImageFold {
    /// A fold with the configured carriers, currencies and window.
    #[must_use]
    pub fn new(settings: Arc<OdooNormalizerSettings>) -> Self {
        Self { settings }
    }

    /// Takes one image in and publishes what follows from it. Gives the reason for the case that nothing does.
    fn fold(&self, image: &OdooImage, desk: &mut Desk<'_>) -> Result<&'static str, Park> {
        let table =
            columns::by_model(&image.model).ok_or_else(|| Park::new(Code::UNKNOWN_TABLE, "an image of a model that is not followed"))?;
        let fields: Map<String, Value> =
            serde_json::from_str(&image.fields).map_err(|_| Park::new(Code::MALFORMED, "the fields of an image are no JSON object"))?;
        let (model, id) = (table.model, image.record_id);
        let known = Held::load(desk.state, model, desk.instance, id);
        if known.is_none() && image.deleted {
            // Kept for a while, lest an older image that comes late bring the record to life.
            let mut gone = Held::default();
            let _ = gone.take(image, fields);
            self.save(desk, model, id, &gone, image.received_at);
            return Ok("unknown_record");
        }
        let mut held = known.unwrap_or_default();
        let repeated = repetition_key(image, &fields);
        let told_before = repeated.is_some_and(|key| desk.state.seen(key));
        match held.take(image, fields) {
            Ok(()) if !told_before => {}
            Ok(()) | Err("superseded") => return Ok("superseded"),
            Err(reason) => {
                self.save(desk, model, id, &held, image.received_at);
                return Ok(reason);
            }
        }
        if let Some(key) = repeated {
            desk.state.remember(key);
        }
        Ok(self.follow(image, model, held, desk))
    }

    /// What follows from a changed record.
    fn follow(&self, image: &OdooImage, model: &'static str, mut held: Held, desk: &mut Desk<'_>) -> &'static str {
        let (id, received_at) = (image.record_id, image.received_at);
        let written_at = held.moment("write_date").filter(|_| !held.deleted).unwrap_or(received_at);
        let reason = match model {
            PICKING => self.delivery(id, &mut held, written_at, desk),
            ORDER => self.order(id, &mut held, written_at, desk),
            INVOICE => self.invoice(id, &mut held, written_at, desk),
            _ => "remembered",
        };
        if held.deleted {
            held = Held { position: held.position, logged_at: held.logged_at, deleted: true, ..Held::default() };
        }
        self.save(desk, model, id, &held, received_at);
        if matches!(model, PARTNER | CARRIER | ORDER) {
            for picking in users::of(desk.state, model, desk.instance, id, desk.now) {
                self.refresh(picking, received_at, desk);
            }
        }
        reason
    }

    /// A delivery is looked at again because something that it uses has changed.
    fn refresh(&self, id: i64, at: Micros, desk: &mut Desk<'_>) {
        let Some(before) = Held::load(desk.state, PICKING, desk.instance, id) else { return };
        if before.deleted || before.published.is_none() || self.over(&before, at, desk.now) {
            return;
        }
        let mut held = before.clone();
        let at = held.moment("write_date").map_or(at, |written| written.max(at));
        self.delivery(id, &mut held, at, desk);
        if held != before {
            self.save(desk, PICKING, id, &held, at);
        }
    }

    /// Publishes a delivery and its links where they differ from what was published last. `at` is when Odoo wrote what
    /// makes the difference.
    pub(super) fn delivery(&self, id: i64, held: &mut Held, at: Micros, desk: &mut Desk<'_>) -> &'static str {
        let Some(whose) = self.whose(desk.instance, id, held) else { return "half_filled" };
        let around = around(held, desk);
        let Some(mut delivery) = join::delivery(whose, held, &around, self.settings.instance(desk.instance)) else { return "half_filled" };
        let is_one = delivery.sale_id.is_some() || delivery.carrier_id.is_some() || !delivery.tracking_numbers.is_empty();
        if held.published.is_none() && (held.deleted || !is_one) {
            return "not_a_delivery";
        }
        let written_at = delivery.written_at.take();
        let changed = changed(held, &delivery);
        if changed {
            delivery.written_at = if held.deleted { Some(at) } else { written_at };
            let key = delivery.delivery_key.clone();
            desk.out.publish(DELIVERIES_TOPIC, key, Record::ErpDelivery(Box::new(delivery.clone())));
        }
        if links::is_gone(&delivery) {
            Self::release(held, desk);
        }
        links::publish(held, &delivery, at, desk.out);
        if self.name(id, held, around.order.as_ref(), at, desk) || changed {
            Self::rouse(held, desk);
        }
        self.list(id, held, at, desk);
        "unchanged"
    }

    fn order(&self, id: i64, held: &mut Held, at: Micros, desk: &mut Desk<'_>) -> &'static str {
        let Some(mut order) = self.whose(desk.instance, id, held).and_then(|whose| join::order(whose, held)) else {
            return "half_filled";
        };
        let written_at = order.written_at.take();
        if changed(held, &order) {
            order.written_at = if held.deleted { Some(at) } else { written_at };
            desk.out.publish(ORDERS_TOPIC, order.order_key.clone(), Record::ErpOrder(Box::new(order)));
        }
        "unchanged"
    }

    fn invoice(&self, id: i64, held: &mut Held, at: Micros, desk: &mut Desk<'_>) -> &'static str {
        let Some(mut invoice) = self.whose(desk.instance, id, held).and_then(|whose| join::invoice(whose, held)) else {
            return "half_filled";
        };
        let written_at = invoice.written_at.take();
        if changed(held, &invoice) {
            invoice.written_at = if held.deleted { Some(at) } else { written_at };
            desk.out.publish(INVOICES_TOPIC, invoice.invoice_key.clone(), Record::ErpInvoice(Box::new(invoice)));
        }
        "unchanged"
    }

    /// Nothing can be keyed before the company is known: from the image, or for a database of one company from the configuration.
    fn whose<'a>(&self, instance: &'a str, id: i64, held: &Held) -> Option<Whose<'a>> {
        let of_instance = || self.settings.instance(instance)?.default_company;
        let company_id = held.id("company_id").or_else(of_instance)?;
        Some(Whose { instance, company_id, id })
    }

    /// Lists a picking under its names. Whether they have changed.
    fn name(&self, id: i64, held: &mut Held, order: Option<&Held>, at: Micros, desk: &mut Desk<'_>) -> bool {
        let names = match (held.deleted, self.over(held, at, desk.now)) {
            (true, _) => Vec::new(),
            (false, true) => return false,
            (false, false) => names::of(held, order),
        };
        names::list(desk.state, desk.instance, id, held, names)
    }

    /// Lists a picking with what it uses, where that has changed. Where it is listed and no longer belongs it is looked at for nothing.
    fn list(&self, id: i64, held: &mut Held, at: Micros, desk: &mut Desk<'_>) {
        if self.over(held, at, desk.now) {
            return;
        }
        let uses = uses(held);
        for (place, (model, used)) in users::models().into_iter().zip(uses).enumerate() {
            if let Some(used) = used
                && held.listed.get(place).copied().flatten() != Some(used)
            {
                users::add(desk.state, model, desk.instance, used, id);
            }
        }
        held.listed = uses.to_vec();
    }

    /// Settled so long ago that it is forgotten.
    pub(super) fn over(&self, picking: &Held, at: Micros, now: Micros) -> bool {
        join::forget_at(PICKING, picking, at, self.settings.window).is_some_and(|forget_at| forget_at <= now)
    }

    pub(super) fn save(&self, desk: &mut Desk<'_>, model: &str, id: i64, held: &Held, at: Micros) {
        let forget_at = join::forget_at(model, held, at, self.settings.window);
        held.save(desk.state, model, desk.instance, id, forget_at);
    }
}

/// Whether a record without its write date differs from what was published last, which from now on it is.
fn changed<T: Serialize>(held: &mut Held, record: &T) -> bool {
    let text = serde_json::to_string(record).unwrap_or_default();
    let digest = Some(dedup::hex(&dedup::id_of(&[&text])));
    let changed = held.published != digest;
    held.published = digest;
    changed
}

/// The records that a picking uses. The order gives its name where the picking has no source document of its own, and what the
/// customer calls it.
fn uses(held: &Held) -> [Option<i64>; 3] {
    if held.deleted {
        return [None; 3];
    }
    [held.id("partner_id"), held.id("carrier_id"), held.id("sale_id")]
}

fn around(held: &Held, desk: &Desk<'_>) -> Around {
    let [partner, carrier, order] = uses(held);
    let load = |model, id: Option<i64>| Held::load(desk.state, model, desk.instance, id?);
    Around { partner: load(PARTNER, partner), carrier: load(CARRIER, carrier), order: load(ORDER, order) }
}

impl Processor for ImageFold {
    fn process(&self, input: &Input<'_>, state: &mut dyn State, now: Micros, out: &mut Outputs) -> Verdict {
        let before = out.records.len();
        let decided = match &input.payload {
            Payload::Canonical(Record::OdooImage(image)) => self.fold(image, &mut Desk { state, out, instance: &image.odoo_instance, now }),
            Payload::Canonical(Record::ShipmentNotice(notice)) => {
                self.notice(notice, &mut Desk { state, out, instance: &notice.odoo_instance, now })
            }
            _ => Err(Park::new(Code::WRONG_SCHEMA, "an image of an Odoo record or a notice was expected")),
        };
        match decided {
            Err(park) => Verdict::Park(park),
            Ok(_) if out.records.len() > before => Verdict::Publish,
            Ok(reason) => Verdict::Duplicate(reason),
        }
    }

    /// A settled record is forgotten, a consignment is looked at again, or another page of deliveries is due after what they use has
    /// changed.
    fn wake(&self, key: &[u8], state: &mut dyn State, now: Micros, out: &mut Outputs) {
        if let Some((instance, id)) = consignment::of_key(key) {
            self.wake_consignment(id, &mut Desk { state, out, instance, now });
            return;
        }
        let Some(instance) = users::instance_of_page(key) else {
            if let Some((model, instance, id)) = held::of_key(key)
                && model == PICKING
                && let Some(mut held) = Held::load(state, model, instance, id)
            {
                names::list(state, instance, id, &mut held, Vec::new());
            }
            state.delete(key);
            users::forget(state, key);
            return;
        };
        let mut desk = Desk { state, out, instance, now };
        for picking in users::page(desk.state, key) {
            self.refresh(picking, now, &mut desk);
        }
        if let Some(bytes) = desk.state.get(key).map(<[u8]>::to_vec) {
            desk.state.put(key, bytes, None);
        }
    }
}
