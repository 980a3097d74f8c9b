//! The times of the ParcelLifeCycle answer: written for people, in the manner of the language that was asked for.

use super::super::times::{self, Sent};

/// Reads `12/27/2026 2:43:31 PM`, `27.12.2026, 14:43`, `27-12-2026 14:43:31` and ISO 8601. With AM or PM the month
/// comes first, with points or hyphens the day; with slashes alone only where no number could be the other one.
pub(super) fn spelled(text: &str) -> Option<Sent> {
    if let Some(sent) = times::iso(text) {
        return Some(sent);
    }
    let mut words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let (date, time, half) = (words.next()?, words.next(), words.next());
    if words.next().is_some() {
        return None;
    }
    let separator = date.chars().find(|c| matches!(c, '/' | '.' | '-'))?;
    let mut parts = date.split(separator).map(number);
    let (first, second, year) = (parts.next()??, parts.next()??, parts.next()??);
    let month_first = match (half, separator) {
        (Some(_), '/') => true,
        (None, '/') if first > 12 => false,
        (None, '/') if second > 12 => true,
        (None, '/') if first == second => true,
        (None, '/') => return None,
        _ => false,
    };
    let (day, month) = if month_first { (second, first) } else { (first, second) };
    if parts.next().is_some() || year < 1000 {
        return None;
    }
    let time = match time {
        Some(time) => Some(digits(time, half)?),
        None => None,
    };
    times::compact(&format!("{year}{month:02}{day:02}"), time.as_deref())
}

/// `2:43:31` and `PM` as `144331`.
fn digits(time: &str, half: Option<&str>) -> Option<String> {
    let mut parts = time.split(':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let hour = match half.map(str::to_ascii_uppercase).as_deref() {
        None => hour,
        Some("AM") if (1..=12).contains(&hour) => hour % 12,
        Some("PM") if (1..=12).contains(&hour) => hour % 12 + 12,
        Some(_) => return None,
    };
    Some(match second {
        Some(second) => format!("{hour:02}{minute:02}{:02}", second?),
        None => format!("{hour:02}{minute:02}"),
    })
}

fn number(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people_in_every_spelling() {
        for (text, told) in [
            ("12/27/2026 2:43:31 PM", Some("20261227144331")),
            ("12/27/2026 12:03:31 AM", Some("20261227000331")),
            ("3/4/2026 12:03:31 pm", Some("20260304120331")),
            ("3/4/2026 9:00:01\u{202f}AM", Some("20260304090001")),
            ("27.12.2026, 14:43", Some("20261227144300")),
            ("4-3-2026 14:43:31", Some("20260304144331")),
            ("2026-12-27 14:43:31", Some("20261227144331")),
            ("27/12/2026 14:43:31", Some("20261227144331")),
            ("4/4/2026 14:43:31", Some("20260404144331")),
            ("27.12.2026", Some("20261227")),
            ("4/3/2026 14:43:31", None),
            ("13/13/2026 2:43:31 PM", None),
            ("12/27/2026 14:43:31 PM", None),
            ("12/27/2026 0:43:31 AM", None),
            ("12/27/2026 2:43:31 Uhr", None),
            ("27.12.26 14:43", None),
            ("27.12.2026 14", None),
            ("27.12.2026 14:43:31:00", None),
            ("27.12.2026.1 14:43", None),
            ("27.12.2026 14:43 PM later", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(spelled(text).map(|s| s.digits()).as_deref(), told, "{text}");
        }
    }
}
