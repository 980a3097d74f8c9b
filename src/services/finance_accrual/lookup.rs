//! Which delivery a billed line or an announced charge is about.

use super::desk::Desk;
use super::memory::{self, Kind, Token};
use crate::domain::finance::facts::{DeliveryFact, LineFact};

/// Deliveries and waiting folios that one number or reference may have; with more it names nothing.
const HOLDERS_MAX: usize = 20;

/// Who a line is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// One delivery.
    Delivery(String),
    /// None, or several: it waits under this number or reference.
    Nobody(String),
    /// The account as a whole.
    Account,
}

/// A reference in the form it is looked up in.
fn reference(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).take(64).collect();
    (!plain.is_empty()).then(|| format!("#{plain}"))
}

/// What a delivery is found by.
pub(super) fn tokens_of(delivery: &DeliveryFact) -> Vec<String> {
    let names = [&delivery.picking_name, &delivery.origin].into_iter().flatten().filter_map(|name| reference(name));
    delivery.shipment_keys.iter().cloned().chain(names).collect()
}

impl Desk<'_> {
    fn token(&self, name: &str) -> Token {
        memory::load(self.state, &memory::key(Kind::Token, &self.book.key, name)).unwrap_or_default()
    }

    fn save_token(&mut self, name: &str, token: &Token) {
        let key = memory::key(Kind::Token, &self.book.key, name);
        if token.deliveries.is_empty() && token.waiting.is_empty() {
            self.state.delete(&key);
        } else {
            memory::save(self.state, &key, token, None);
        }
    }

    /// Notes what a delivery is found by.
    pub(super) fn learn(&mut self, delivery: &DeliveryFact) {
        for name in tokens_of(delivery) {
            let mut token = self.token(&name);
            let holder = (delivery.delivery_key.clone(), delivery.carrier.clone());
            token.deliveries.retain(|(key, _)| *key != holder.0);
            if token.deliveries.len() < HOLDERS_MAX {
                token.deliveries.push(holder);
                self.save_token(&name, &token);
            }
        }
    }

    /// The folios that something told under this name may be in.
    pub(super) fn sharers(&self, name: &str) -> Vec<String> {
        let token = self.token(name);
        token.deliveries.into_iter().map(|(key, _)| key).chain(token.waiting).collect()
    }

    /// A delivery is no longer found by these.
    pub(super) fn unlearn(&mut self, delivery_key: &str, names: &[String]) {
        for name in names {
            let mut token = self.token(name);
            token.deliveries.retain(|(key, _)| key != delivery_key);
            self.save_token(name, &token);
        }
    }

    /// A folio waits for a delivery with any of what the line tells.
    pub(super) fn wait_under(&mut self, line: &LineFact, folio: &str) {
        for name in line_tokens(line) {
            self.wait_under_number(&name, folio);
        }
    }

    /// A folio waits for a delivery with this number.
    pub(super) fn wait_under_number(&mut self, shipment_key: &str, folio: &str) {
        let mut token = self.token(shipment_key);
        if token.waiting.len() < HOLDERS_MAX && token.waiting.insert(folio.to_owned()) {
            self.save_token(shipment_key, &token);
        }
    }

    /// A folio waits no longer.
    pub(super) fn wait_no_more(&mut self, line: &LineFact, folio: &str) {
        for name in line_tokens(line) {
            let mut token = self.token(&name);
            if token.waiting.remove(folio) {
                self.save_token(&name, &token);
            }
        }
    }

    /// The delivery that a line is about: by tracking number, then by reference; one of several only where the references tell it.
    pub(super) fn find_line(&self, line: &LineFact) -> Found {
        let tokens = line_tokens(line);
        let Some(first) = tokens.first() else { return Found::Account };
        if line.category == crate::domain::freight::LineCategory::Account {
            return Found::Account;
        }
        let candidates = |name: &String| self.holders(name, &line.carrier);
        let by_number = line.shipment_key.as_ref().map(candidates).unwrap_or_default();
        if let [delivery] = by_number.as_slice() {
            return Found::Delivery(delivery.clone());
        }
        let references = tokens.iter().filter(|t| t.starts_with('#'));
        for mut named in references.map(candidates) {
            named.retain(|delivery| by_number.is_empty() || by_number.contains(delivery));
            if let [delivery] = named.as_slice() {
                return Found::Delivery(delivery.clone());
            }
        }
        Found::Nobody(first.clone())
    }

    /// The delivery that has a tracking number with this carrier, where it is one.
    pub(super) fn find_number(&self, shipment_key: &str, carrier: &str) -> Option<String> {
        let mut holders = self.holders(shipment_key, carrier);
        if holders.len() == 1 { holders.pop() } else { None }
    }

    fn holders(&self, name: &str, carrier: &str) -> Vec<String> {
        let fits = |known: &Option<String>| known.as_deref().is_none_or(|known| known == carrier);
        self.token(name).deliveries.into_iter().filter(|(_, known)| fits(known)).map(|(key, _)| key).collect()
    }
}

fn line_tokens(line: &LineFact) -> Vec<String> {
    line.shipment_key.iter().cloned().chain(line.references.iter().filter_map(|r| reference(r))).take(8).collect()
}
