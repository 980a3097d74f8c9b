//! Numbers and references change hands: what was told of them goes to the folio it belongs to now, whatever came first.

use std::collections::BTreeSet;

use super::desk::{Cause, Desk, QUIET};
use super::lookup::{Found, tokens_of};
use super::memory::Held;
use crate::domain::finance::facts::{ChargeFact, DeliveryFact, LineFact};
use crate::domain::finance::folio::{FolioKind, case_id};
use crate::domain::time::day_of;

/// Name of the folio that waits for a delivery with a number or reference.
fn unknown(token: &str) -> String {
    format!("?{token}")
}

impl Desk<'_> {
    /// The folio that a billed line belongs to.
    pub(super) fn place_of(&self, line: &LineFact) -> (String, FolioKind) {
        match self.find_line(line) {
            Found::Delivery(delivery_key) => (delivery_key, FolioKind::Delivery),
            Found::Nobody(token) => (unknown(&token), FolioKind::Unknown),
            Found::Account => (format!("!{}", line.invoice_id), FolioKind::Account),
        }
    }

    /// The folio that an announced charge belongs to.
    pub(super) fn place_of_charge(&self, charge: &ChargeFact) -> (String, FolioKind) {
        match self.find_number(&charge.shipment_key, &charge.carrier) {
            Some(delivery_key) => (delivery_key, FolioKind::Delivery),
            None => (unknown(&charge.shipment_key), FolioKind::Unknown),
        }
    }

    /// A delivery is found by other numbers, references or another carrier than `before`.
    pub(super) fn change_hands(&mut self, delivery: &DeliveryFact, before: &[String]) {
        let after = tokens_of(delivery);
        let names: BTreeSet<&String> = before.iter().chain(&after).collect();
        let mut touched: BTreeSet<String> = names.into_iter().flat_map(|name| self.sharers(name)).collect();
        touched.insert(delivery.delivery_key.clone());
        let gone: Vec<String> = before.iter().filter(|name| !after.contains(name)).cloned().collect();
        self.unlearn(&delivery.delivery_key, &gone);
        self.learn(delivery);
        for folio in touched {
            self.rehome(&folio);
        }
    }

    fn rehome(&mut self, name: &str) {
        let mut from = self.folio(name, FolioKind::Delivery);
        let (charges, lines) = (std::mem::take(&mut from.folio.charges), std::mem::take(&mut from.folio.lines));
        let (go, stay): (Vec<LineFact>, Vec<LineFact>) =
            lines.into_iter().partition(|line| self.place_of(line).0 != name && !self.is_decided(&from, line));
        let (announced, kept): (Vec<ChargeFact>, Vec<ChargeFact>) =
            charges.into_iter().partition(|charge| self.place_of_charge(charge).0 != name);
        (from.folio.lines, from.folio.charges) = (stay, kept);
        if go.is_empty() && announced.is_empty() {
            return;
        }
        let cause = Cause { id: name.to_owned(), day: day_of(self.now, 0) };
        for line in go {
            self.wait_no_more(&line, name);
            self.hand_over(&mut from, line);
        }
        for charge in announced {
            let (to, kind) = self.place_of_charge(&charge);
            let mut held = self.folio(&to, kind);
            // What does not fit there stays: it is bounded here as it was there.
            if held.folio.take_charge(charge.clone()).is_err() {
                let _ = from.folio.take_charge(charge);
                continue;
            }
            if kind == FolioKind::Unknown {
                self.wait_under_number(&charge.shipment_key, &to);
            }
            let at = from.folio.last_at;
            self.settle(&mut held, at, &cause);
        }
        if from.folio.kind == FolioKind::Unknown {
            for line in &from.folio.lines.clone() {
                self.wait_under(line, name);
            }
        }
        let at = from.folio.last_at;
        self.settle(&mut from, at, &cause);
    }

    fn hand_over(&mut self, from: &mut Held, line: LineFact) {
        let (to, kind) = self.place_of(&line);
        let mut held = self.folio(&to, kind);
        if held.folio.take_line(line.clone()).is_err() {
            let _ = from.folio.take_line(line);
            return;
        }
        if let Some(told) = from.folio.verdicts.remove(&line.line_id) {
            held.folio.verdicts.insert(line.line_id.clone(), told);
        }
        if kind == FolioKind::Unknown {
            self.wait_under(&line, &to);
        }
        (held.judge_at, held.put_off) = (Some(self.now.saturating_add(QUIET)), 0);
        held.folio.last_at = held.folio.last_at.max(from.folio.last_at);
        self.keep(&held);
    }

    /// What a person has decided about stays where it was decided.
    fn is_decided(&self, held: &Held, line: &LineFact) -> bool {
        let case = case_id(&held.folio.delivery_key, &line.invoice_id, self.book.group(line.charge_type));
        held.folio.decisions.contains_key(&case)
    }
}
