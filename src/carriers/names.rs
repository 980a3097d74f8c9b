//! The names that aggregators give to carriers.

use crate::domain::event::Label;

/// Longest name of a carrier that is kept, characters.
const NAME_CHARS_MAX: usize = 64;

/// Our id of a carrier and the beginnings of the names it goes by, in lower case, without blanks, hyphens and underscores.
/// Aggregators name accounts and services of one carrier apart; the tracking number is the same everywhere.
const NAMES: &[(&str, &[&str])] = &[("usps", &["usps"]), ("ups", &["ups"]), ("fedex", &["fedex"]), ("dhl_express", &["dhlexpress"])];

/// Our id of the carrier that a source names so; a name that is not in the table stays, in lower case and without blanks.
/// `unknown` where there is none.
#[must_use]
pub fn carrier(name: Option<&str>) -> Label {
    let told: String = name.unwrap_or("unknown").chars().filter(|c| !c.is_whitespace()).take(NAME_CHARS_MAX).collect();
    let told = told.to_lowercase();
    let plain: String = told.chars().filter(|c| !matches!(c, '-' | '_')).collect();
    let known = NAMES.iter().find(|(_, names)| names.iter().any(|known| plain.starts_with(known)));
    known.map_or(Label::Owned(told), |(id, _)| Label::Borrowed(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_has_one_id_whatever_it_is_called() {
        for (told, id) in [
            (Some("USPSReturns"), "usps"),
            (Some("UPS DAP"), "ups"),
            (Some("fedex-smartpost"), "fedex"),
            (Some("DHL_Express"), "dhl_express"),
            (Some("Some Post"), "somepost"),
            (None, "unknown"),
        ] {
            assert_eq!(carrier(told), id, "{told:?}");
        }
    }
}
