//! What a source told of a time, turned into the time fields of [`super::event::ShipmentEvent`].
//! A local time is never labelled UTC: where neither offset nor zone is known, `at` stays empty.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use super::vocabulary::{TimePrecision, TimeSource};

/// Microseconds since the epoch, UTC.
pub type Micros = i64;

/// One told time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// UTC, where it can be known.
    pub at: Option<Micros>,
    /// Wall clock as sent, ISO 8601 without zone; a date alone where only the day was told.
    pub local: Option<String>,
    /// Minutes east of UTC.
    pub offset_minutes: Option<i32>,
    /// How exactly.
    pub precision: TimePrecision,
    /// How `at` was come by.
    pub source: Option<TimeSource>,
}

impl Told {
    /// A wall clock with the offset the carrier sent beside it.
    #[must_use]
    pub fn with_offset(local: DateTime, offset: Offset, precision: TimePrecision, source: TimeSource) -> Self {
        let at = offset.to_timestamp(local).ok().map(|t| t.as_microsecond());
        Self { at, local: Some(wall(local, precision)), offset_minutes: Some(offset.seconds() / 60), precision, source: at.map(|_| source) }
    }

    /// A wall clock and the same moment in GMT, told in two fields; the offset is their difference.
    #[must_use]
    pub fn with_gmt(local: DateTime, gmt: DateTime, precision: TimePrecision) -> Self {
        let minutes =
            gmt.until(local).ok().and_then(|span| span.total((jiff::Unit::Minute, jiff::SpanRelativeTo::days_are_24_hours())).ok());
        #[expect(clippy::cast_possible_truncation, reason = "bounded to 18 hours by the filter")]
        let offset_minutes = minutes.filter(|m| m.abs() <= 18.0 * 60.0).map(|m| m.round() as i32);
        Self {
            at: Offset::UTC.to_timestamp(gmt).ok().map(|t| t.as_microsecond()),
            local: Some(wall(local, precision)),
            offset_minutes,
            precision,
            source: Some(TimeSource::GmtField),
        }
    }

    /// A wall clock in a zone known from the place or from the configuration. A time that daylight saving
    /// repeats is taken as the earlier of the two; one that it skips is moved forward (RFC 5545's rule).
    #[must_use]
    pub fn in_zone(local: DateTime, zone: &TimeZone, precision: TimePrecision, source: TimeSource) -> Self {
        if precision == TimePrecision::Date {
            return Self::date(local.date());
        }
        let zoned = zone.to_ambiguous_zoned(local).compatible().ok();
        Self {
            at: zoned.as_ref().map(|z| z.timestamp().as_microsecond()),
            local: Some(wall(local, precision)),
            offset_minutes: zoned.as_ref().map(|z| z.offset().seconds() / 60),
            precision,
            source: zoned.map(|_| source),
        }
    }

    /// A wall clock of which nothing more is known.
    #[must_use]
    pub fn local_only(local: DateTime, precision: TimePrecision) -> Self {
        Self { at: None, local: Some(wall(local, precision)), offset_minutes: None, precision, source: None }
    }

    /// A day of which nothing more is known.
    #[must_use]
    pub fn date(day: Date) -> Self {
        Self { at: None, local: Some(day.to_string()), offset_minutes: None, precision: TimePrecision::Date, source: None }
    }
}

fn wall(local: DateTime, precision: TimePrecision) -> String {
    match precision {
        TimePrecision::Date => local.date().to_string(),
        TimePrecision::Minute => local.strftime("%Y-%m-%dT%H:%M").to_string(),
        TimePrecision::Second => format!("{local:.0}"),
    }
}

/// The wall clock of `occurred_local` (`2026-11-20T08:15:00`, `2026-11-20T08:15`, `2026-11-20`) as if it were UTC:
/// only for comparing wall clocks with each other and for ordering where nothing better is known.
#[must_use]
pub fn wall_clock_micros(local: &str) -> Option<Micros> {
    let wall: DateTime = if local.len() == 10 { local.parse::<Date>().ok()?.at(0, 0, 0, 0) } else { local.parse().ok()? };
    Offset::UTC.to_timestamp(wall).ok().map(|t| t.as_microsecond())
}

/// The time zone of an IANA name (`America/New_York`); `None` when there is no such zone.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// Whether a text is a calendar date written as `2026-11-20`, the one form in which dates are in order as texts.
#[must_use]
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok_and(|day| day.to_string() == text)
}

/// The UTC day `days` after that of `at`, ISO 8601; empty where there is none.
#[must_use]
pub fn day_of(at: Micros, days: i64) -> String {
    let day = jiff::Timestamp::from_microsecond(at).map(|t| t.to_zoned(TimeZone::UTC).date());
    day.ok().and_then(|d| d.checked_add(jiff::Span::new().days(days)).ok()).map(|d| d.to_string()).unwrap_or_default()
}

/// RFC 3339 in UTC to the second, for people and logs.
#[must_use]
pub fn rfc3339(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |t| format!("{t:.0}"))
}

/// The moment of an RFC 3339 text (`2026-11-20T08:15:00+01:00`); `None` without an offset, or for anything else.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Micros> {
    text.parse::<jiff::Timestamp>().ok().map(|t| t.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_second_it_lies_in() {
        for (at, told) in
            [(1_763_625_600_999_999, "2025-11-20T08:00:00Z"), (1_763_625_600_000_000, "2025-11-20T08:00:00Z"), (0, "1970-01-01T00:00:00Z")]
        {
            assert_eq!(rfc3339(at), told);
        }
    }

    fn clock(text: &str) -> DateTime {
        text.parse().expect(text)
    }

    #[test]
    fn gmt_beside_local_gives_the_offset() {
        let told = Told::with_gmt(clock("2026-11-20T08:15:00"), clock("2026-11-20T13:15:00"), TimePrecision::Second);
        assert_eq!(told.offset_minutes, Some(-300));
        assert_eq!(told.at.map(rfc3339).as_deref(), Some("2026-11-20T13:15:00Z"));
    }

    #[test]
    fn nothing_known_is_said_as_nothing_known() {
        let told = Told::local_only(clock("2026-11-20T08:15:00"), TimePrecision::Second);
        assert_eq!((told.at, told.source), (None, None));
        assert_eq!(told.local.as_deref(), Some("2026-11-20T08:15:00"));
    }

    #[test]
    fn daylight_saving_repeats_and_skips() {
        let zone = TimeZone::get("America/New_York").expect("bundled");
        let repeated = Told::in_zone(clock("2026-11-01T01:30:00"), &zone, TimePrecision::Minute, TimeSource::LocationZone);
        assert_eq!(repeated.offset_minutes, Some(-240));
        let skipped = Told::in_zone(clock("2026-03-08T02:30:00"), &zone, TimePrecision::Minute, TimeSource::LocationZone);
        assert_eq!(skipped.at.map(rfc3339).as_deref(), Some("2026-03-08T07:30:00Z"));
    }
}
