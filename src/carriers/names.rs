//! The names that aggregators give to carriers.

use crate::domain::event::Label;

/// Longest name of a carrier that is kept, characters.
const NAME_CHARS_MAX: usize = 64;

/// Our id of a carrier and the beginnings of the names it goes by, letters and digits alone, in lower case; the first that
/// fits counts. Aggregators name accounts and services of one carrier apart; the tracking number is the same everywhere.
/// Stamps.com and Endicia sell labels of USPS. `dhl` alone is another division with every aggregator, and Amazon's Buy
/// Shipping and MWS sell labels of any carrier: neither is listed.
const NAMES: &[(&str, &[&str])] = &[
    ("usps", &["usps", "stampscom", "endicia"]),
    ("ups", &["ups"]),
    ("fedex", &["fedex"]),
    ("dhl_express", &["dhlexpress"]),
    ("dhl_parcel_de", &["dhlparcelde", "dhlgermany", "dhlpaket", "dhlde"]),
    ("dhl_parcel_uk", &["dhlparceluk"]),
    ("dhl_parcel_nl", &["dhlparcelnl", "dhlnl", "dhlbenelux"]),
    ("dhl_parcel_pl", &["dhlparcelpl", "dhlpoland", "dhlpl"]),
    ("dhl_post_de", &["dhlpostde", "deutschepost"]),
    ("dhl_ecommerce_europe", &["dhlecommerceeurope"]),
    ("dhl_ecommerce_iberia", &["dhlecommerceiberia", "dhlparceles"]),
    ("dhl_ecommerce_ppl", &["dhlecommerceppl"]),
    ("dhl_ecommerce_apac", &["dhlecommerceapac", "dhlecommerceasia", "dhlglobalmailasia"]),
    ("dhl_ecommerce", &["dhlecommerce", "dhlecs", "dhlglobalmail"]),
    ("dhl_freight", &["dhlfreight"]),
    ("dhl_global_forwarding", &["dhlglobalforwarding", "dhldgf"]),
    ("dpd", &["dpd"]),
    // Another network than GLS in Europe.
    ("gls_us", &["glsus"]),
    ("gls", &["gls"]),
    ("delhivery", &["delhivery"]),
    ("inpost", &["inpost"]),
    ("amazon_shipping", &["amazonshipping", "amazonlogistics"]),
];

/// Our id of the carrier that a source names so; a name that is not in the table stays, in lower case and without blanks.
/// `unknown` where there is none.
#[must_use]
pub fn carrier(name: Option<&str>) -> Label {
    let told: String = name.unwrap_or("unknown").chars().filter(|c| !c.is_whitespace()).take(NAME_CHARS_MAX).collect();
    let told = told.to_lowercase();
    let plain: String = told.chars().filter(|c| c.is_alphanumeric()).collect();
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
            (Some("stamps_com"), "usps"),
            (Some("ups-mi"), "ups"),
            (Some("DHLPaket"), "dhl_parcel_de"),
            (Some("dhl_germany"), "dhl_parcel_de"),
            (Some("dhl-nl"), "dhl_parcel_nl"),
            (Some("dhl-poland"), "dhl_parcel_pl"),
            (Some("DhlEcs"), "dhl_ecommerce"),
            (Some("dhl-global-mail"), "dhl_ecommerce"),
            (Some("DHL eCommerce Asia"), "dhl_ecommerce_apac"),
            (Some("deutsche_post"), "dhl_post_de"),
            (Some("dhl"), "dhl"),
            (Some("DPD (DE)"), "dpd"),
            (Some("dpd_uk"), "dpd"),
            (Some("gls_us"), "gls_us"),
            (Some("GLS Italy"), "gls"),
            (Some("Delhivery Surface"), "delhivery"),
            (Some("inpost-paczkomaty"), "inpost"),
            (Some("amazon_shipping_us"), "amazon_shipping"),
            (Some("Amazon Shipping + Amazon MCF"), "amazon_shipping"),
            (Some("amazon_buy_shipping"), "amazon_buy_shipping"),
            (Some("Some Post"), "somepost"),
            (Some("royal-mail"), "royal-mail"),
            (None, "unknown"),
        ] {
            assert_eq!(carrier(told), id, "{told:?}");
        }
    }

    #[test]
    fn every_id_is_its_own_name() {
        for (id, _) in NAMES {
            assert_eq!(carrier(Some(id)), *id);
        }
    }
}
