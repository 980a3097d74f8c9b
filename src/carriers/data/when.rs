//! Times as a description says they are to be read.

use jiff::civil::Time;
use jiff::fmt::strtime::{self, BrokenDownTime};
use serde_json::Value;

use super::super::DialectSettings;
use super::super::times::{self, Sent, Suffix};
use super::description::{Midnight, Zulu};
use super::path::Paths;
use crate::domain::event::Place;
use crate::domain::time::{Told, zone};
use crate::domain::vocabulary::{TimePrecision, TimeSource};

/// One way to write a time.
#[derive(Debug)]
pub(super) enum Format {
    /// `2026-11-20T08:15:09.123+01:00` and its shorter forms.
    Iso,
    /// `20261120`, with `081509`, `0815` or `08:15` behind a blank.
    Compact,
    /// Seconds, milliseconds or microseconds since 1970, told apart by their size.
    Epoch,
    /// `%d.%m.%Y %H:%M`, as `strptime` has it.
    Pattern(String),
}

impl Format {
    /// Reads the name of a format, or a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "iso" => return Ok(Self::Iso),
            "compact" => return Ok(Self::Compact),
            "epoch" => return Ok(Self::Epoch),
            _ if !text.contains('%') => return Err(format!("no such format: {text}")),
            _ => {}
        }
        // A pattern must read what it has written.
        let moment = jiff::civil::date(2026, 11, 20).at(8, 15, 9, 0).in_tz("UTC").map_err(|e| e.to_string())?;
        let written = strtime::format(text, &moment).map_err(|error| format!("not a pattern: {error}"))?;
        let format = Self::Pattern(text.to_owned());
        match format.read(&written) {
            Some(sent) if sent.local.date() == moment.date() => Ok(format),
            _ => Err("the pattern does not tell the whole day".to_owned()),
        }
    }

    pub(super) fn read(&self, text: &str) -> Option<Sent> {
        match self {
            Self::Iso => times::iso(text),
            Self::Compact => {
                let (day, clock) = text.split_once([' ', 'T']).map_or((text, None), |(day, clock)| (day, Some(clock)));
                times::compact(day, clock)
            }
            Self::Epoch => times::epoch(text),
            Self::Pattern(pattern) => by_pattern(pattern, text),
        }
    }
}

fn by_pattern(pattern: &str, text: &str) -> Option<Sent> {
    let told = BrokenDownTime::parse(pattern, text).ok()?;
    let local = told.to_datetime().ok()?;
    // The bounds of `times`: beyond them a field is broken.
    if !(1990..=2100).contains(&local.year()) {
        return None;
    }
    let precision = match (told.hour(), told.second()) {
        (None, _) => TimePrecision::Date,
        (_, None) => TimePrecision::Minute,
        _ => TimePrecision::Second,
    };
    Some(Sent { local, precision, suffix: told.offset().map_or(Suffix::None, Suffix::Numeric) })
}

/// How the times of a source are read.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) formats: Vec<Format>,
    pub(super) z: Zulu,
    pub(super) midnight: Midnight,
}

/// Where one time stands.
#[derive(Debug, Default)]
pub(super) struct TimePaths {
    pub(super) at: Paths,
    pub(super) day: Paths,
    pub(super) clock: Paths,
    pub(super) offset: Paths,
    pub(super) zone: Paths,
    pub(super) gmt: Paths,
}

impl Times {
    /// A time as sent and as understood; `None` where none was sent that a format reads.
    pub(super) fn told(&self, paths: &TimePaths, value: &Value, place: Option<&Place>, settings: &DialectSettings) -> Option<(Sent, Told)> {
        let (mut sent, is_moment) = self.sent(paths, value)?;
        if is_moment {
            return Some((sent, times::moment(&sent)));
        }
        let has_offset = matches!(sent.suffix, Suffix::Numeric(offset) if offset.seconds() != 0);
        if self.midnight == Midnight::Day && !has_offset && sent.local.time() == Time::midnight() {
            sent.precision = TimePrecision::Date;
        }
        if sent.precision == TimePrecision::Date {
            return Some((sent, Told::date(sent.local.date())));
        }
        if let Some((gmt, _)) = paths.gmt.text(value).and_then(|t| self.read(&t)) {
            return Some((sent, Told::with_gmt(sent.local, gmt.local, sent.precision)));
        }
        if let Some(offset) = paths.offset.text(value).and_then(|t| times::offset(&t)) {
            return Some((sent, Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset)));
        }
        if let Some(zone) = paths.zone.text(value).and_then(|t| zone(&t)) {
            return Some((sent, Told::in_zone(sent.local, &zone, sent.precision, TimeSource::LocationZone)));
        }
        let is_utc = !has_offset && sent.suffix != Suffix::None;
        let told = if is_utc && self.z == Zulu::Believed { times::moment(&sent) } else { times::by_offset_or_zone(&sent, place, settings) };
        Some((sent, told))
    }

    fn sent(&self, paths: &TimePaths, value: &Value) -> Option<(Sent, bool)> {
        if let Some(told) = paths.at.texts(value).find_map(|text| self.read(&text)) {
            return Some(told);
        }
        let day = paths.day.text(value)?;
        let clock = paths.clock.text(value);
        clock.and_then(|clock| self.read(&format!("{day} {clock}"))).or_else(|| self.read(&day))
    }

    /// By the first format that reads it, and whether it is a moment rather than a clock on a wall.
    fn read(&self, text: &str) -> Option<(Sent, bool)> {
        self.formats.iter().find_map(|format| Some((format.read(text)?, matches!(format, Format::Epoch))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_how_exactly_a_time_was_told() {
        for (pattern, text, digits, precision) in [
            ("%d.%m.%Y %H:%M", "20.11.2026 08:15", "20261120081500", TimePrecision::Minute),
            ("%d/%m/%y", "20/11/26", "20261120", TimePrecision::Date),
            ("%b %d, %Y %I:%M:%S %p", "Nov 20, 2026 05:30:00 PM", "20261120173000", TimePrecision::Second),
            ("%Y-%m-%dT%H:%M:%S%z", "2026-11-20T08:15:09+0530", "20261120081509", TimePrecision::Second),
        ] {
            let sent = Format::parse(pattern).expect(pattern).read(text).expect(text);
            assert_eq!((sent.digits().as_str(), sent.precision), (digits, precision), "{pattern}");
        }
        let pattern = Format::parse("%d.%m.%Y %H:%M").expect("a pattern");
        for text in ["", "31.02.2026 08:15", "20.11.2026", "20.11.1026 08:15", "20.11.2026 08:15 and more"] {
            assert_eq!(pattern.read(text), None, "{text}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_refused() {
        for pattern in ["ISO", "%Q", "%H:%M", "%d.%m.", "%"] {
            assert!(Format::parse(pattern).is_err(), "{pattern}");
        }
    }
}
