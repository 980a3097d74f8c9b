//! Dates, times and time codes (elements 373, 337, 623), and the zones they stand in.

use std::collections::HashMap;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use crate::carriers::zones;
use crate::domain::event::Place;
use crate::domain::time::Told;
use crate::domain::vocabulary::{TimePrecision, TimeSource};

/// The codes of Canada Post; no state of the United States has one of them.
const PROVINCES: &[&str] = &["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"];

/// Time codes that name a zone without saying whether daylight saving time holds. `AT` is Alaska to the standard and Atlantic
/// to some senders: it is not believed.
const NAMED: &[(&str, &str)] = &[
    ("ET", "America/New_York"),
    ("CT", "America/Chicago"),
    ("MT", "America/Denver"),
    ("PT", "America/Los_Angeles"),
    ("HT", "Pacific/Honolulu"),
    ("NT", "America/St_Johns"),
    ("TT", "America/Halifax"),
];

/// Hours and minutes east of UTC of the time codes that say standard or daylight.
const FIXED: &[(&str, i32)] = &[
    ("ES", -300),
    ("ED", -240),
    ("CS", -360),
    ("CD", -300),
    ("MS", -420),
    ("MD", -360),
    ("PS", -480),
    ("PD", -420),
    ("AS", -540),
    ("AD", -480),
    ("HS", -600),
    ("HD", -540),
    ("TS", -240),
    ("TD", -180),
    ("NS", -210),
    ("ND", -150),
];

/// Where a time code leads.
enum Frame<'a> {
    Utc,
    Fixed(Offset),
    Zone(&'a TimeZone, TimeSource),
    Nothing,
}

/// The zones that time codes and the configuration name, looked up once.
#[derive(Debug)]
pub(super) struct Clock {
    named: HashMap<&'static str, TimeZone>,
    account: Option<TimeZone>,
}

impl Clock {
    /// `account` is the zone of wall clocks of which nothing else is known.
    pub(super) fn new(account: Option<TimeZone>) -> Self {
        let named = NAMED.iter().filter_map(|(code, name)| Some((*code, TimeZone::get(name).ok()?))).collect();
        Self { named, account }
    }

    /// What was told of a time: the date and the time as sent, the time code, the place. `None` when there is no readable date.
    pub(super) fn told(&self, date: Option<&str>, time: Option<&str>, code: Option<&str>, place: Option<&Place>) -> Option<Told> {
        let day = day(date?)?;
        let Some((local, precision)) = time.and_then(|t| clock(day, t)) else { return Some(Told::date(day)) };
        Some(match self.frame(code, place) {
            Frame::Utc => Told::with_offset(local, Offset::UTC, precision, TimeSource::GmtField),
            Frame::Fixed(offset) => Told::with_offset(local, offset, precision, TimeSource::CarrierOffset),
            Frame::Zone(zone, source) => Told::in_zone(local, zone, precision, source),
            Frame::Nothing => Told::local_only(local, precision),
        })
    }

    fn frame(&self, code: Option<&str>, place: Option<&Place>) -> Frame<'_> {
        let account = || self.account.as_ref().map_or(Frame::Nothing, |zone| Frame::Zone(zone, TimeSource::AccountZone));
        let Some(code) = code.filter(|c| *c != "LT") else {
            return place.and_then(zone_of).map_or_else(account, |zone| Frame::Zone(zone, TimeSource::LocationZone));
        };
        if matches!(code, "UT" | "GM") {
            return Frame::Utc;
        }
        if let Some(offset) = fixed(code) {
            return Frame::Fixed(offset);
        }
        // Most of Arizona keeps no daylight saving time and calls its clock mountain time all the same.
        if let Some(place) = place.filter(|p| code == "MT" && p.state.as_deref() == Some("AZ")) {
            return zone_of(place).map_or(Frame::Nothing, |zone| Frame::Zone(zone, TimeSource::LocationZone));
        }
        self.named.get(code).map_or_else(account, |zone| Frame::Zone(zone, TimeSource::CarrierOffset))
    }
}

/// The zone of a place. The country may be left out for the United States and Canada, whose state codes
/// do not overlap, where a city stands beside the state: alone it may be one of any country.
fn zone_of(place: &Place) -> Option<&'static TimeZone> {
    if place.country.is_some() {
        return zones::zone_of(place);
    }
    let state = place.state.as_deref().filter(|_| place.text.is_none() && place.city.is_some())?;
    let country = if PROVINCES.contains(&state) { "CA" } else { "US" };
    zones::zone_of(&Place { country: Some(country.to_owned()), state: place.state.clone(), city: place.city.clone(), ..Place::default() })
}

/// The offset of a time code that tells one. `01` to `12` are hours east, `13` (12 hours west) counts down to `24` (1 hour west).
fn fixed(code: &str) -> Option<Offset> {
    if let Some((_, minutes)) = FIXED.iter().find(|(c, _)| *c == code) {
        return Offset::from_seconds(minutes * 60).ok();
    }
    let number: i8 = code.parse().ok().filter(|_| code.bytes().all(|b| b.is_ascii_digit()))?;
    match number {
        1..=12 => Offset::from_hours(number).ok(),
        13..=24 => Offset::from_hours(number - 25).ok(),
        _ => None,
    }
}

/// A number out of a text of digits only.
fn digits<T: FromStr>(text: &str, at: usize, length: usize) -> Option<T> {
    let all = text.bytes().all(|b| b.is_ascii_digit());
    text.get(at..at + length).filter(|_| all)?.parse().ok()
}

/// CCYYMMDD or YYMMDD; two-digit years from 80 are of the last century.
fn day(text: &str) -> Option<Date> {
    let (year, rest) = match text.len() {
        8 => (digits(text, 0, 4)?, 4),
        6 => (digits::<i16>(text, 0, 2).map(|y| if y < 80 { 2000 + y } else { 1900 + y })?, 2),
        _ => return None,
    };
    Date::new(year, digits(text, rest, 2)?, digits(text, rest + 2, 2)?).ok().filter(|d| d.year() >= 1900)
}

/// HHMM, HHMMSS, HHMMSSD or HHMMSSDD; 2400 is the end of the day.
fn clock(day: Date, text: &str) -> Option<(DateTime, TimePrecision)> {
    let (second, precision) = match text.len() {
        4 => (0, TimePrecision::Minute),
        6..=8 => (digits(text, 4, 2)?, TimePrecision::Second),
        _ => return None,
    };
    let (hour, minute) = (digits(text, 0, 2)?, digits(text, 2, 2)?);
    if (hour, minute, second) == (24, 0, 0) {
        return Some((day.tomorrow().ok()?.to_datetime(Time::midnight()), precision));
    }
    Some((day.to_datetime(Time::new(hour, minute, second, 0).ok()?), precision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::rfc3339;

    fn place(state: &str, country: &str) -> Place {
        let word = |w: &str| (!w.is_empty()).then(|| w.to_owned());
        Place { state: word(state), country: word(country), ..Place::default() }
    }

    fn city(state: &str, country: &str) -> Place {
        Place { city: Some("MILLTOWN".to_owned()), ..place(state, country) }
    }

    #[test]
    fn every_zone_that_is_named_exists() {
        assert_eq!(Clock::new(None).named.len(), NAMED.len());
    }

    #[test]
    fn time_codes() {
        let clock = Clock::new(None);
        // date, time, code, state, country; UTC; offset; how
        for (date, time, code, state, country, utc, offset, source) in [
            ("20260304", "0812", "LT", "GA", "US", "2026-03-04T13:12:00Z", -300, TimeSource::LocationZone),
            ("20260704", "0812", "LT", "GA", "", "2026-07-04T12:12:00Z", -240, TimeSource::LocationZone),
            ("20260704", "0812", "", "AB", "CA", "2026-07-04T14:12:00Z", -360, TimeSource::LocationZone),
            ("20260704", "0812", "LT", "", "GB", "2026-07-04T07:12:00Z", 60, TimeSource::LocationZone),
            ("20260704", "0812", "LT", "NB", "", "2026-07-04T11:12:00Z", -180, TimeSource::LocationZone),
            ("20260304", "081259", "UT", "GA", "US", "2026-03-04T08:12:59Z", 0, TimeSource::GmtField),
            ("20260304", "08125975", "GM", "", "", "2026-03-04T08:12:59Z", 0, TimeSource::GmtField),
            ("20260704", "0812", "ET", "CA", "US", "2026-07-04T12:12:00Z", -240, TimeSource::CarrierOffset),
            ("20260104", "0812", "ET", "", "", "2026-01-04T13:12:00Z", -300, TimeSource::CarrierOffset),
            ("20260704", "0812", "ES", "", "", "2026-07-04T13:12:00Z", -300, TimeSource::CarrierOffset),
            ("20260704", "0812", "CD", "", "", "2026-07-04T13:12:00Z", -300, TimeSource::CarrierOffset),
            ("20260704", "0812", "CT", "", "", "2026-07-04T13:12:00Z", -300, TimeSource::CarrierOffset),
            ("20260704", "0812", "MT", "CO", "US", "2026-07-04T14:12:00Z", -360, TimeSource::CarrierOffset),
            ("20260704", "0812", "PT", "", "", "2026-07-04T15:12:00Z", -420, TimeSource::CarrierOffset),
            ("20260704", "0812", "HT", "", "", "2026-07-04T18:12:00Z", -600, TimeSource::CarrierOffset),
            ("20260704", "0812", "NT", "", "", "2026-07-04T10:42:00Z", -150, TimeSource::CarrierOffset),
            ("20260704", "0812", "02", "", "", "2026-07-04T06:12:00Z", 120, TimeSource::CarrierOffset),
            ("20260704", "0812", "13", "", "", "2026-07-04T20:12:00Z", -720, TimeSource::CarrierOffset),
            ("260704", "0812", "20", "", "", "2026-07-04T13:12:00Z", -300, TimeSource::CarrierOffset),
            ("970925", "0830", "CT", "", "", "1997-09-25T13:30:00Z", -300, TimeSource::CarrierOffset),
            ("20261231", "2400", "UT", "", "", "2027-01-01T00:00:00Z", 0, TimeSource::GmtField),
        ] {
            let code_sent = (!code.is_empty()).then_some(code);
            let told = clock.told(Some(date), Some(time), code_sent, Some(&city(state, country))).expect(date);
            assert_eq!(told.at.map(rfc3339).as_deref(), Some(utc), "{date} {time} {code} {state} {country}");
            assert_eq!((told.offset_minutes, told.source), (Some(offset), Some(source)), "{date} {time} {code}");
        }
    }

    #[test]
    fn what_cannot_be_known_stays_a_wall_clock() {
        let clock = Clock::new(None);
        for (code, state, country) in [
            ("LT", "", ""),
            ("LT", "TX", "US"),
            ("LT", "AZ", "US"),
            ("MT", "AZ", "US"),
            ("LT", "WA", "AU"),
            ("LT", "GA", ""),
            ("LT", "", "US"),
            ("ZZ", "GA", "US"),
            ("AT", "GA", "US"),
            ("25", "", ""),
        ] {
            let told = clock.told(Some("20260704"), Some("0812"), Some(code), Some(&place(state, country))).expect(code);
            assert_eq!((told.at, told.offset_minutes, told.source), (None, None, None), "{code} {state} {country}");
            assert_eq!(told.local.as_deref(), Some("2026-07-04T08:12"), "{code}");
        }
    }

    #[test]
    fn the_account_zone_is_the_last_resort() {
        let clock = Clock::new(TimeZone::get("America/Chicago").ok());
        for (code, state, source) in
            [("LT", "", TimeSource::AccountZone), ("ZZ", "GA", TimeSource::AccountZone), ("LT", "GA", TimeSource::LocationZone)]
        {
            let told = clock.told(Some("20260704"), Some("0812"), Some(code), Some(&place(state, "US"))).expect(code);
            assert_eq!(told.source, Some(source), "{code} {state}");
        }
    }

    #[test]
    fn half_a_time_is_a_day_and_half_a_date_is_nothing() {
        let clock = Clock::new(None);
        for time in [None, Some("806"), Some("2561"), Some("0860"), Some("abcd"), Some("")] {
            let told = clock.told(Some("20260704"), time, Some("UT"), None).expect("a day");
            assert_eq!((told.local.as_deref(), told.at, told.precision), (Some("2026-07-04"), None, TimePrecision::Date), "{time:?}");
        }
        for date in ["", "20261345", "2026", "2026-07-04", "٢٠٢٦٠٧٠٤", "00000000"] {
            assert_eq!(clock.told(Some(date), Some("0812"), Some("UT"), None), None, "{date}");
        }
    }
}
