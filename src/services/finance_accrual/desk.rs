//! Takes facts to the folio they are about, and carries out what follows.

use super::lookup;
use super::memory::{self, Held, Invoice, Kind};
use crate::domain::dedup;
use crate::domain::finance::book::Book;
use crate::domain::finance::facts::{ChargeFact, DecisionFact, DeliveryFact, FinanceFact, LineFact, MovementFact, TotalsFact};
use crate::domain::finance::folio::{Folio, FolioKind, Refused};
use crate::domain::finance::judge::{Judgement, judge};
use crate::domain::finance::ledger::{self, RateMissing};
use crate::domain::time::{Micros, day_of};
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::processor::{Outputs, State};

const SECOND: Micros = 1_000_000;
const DAY: Micros = 86_400 * SECOND;
/// From the last line of a delivery until its invoices are asked whether they say more.
pub(super) const QUIET: Micros = 2 * SECOND;
/// Longest pause between two such questions.
const QUIET_MAX: Micros = 600 * SECOND;
/// An invoice whose end nobody tells is taken as complete after this.
const INVOICE_WAIT: Micros = DAY;
/// A folio is forgotten this long after its last fact: longer than any carrier bills late.
const RETENTION: Micros = 400 * DAY;
/// How often a missing exchange rate is looked for again.
const RATE_WAIT: Micros = 6 * 3_600 * SECOND;

/// The books of one company, open for one record or alarm.
pub(super) struct Desk<'a> {
    pub(super) book: &'a Book,
    pub(super) now: Micros,
    pub(super) state: &'a mut dyn State,
    pub(super) out: &'a mut Outputs,
}

/// What brought something about.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    /// Id of the fact.
    pub(super) id: String,
    /// Its day, ISO 8601.
    pub(super) day: String,
}

impl Desk<'_> {
    /// Takes one fact.
    pub(super) fn take(&mut self, fact: &FinanceFact) -> Verdict {
        let taken = if let Some(delivery) = &fact.delivery {
            Ok(self.delivery(delivery, fact.received_at))
        } else if let Some(movement) = &fact.movement {
            Ok(self.movement(movement, fact.received_at))
        } else if let Some(charge) = &fact.charge {
            self.charge(charge, fact.received_at)
        } else if let Some(line) = &fact.line {
            self.line(line, fact.received_at)
        } else if let Some(totals) = &fact.totals {
            Ok(self.totals(totals, fact.received_at))
        } else if let Some(decision) = &fact.decision {
            self.decision(decision)
        } else {
            Err(Park::new(Code::MISSING_FIELD, "a fact about nothing"))
        };
        match taken {
            Ok(true) => Verdict::Publish,
            Ok(false) => Verdict::Duplicate("nothing new"),
            Err(park) => Verdict::Park(park),
        }
    }

    fn delivery(&mut self, fact: &DeliveryFact, at: Micros) -> bool {
        let mut held = self.folio(&fact.delivery_key, FolioKind::Delivery);
        let found_by = |delivery: Option<&DeliveryFact>| delivery.map(|d| (lookup::tokens_of(d), d.carrier.clone()));
        let before = found_by(held.folio.delivery.as_ref());
        if !held.folio.take_delivery(fact.clone()) {
            return false;
        }
        if before != found_by(held.folio.delivery.as_ref()) {
            self.keep(&held);
            self.change_hands(fact, &before.map(|(names, _)| names).unwrap_or_default());
            held = self.folio(&fact.delivery_key, FolioKind::Delivery);
        }
        let at = fact.written_at.unwrap_or(at);
        self.settle(&mut held, at, &Cause { id: fact.delivery_key.clone(), day: day_of(at, 0) });
        true
    }

    fn movement(&mut self, fact: &MovementFact, at: Micros) -> bool {
        let mut held = self.folio(&fact.delivery_key, FolioKind::Delivery);
        if !held.folio.take_movement(fact.clone()) {
            return false;
        }
        let id = fact.event_id.clone().unwrap_or_else(|| fact.delivery_key.clone());
        let day = day_of(held.folio.owed_since(self.book).unwrap_or(at), 0);
        self.settle(&mut held, at, &Cause { id, day });
        true
    }

    fn charge(&mut self, fact: &ChargeFact, at: Micros) -> Result<bool, Park> {
        let (name, kind) = self.place_of_charge(fact);
        let mut held = self.folio(&name, kind);
        if !held.folio.take_charge(fact.clone()).map_err(too_many)? {
            return Ok(false);
        }
        if kind == FolioKind::Unknown {
            self.wait_under_number(&fact.shipment_key, &name);
        }
        self.settle(&mut held, at, &Cause { id: fact.charge_id.clone(), day: day_of(fact.told_at, 0) });
        Ok(true)
    }

    fn line(&mut self, fact: &LineFact, at: Micros) -> Result<bool, Park> {
        let key = dedup::id_of(&["billed-line", &self.book.key, &fact.line_id]);
        if self.state.seen(key) {
            return Ok(false);
        }
        let (name, kind) = self.place_of(fact);
        let mut held = self.folio(&name, kind);
        if !held.folio.take_line(fact.clone()).map_err(too_many)? {
            return Ok(false);
        }
        self.state.remember(key);
        if kind == FolioKind::Unknown {
            self.wait_under(fact, &name);
        }
        self.open_invoice(fact, at);
        (held.judge_at, held.put_off) = (Some(self.now.saturating_add(QUIET)), 0);
        held.folio.last_at = held.folio.last_at.max(at);
        self.keep(&held);
        Ok(true)
    }

    fn totals(&mut self, fact: &TotalsFact, at: Micros) -> bool {
        let mut invoice = self.invoice(&fact.invoice_id).unwrap_or_else(|| Invoice { first_at: at, ..Invoice::default() });
        let news = !invoice.complete;
        invoice.complete = true;
        self.keep_invoice(&fact.invoice_id, &invoice);
        news
    }

    fn decision(&mut self, fact: &DecisionFact) -> Result<bool, Park> {
        let key = memory::key(Kind::Case, &self.book.key, &fact.exception_id);
        let about: Option<(String, String)> = memory::load(self.state, &key);
        let Some((name, case)) = about else { return Err(Park::new(Code::NO_CASE, "no billed charge waits under this exception id")) };
        let mut held = self.folio(&name, FolioKind::Delivery);
        if !held.folio.take_decision(&DecisionFact { exception_id: case, ..fact.clone() }) {
            return Ok(false);
        }
        self.settle(&mut held, fact.decided_at, &Cause { id: fact.exception_id.clone(), day: day_of(fact.decided_at, 0) });
        Ok(true)
    }

    /// An alarm has come.
    pub(super) fn wake(&mut self, kind: Kind, key: &[u8], name: &str) {
        match kind {
            Kind::Folio => self.wake_folio(name),
            Kind::Invoice => self.wake_invoice(name),
            Kind::Entries => self.send_entries(),
            Kind::Token | Kind::Case => self.state.delete(key),
        }
    }

    fn wake_folio(&mut self, name: &str) {
        let mut held = self.folio(name, FolioKind::Delivery);
        if self.now >= held.folio.last_at.saturating_add(RETENTION) {
            return self.forget(&held);
        }
        let mut cause = Cause { id: name.to_owned(), day: day_of(self.now, 0) };
        if held.judge_at.is_some_and(|at| at <= self.now)
            && let Some(line) = self.completed(&mut held)
        {
            cause = Cause { id: line.line_id, day: line.invoice_date };
        }
        if let Some(since) = self.unbilled_since(&held.folio) {
            let case_at = since.saturating_add(self.book.unbilled_case_after);
            let reverse_at = case_at.saturating_add(self.book.unbilled_reverse_after);
            if self.now >= reverse_at {
                held.folio.expired = true;
                cause = Cause { id: name.to_owned(), day: day_of(reverse_at, 0) };
                self.clear_case(&mut held, &unbilled_case(name), reverse_at);
            } else if self.now >= case_at {
                self.raise_unbilled(&mut held, case_at, reverse_at);
            }
        }
        let at = held.folio.last_at;
        self.settle(&mut held, at, &cause);
    }

    /// Notes which invoices of the folio's lines say no more, and when to ask again about the others. Returns a line that was waiting.
    fn completed(&mut self, held: &mut Held) -> Option<LineFact> {
        let waiting: Vec<LineFact> = held.folio.lines.iter().filter(|l| !held.folio.complete.contains(&l.invoice_id)).cloned().collect();
        let mut open = false;
        let mut completed = None;
        for line in waiting {
            let invoice = self.invoice(&line.invoice_id);
            if invoice.is_none_or(|i| i.complete || self.now >= i.first_at.saturating_add(INVOICE_WAIT)) {
                held.folio.complete.insert(line.invoice_id.clone());
                completed = Some(line);
            } else {
                open = true;
            }
        }
        held.put_off = held.put_off.saturating_add(1).min(16);
        let pause = (QUIET << held.put_off).min(QUIET_MAX);
        held.judge_at = open.then(|| self.now.saturating_add(pause));
        completed
    }

    /// Since when an accrual stands open that nobody has billed.
    fn unbilled_since(&self, folio: &Folio) -> Option<Micros> {
        let open: rust_decimal::Decimal = folio.posted.iter().map(|p| p.amount.0).sum();
        if open.is_zero() || folio.expired { None } else { folio.owed_since(self.book) }
    }

    /// Judges what is billed, says what is new, and brings the books to where the facts say they should stand.
    pub(super) fn settle(&mut self, held: &mut Held, at: Micros, cause: &Cause) {
        held.folio.last_at = held.folio.last_at.max(at);
        let judgement = judge(&held.folio, self.book);
        self.tell(held, &judgement);
        self.post(held, &judgement, cause);
        self.bill(held, &judgement);
        self.keep(held);
    }

    fn post(&mut self, held: &mut Held, judgement: &Judgement, cause: &Cause) {
        let target = ledger::target(&held.folio, self.book, judgement);
        match ledger::post(&mut held.folio, self.book, &target, &cause.day) {
            Ok(entries) => {
                if std::mem::take(&mut held.awaits_rate) {
                    let case = rate_case(&held.folio.delivery_key);
                    self.clear_case(held, &case, self.now);
                }
                for entry in &entries {
                    self.enter(held, entry, cause);
                }
            }
            Err(RateMissing { currency, day }) => {
                if !std::mem::replace(&mut held.awaits_rate, true) {
                    self.raise_rate_missing(held, &currency, &day);
                }
            }
        }
    }

    /// The folio of this name, or a new one.
    pub(super) fn folio(&self, name: &str, kind: FolioKind) -> Held {
        let held = memory::load(self.state, &memory::key(Kind::Folio, &self.book.key, name));
        held.unwrap_or_else(|| Held { folio: Folio { kind, ..Folio::new(name) }, ..Held::default() })
    }

    pub(super) fn keep(&mut self, held: &Held) {
        let mut alarm = held.folio.last_at.saturating_add(RETENTION);
        if let Some(at) = held.judge_at {
            alarm = alarm.min(at);
        }
        if held.awaits_rate {
            alarm = alarm.min(self.now.saturating_add(RATE_WAIT));
        }
        if let Some(since) = self.unbilled_since(&held.folio) {
            let case_at = since.saturating_add(self.book.unbilled_case_after);
            let raised = held.cases.contains_key(&unbilled_case(&held.folio.delivery_key));
            alarm = alarm.min(if raised { case_at.saturating_add(self.book.unbilled_reverse_after) } else { case_at });
        }
        let key = memory::key(Kind::Folio, &self.book.key, &held.folio.delivery_key);
        memory::save(self.state, &key, held, Some(alarm));
    }

    fn forget(&mut self, held: &Held) {
        let name = &held.folio.delivery_key;
        if let Some(delivery) = &held.folio.delivery {
            self.unlearn(name, &lookup::tokens_of(delivery));
        }
        for line in &held.folio.lines {
            self.wait_no_more(line, name);
        }
        self.state.delete(&memory::key(Kind::Folio, &self.book.key, name));
    }

    /// When what is remembered beside a folio may be forgotten.
    pub(super) fn retained_until(&self) -> Micros {
        self.now.saturating_add(RETENTION)
    }
}

fn too_many(error: Refused) -> Park {
    Park::new(Code::TOO_MANY, error.to_string())
}

/// The case of an accrual that nobody bills.
pub(super) fn unbilled_case(name: &str) -> String {
    dedup::uuid(&dedup::id_of(&["freight-unbilled", name]))
}

/// The case of entries that wait for an exchange rate.
pub(super) fn rate_case(name: &str) -> String {
    dedup::uuid(&dedup::id_of(&["freight-rate", name]))
}
