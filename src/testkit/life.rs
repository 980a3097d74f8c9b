//! A parcel's life, who tells of it, and the message that carries the word.

use super::Chance;
use crate::domain::verdict::Code;
use crate::domain::vocabulary::Milestone;

/// Name of the one Odoo database.
pub const ODOO: &str = "main";

const CITIES: &[&str] = &["Hamburg", "Bremen", "Kassel", "Erfurt", "Ulm", "Passau", "Trier"];

/// Who tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Track Alert, Track API.
    Ups,
    /// Track API, a few scans each time.
    Fedex,
    /// The whole history each time.
    Easypost,
    /// One status each.
    X12,
}

impl Source {
    /// Topic without prefix.
    #[must_use]
    pub fn topic(self) -> &'static str {
        match self {
            Self::Ups => "raw.carrier.ups",
            Self::Fedex => "raw.carrier.fedex",
            Self::Easypost => "raw.carrier.easypost",
            Self::X12 => "raw.carrier.x12-214",
        }
    }

    pub(super) fn carrier(self) -> &'static str {
        match self {
            Self::Ups => "ups",
            Self::Fedex => "fedex",
            Self::Easypost => "usps",
            Self::X12 => "qltn",
        }
    }
}

/// What happens to a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Announced,
    Accepted,
    Arrived,
    Departed,
    Delayed,
    OutForDelivery,
    Delivered,
}

impl Step {
    pub(super) fn milestone(self) -> Milestone {
        match self {
            Self::Announced => Milestone::Announced,
            Self::Accepted => Milestone::Accepted,
            Self::Arrived | Self::Departed => Milestone::InTransit,
            Self::Delayed => Milestone::Exception,
            Self::OutForDelivery => Milestone::OutForDelivery,
            Self::Delivered => Milestone::Delivered,
        }
    }
}

/// One happening of a parcel's life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Happening {
    pub(super) step: Step,
    pub(super) city: &'static str,
    /// Wall clock in Germany, seconds since 2026-11-01 00:00; less than thirty days.
    seconds: u32,
}

impl Happening {
    /// The wall clock in a form of `%Y %m %d %H %M %S`.
    pub(super) fn date(&self, form: &str) -> String {
        let (day, rest) = (1 + self.seconds / 86_400, self.seconds % 86_400);
        form.replace("%Y", "2026")
            .replace("%m", "11")
            .replace("%d", &format!("{day:02}"))
            .replace("%H", &format!("{:02}", rest / 3600))
            .replace("%M", &format!("{:02}", rest / 60 % 60))
            .replace("%S", &format!("{:02}", rest % 60))
    }
}

/// One parcel, and what must be published of it: each happening once.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Tracking number in key form.
    pub key: String,
    /// Carrier code.
    pub carrier: &'static str,
    /// Milestone and wall clock to the minute of every happening that was told.
    pub happenings: Vec<(Milestone, String)>,
}

/// One message to be produced.
#[derive(Debug, Clone)]
pub struct RawRecord {
    /// Topic without prefix.
    pub topic: String,
    /// Record key.
    pub key: Option<String>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The code under which it must be parked, where it is poison.
    pub poison: Option<Code>,
}

/// What happens to one parcel, in its order.
pub(super) fn life(chance: &mut Chance) -> Vec<Happening> {
    let mut steps = vec![Step::Announced, Step::Accepted];
    for _ in 0..chance.below(3) {
        steps.extend([Step::Departed, Step::Arrived]);
    }
    if chance.percent(15) {
        steps.push(Step::Delayed);
    }
    steps.push(Step::OutForDelivery);
    if chance.percent(90) {
        steps.push(Step::Delivered);
    }
    let mut seconds = 0;
    let mut happenings = Vec::with_capacity(steps.len());
    for step in steps {
        seconds += u32::try_from(7 * 60 + chance.below(40_000)).unwrap_or(0);
        happenings.push(Happening { step, city: chance.one(CITIES).copied().unwrap_or("Ulm"), seconds });
    }
    happenings
}
