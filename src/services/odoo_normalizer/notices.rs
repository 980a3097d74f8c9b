//! Notices of what was shipped, joined with the deliveries of their database.
//!
//! A consignment belongs to a delivery where exactly one can be meant. Until then it waits, for the window at most, and a case for a person
//! is open as soon as waiting alone will not help, or has gone on for long.

use std::collections::{BTreeSet, HashSet};

use super::consignment::{Consignment, Head};
use super::fold::{Desk, ImageFold, PICKING};
use super::held::{Held, Told};
use super::links::{self, NUMBERS_MAX};
use super::names::{self, By, Name};
use crate::domain::ids::shipment_key;
use crate::domain::notice::{NoticeAction, ShipmentNotice};
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park};

/// Consignments of one instance that may wait.
const WAITING_MAX: u32 = 100_000;
/// Consignments of one notice that are remembered.
const CONSIGNMENTS_MAX: usize = 10_000;
/// From the last change of a delivery that may be meant to the decision, microseconds: the images of one change of Odoo's come one
/// after the other, and the first delivery of an order is not to be taken for the only one.
const SETTLE: Micros = 10_000_000;

/// Which delivery a consignment is.
enum Found {
    None,
    One(i64),
    /// More than one may be meant.
    Several,
    /// It would have more parcels than a delivery can have.
    Full,
}

/// Whether the telling is older than one that is known. Without a time, the order of arrival counts.
fn is_older(sent: Option<&String>, known: Option<&String>) -> bool {
    matches!((sent, known), (Some(sent), Some(known)) if sent < known)
}

impl ImageFold {
    /// Takes one consignment in. Gives the reason for the case that nothing follows from it.
    pub(super) fn notice(&self, notice: &ShipmentNotice, desk: &mut Desk<'_>) -> Result<&'static str, Park> {
        let mut head = Head::load(desk.state, desk.instance, &notice.notice_id);
        if notice.action != NoticeAction::Adds && is_older(notice.sent.as_ref(), head.sent.as_ref()) {
            return Ok("superseded");
        }
        let known = Consignment::load(desk.state, desk.instance, &notice.consignment_id);
        let next = merged(notice, known.as_ref());
        // Before anything is changed: a notice is parked whole.
        self.check_room(notice, &head, known.as_ref(), &next, desk)?;
        let withdraws = notice.action == NoticeAction::Withdraws;
        if notice.part <= 1 {
            self.take_back(notice, &mut head, desk);
            head.save(desk.state, desk.instance, &notice.notice_id, notice.received_at.saturating_add(self.settings.window));
        }
        Ok(if withdraws { "unknown_notice" } else { self.consignment(notice, known.as_ref(), next, desk) })
    }

    fn check_room(
        &self,
        notice: &ShipmentNotice,
        head: &Head,
        known: Option<&Consignment>,
        next: &Consignment,
        desk: &Desk<'_>,
    ) -> Result<(), Park> {
        let too_many = |what: &str| Err(Park::new(Code::TOO_MANY, what));
        if next.parcels.len() > NUMBERS_MAX {
            return too_many("more parcels than one delivery can have");
        }
        if notice.action == NoticeAction::Adds && head.consignments.len() + notice.consignments.len() > CONSIGNMENTS_MAX {
            return too_many("more consignments than one notice can have");
        }
        if known.is_some() || notice.action == NoticeAction::Withdraws {
            return Ok(());
        }
        let full = |name: &String| names::waiting(desk.state, desk.instance, name).len() >= names::WAITING_MAX;
        let no_room = names::waiting_count(desk.state, desk.instance) >= WAITING_MAX || next.texts().iter().any(full);
        if no_room && !matches!(self.find(&notice.consignment_id, next, desk), Found::One(_)) {
            return too_many("too many notices wait for a delivery");
        }
        Ok(())
    }

    /// Takes back what the notice has said before and says no longer.
    fn take_back(&self, notice: &ShipmentNotice, head: &mut Head, desk: &mut Desk<'_>) {
        let named: HashSet<&String> = notice.consignments.iter().collect();
        let mut kept = Vec::new();
        for id in std::mem::take(&mut head.consignments) {
            let stays = notice.action == NoticeAction::Adds
                || named.contains(&id)
                || Consignment::load(desk.state, desk.instance, &id).is_some_and(|c| is_older(notice.sent.as_ref(), c.sent.as_ref()));
            if stays {
                kept.push(id);
            } else {
                self.withdraw(&id, notice.received_at, desk);
            }
        }
        let known: HashSet<String> = kept.iter().cloned().collect();
        kept.extend(notice.consignments.iter().filter(|id| !known.contains(*id)).cloned());
        head.consignments = kept;
        if notice.action != NoticeAction::Adds {
            head.sent = notice.sent.clone().or_else(|| head.sent.take());
        }
    }

    fn withdraw(&self, id: &str, at: Micros, desk: &mut Desk<'_>) {
        let Some(mut consignment) = Consignment::load(desk.state, desk.instance, id) else { return };
        consignment.clear(at, desk.out);
        match consignment.picking {
            Some(picking) => self.tell_delivery(picking, id, None, at, desk),
            None => names::wait_no_longer(desk.state, desk.instance, &consignment.texts(), id),
        }
        Consignment::forget(desk.state, desk.instance, id);
    }

    fn consignment(&self, notice: &ShipmentNotice, known: Option<&Consignment>, next: Consignment, desk: &mut Desk<'_>) -> &'static str {
        let id = notice.consignment_id.as_str();
        let says_nothing = known.is_some_and(|known| (&known.parcels, &known.carrier) == (&next.parcels, &next.carrier));
        if let Some(picking) = next.picking {
            next.save(desk.state, desk.instance, id, next.told_at.saturating_add(self.settings.window));
            if !says_nothing {
                self.tell_delivery(picking, id, Some(&next), notice.received_at, desk);
            }
            return "unchanged";
        }
        if known.is_none() {
            names::wait(desk.state, desk.instance, &next.texts(), id);
        }
        self.settle(id, next, notice.received_at, desk);
        if says_nothing { "unchanged" } else { "waiting" }
    }

    /// Looks for the delivery of a consignment that waits.
    fn settle(&self, id: &str, mut consignment: Consignment, at: Micros, desk: &mut Desk<'_>) {
        let expires = consignment.told_at.saturating_add(self.settings.window);
        let overdue = consignment.told_at.saturating_add(self.settings.unmatched_after);
        match self.find(id, &consignment, desk) {
            Found::One(picking) => {
                names::wait_no_longer(desk.state, desk.instance, &consignment.texts(), id);
                consignment.picking = Some(picking);
                consignment.clear(at, desk.out);
                consignment.save(desk.state, desk.instance, id, expires);
                self.tell_delivery(picking, id, Some(&consignment), at, desk);
                return;
            }
            Found::None if desk.now >= overdue.min(expires) => {
                consignment.open(id, "a notice of what was shipped names no delivery in Odoo", desk.now, desk.out);
            }
            Found::None => {}
            Found::Several => {
                consignment.open(id, "a notice of what was shipped may mean several deliveries in Odoo", desk.now, desk.out);
            }
            Found::Full => {
                consignment.open(id, "a notice of what was shipped has more parcels than its delivery can take", desk.now, desk.out);
            }
        }
        if desk.now >= expires {
            names::wait_no_longer(desk.state, desk.instance, &consignment.texts(), id);
            Consignment::forget(desk.state, desk.instance, id);
            return;
        }
        let alarm = if consignment.case.is_none() { overdue.min(expires) } else { expires };
        consignment.save(desk.state, desk.instance, id, alarm);
    }

    /// The deliveries that may be meant, by the nearest name that any has. Where several have it, one that has a number of the
    /// consignment already is meant, or the only one that has another of its names too.
    fn find(&self, id: &str, consignment: &Consignment, desk: &Desk<'_>) -> Found {
        let wanted = consignment.wanted();
        let mut crowded = false;
        for by in [By::Delivery, By::Order, By::Customer] {
            let mut meant: Vec<(i64, Held)> = Vec::new();
            for name in wanted.iter().filter(|name| name.0 == by) {
                let listed = names::pickings(desk.state, desk.instance, &name.1);
                crowded |= listed.more;
                for picking in listed.ids.into_iter().filter(|picking| meant.iter().all(|(known, _)| known != picking)).collect::<Vec<_>>()
                {
                    let held = Held::load(desk.state, PICKING, desk.instance, picking);
                    meant.extend(
                        held.filter(|held| held.names.contains(name) && self.can_be_meant(held, desk.now)).map(|held| (picking, held)),
                    );
                }
            }
            if meant.is_empty() {
                continue;
            }
            let only = match meant.as_slice() {
                [one] if !crowded => Some(one),
                _ => only(&meant, |held| has_any(held, consignment))
                    .or_else(|| only(&meant, |held| is_named(held, &wanted, by)).filter(|_| !crowded)),
            };
            return match only {
                Some((_, held)) if parcels_with(held, id, consignment) > NUMBERS_MAX => Found::Full,
                Some((picking, _)) => Found::One(*picking),
                None => Found::Several,
            };
        }
        if crowded { Found::Several } else { Found::None }
    }

    /// What was returned, cancelled or deleted is not what somebody has just shipped.
    fn can_be_meant(&self, picking: &Held, now: Micros) -> bool {
        let cancelled = picking.text("state").is_some_and(|state| state == "cancel");
        picking.published.is_some() && !picking.deleted && !cancelled && picking.id("return_id").is_none() && !self.over(picking, now, now)
    }

    /// A delivery hears what a consignment tells of it now: its parcels, or nothing any more.
    fn tell_delivery(&self, picking: i64, id: &str, consignment: Option<&Consignment>, at: Micros, desk: &mut Desk<'_>) {
        let Some(before) = Held::load(desk.state, PICKING, desk.instance, picking) else { return };
        if before.deleted {
            return;
        }
        let mut held = before.clone();
        held.told.retain(|told| told.consignment != id);
        for (key, number) in consignment.map(|c| c.parcels.as_slice()).unwrap_or_default() {
            let carrier = consignment.and_then(|c| c.carrier.clone());
            held.told.push(Told { consignment: id.to_owned(), key: key.clone(), number: number.clone(), carrier });
        }
        let at = held.moment("write_date").map_or(at, |written| written.max(at));
        self.delivery(picking, &mut held, at, desk);
        if held != before {
            self.save(desk, PICKING, picking, &held, at);
        }
    }

    /// The consignments of a delivery that is cancelled or deleted wait again: it may be another that was meant.
    pub(super) fn release(held: &mut Held, desk: &mut Desk<'_>) {
        let ids: BTreeSet<String> = std::mem::take(&mut held.told).into_iter().map(|told| told.consignment).collect();
        for id in ids {
            let Some(mut consignment) = Consignment::load(desk.state, desk.instance, &id) else { continue };
            consignment.picking = None;
            names::wait(desk.state, desk.instance, &consignment.texts(), &id);
            consignment.save(desk.state, desk.instance, &id, desk.now.saturating_add(SETTLE));
        }
    }

    /// Whoever waits for a delivery of one of these names looks again when its images have settled.
    pub(super) fn rouse(held: &Held, desk: &mut Desk<'_>) {
        let texts: BTreeSet<&String> = held.names.iter().map(|name| &name.1).collect();
        for name in texts {
            for id in names::waiting(desk.state, desk.instance, name) {
                Consignment::wake_at(desk.state, desk.instance, &id, desk.now.saturating_add(SETTLE));
            }
        }
    }

    /// The alarm of a consignment: it is found, told of, or forgotten.
    pub(super) fn wake_consignment(&self, id: &str, desk: &mut Desk<'_>) {
        let Some(consignment) = Consignment::load(desk.state, desk.instance, id) else { return };
        let expires = consignment.told_at.saturating_add(self.settings.window);
        if consignment.picking.is_none() {
            self.settle(id, consignment, desk.now, desk);
        } else if desk.now >= expires {
            Consignment::forget(desk.state, desk.instance, id);
        } else {
            Consignment::wake_at(desk.state, desk.instance, id, expires);
        }
    }
}

/// What is known of a consignment after this telling.
fn merged(notice: &ShipmentNotice, known: Option<&Consignment>) -> Consignment {
    let mut next = known.cloned().unwrap_or_default();
    let older = is_older(notice.sent.as_ref(), next.sent.as_ref());
    let told = notice.parcels.iter().map(|parcel| (parcel.shipment_key.clone(), parcel.tracking_number.clone()));
    if notice.action == NoticeAction::Replaces && !older {
        next.parcels = told.collect();
    } else {
        let keys: HashSet<String> = next.parcels.iter().map(|(key, _)| key.clone()).collect();
        next.parcels.extend(told.filter(|(key, _)| !keys.contains(key)));
    }
    if !older {
        next.carrier = notice.carrier.as_deref().map(str::to_owned).or(next.carrier);
        next.sent = notice.sent.clone().or(next.sent);
    }
    next.references.clone_from(&notice.references);
    next.told_at = next.told_at.max(notice.received_at);
    next
}

/// The one of which something is true, where there is exactly one.
fn only(meant: &[(i64, Held)], is: impl Fn(&Held) -> bool) -> Option<&(i64, Held)> {
    let mut those = meant.iter().filter(|(_, held)| is(held));
    those.next().filter(|_| those.next().is_none())
}

/// Whether a delivery has a number of the consignment, in Odoo or from another notice.
fn has_any(held: &Held, consignment: &Consignment) -> bool {
    let in_odoo = held.text("carrier_tracking_ref").map(|text| links::numbers(&text)).unwrap_or_default();
    let in_odoo: HashSet<String> = in_odoo.iter().filter_map(|number| shipment_key(number)).collect();
    consignment.parcels.iter().any(|(key, _)| in_odoo.contains(key) || held.told.iter().any(|told| told.key == *key))
}

/// Whether a delivery has a wanted name besides those of this kind.
fn is_named(held: &Held, wanted: &BTreeSet<Name>, by: By) -> bool {
    wanted.iter().any(|name| name.0 != by && held.names.contains(name))
}

fn parcels_with(held: &Held, id: &str, consignment: &Consignment) -> usize {
    held.told.iter().filter(|told| told.consignment != id).count() + consignment.parcels.len()
}
