//! The structure of IFTSTA: which segment belongs to which status.
//!
//! What stands behind STS belongs to that status (its goods items, GID, too); what stands between CNI and the first STS to all
//! statuses of the consignment; what stands before the first CNI to the whole message.

use std::borrow::Cow;

use crate::carriers::edi::{self, Numbers, Segment, TEXT_BYTES_MAX, Told, edifact, sscc};
use crate::carriers::event;
use crate::domain::event::Place;
use crate::domain::verdict::{Code, Park};

/// Most dates of one status that are kept; the standard allows 1 to 9.
const DATES_MAX: usize = 16;
/// Most texts of one status that are kept.
const TEXTS_MAX: usize = 4;
/// References (1153) that are read beside the number of a package (CW): waybill, the carrier's reference, shipment reference, transport document;
/// and where UPS writes who signed and where a parcel was left.
const REFERENCES: &[&str] = &["AAM", "CN", "SRN", "AAS", "AGY", "AEL"];

type Text<'a> = Option<Cow<'a, str>>;

/// A code and the list it is of.
#[derive(Debug, Default)]
pub(super) struct Coded<'a> {
    pub(super) code: Text<'a>,
    /// 1131: which list.
    pub(super) list: Text<'a>,
    /// 3055: whose list.
    pub(super) agency: Text<'a>,
    /// What it means in words.
    pub(super) words: Text<'a>,
}

/// One DTM.
#[derive(Debug)]
pub(super) struct Date<'a> {
    /// 2005.
    pub(super) qualifier: Cow<'a, str>,
    /// 2380.
    pub(super) value: Cow<'a, str>,
    /// 2379.
    pub(super) format: Text<'a>,
}

/// One FTX.
#[derive(Debug)]
pub(super) struct FreeText<'a> {
    /// 4453; UPS writes its own code of reason or resolution here.
    pub(super) function: Text<'a>,
    /// C108.
    pub(super) lines: Vec<Cow<'a, str>>,
}

/// What the message, a consignment or a status says.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    /// CNI 02: number of the consignment.
    pub(super) consignment: Text<'a>,
    /// RFF CW: numbers of packages.
    pub(super) numbers: Numbers<'a>,
    references: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// NAD CA: the carrier.
    pub(super) carrier: Text<'a>,
    /// NAD FW: the forwarder.
    pub(super) forwarder: Text<'a>,
    /// The first LOC of each qualifier (3227) that is read.
    places: Vec<(Cow<'a, str>, Place)>,
    /// GIN: serial shipping container code.
    pub(super) sscc: Told<'a>,
    /// GIN: another number of a package.
    pub(super) package: Told<'a>,
    /// CNT 7 with its unit.
    pub(super) weight: Option<(Cow<'a, str>, Text<'a>)>,
    /// CNT 11.
    pub(super) pieces: Text<'a>,
}

impl Scope<'_> {
    /// The first reference of a qualifier (1153).
    pub(super) fn reference(&self, qualifier: &str) -> Option<&str> {
        self.references.iter().find(|(q, _)| q == qualifier).map(|(_, number)| number.as_ref())
    }

    /// The place of a qualifier (3227).
    pub(super) fn place(&self, qualifier: &str) -> Option<&Place> {
        self.places.iter().find(|(q, _)| q == qualifier).map(|(_, place)| place)
    }
}

/// One STS.
#[derive(Debug, Default)]
pub(super) struct Scan<'a> {
    /// Index of its consignment's scope in the report; 0 is the message.
    pub(super) scope: usize,
    /// C601: what kind of status; UPS writes the status here.
    pub(super) category: Coded<'a>,
    /// C555.
    pub(super) status: Coded<'a>,
    /// C556.
    pub(super) reasons: Vec<Coded<'a>>,
    pub(super) dates: Vec<Date<'a>>,
    pub(super) texts: Vec<FreeText<'a>>,
    /// CTA GR behind NAD AP: who took the goods over.
    pub(super) taken_by: Text<'a>,
    pub(super) own: Scope<'a>,
}

/// One message IFTSTA.
#[derive(Debug, Default)]
pub(super) struct Report<'a> {
    /// UNH S009 0054, the release of the directory: `96A`.
    pub(super) release: Cow<'a, str>,
    /// UNB S002 0004: who sends.
    pub(super) sender: Text<'a>,
    /// It speaks the language of UPS Quantum View (BGM C002 1131, else the qualifier of the sender).
    pub(super) of_ups: bool,
    /// The message and its consignments; never empty.
    pub(super) scopes: Vec<Scope<'a>>,
    /// Its statuses in the order sent.
    pub(super) scans: Vec<Scan<'a>>,
    /// What comes belongs to the last status.
    in_status: bool,
    /// The last NAD was AP.
    accepting: bool,
}

enum Open<'a> {
    Nothing,
    /// A message of another kind: passed over.
    Other,
    Status(Box<Report<'a>>),
}

/// The IFTSTA messages of a body: all of them, or none where the syntax is broken.
///
/// # Errors
/// `MALFORMED` when the syntax is broken, a message has no end or no type and release, or segments stand outside any message;
/// `NOT_TRACKING` when there is no IFTSTA; `MISSING_FIELD` when none tells a status; `TOO_MANY` above `events_max` statuses.
pub(super) fn reports(body: &[u8], events_max: usize) -> Result<Vec<Report<'_>>, Park> {
    let malformed = |why: &str| Park::new(Code::MALFORMED, why);
    let mut reports = Vec::new();
    let mut open = Open::Nothing;
    let (mut seen, mut statuses) = (false, 0);
    let mut sender = (None, false);
    for segment in edifact::segments(body) {
        let segment = segment.map_err(|broken| malformed(&broken.to_string()))?;
        let tag = segment.tag();
        match (&tag, &mut open) {
            (b"UNB" | b"UNG" | b"UNH" | b"UNE" | b"UNZ", Open::Status(_)) => return Err(malformed("a message without UNT")),
            (b"UNB", _) => {
                sender = (segment.component(2, 1), segment.component(2, 2).is_some_and(|qualifier| qualifier == "UPS"));
                open = Open::Nothing;
            }
            (b"UNH", _) => {
                let kind = segment.component(2, 1).ok_or_else(|| malformed("UNH tells no type of message"))?;
                open = Open::Other;
                if kind == "IFTSTA" {
                    let release = segment.component(2, 3).ok_or_else(|| malformed("UNH tells no release"))?;
                    open = Open::Status(Box::new(Report::new(release, sender.clone())));
                }
            }
            (b"UNT", Open::Status(_)) => {
                seen = true;
                if let Open::Status(report) = std::mem::replace(&mut open, Open::Nothing)
                    && !report.scans.is_empty()
                {
                    reports.push(*report);
                }
            }
            (b"UNG" | b"UNE" | b"UNZ", _) | (b"UNT", Open::Other) => open = Open::Nothing,
            (_, Open::Nothing) => return Err(malformed("a segment outside any message")),
            (_, Open::Other) => {}
            (_, Open::Status(report)) => {
                statuses += usize::from(tag == *b"STS");
                if statuses > events_max {
                    return Err(Park::new(Code::TOO_MANY, format!("more than {events_max} statuses")));
                }
                report.read(tag, &segment);
            }
        }
    }
    match (seen, reports.is_empty()) {
        (false, _) => Err(Park::new(Code::NOT_TRACKING, "no message IFTSTA")),
        (true, true) => Err(Park::new(Code::MISSING_FIELD, "no STS in any message IFTSTA")),
        (true, false) => Ok(reports),
    }
}

impl<'a> Report<'a> {
    fn new(release: Cow<'a, str>, (sender, of_ups): (Text<'a>, bool)) -> Self {
        Self { release, sender, of_ups, scopes: vec![Scope::default()], ..Self::default() }
    }

    /// What the next facts belong to.
    fn here(&mut self) -> Option<&mut Scope<'a>> {
        if self.in_status { self.scans.last_mut().map(|scan| &mut scan.own) } else { self.scopes.last_mut() }
    }

    fn status(&mut self) -> Option<&mut Scan<'a>> {
        if self.in_status { self.scans.last_mut() } else { None }
    }

    fn read(&mut self, tag: [u8; 3], segment: &Segment<'a>) {
        match &tag {
            b"BGM" => self.of_ups |= segment.component(1, 2).is_some_and(|list| list == "UPS"),
            b"CNI" => {
                // Nobody asks for a consignment without a status.
                self.scopes.truncate(self.scans.last().map_or(0, |scan| scan.scope) + 1);
                self.scopes.push(Scope { consignment: edi::number(segment.component(2, 1)), ..Scope::default() });
                self.in_status = false;
            }
            b"STS" => {
                let reasons = (3..=7).map(|at| coded(segment, at)).filter(|reason| reason.code.is_some()).collect();
                let (category, status) = (coded(segment, 1), coded(segment, 2));
                self.scans.push(Scan { scope: self.scopes.len() - 1, category, status, reasons, ..Scan::default() });
                self.in_status = true;
            }
            b"RFF" => self.reference(segment),
            b"LOC" => self.place(segment),
            b"GIN" => self.packages(segment),
            b"CNT" => self.total(segment),
            b"NAD" => self.party(segment),
            b"CTA" if self.accepting && segment.component(1, 1).is_some_and(|function| function == "GR") => {
                if let Some(scan) = self.status() {
                    scan.taken_by = segment.component(2, 2);
                }
            }
            b"DTM" => {
                let (Some(qualifier), Some(value)) = (segment.component(1, 1), segment.component(1, 2)) else { return };
                if let Some(scan) = self.status().filter(|scan| scan.dates.len() < DATES_MAX) {
                    scan.dates.push(Date { qualifier, value, format: segment.component(1, 3) });
                }
            }
            b"FTX" => {
                if let Some(scan) = self.status().filter(|scan| scan.texts.len() < TEXTS_MAX) {
                    let lines = (1..=5).filter_map(|at| segment.component(4, at)).collect();
                    scan.texts.push(FreeText { function: segment.component(2, 1), lines });
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, segment: &Segment<'a>) {
        let (Some(qualifier), Some(number)) = (segment.component(1, 1), edi::number(segment.component(1, 2))) else { return };
        let Some(scope) = self.here() else { return };
        if qualifier == "CW" {
            scope.numbers.add(Some(number));
        } else if REFERENCES.contains(&qualifier.as_ref()) && scope.reference(&qualifier).is_none() {
            scope.references.push((qualifier, number));
        }
    }

    fn place(&mut self, segment: &Segment<'a>) {
        let Some(qualifier) = segment.element(1).filter(|qualifier| PLACES.contains(&qualifier.as_ref())) else { return };
        let Some(scope) = self.here().filter(|scope| scope.place(&qualifier).is_none()) else { return };
        if let Some(place) = place(segment) {
            scope.places.push((qualifier, place));
        }
    }

    fn packages(&mut self, segment: &Segment<'a>) {
        if !segment.element(1).is_some_and(|kind| matches!(kind.as_ref(), "BJ" | "AW" | "BN" | "ML")) {
            return;
        }
        let Some(scope) = self.here() else { return };
        for number in (2..=6).flat_map(|element| (1..=2).map(move |at| (element, at))).filter_map(|(e, c)| segment.component(e, c)) {
            if sscc(&number).is_some() { scope.sscc.add(Some(number)) } else { scope.package.add(Some(number)) }
        }
    }

    fn total(&mut self, segment: &Segment<'a>) {
        let (Some(kind), Some(value)) = (segment.component(1, 1), segment.component(1, 2)) else { return };
        let Some(scope) = self.here() else { return };
        match kind.as_ref() {
            "7" => scope.weight = Some((value, segment.component(1, 3))),
            "11" => scope.pieces = Some(value),
            _ => {}
        }
    }

    fn party(&mut self, segment: &Segment<'a>) {
        let role = segment.element(1);
        self.accepting = role.as_deref() == Some("AP");
        let Some(scope) = self.here() else { return };
        let slot = match role.as_deref() {
            Some("CA") => &mut scope.carrier,
            Some("FW") => &mut scope.forwarder,
            _ => return,
        };
        if slot.is_none() {
            *slot = segment.component(2, 1).or_else(|| segment.component(4, 1)).or_else(|| segment.component(3, 1));
        }
    }
}

fn coded<'a>(segment: &Segment<'a>, element: usize) -> Coded<'a> {
    let part = |at| segment.component(element, at);
    Coded { code: part(1), list: part(2), agency: part(3), words: part(4) }
}

/// Places (3227) that are read: location of the goods, place of the activity, then those where goods are received, accepted,
/// transhipped, cleared or arrive. Where they are to go is no place of a happening.
const PLACES: &[&str] = &["14", "175", "4", "10", "13", "22", "60"];

/// LOC: a code or a name (C517), the country as its related place (C519).
fn place(segment: &Segment<'_>) -> Option<Place> {
    let short = |element, at| segment.component(element, at).filter(|text| text.len() <= TEXT_BYTES_MAX).map(Cow::into_owned);
    let (code, list, agency) = (short(2, 1), short(2, 2), short(2, 3));
    let by_un = agency.as_deref() == Some("6") || list.as_deref() == Some("139");
    let unlocode = code.clone().filter(|code| by_un && is_unlocode(code));
    let related = short(3, 1).or_else(|| short(3, 4));
    let country = related.as_deref().or_else(|| unlocode.as_deref()?.get(..2));
    let facility = code.filter(|_| unlocode.is_none());
    let told = event::place(short(2, 4), None, None, country, facility);
    if told.is_none() && unlocode.is_none() {
        return None;
    }
    Some(Place { unlocode, ..told.unwrap_or_default() })
}

/// Two letters of the country, three letters or digits of the place.
fn is_unlocode(code: &str) -> bool {
    code.len() == 5 && code.bytes().enumerate().all(|(at, b)| b.is_ascii_uppercase() || (at >= 2 && b.is_ascii_digit()))
}
