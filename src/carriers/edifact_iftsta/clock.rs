//! Dates and times (DTM): values in the formats of list 2379, and the zones they stand in.

use jiff::tz::Offset;

use super::parse::Date;
use crate::carriers::DialectSettings;
use crate::carriers::times::{self, Sent};
use crate::domain::event::{Eta, Place};
use crate::domain::time::Told;
use crate::domain::vocabulary::{TimePrecision, TimeSource};

/// A value as sent, and its zone where the format has one.
struct Read<'a> {
    sent: Sent,
    zone: &'a str,
}

/// The time in one spelling, and understood. A value that cannot be read stands for itself and tells no time.
pub(super) fn told(date: &Date<'_>, place: Option<&Place>, settings: &DialectSettings) -> (String, Option<Told>) {
    let Some(Read { sent, zone }) = read(date) else { return (date.value.to_string(), None) };
    if zone.is_empty() || sent.precision == TimePrecision::Date {
        return (sent.digits(), Some(times::by_zone(&sent, place, settings)));
    }
    let told = match (zone, times::offset(zone)) {
        ("UTC" | "GMT" | "Z", _) => Told::with_offset(sent.local, Offset::UTC, sent.precision, TimeSource::GmtField),
        (_, Some(offset)) => Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset),
        // The standard has no list of zone names, and senders keep one name the whole year: the place knows better.
        _ => times::by_zone(&sent, place, settings),
    };
    (format!("{}{zone}", sent.digits()), Some(told))
}

/// Whether a value tells a day at least.
pub(super) fn is_readable(date: &Date<'_>) -> bool {
    read(date).is_some()
}

/// When the delivery is expected; the clock is that of the destination, whose zone is not told.
pub(super) fn eta(date: &Date<'_>, settings: &DialectSettings, source: &str) -> Option<Eta> {
    let told = told(date, None, settings).1?;
    Some(Eta {
        from: told.at,
        to: told.at,
        from_local: told.local.clone(),
        to_local: told.local,
        source: Some(source.to_owned()),
        previous_local: None,
    })
}

/// Formats: 101 YYMMDD, 102 CCYYMMDD, 201 to 204 with time, 205 with an offset, 301 to 304 with a zone. The number of digits
/// decides, since senders write a date under the format of a time; the format decides on the century and the zone.
fn read<'a>(date: &'a Date<'_>) -> Option<Read<'a>> {
    let (century, zoned) = match date.format.as_deref() {
        Some("101" | "201" | "202") => (false, false),
        Some("301" | "302") => (false, true),
        None | Some("102" | "203" | "204") => (true, false),
        Some("205" | "303" | "304") => (true, true),
        Some(_) => return None,
    };
    let value = date.value.as_ref();
    let count = value.bytes().take_while(u8::is_ascii_digit).count();
    let (mut digits, zone) = value.split_at_checked(count)?;
    let mut day = String::with_capacity(8);
    if !century {
        let (year, rest) = digits.split_at_checked(2)?;
        day.push_str(if year < "80" { "20" } else { "19" });
        day.push_str(year);
        digits = rest;
    }
    let (rest_of_day, time) = digits.split_at_checked(8 - day.len())?;
    day.push_str(rest_of_day);
    if !matches!(time.len(), 0 | 4 | 6) || (!zoned && !zone.is_empty()) {
        return None;
    }
    // What is no time of day leaves the day.
    let sent = times::compact(&day, Some(time)).or_else(|| times::compact(&day, None))?;
    Some(Read { sent, zone: zone.trim() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::rfc3339;

    fn at(value: &str, format: &str, country: &str) -> (String, Option<Told>) {
        let some = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        let date = Date { qualifier: "334".into(), value: value.into(), format: some(format).map(Into::into) };
        told(&date, Some(&Place { country: some(country), ..Place::default() }), &DialectSettings::default())
    }

    #[test]
    fn formats_and_zones() {
        // value, format, country; UTC; offset; how; the time in one spelling
        for (value, format, country, utc, offset, source, key) in [
            ("202603091605", "203", "DE", "2026-03-09T15:05:00Z", 60, TimeSource::LocationZone, "20260309160500"),
            ("20260709160512", "204", "DE", "2026-07-09T14:05:12Z", 120, TimeSource::LocationZone, "20260709160512"),
            ("20260709160512", "", "DE", "2026-07-09T14:05:12Z", 120, TimeSource::LocationZone, "20260709160512"),
            ("2607091605", "201", "GB", "2026-07-09T15:05:00Z", 60, TimeSource::LocationZone, "20260709160500"),
            ("960709160512", "202", "GB", "1996-07-09T15:05:12Z", 60, TimeSource::LocationZone, "19960709160512"),
            ("202607091605UTC", "303", "DE", "2026-07-09T16:05:00Z", 0, TimeSource::GmtField, "20260709160500UTC"),
            ("20260709160512GMT", "304", "", "2026-07-09T16:05:12Z", 0, TimeSource::GmtField, "20260709160512GMT"),
            ("202607091605+02", "303", "", "2026-07-09T14:05:00Z", 120, TimeSource::CarrierOffset, "20260709160500+02"),
            ("202607091605-0530", "205", "", "2026-07-09T21:35:00Z", -330, TimeSource::CarrierOffset, "20260709160500-0530"),
            ("202607091605CET", "303", "DE", "2026-07-09T14:05:00Z", 120, TimeSource::LocationZone, "20260709160500CET"),
            ("202607091605", "303", "DE", "2026-07-09T14:05:00Z", 120, TimeSource::LocationZone, "20260709160500"),
        ] {
            let (spelled, told) = at(value, format, country);
            let told = told.expect(value);
            assert_eq!((told.at.map(rfc3339).as_deref(), spelled.as_str()), (Some(utc), key), "{value} {format}");
            assert_eq!((told.offset_minutes, told.source), (Some(offset), Some(source)), "{value} {format}");
        }
    }

    #[test]
    fn what_cannot_be_known_stays_a_wall_clock_and_half_a_time_is_a_day() {
        for (value, format, local) in [
            ("202603091605", "203", "2026-03-09T16:05"),
            ("202603091605EST", "303", "2026-03-09T16:05"),
            ("202603091605+99", "303", "2026-03-09T16:05"),
            ("20260309", "102", "2026-03-09"),
            ("20260309", "203", "2026-03-09"),
            ("202603092561", "203", "2026-03-09"),
        ] {
            let told = at(value, format, "").1.expect(value);
            assert_eq!((told.at, told.source, told.local.as_deref()), (None, None, Some(local)), "{value}");
        }
        for (value, format) in [
            ("20260148", "102"),
            ("2026", "102"),
            ("", "102"),
            ("20260309160", "203"),
            ("202603091605+02", "203"),
            ("2026030920260310", "718"),
            ("٢٠٢٦٠٣٠٩", "102"),
        ] {
            assert_eq!(at(value, format, "DE"), (value.to_owned(), None), "{value}");
        }
    }
}
