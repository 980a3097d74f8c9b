//! The words that people in Odoo read.

use jiff::civil::{Date, DateTime};

use crate::domain::vocabulary::{ExceptionReason, Milestone, SubStatus};

/// A milestone in plain words.
pub(super) fn milestone(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::Unknown => "Status unknown",
        Milestone::Announced => "Announced to the carrier",
        Milestone::Accepted => "Accepted by the carrier",
        Milestone::InTransit => "In transit",
        Milestone::OutForDelivery => "Out for delivery",
        Milestone::AvailableForPickup => "Waiting at the pickup point",
        Milestone::DeliveryAttempted => "Delivery attempted",
        Milestone::Delivered => "Delivered",
        Milestone::Exception => "Delivery exception",
        Milestone::Returning => "Returning to the sender",
        Milestone::Returned => "Returned to the sender",
        Milestone::Cancelled => "Cancelled",
        Milestone::Lost => "Lost",
        Milestone::Disposed => "Disposed of",
        Milestone::Expired => "Tracking ended",
        Milestone::Info => "Information",
    }
}

/// Milestone, sub-status and reason in one phrase: `Delivery exception: address incorrect`.
pub(super) fn what(m: Milestone, sub: Option<SubStatus>, reason: Option<ExceptionReason>) -> String {
    let mut text = milestone(m).to_owned();
    if let Some(sub) = sub {
        text.push_str(", ");
        text.push_str(&spaced(sub.as_str()));
    }
    if let Some(reason) = reason {
        text.push_str(": ");
        text.push_str(&spaced(reason.as_str()));
    }
    text
}

/// `UPS 1Z999AA10123456784`.
pub(super) fn parcel(carrier: &str, tracking_number: &str) -> String {
    format!("{} {}", printable(carrier).to_uppercase(), printable(tracking_number))
}

/// `20 Nov 2026 08:15 local time`; UTC where only that is known, nothing where neither is.
pub(super) fn when(occurred_local: Option<&str>, occurred_at: Option<i64>) -> Option<String> {
    if let Some(local) = occurred_local {
        if let (10, Ok(day)) = (local.len(), local.parse::<Date>()) {
            return Some(day.strftime("%-d %b %Y").to_string());
        }
        if let Ok(clock) = local.parse::<DateTime>() {
            return Some(clock.strftime("%-d %b %Y %H:%M local time").to_string());
        }
    }
    let at = jiff::Timestamp::from_microsecond(occurred_at?).ok()?;
    Some(at.strftime("%-d %b %Y %H:%M UTC").to_string())
}

/// Text as html text.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// Without control characters: PostgreSQL refuses NUL, and nobody reads the others.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn spaced(word: &str) -> String {
    word.replace(['_', '.'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_and_times_are_plain() {
        let text = what(Milestone::Exception, None, Some(ExceptionReason::AddressIncorrect));
        assert_eq!(text, "Delivery exception: address incorrect");
        let table = [
            (Some("2026-11-20T08:15:00"), Some(0), Some("20 Nov 2026 08:15 local time")),
            (Some("2026-11-20T08:15"), None, Some("20 Nov 2026 08:15 local time")),
            (Some("2026-11-05"), None, Some("5 Nov 2026")),
            (None, Some(1_795_162_500_000_000), Some("20 Nov 2026 08:15 UTC")),
            (Some("yesterday"), None, None),
        ];
        for (local, at, expected) in table {
            assert_eq!(when(local, at).as_deref(), expected, "{local:?} {at:?}");
        }
        assert_eq!(escaped(r#"<b>&"'"#), "&lt;b&gt;&amp;&quot;&#39;");
        assert_eq!(parcel("ups", "1Z\u{0}9"), "UPS 1Z9");
    }
}
