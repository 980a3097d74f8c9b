//! What is published: verdicts on lines, cases for people, entries.

use rust_decimal::Decimal;

use super::desk::{Cause, Desk, rate_case, unbilled_case};
use super::memory::{self, Held, Invoice, Kind};
use super::topic;
use crate::domain::dedup;
use crate::domain::exception::ExceptionRaised;
use crate::domain::finance::facts::DecisionKind;
use crate::domain::finance::folio::{Told, case_id};
use crate::domain::finance::judge::{Judged, JudgedUnit, Judgement};
use crate::domain::finance::ledger::Entry;
use crate::domain::finance::records::{EntryLine, FinanceEntry, FreightVerdict};
use crate::domain::money::Amount;
use crate::domain::record::Record;
use crate::domain::time::Micros;

impl Desk<'_> {
    /// Says every verdict that is new, raises the cases that follow and clears those that are settled.
    pub(super) fn tell(&mut self, held: &mut Held, judgement: &Judgement) {
        for unit in &judgement.units {
            let case = case_id(&held.folio.delivery_key, &unit.invoice_id, unit.group);
            let open = unit.lines.iter().find(|l| !l.accepted);
            let rejected = held.folio.decisions.get(&case).is_some_and(|d| d.kind == DecisionKind::Reject);
            let mut fresh = false;
            if let Some(judged) = open.filter(|_| !rejected) {
                fresh = self.raise_billed(held, unit, judged, &case);
            } else {
                self.clear_case(held, &case, self.now);
            }
            for judged in &unit.lines {
                self.tell_line(held, unit, judged, &case, fresh && !judged.accepted);
            }
        }
        // What has gone over to another folio is a case no longer.
        let gone: Vec<String> = held.cases.keys().filter(|case| is_gone(held, judgement, case)).cloned().collect();
        for case in gone {
            self.clear_case(held, &case, self.now);
        }
    }

    fn tell_line(&mut self, held: &mut Held, unit: &JudgedUnit, judged: &Judged, case: &str, anew: bool) {
        let before = held.folio.verdicts.get(&judged.line_id);
        if !anew && before.is_some_and(|told| (told.verdict, told.accepted) == (judged.verdict, judged.accepted)) {
            return;
        }
        let version = before.map_or(0, |told| told.version).saturating_add(1);
        let told = Told { verdict: judged.verdict, accepted: judged.accepted, version };
        held.folio.verdicts.insert(judged.line_id.clone(), told);
        let Some(line) = held.folio.lines.iter().find(|l| l.line_id == judged.line_id) else { return };
        let verdict = FreightVerdict {
            line_id: judged.line_id.clone(),
            invoice_id: unit.invoice_id.clone(),
            book: self.book.key.clone(),
            delivery_key: held.delivery_key(),
            shipment_key: line.shipment_key.clone(),
            charge_type: unit.group,
            amount: line.amount,
            currency: line.currency.clone(),
            verdict: judged.verdict,
            accepted: judged.accepted,
            reason: judged.reason.clone(),
            exception_id: (!judged.accepted).then(|| held.exception_id(case)),
            version: i64::from(version),
            judged_at: self.now,
        };
        self.out.publish(topic::VERDICTS, judged.line_id.clone(), Record::FreightVerdict(Box::new(verdict)));
    }

    /// Opens the case of a unit, unless it is open for the same reason; whether it did.
    fn raise_billed(&mut self, held: &mut Held, unit: &JudgedUnit, judged: &Judged, case: &str) -> bool {
        let verdict = judged.verdict.as_str();
        if held.cases.get(case).is_some_and(|raised| raised == verdict) {
            return false;
        }
        self.clear_case(held, case, self.now);
        let proposed = "accept: it is paid as billed; reject: claim it from the carrier";
        let summary = format!("invoice {}: {} ({proposed})", unit.invoice_id, judged.reason);
        self.raise(held, case, &format!("freight_{verdict}"), summary, self.now, verdict);
        let (key, until) = (memory::key(Kind::Case, &self.book.key, &held.exception_id(case)), self.retained_until());
        memory::save(self.state, &key, &(&held.folio.delivery_key, case), Some(until));
        true
    }

    pub(super) fn raise_unbilled(&mut self, held: &mut Held, at: Micros, reverse_at: Micros) {
        let case = unbilled_case(&held.folio.delivery_key);
        if !held.cases.contains_key(&case) {
            let until = crate::domain::time::day_of(reverse_at, 0);
            let summary = format!("nobody has billed this freight; unless that happens the accrual is reversed on {until}");
            self.raise(held, &case, "freight_unbilled", summary, at, "unbilled");
        }
    }

    pub(super) fn raise_rate_missing(&mut self, held: &mut Held, currency: &str, day: &str) {
        let case = rate_case(&held.folio.delivery_key);
        let summary = format!("entries wait for an exchange rate of {currency} to {} for {day}", self.book.currency);
        self.raise(held, &case, "freight_rate_missing", summary, self.now, "rate");
    }

    pub(super) fn raise_vendor_missing(&mut self, invoice_id: &str, invoice: &mut Invoice) {
        if std::mem::replace(&mut invoice.vendor_missed, true) {
            return;
        }
        let case = dedup::uuid(&dedup::id_of(&["freight-vendor", &self.book.key, invoice_id]));
        let summary = format!("no vendor is configured for {}: what is paid of invoice {invoice_id} is on no draft bill", invoice.carrier);
        let record = ExceptionRaised {
            carrier: Some(invoice.carrier.clone()),
            ..exception(case, "freight_vendor_missing", "open", summary, self.now)
        };
        self.out.publish(topic::EXCEPTIONS, invoice_id, Record::ExceptionRaised(Box::new(record)));
    }

    fn raise(&mut self, held: &mut Held, case: &str, kind: &str, summary: String, at: Micros, mark: &str) {
        held.cases.insert(case.to_owned(), mark.to_owned());
        *held.openings.entry(case.to_owned()).or_default() += 1;
        self.publish_case(held, exception(held.exception_id(case), kind, "open", summary, at));
    }

    /// Clears a case, where it is open.
    pub(super) fn clear_case(&mut self, held: &mut Held, case: &str, at: Micros) {
        let Some(mark) = held.cases.remove(case) else { return };
        let kind = if mark == "rate" { "freight_rate_missing".to_owned() } else { format!("freight_{mark}") };
        self.publish_case(held, exception(held.exception_id(case), &kind, "cleared", "settled by what came later".to_owned(), at));
    }

    fn publish_case(&mut self, held: &Held, mut record: ExceptionRaised) {
        record.delivery_key = held.delivery_key();
        record.carrier = held.folio.lines.first().map(|l| l.carrier.clone()).or_else(|| held.folio.delivery.as_ref()?.carrier.clone());
        record.shipment_key = held.folio.lines.iter().find_map(|l| l.shipment_key.clone());
        self.out.publish(topic::EXCEPTIONS, held.folio.delivery_key.clone(), Record::ExceptionRaised(Box::new(record)));
    }

    /// Publishes an entry and sends it on its way to Odoo.
    pub(super) fn enter(&mut self, held: &Held, entry: &Entry, cause: &Cause) {
        let name = &held.folio.delivery_key;
        let entry_id = dedup::uuid(&dedup::id_of(&["finance-entry", &self.book.key, name, &entry.number.to_string()]));
        let (instance, company_id) = self.book.company();
        let accounts = &self.book.accounts;
        let (amount, company) = (entry.amount.abs(), entry.company_amount.abs());
        let more = entry.amount.is_sign_positive();
        let side = |account_id: i64, debit: bool| EntryLine {
            account_id,
            debit: Amount(if debit { company } else { Decimal::ZERO }),
            credit: Amount(if debit { Decimal::ZERO } else { company }),
            amount_currency: Amount(if debit { amount } else { -amount }),
        };
        let record = FinanceEntry {
            entry_id: entry_id.clone(),
            odoo_instance: instance.to_owned(),
            company_id,
            kind: entry.kind,
            delivery_key: name.clone(),
            picking_name: held.folio.delivery.as_ref().and_then(|d| d.picking_name.clone()),
            carrier: held
                .folio
                .delivery
                .as_ref()
                .and_then(|d| d.carrier.clone())
                .or_else(|| Some(held.folio.lines.first()?.carrier.clone())),
            invoice_id: entry.invoice_id.clone(),
            charge_type: entry.group,
            amount: Amount(entry.amount),
            currency: entry.currency.clone(),
            rate: entry.rate.as_ref().map(|r| Amount(r.rate)),
            rate_day: entry.rate.as_ref().map(|r| r.day.clone()),
            rate_source: entry.rate.as_ref().and_then(|r| r.source.clone()),
            company_currency: self.book.currency.clone(),
            happened_on: entry.day.clone(),
            booked_on: self.book.booked_on(&entry.day),
            journal_id: accounts.journal,
            lines: vec![side(accounts.expense_of(entry.group), more), side(accounts.accrued, !more)],
            cause_id: cause.id.clone(),
            decided_at: self.now,
        };
        self.gather(record.clone());
        self.out.publish(topic::ENTRIES, entry_id, Record::FinanceEntry(Box::new(record)));
    }
}

impl Held {
    /// The id of a case as it was opened last: one that comes back is another case.
    fn exception_id(&self, case: &str) -> String {
        match self.openings.get(case) {
            None | Some(0 | 1) => case.to_owned(),
            Some(opening) => dedup::uuid(&dedup::id_of(&["freight-case-again", case, &opening.to_string()])),
        }
    }

    /// The delivery it is about; `None` where none is known.
    fn delivery_key(&self) -> Option<String> {
        use crate::domain::finance::folio::FolioKind;
        (self.folio.kind == FolioKind::Delivery).then(|| self.folio.delivery_key.clone())
    }
}

fn exception(exception_id: String, kind: &str, state: &str, summary: String, raised_at: Micros) -> ExceptionRaised {
    ExceptionRaised { exception_id, kind: kind.to_owned(), state: state.to_owned(), summary, raised_at, ..ExceptionRaised::default() }
}

/// A case of billed lines that are no longer here.
fn is_gone(held: &Held, judgement: &Judgement, case: &str) -> bool {
    let name = &held.folio.delivery_key;
    let other = case == unbilled_case(name) || case == rate_case(name);
    !other && !judgement.units.iter().any(|u| case_id(name, &u.invoice_id, u.group) == case)
}
