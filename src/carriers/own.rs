//! A carrier's own codes as an aggregator passes them on, in the spelling of our own dialect of that carrier.

use super::codes::Meaning;
use super::times::Sent;
use super::{dhl_express, fedex, ups, usps};
use crate::domain::time::Told;
use crate::domain::vocabulary::{Milestone, TimeSource};

/// The code list and the code that make a happening the same one, whoever tells it.
pub type Identity = (Option<String>, Option<String>);

/// Aggregators that keep a general and a special code apart have the list of UPS (its activity type) in the former; for any
/// other carrier the general one is what its own dialect reads. Nothing without a code.
#[must_use]
pub fn identity(carrier: &str, general: Option<&str>, special: Option<&str>) -> Option<Identity> {
    let (kind, code) = spelled(carrier, general, special)?;
    Some((kind, Some(code)))
}

/// What the carrier's own table says of the code; `None` where we have no table or it has no such code.
#[must_use]
pub fn meaning(carrier: &str, general: Option<&str>, special: Option<&str>) -> Option<Meaning> {
    let (kind, code) = spelled(carrier, general, special)?;
    match carrier {
        "ups" => ups::TABLE.get(kind.as_deref()?, &code, ""),
        "fedex" => fedex::TABLE.get("event", &code, ""),
        "usps" => usps::TABLE.get("event", &code, ""),
        "dhl_express" => dhl_express::checkpoint(&code),
        _ => None,
    }
}

/// USPS has one code for every delivery; its fixed words say that one was a return or a hand-over, whoever tells it. They are
/// believed of a delivery; of its code beside another status only where they say that it is none.
#[must_use]
pub fn worded(carrier: &str, code: Option<&str>, words: Option<&str>, meaning: Meaning) -> Meaning {
    let delivered = meaning.milestone == Milestone::Delivered;
    if carrier != "usps" || !(delivered || code == Some("01")) {
        return meaning;
    }
    let told = words.and_then(usps::delivery).filter(|told| delivered || told.milestone != Milestone::Delivered);
    told.unwrap_or(meaning)
}

/// Carriers that tell one moment by another clock in each of their ways of telling (a push in UTC, an answer by the clock of the
/// place): it is the moment that makes two tellings one.
const BY_MOMENT: &[&str] = &["amazon_shipping", "gls"];

/// The time as it stands in the identity of a happening of this carrier, whoever tells it: the wall clock as sent, or of some carriers
/// the moment. A moment is known where an offset is believed or the place has one zone; a zone that is configured tells none, because a
/// changed setting would tell everything anew.
#[must_use]
pub fn time_key(carrier: &str, sent: &Sent, told: &Told) -> String {
    let sure = matches!(told.source, Some(TimeSource::CarrierOffset | TimeSource::GmtField | TimeSource::LocationZone));
    match told.at.filter(|_| sure && BY_MOMENT.contains(&carrier)) {
        Some(at) => format!("at{}", at.div_euclid(1_000_000)),
        None => sent.digits(),
    }
}

fn spelled(carrier: &str, general: Option<&str>, special: Option<&str>) -> Option<(Option<String>, String)> {
    let general = general.or(special)?.to_ascii_uppercase();
    if carrier != "ups" {
        return Some((None, general));
    }
    match special {
        Some(code) if ups::TYPES.contains(&general.as_str()) => Some((Some(general), code.to_ascii_uppercase())),
        _ => Some((ups::TABLE.only_type(ups::TYPES, &general).map(str::to_owned), general)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_spelled_as_its_own_dialect_spells_it() {
        for (carrier, general, special, kind, code) in [
            ("ups", Some("i"), Some("ot"), Some("I"), "OT"),
            ("ups", Some("OF"), None, Some("I"), "OF"),
            ("ups", None, Some("OF"), Some("I"), "OF"),
            ("ups", Some("OT"), None, None, "OT"),
            ("ups", Some("DP"), None, None, "DP"),
            ("ups", Some("KB"), Some("9"), Some("D"), "KB"),
            ("fedex", Some("de"), Some("15"), None, "DE"),
            ("usps", Some("OF"), None, None, "OF"),
        ] {
            let expected = Some((kind.map(str::to_owned), Some(code.to_owned())));
            assert_eq!(identity(carrier, general, special), expected, "{carrier} {general:?} {special:?}");
        }
        assert_eq!(identity("ups", None, None), None);
    }

    #[test]
    fn a_carriers_table_is_asked_for_its_own_codes_alone() {
        let told = |carrier, general, special| meaning(carrier, general, special).map(|m| m.milestone.as_str());
        assert_eq!(told("ups", Some("D"), Some("FS")), Some("delivered"));
        assert_eq!(told("fedex", Some("DE"), None), Some("delivery_attempted"));
        assert_eq!(told("ups", Some("DP"), None), None, "of two types");
        assert_eq!(told("usps", Some("gx"), None), Some("announced"));
        assert_eq!(told("dhl_express", Some("WC"), None), Some("out_for_delivery"));
        assert_eq!(told("evri", Some("DL"), None), None);
    }
}
