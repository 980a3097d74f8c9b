//! Dates, wall clocks and offsets as carriers write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::{DialectSettings, zones};
use crate::domain::event::Place;
use crate::domain::time::Told;
use crate::domain::vocabulary::{TimePrecision, TimeSource};

/// Largest offset from UTC that is believed, minutes (Kiribati has +14:00).
pub const OFFSET_MINUTES_MAX: i32 = 14 * 60;

/// What stands behind a wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// Nothing.
    None,
    /// `Z`: often put there by a serializer, whatever the clock shows.
    Zulu,
    /// `+02:00` and the like, `+00:00` included.
    Numeric(Offset),
}

/// A time as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The wall clock; midnight where only a date was sent.
    pub local: DateTime,
    /// How much of it was sent.
    pub precision: TimePrecision,
    /// What stands behind it.
    pub suffix: Suffix,
}

impl Sent {
    /// `YYYYMMDDHHMMSS`, or `YYYYMMDD` for a date: one spelling for every way of sending the same wall clock.
    #[must_use]
    pub fn digits(&self) -> String {
        let (d, t) = (self.local.date(), self.local.time());
        if self.precision == TimePrecision::Date {
            return format!("{:04}{:02}{:02}", d.year(), d.month(), d.day());
        }
        format!("{:04}{:02}{:02}{:02}{:02}{:02}", d.year(), d.month(), d.day(), t.hour(), t.minute(), t.second())
    }

    /// The clock in UTC at that moment, where an offset was sent; what is behind `Z` is not asked.
    #[must_use]
    pub fn utc(&self) -> Option<DateTime> {
        let Suffix::Numeric(offset) = self.suffix else { return None };
        Some(Offset::UTC.to_datetime(offset.to_timestamp(self.local).ok()?))
    }

    /// The wall clock in ISO 8601 without zone.
    #[must_use]
    pub fn wall(&self) -> Option<String> {
        if self.precision == TimePrecision::Date { Told::date(self.local.date()) } else { Told::local_only(self.local, self.precision) }
            .local
    }
}

/// Reads `2026-11-20`, `2026-11-20T08:15[:00[.123]]` with or without `Z` or an offset (`-05:00`, `-0500`, `-05`);
/// a space may stand for the `T`.
#[must_use]
pub fn iso(text: &str) -> Option<Sent> {
    let bytes = text.trim().as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let day = date(number(bytes, 0, 4)?, number(bytes, 5, 2)?, number(bytes, 8, 2)?)?;
    match bytes.get(10) {
        None => return Some(Sent { local: day.at(0, 0, 0, 0), precision: TimePrecision::Date, suffix: Suffix::None }),
        Some(b'T' | b't' | b' ') if bytes.get(13) == Some(&b':') => {}
        Some(_) => return None,
    }
    let (hour, minute) = (number(bytes, 11, 2)?, number(bytes, 14, 2)?);
    let (second, precision, mut at) = match bytes.get(16) {
        Some(b':') => (number(bytes, 17, 2)?, TimePrecision::Second, 19),
        _ => (0, TimePrecision::Minute, 16),
    };
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
    }
    let rest = bytes.get(at..)?;
    let suffix = match rest {
        [] => Suffix::None,
        [b'Z' | b'z'] => Suffix::Zulu,
        _ => Suffix::Numeric(offset(std::str::from_utf8(rest).ok()?)?),
    };
    Some(Sent { local: clock(day, hour, minute, second)?, precision, suffix })
}

/// Reads a date as `YYYYMMDD` and a time as `HHMMSS`, `HHMM` or with colons; without a time only the day is known.
#[must_use]
pub fn compact(day: &str, time: Option<&str>) -> Option<Sent> {
    let day = day.as_bytes();
    if day.len() != 8 {
        return None;
    }
    let day = date(number(day, 0, 4)?, number(day, 4, 2)?, number(day, 6, 2)?)?;
    let mut digits = [b'0'; 6];
    let mut count = 0;
    for byte in time.unwrap_or_default().bytes().filter(|b| *b != b':') {
        *digits.get_mut(count)? = byte;
        count += 1;
    }
    if count == 5 {
        // Sent as a number: the zero in front is lost.
        digits.rotate_right(1);
        count = 6;
    }
    let (second, precision) = match count {
        6 => (number(&digits, 4, 2)?, TimePrecision::Second),
        4 => (0, TimePrecision::Minute),
        0 => return Some(Sent { local: day.at(0, 0, 0, 0), precision: TimePrecision::Date, suffix: Suffix::None }),
        _ => return None,
    };
    Some(Sent { local: clock(day, number(&digits, 0, 2)?, number(&digits, 2, 2)?, second)?, precision, suffix: Suffix::None })
}

/// Reads an offset: `-05:00`, `-05.00`, `-0500`, `-05`, `+5:30`. Nothing beyond fourteen hours is believed.
#[must_use]
pub fn offset(text: &str) -> Option<Offset> {
    let text = text.trim();
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once([':', '.']) {
        Some((hours, minutes)) => (hours, minutes),
        None if rest.len() == 4 => (rest.get(..2)?, rest.get(2..)?),
        None => (rest, "0"),
    };
    if hours.len() > 2 || minutes.len() > 2 || !hours.bytes().chain(minutes.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    if minutes > 59 || total > OFFSET_MINUTES_MAX {
        return None;
    }
    Offset::from_seconds(sign * total * 60).ok()
}

/// A wall clock with nothing beside it: the zone of the place, else that of the account, else nothing more is known.
#[must_use]
pub fn by_zone(sent: &Sent, place: Option<&Place>, settings: &DialectSettings) -> Told {
    if sent.precision == TimePrecision::Date {
        return Told::date(sent.local.date());
    }
    if let Some(zone) = place.and_then(zones::zone_of) {
        return Told::in_zone(sent.local, zone, sent.precision, TimeSource::LocationZone);
    }
    match &settings.account_zone {
        Some(zone) => Told::in_zone(sent.local, zone, sent.precision, TimeSource::AccountZone),
        None => Told::local_only(sent.local, sent.precision),
    }
}

fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    // Before any carrier of ours and far beyond any promise of one: a broken field, not a time.
    if !(1990..=2100).contains(&year) {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn clock(day: Date, hour: i16, minute: i16, second: i16) -> Option<DateTime> {
    let time = jiff::civil::Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?, 0).ok()?;
    Some(day.to_datetime(time))
}

fn number(bytes: &[u8], from: usize, count: usize) -> Option<i16> {
    bytes.get(from..from + count)?.iter().try_fold(0_i16, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')))
}

/// Reads what [`iso`] reads; midnight with nothing or `Z` behind it is how a day is written.
#[must_use]
pub fn iso_day_or_time(text: &str) -> Option<Sent> {
    let mut sent = iso(text)?;
    let bare = !matches!(sent.suffix, Suffix::Numeric(offset) if offset.seconds() != 0);
    if bare && sent.local.time() == jiff::civil::Time::midnight() {
        sent.precision = TimePrecision::Date;
    }
    Some(sent)
}

/// A time whose offset is believed wherever one is sent; `Z` is often put there by a serializer and is not.
#[must_use]
pub fn by_sent_offset_or_zone(sent: &Sent, place: Option<&Place>, settings: &DialectSettings) -> Told {
    match sent.suffix {
        Suffix::Numeric(offset) => Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset),
        Suffix::None | Suffix::Zulu => by_zone(sent, place, settings),
    }
}

/// A time of an aggregator. `Z` (or an offset of nothing) stands behind most wall clocks of the place: it is not believed,
/// any other offset is.
#[must_use]
pub fn by_offset_or_zone(sent: &Sent, place: Option<&Place>, settings: &DialectSettings) -> Told {
    match sent.suffix {
        Suffix::Numeric(offset) if offset.seconds() != 0 => {
            Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset)
        }
        _ => by_zone(sent, place, settings),
    }
}

/// Reads seconds, milliseconds or microseconds since the epoch, told apart by their size: the wall clock of UTC.
/// Parts of a second are cut off.
#[must_use]
pub fn epoch(text: &str) -> Option<Sent> {
    let number: i64 = text.trim().split('.').next()?.parse().ok()?;
    let micros = match number {
        // As milliseconds this would be 1973, as seconds it is far beyond any parcel.
        0..100_000_000_000 => number.checked_mul(1_000_000)?,
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000)?,
        100_000_000_000_000.. => number,
        _ => return None,
    };
    let utc = Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(micros).ok()?);
    let day = date(utc.year(), utc.month().into(), utc.day().into())?;
    let local = clock(day, utc.hour().into(), utc.minute().into(), utc.second().into())?;
    Some(Sent { local, precision: TimePrecision::Second, suffix: Suffix::Numeric(Offset::UTC) })
}

/// A moment that was sent in UTC as such ([`epoch`]): what the clock on the wall showed is not known.
#[must_use]
pub fn moment(utc: &Sent) -> Told {
    let mut told = Told::with_gmt(utc.local, utc.local, utc.precision);
    (told.local, told.offset_minutes) = (None, None);
    told
}

/// Reads `DD MM YYYY HH:MM[:SS]`, with blanks, hyphens, slashes or dots within the date.
#[must_use]
pub fn day_first(text: &str) -> Option<Sent> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let separator = *bytes.get(2).filter(|b| matches!(b, b' ' | b'-' | b'/' | b'.'))?;
    if bytes.get(5) != Some(&separator) || !matches!(bytes.get(10), None | Some(b' ')) {
        return None;
    }
    let (year, month, day) = (text.get(6..10)?, text.get(3..5)?, text.get(..2)?);
    iso(&format!("{year}-{month}-{day}{}", text.get(10..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_in_every_spelling() {
        for (text, digits, suffix) in [
            ("2026-11-20", "20261120", Suffix::None),
            ("2026-11-20T08:15:09", "20261120081509", Suffix::None),
            ("2026-11-20 08:15:09.123Z", "20261120081509", Suffix::Zulu),
            ("2026-11-20T08:15-05:00", "20261120081500", Suffix::Numeric(Offset::constant(-5))),
            ("2026-11-20T08:15:09.5+0200", "20261120081509", Suffix::Numeric(Offset::constant(2))),
        ] {
            let sent = iso(text).expect(text);
            assert_eq!((sent.digits().as_str(), sent.suffix), (digits, suffix), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-02-30",
            "1970-01-01",
            "2026-11-20T8:15",
            "2026-11-20T25:00:00",
            "2026-11-20T08:15:00 later",
            "2026-11-20T08:15:00+19:00",
            "２０２６-11-20",
        ] {
            assert_eq!(iso(text), None, "{text}");
        }
    }

    #[test]
    fn compact_with_and_without_seconds() {
        let digits = |day, time| compact(day, time).map(|s| s.digits());
        assert_eq!(digits("20261120", Some("081509")).as_deref(), Some("20261120081509"));
        assert_eq!(digits("20261120", Some("08:15")).as_deref(), Some("20261120081500"));
        assert_eq!(digits("20261120", None).as_deref(), Some("20261120"));
        assert_eq!(digits("20261120", Some("81509")).as_deref(), Some("20261120081509"));
        assert_eq!(digits("20261120", Some("815")).as_deref(), None);
        assert_eq!(digits("string", None), None);
        assert_eq!(digits("20261120", Some("0815091")), None);
    }

    #[test]
    fn offsets_as_carriers_write_them() {
        for (text, minutes) in [("-04.00", -240), ("-04:00", -240), ("-0400", -240), ("-4", -240), ("+5:30", 330), ("+00:00", 0)] {
            assert_eq!(offset(text).map(|o| o.seconds() / 60), Some(minutes), "{text}");
        }
        for text in ["", "04:00", "-", "-15:00", "+05:75", "-aa:00", "+123:00"] {
            assert_eq!(offset(text), None, "{text}");
        }
    }

    #[test]
    fn midnight_is_a_day_unless_an_offset_says_otherwise() {
        for (text, digits) in [
            ("2026-11-20T00:00:00Z", "20261120"),
            ("2026-11-20T00:00:00+00:00", "20261120"),
            ("2026-11-20T00:00:00-06:00", "20261120000000"),
            ("2026-11-20T00:01:00Z", "20261120000100"),
        ] {
            assert_eq!(iso_day_or_time(text).map(|s| s.digits()).as_deref(), Some(digits), "{text}");
        }
    }

    #[test]
    fn an_aggregators_offset_is_believed_unless_it_is_nothing() {
        let zone = jiff::tz::TimeZone::get("Asia/Tokyo").expect("bundled");
        let settings = DialectSettings { account_zone: Some(zone), ..DialectSettings::default() };
        let dublin = Place { country: Some("IE".to_owned()), ..Place::default() };
        for (text, place, minutes, source) in [
            ("2026-07-20T08:15:00-05:00", Some(&dublin), -300, TimeSource::CarrierOffset),
            ("2026-07-20T08:15:00Z", Some(&dublin), 60, TimeSource::LocationZone),
            ("2026-07-20T08:15:00+00:00", None, 540, TimeSource::AccountZone),
            ("2026-07-20T08:15:00", None, 540, TimeSource::AccountZone),
        ] {
            let told = by_offset_or_zone(&iso(text).expect(text), place, &settings);
            assert_eq!((told.offset_minutes, told.source), (Some(minutes), Some(source)), "{text}");
        }
    }

    #[test]
    fn epochs_of_any_unit_are_one_moment() {
        for (text, digits) in [
            ("1795219209", Some("20261121000009")),
            ("1795219209635", Some("20261121000009")),
            ("1795219209635000", Some("20261121000009")),
            ("1795219209.635", Some("20261121000009")),
            ("123", None),
            ("-1795219209", None),
            ("99999999999", None),
            ("9223372036854775807", None),
            ("92233720368547758070", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(epoch(text).map(|s| s.digits()).as_deref(), digits, "{text}");
        }
        let told = epoch("1795219209").map(|s| moment(&s)).expect("a moment");
        assert_eq!((told.at, told.local, told.offset_minutes), (Some(1_795_219_209_000_000), None, None));
        assert_eq!(told.source, Some(TimeSource::GmtField));
    }

    #[test]
    fn the_day_may_come_first() {
        for (text, digits) in [
            ("21 11 2026 09:15:30", Some("20261121091530")),
            ("21-11-2026 09:15", Some("20261121091500")),
            ("21/11/2026", Some("20261121")),
            ("21.11.2026", Some("20261121")),
            ("11 21 2026 09:15:30", None),
            ("2026-11-21 09:15:30", None),
            ("21 11-2026 09:15:30", None),
            ("21 11 2026T09:15:30", None),
            ("21 11 26", None),
            ("２１ 11 2026", None),
            ("", None),
        ] {
            assert_eq!(day_first(text).map(|s| s.digits()).as_deref(), digits, "{text}");
        }
    }
}
