//! The structure of 856 and 945: which number belongs to which package of which order.
//!
//! 856 is a tree of HL loops, told top down. 945 is flat: one order, one LX loop for each line or package.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{Charge, Notice, Reference, Role, Set, Shipped};
use crate::carriers::billing;
use crate::carriers::edi::{self, Segment, TEXT_BYTES_MAX, x12};
use crate::carriers::event;
use crate::domain::notice::NoticeAction;
use crate::domain::verdict::{Code, Park};

/// Levels of a tree that are followed upwards; the deepest that is used has shipment, order, tare, pack and item.
const LEVELS_MAX: usize = 8;
/// Loops (shipments, orders, packages; items are not counted) for each package that is allowed.
const LOOPS_PER_PACKAGE: usize = 4;
/// References that are kept of one loop.
const REFERENCES_MAX: usize = 32;
/// Most charges of one set.
const CHARGES_MAX: usize = 1_000;

type Text<'a> = Option<Cow<'a, str>>;

/// One package as its marks tell it.
#[derive(Debug, Default)]
struct Package<'a> {
    /// MAN CP, REF or N9 2I.
    tracking: Text<'a>,
    /// MAN GM or AA.
    sscc: Text<'a>,
}

/// One loop: the whole set, an HL or an LX.
#[derive(Debug, Default)]
struct Loop<'a> {
    above: usize,
    is_order: bool,
    /// An LX loop, or the items of an 856.
    is_line: bool,
    references: Vec<Reference>,
    /// REF or N9 CN: the carrier's number of the shipment.
    carrier_reference: Text<'a>,
    packages: Vec<Package<'a>>,
}

impl Loop<'_> {
    /// The one SSCC of a loop with one tracking number: two marks of one package in segments of their own.
    fn alone(&self) -> Option<&str> {
        let mut codes = self.packages.iter().filter_map(|package| package.sscc.as_deref());
        let only = codes.next().filter(|_| codes.next().is_none());
        only.filter(|_| self.packages.iter().filter(|package| package.tracking.is_some()).count() == 1)
    }
}

/// A set that is being read.
struct Reading<'a> {
    notice: Notice,
    /// Never empty: the first is the whole set.
    loops: Vec<Loop<'a>>,
    by_id: HashMap<Cow<'a, str>, usize>,
    packages: usize,
}

enum Open<'a> {
    Nothing,
    /// A set of another kind: passed over.
    Other,
    Shipment(Box<Reading<'a>>),
}

/// What the envelopes say of the sets inside.
#[derive(Debug, Default)]
struct Envelope {
    sender: String,
    /// ISA 13.
    count: String,
    /// GS 04 and 05.
    made: Option<String>,
}

impl Envelope {
    fn open(&mut self, tag: [u8; 3], segment: &Segment<'_>) {
        let element = |at| edi::number(segment.element(at)).unwrap_or_default();
        match &tag {
            b"ISA" => {
                *self = Self { sender: format!("{}:{}", element(5), element(6)), count: format!("{:0>9}", element(13)), made: None };
            }
            b"GS " => {
                let (day, time) = (element(4), element(5));
                let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
                // Seconds and hundredths may be missing.
                self.made =
                    (day.len() == 8 && (4..=8).contains(&time.len()) && digits(&day) && digits(&time)).then(|| format!("{day}T{time:0<8}"));
            }
            _ => {}
        }
    }

    fn sent(&self) -> Option<String> {
        self.made.as_ref().map(|made| format!("{made}-{}", self.count))
    }
}

/// See [`super::notices`].
pub(super) fn notices(body: &[u8], packages_max: usize) -> Result<Vec<Notice>, Park> {
    let malformed = |why: &str| Park::new(Code::MALFORMED, why);
    let mut notices = Vec::new();
    let mut open = Open::Nothing;
    let mut envelope = Envelope::default();
    let (mut seen, mut loops, mut packages) = (false, 0, 0);
    for segment in x12::segments(body) {
        let segment = segment.map_err(|broken| malformed(&broken.to_string()))?;
        let tag = segment.tag();
        match (&tag, &mut open) {
            (b"ST " | b"GS " | b"GE " | b"IEA" | b"ISA" | b"TA1", Open::Shipment(_)) => {
                return Err(malformed("a transaction set without SE"));
            }
            (b"ST ", _) => {
                open = match segment.element(1).as_deref() {
                    Some("856") => Open::Shipment(Box::new(Reading::new(Set::ShipNotice, &envelope))),
                    Some("945") => Open::Shipment(Box::new(Reading::new(Set::ShippingAdvice, &envelope))),
                    _ => Open::Other,
                };
            }
            (b"SE ", Open::Shipment(_)) => {
                seen = true;
                if let Open::Shipment(reading) = std::mem::replace(&mut open, Open::Nothing) {
                    loops += reading.loops.len();
                    packages += reading.packages;
                    let withdraws = |notice: &Notice| notice.action() == NoticeAction::Withdraws && notice.number.is_some();
                    notices.extend(Some(reading.finish()?).filter(|notice| !notice.shipped.is_empty() || withdraws(notice)));
                }
            }
            (b"GS " | b"GE " | b"IEA" | b"ISA" | b"TA1", _) | (b"SE ", Open::Other) => {
                envelope.open(tag, &segment);
                open = Open::Nothing;
            }
            (_, Open::Nothing) => return Err(malformed("a segment outside any transaction set")),
            (_, Open::Other) => {}
            (_, Open::Shipment(reading)) => {
                reading.read(tag, &segment);
                if packages + reading.packages > packages_max
                    || loops + reading.loops.len() > packages_max.saturating_mul(LOOPS_PER_PACKAGE)
                    || reading.notice.charges.len() > CHARGES_MAX
                {
                    let why = format!("more than {packages_max} packages, or too many loops or charges for so many");
                    return Err(Park::new(Code::TOO_MANY, why));
                }
            }
        }
    }
    match (seen, notices.is_empty()) {
        (false, _) => Err(Park::new(Code::NOT_TRACKING, "neither a transaction set 856 nor a 945")),
        (true, true) => Err(Park::new(Code::MISSING_FIELD, "no tracking number in any transaction set")),
        (true, false) => Ok(notices),
    }
}

impl<'a> Reading<'a> {
    fn new(set: Set, envelope: &Envelope) -> Self {
        let notice = Notice {
            set,
            sender: envelope.sender.clone(),
            sent: envelope.sent(),
            number: None,
            order: None,
            purpose: None,
            carrier: None,
            shipped_on: None,
            shipped: Vec::new(),
            currency: None,
            charges: Vec::new(),
        };
        Self { notice, loops: vec![Loop::default()], by_id: HashMap::new(), packages: 0 }
    }

    fn here(&mut self) -> Option<&mut Loop<'a>> {
        self.loops.last_mut()
    }

    fn read(&mut self, tag: [u8; 3], segment: &Segment<'a>) {
        match &tag {
            b"BSN" => {
                self.notice.purpose = segment.element(1).map(Cow::into_owned);
                self.notice.number = short(segment.element(2));
                self.refer(Role::Shipment, segment.element(2));
            }
            b"W06" => {
                self.notice.purpose = segment.element(1).map(Cow::into_owned);
                self.notice.order = short(segment.element(2));
                self.notice.number = short(segment.element(4));
                self.refer(Role::Order, segment.element(2));
                self.notice.shipped_on = self.notice.shipped_on.take().or_else(|| day(segment.element(3)));
                self.refer(Role::Shipment, segment.element(4));
                self.refer(Role::PurchaseOrder, segment.element(6));
            }
            b"HL " => self.level(segment),
            b"LX " => self.begin(Loop { is_line: true, ..Loop::default() }),
            b"PRF" => self.refer(Role::PurchaseOrder, segment.element(1)),
            b"REF" | b"N9 " => self.reference(segment),
            b"MAN" => self.marks(segment),
            b"TD5" if segment.element(2).as_deref() == Some("2") => self.carrier(segment.element(3)),
            b"W27" => self.carrier(segment.element(2)),
            b"C3 " => self.currency(segment.element(1)),
            b"CUR" => self.currency(segment.element(2)),
            b"G72" => {
                let amount = billing::edi_amount(segment.element(8), "G72 08").ok().flatten();
                self.notice.charges.push(Charge { code: short(segment.element(1)), amount });
            }
            b"DTM" if segment.element(1).as_deref() == Some("011") => self.shipped_on(segment),
            b"G62" if segment.element(1).as_deref() == Some("11") => self.shipped_on(segment),
            _ => {}
        }
    }

    fn level(&mut self, segment: &Segment<'a>) {
        let above = segment.element(2).and_then(|parent| self.by_id.get(&parent).copied()).unwrap_or(0);
        let level = segment.element(3);
        let is_line = level.as_deref() == Some("I");
        self.begin(Loop { above, is_order: level.as_deref() == Some("O"), is_line, ..Loop::default() });
        // Nothing stands below items.
        if let Some(id) = segment.element(1).filter(|_| !is_line) {
            self.by_id.insert(id, self.loops.len() - 1);
        }
    }

    /// Most loops are lines that name no package: they are let go.
    fn begin(&mut self, next: Loop<'a>) {
        self.loops.pop_if(|last| last.is_line && last.packages.is_empty() && last.carrier_reference.is_none());
        self.loops.push(next);
    }

    fn reference(&mut self, segment: &Segment<'a>) {
        let number = segment.element(2);
        match segment.element(1).as_deref() {
            Some("VN") => self.refer(Role::Order, number),
            Some("PO" | "CO") => self.refer(Role::PurchaseOrder, number),
            Some("BM") => self.refer(Role::BillOfLading, number),
            Some("2I") => self.package(Package { tracking: number, sscc: None }),
            Some("CN") => {
                if let Some(here) = self.here().filter(|here| here.carrier_reference.is_none()) {
                    here.carrier_reference = number;
                }
            }
            _ => {}
        }
    }

    fn refer(&mut self, role: Role, number: Text<'a>) {
        let Some(number) = number.filter(|n| n.len() <= TEXT_BYTES_MAX).map(Cow::into_owned) else { return };
        let reference = Reference { role, number };
        if let Some(here) = self.here().filter(|h| h.references.len() < REFERENCES_MAX && !h.references.contains(&reference)) {
            here.references.push(reference);
        }
    }

    /// MAN may hold two marks, which are of one package.
    fn marks(&mut self, segment: &Segment<'a>) {
        let mut package = Package::default();
        for at in [1, 4] {
            match segment.element(at).as_deref() {
                Some("CP") => package.tracking = segment.element(at + 1),
                Some("GM" | "AA") => package.sscc = segment.element(at + 1),
                _ => {}
            }
        }
        self.package(package);
    }

    fn package(&mut self, package: Package<'a>) {
        if package.tracking.is_none() && package.sscc.is_none() {
            return;
        }
        if let Some(here) = self.loops.last_mut() {
            here.packages.push(package);
            self.packages += 1;
        }
    }

    fn carrier(&mut self, scac: Text<'a>) {
        if self.notice.carrier.is_none() {
            self.notice.carrier = scac.as_deref().and_then(edi::carrier);
        }
    }

    /// Two currencies are as good as none: nobody says which amount is in which.
    fn currency(&mut self, told: Text<'a>) {
        let Some(told) = short(told) else { return };
        match &mut self.notice.currency {
            Some(known) if *known != told => known.clear(),
            known => *known = Some(told),
        }
    }

    fn shipped_on(&mut self, segment: &Segment<'a>) {
        self.notice.shipped_on = day(segment.element(2)).or_else(|| self.notice.shipped_on.take());
    }

    /// # Errors
    /// `BAD_TRACKING_NUMBER` where a package has a number that cannot be believed.
    fn finish(mut self) -> Result<Notice, Park> {
        let mut orders_below: Vec<Vec<usize>> = vec![Vec::new(); self.loops.len()];
        for (order, _) in self.loops.iter().enumerate().filter(|(_, l)| l.is_order) {
            for above in self.above(order).filter(|above| *above > 0) {
                if let Some(below) = orders_below.get_mut(above).filter(|below| below.len() < REFERENCES_MAX) {
                    below.push(order);
                }
            }
        }
        let mut seen = HashSet::new();
        let mut shipped = Vec::new();
        for (at, here) in self.loops.iter().enumerate() {
            let below = orders_below.get(at).map(Vec::as_slice).unwrap_or_default();
            let alone = here.alone();
            for package in &here.packages {
                let Some(number) = package.tracking.as_deref() else { continue };
                let sscc = package.sscc.as_deref().or(alone).and_then(edi::sscc);
                self.ship(at, below, number, sscc, &mut seen, &mut shipped)?;
            }
        }
        if shipped.is_empty() {
            // Without numbers of packages the carrier's number of the shipment stands for all of them.
            for (at, here) in self.loops.iter().enumerate() {
                let below = orders_below.get(at).map(Vec::as_slice).unwrap_or_default();
                let Some(number) = here.carrier_reference.as_deref() else { continue };
                self.ship(at, below, number, None, &mut seen, &mut shipped)?;
            }
        }
        self.notice.shipped = shipped;
        Ok(self.notice)
    }

    fn ship(
        &self,
        at: usize,
        below: &[usize],
        number: &str,
        sscc: Option<&str>,
        seen: &mut HashSet<String>,
        shipped: &mut Vec<Shipped>,
    ) -> Result<(), Park> {
        let key = event::believable(number).ok_or_else(|| Park::new(Code::BAD_TRACKING_NUMBER, "no tracking number has this form"))?;
        if seen.insert(key.clone()) {
            let mut references: Vec<Reference> = Vec::new();
            for index in std::iter::once(at).chain(below.iter().copied()).chain(self.above(at)) {
                for reference in self.loops.get(index).map(|l| l.references.as_slice()).unwrap_or_default() {
                    if references.len() < REFERENCES_MAX && !references.contains(reference) {
                        references.push(reference.clone());
                    }
                }
            }
            let sscc = sscc.map(str::to_owned);
            shipped.push(Shipped { shipment_key: key, tracking_number: number.to_owned(), sscc, references });
        }
        Ok(())
    }

    /// The loops above a loop, up to and with the whole set.
    fn above(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let step = move |at: &usize| self.loops.get(*at).filter(|_| *at > 0).map(|here| here.above);
        std::iter::successors(step(&at), step).take(LEVELS_MAX)
    }
}

fn short(text: Text<'_>) -> Option<String> {
    text.filter(|text| text.len() <= TEXT_BYTES_MAX).map(Cow::into_owned)
}

/// CCYYMMDD.
fn day(text: Text<'_>) -> Option<String> {
    let text = text?;
    crate::carriers::times::compact(&text, None).map(|_| text.into_owned())
}
