//! The structure of transaction set 214: which segment belongs to which status.

use std::borrow::Cow;

use crate::carriers::edi::{self, Numbers, Segment, TEXT_BYTES_MAX, Told, x12};
use crate::domain::event::Place;
use crate::domain::verdict::{Code, Park};

type Text<'a> = Option<Cow<'a, str>>;

/// What the header, an LX loop, a package in it (CD3) or an address loop behind it says about all of its statuses.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    /// Index of the scope around it; the header's is its own.
    pub(super) around: usize,
    /// L11 2I: tracking numbers, those of its packages with them.
    pub(super) tracking: Numbers<'a>,
    /// L11 CN: the carrier's reference number (PRO).
    pub(super) carrier_reference: Text<'a>,
    /// L11 BM: bill of lading.
    pub(super) bill_of_lading: Text<'a>,
    /// MAN CP: the carrier's number of a package.
    pub(super) package: Told<'a>,
    /// MAN GM or AA: serial shipping container code.
    pub(super) sscc: Told<'a>,
    /// AT8 03 with its unit 02.
    pub(super) weight: Option<(Cow<'a, str>, Text<'a>)>,
    /// AT8 04.
    pub(super) pieces: Text<'a>,
}

/// One AT7.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// Index of its scope in the set; 0 is the header.
    pub(super) scope: usize,
    pub(super) status: Text<'a>,
    pub(super) status_reason: Text<'a>,
    pub(super) appointment: Text<'a>,
    pub(super) appointment_reason: Text<'a>,
    pub(super) date: Text<'a>,
    pub(super) time: Text<'a>,
    pub(super) time_code: Text<'a>,
    pub(super) place: Option<Place>,
    /// K1: free text.
    pub(super) remark: Text<'a>,
}

/// One transaction set 214.
#[derive(Debug, Default)]
pub(super) struct Set<'a> {
    /// B10 01: the carrier's reference number (PRO).
    pub(super) reference: Text<'a>,
    /// B10 02: the shipper's number of the shipment.
    pub(super) shipment: Text<'a>,
    /// B10 03, else MS3 01: SCAC.
    pub(super) scac: Text<'a>,
    /// The header and the LX loops; never empty.
    pub(super) scopes: Vec<Scope<'a>>,
    /// Its statuses in the order sent.
    pub(super) scans: Vec<Scan<'a>>,
    /// Where L11, MAN and AT8 belong now.
    scope: usize,
    /// The LX loop that is open; 0 where none is.
    lx: usize,
    /// The scope is of an address loop behind a status: of the whole set, if nothing more comes.
    address: bool,
    /// The last scope with a status.
    used: usize,
    /// A place that came before its AT7.
    ahead: Option<Place>,
    /// In this loop places come before the AT7: the last one holds until the next.
    place_first: bool,
    /// The last AT7 has its own place.
    placed: bool,
}

/// The 214 sets of a body: all of them, or none where the syntax is broken.
///
/// # Errors
/// `MALFORMED` when the syntax is broken, a set has no end, or segments stand outside any set; `NOT_TRACKING` when there is no 214;
/// `MISSING_FIELD` when no 214 tells a status; `TOO_MANY` above `events_max` statuses.
pub(super) fn sets(body: &[u8], events_max: usize) -> Result<Vec<Set<'_>>, Park> {
    let mut sets = Vec::new();
    let mut open = Open::Nothing;
    let (mut seen, mut statuses) = (false, 0);
    for segment in x12::segments(body) {
        let segment = segment.map_err(|broken| Park::new(Code::MALFORMED, broken.to_string()))?;
        let tag = segment.tag();
        match (&tag, &mut open) {
            (b"ST " | b"GS " | b"GE " | b"IEA" | b"ISA" | b"TA1", Open::Status(_)) => {
                return Err(Park::new(Code::MALFORMED, "a transaction set without SE"));
            }
            (b"ST ", _) => {
                let status = segment.element(1).is_some_and(|id| id == "214");
                open = if status { Open::Status(Box::new(Set::new())) } else { Open::Other };
            }
            (b"SE ", Open::Status(_)) => {
                seen = true;
                if let Open::Status(mut set) = std::mem::replace(&mut open, Open::Nothing)
                    && !set.scans.is_empty()
                {
                    set.close();
                    sets.push(*set);
                }
            }
            (b"GS " | b"GE " | b"IEA" | b"ISA" | b"TA1", _) | (b"SE ", Open::Other) => open = Open::Nothing,
            (_, Open::Nothing) => return Err(Park::new(Code::MALFORMED, "a segment outside any transaction set")),
            (_, Open::Other) => {}
            (_, Open::Status(set)) => {
                statuses += usize::from(tag == *b"AT7");
                if statuses > events_max {
                    return Err(Park::new(Code::TOO_MANY, format!("more than {events_max} statuses")));
                }
                set.read(tag, &segment);
            }
        }
    }
    match (seen, sets.is_empty()) {
        (false, _) => Err(Park::new(Code::NOT_TRACKING, "no transaction set 214")),
        (true, true) => Err(Park::new(Code::MISSING_FIELD, "no AT7 in any transaction set 214")),
        (true, false) => Ok(sets),
    }
}

enum Open<'a> {
    Nothing,
    /// A set of another kind: passed over.
    Other,
    Status(Box<Set<'a>>),
}

impl<'a> Set<'a> {
    fn new() -> Self {
        Self { scopes: vec![Scope::default()], ..Self::default() }
    }

    fn read(&mut self, tag: [u8; 3], segment: &Segment<'a>) {
        match &tag {
            b"B10" => {
                self.reference = edi::number(segment.element(1));
                self.shipment = edi::number(segment.element(2));
                self.scac = segment.element(3).or_else(|| self.scac.take());
            }
            b"MS3" if self.scac.is_none() => self.scac = segment.element(1),
            b"LX " => {
                self.lx = 0;
                self.begin(0);
                self.lx = self.scope;
            }
            // One package. Its elements are weight (without a unit), zone, service and charges (03 to 14): no number, which is why
            // the L11 behind it names the package, and nothing of them is read.
            b"CD3" => self.begin(self.lx),
            b"N1 " if self.scope != 0 => {
                self.lx = 0;
                self.begin(0);
                self.address = true;
            }
            b"L11" => self.reference_number(segment),
            b"MAN" => self.marks(segment),
            b"AT8" => self.weight(segment),
            b"AT7" => self.status(segment),
            b"MS1" => self.place(position(segment)),
            b"Q5 " => self.place(named(segment, 6)),
            b"K1 " => {
                if let Some(scan) = self.scans.last_mut().filter(|s| s.scope == self.scope && s.remark.is_none()) {
                    scan.remark = segment.element(1);
                }
            }
            _ => {}
        }
    }

    /// A scope inside another one. Nobody asks for one without a status.
    fn begin(&mut self, around: usize) {
        self.scopes.truncate(self.used.max(self.lx) + 1);
        self.scopes.push(Scope { around, ..Scope::default() });
        self.scope = self.scopes.len() - 1;
        self.address = false;
        (self.ahead, self.place_first, self.placed) = (None, false, true);
    }

    /// An address loop that comes last speaks for the whole set.
    fn close(&mut self) {
        if !self.address || self.used == self.scope {
            return;
        }
        let Some(last) = self.scopes.pop() else { return };
        if let Some(header) = self.scopes.first_mut() {
            if header.tracking.is_empty() {
                header.tracking = last.tracking;
            }
            header.carrier_reference = header.carrier_reference.take().or(last.carrier_reference);
            header.bill_of_lading = header.bill_of_lading.take().or(last.bill_of_lading);
        }
    }

    fn status(&mut self, segment: &Segment<'a>) {
        self.used = self.used.max(self.scope);
        self.placed = self.ahead.is_some();
        let place = if self.place_first { self.ahead.clone() } else { None };
        self.scans.push(Scan {
            scope: self.scope,
            status: segment.element(1),
            status_reason: segment.element(2),
            appointment: segment.element(3),
            appointment_reason: segment.element(4),
            date: segment.element(5),
            time: segment.element(6),
            time_code: segment.element(7),
            place,
            remark: None,
        });
    }

    /// A place goes to the AT7 before it, unless this loop tells places first.
    fn place(&mut self, place: Place) {
        if place == Place::default() {
            return;
        }
        let here = self.scope;
        if let Some(scan) = self.scans.last_mut().filter(|scan| scan.scope == here && !self.placed) {
            scan.place = Some(place);
            self.placed = true;
        } else {
            self.place_first = self.place_first || self.scans.last().is_none_or(|scan| scan.scope != here);
            self.ahead = self.place_first.then_some(place);
        }
    }

    fn reference_number(&mut self, segment: &Segment<'a>) {
        if segment.element(2).is_some_and(|qualifier| qualifier == "2I") {
            let number = edi::number(segment.element(1));
            // A status of the loop is about all packages in it.
            if self.lx != 0
                && self.lx != self.scope
                && let Some(lx) = self.scopes.get_mut(self.lx)
            {
                lx.tracking.add(number.clone());
            }
            if let Some(scope) = self.scopes.get_mut(self.scope) {
                scope.tracking.add(number);
            }
            return;
        }
        let Some(scope) = self.scopes.get_mut(self.scope) else { return };
        let slot = match segment.element(2).as_deref() {
            Some("CN") => &mut scope.carrier_reference,
            Some("BM") => &mut scope.bill_of_lading,
            _ => return,
        };
        if slot.is_none() {
            *slot = edi::number(segment.element(1));
        }
    }

    fn marks(&mut self, segment: &Segment<'a>) {
        let Some(scope) = self.scopes.get_mut(self.scope) else { return };
        match segment.element(1).as_deref() {
            Some("CP") => scope.package.add(segment.element(2)),
            Some("GM" | "AA") => scope.sscc.add(segment.element(2)),
            _ => {}
        }
    }

    fn weight(&mut self, segment: &Segment<'a>) {
        let Some(scope) = self.scopes.get_mut(self.scope) else { return };
        if scope.weight.is_none() {
            scope.weight = segment.element(3).map(|weight| (weight, segment.element(2)));
        }
        if scope.pieces.is_none() {
            scope.pieces = segment.element(4);
        }
    }
}

fn short(segment: &Segment<'_>, position: usize) -> Option<String> {
    segment.element(position).filter(|text| text.len() <= TEXT_BYTES_MAX).map(Cow::into_owned)
}

/// City, state and country from three elements that stand side by side.
fn named(segment: &Segment<'_>, first: usize) -> Place {
    let sent = short(segment, first + 2);
    let country = sent.as_deref().and_then(country).map(str::to_owned);
    let text = sent.filter(|_| country.is_none());
    Place { city: short(segment, first), state: short(segment, first + 1), country, text, ..Place::default() }
}

/// ISO 3166-1 alpha-2; the element (26) may have three letters. Others stay as text.
fn country(sent: &str) -> Option<&str> {
    Some(match sent {
        "USA" => "US",
        "CAN" => "CA",
        "MEX" => "MX",
        "GBR" | "UK" => "GB",
        _ if sent.len() == 2 && sent.bytes().all(|b| b.is_ascii_uppercase()) => sent,
        _ => return None,
    })
}

/// MS1: city, state, country, or longitude and latitude with their directions; postal code since 5010.
fn position(segment: &Segment<'_>) -> Place {
    let degrees = |position, direction, east: &str, west: &str, most| {
        let value = sexagesimal(&segment.element(position)?, most)?;
        let direction = segment.element(direction)?;
        if direction == east { Some(value) } else { (direction == west).then_some(-value) }
    };
    let (longitude, latitude) = (degrees(4, 6, "E", "W", 180.0), degrees(5, 7, "N", "S", 90.0));
    let both = longitude.is_some() && latitude.is_some();
    Place {
        longitude: longitude.filter(|_| both),
        latitude: latitude.filter(|_| both),
        postal_code: short(segment, 8),
        ..named(segment, 1)
    }
}

/// DDDMMSS in degrees.
fn sexagesimal(text: &str, most: f64) -> Option<f64> {
    let number: u32 = text.parse().ok().filter(|_| matches!(text.len(), 6 | 7))?;
    let (degrees, minutes, seconds) = (number / 10_000, number / 100 % 100, number % 100);
    let value = f64::from(degrees) + f64::from(minutes) / 60.0 + f64::from(seconds) / 3600.0;
    (minutes < 60 && seconds < 60 && value <= most).then_some(value)
}
