//! Personal data out of everything that is printed. Fields known to be personal are masked by kind; whatever else goes
//! to the log passes [`text`], which finds mail addresses and phone numbers. Tracking numbers stay: they are what
//! an operator searches for.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// `a…@example.com`: enough to tell two recipients of one domain from a wrong domain.
#[must_use]
pub fn mail(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", first(local)),
        None => format!("{}…", first(address)),
    }
}

/// `…67`: the last two digits.
#[must_use]
pub fn phone(number: &str) -> String {
    let mut last: Vec<char> = number.chars().rev().filter(char::is_ascii_digit).take(2).collect();
    last.reverse();
    format!("…{}", last.into_iter().collect::<String>())
}

/// `A… S…`: the initials.
#[must_use]
pub fn name(full: &str) -> String {
    full.split_whitespace().map(|word| format!("{}…", first(word))).collect::<Vec<_>>().join(" ")
}

/// Free text with its mail addresses and phone numbers masked. A bare run of digits is taken for a phone number only
/// when it opens like a national one (`0` and 9 to 12 digits in all); longer and other runs are numbers of parcels.
#[must_use]
pub fn text(text: &str) -> String {
    let Some(patterns) = PATTERNS.as_ref() else { return "(masked)".to_owned() };
    let without_mail = patterns.mail.replace_all(text, |found: &Captures<'_>| mail(&found[0]));
    patterns
        .phone
        .replace_all(&without_mail, |found: &Captures<'_>| if is_phone(&found[0]) { phone(&found[0]) } else { found[0].to_owned() })
        .into_owned()
}

struct Patterns {
    mail: Regex,
    phone: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        mail: Regex::new(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+").ok()?,
        phone: Regex::new(
            r"\+\(?\d[\d ()./-]{5,22}\d|\(\d{2,5}\)[ .-]?\d{2,5}(?:[ .-]?\d{2,5}){1,4}|\b\d{2,5}(?:[ .-]\d{2,5}){2,5}\b|\b0\d{8,11}\b",
        )
        .ok()?,
    })
});

/// Sorts out the dates, times and network addresses that look like digits in groups.
fn is_phone(found: &str) -> bool {
    let digits = found.bytes().filter(u8::is_ascii_digit).count();
    let is_date = found.get(..10).is_some_and(|head| head.parse::<jiff::civil::Date>().is_ok());
    let is_address = found.parse::<std::net::Ipv4Addr>().is_ok();
    (7..=15).contains(&digits) && !is_date && !is_address && (found.starts_with(['+', '(']) || digits >= 9)
}

fn first(text: &str) -> String {
    text.chars().next().map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_keep_just_enough() {
        assert_eq!(mail("anna.schmidt@example.com"), "a…@example.com");
        assert_eq!(mail("not an address"), "n…");
        assert_eq!(phone("+49 (0)30 1234567"), "…67");
        assert_eq!(phone("none"), "…");
        assert_eq!(name("Anna  Schmidt"), "A… S…");
        assert_eq!(name(""), "");
    }

    #[test]
    fn free_text_loses_addresses_and_phone_numbers() {
        for (told, masked) in [
            ("recipient o'neil+x@mail.example.co.uk refused", "recipient o…@mail.example.co.uk refused"),
            ("call +49 30 1234567 now", "call …67 now"),
            ("call +1 (555) 123-4567", "call …67"),
            ("call (555) 123-4567", "call …67"),
            ("call 555-123-4567", "call …67"),
            ("call 06 12 34 56 78", "call …78"),
            ("call 0612345678", "call …78"),
        ] {
            assert_eq!(text(told), masked);
        }
    }

    #[test]
    fn what_an_operator_needs_stays() {
        for kept in [
            "1Z999AA10123456784 at 2026-11-20T08:15:00.123456Z",
            "parcel 123456789012 offset 98765432101 on 2026-11-20",
            "2026-11-20 08:15 and 20.11.2026",
            "broker 192.168.100.200:9092 is away",
            r#"{"partition":3,"offset":1234567,"took_ms":12.345}"#,
            "raw.carrier.ups/3/17 WB-0104",
        ] {
            assert_eq!(text(kept), kept);
        }
    }
}
