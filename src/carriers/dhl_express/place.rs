//! A service area in DHL's words: `Barcelona - Spain`, `VAN NUYS, CA - USA`, `Leipzig-Germany`.

use super::super::{countries, event};
use crate::domain::event::Place;

/// The place of a service area; a text that ends with no country that is known stays the name of a city.
pub(in crate::carriers) fn service_area(
    text: Option<&str>,
    country: Option<&str>,
    postal_code: Option<String>,
    code: Option<String>,
) -> Option<Place> {
    let (city, named) = text.map_or((None, None), |text| match text.rsplit_once('-') {
        // `Bissau - Guinea-Bissau`: a country may have a hyphen of its own.
        Some((city, name)) => match countries::named(name).map(|country| (city, country)).or_else(|| {
            let (city, _) = city.rsplit_once('-')?;
            countries::named(text.get(city.len() + 1..)?).map(|country| (city, country))
        }) {
            Some((city, country)) => (Some(city.trim()), Some(country)),
            None => (Some(text.trim()), None),
        },
        None => (Some(text.trim()), None),
    });
    let country = country.or(named);
    let (city, state) = city.map_or((None, None), |city| without_state(city, country));
    let owned = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    event::place(city.and_then(owned), state.and_then(owned), postal_code, country, code)
}

/// Where states matter they stand behind the city.
fn without_state<'a>(city: &'a str, country: Option<&str>) -> (Option<&'a str>, Option<&'a str>) {
    if !matches!(country, Some("US" | "CA" | "AU" | "BR")) {
        return (Some(city), None);
    }
    match city.rsplit_once([',', '-']) {
        Some((city, state)) if matches!(state.trim().len(), 2 | 3) && state.trim().bytes().all(|b| b.is_ascii_uppercase()) => {
            (Some(city.trim()), Some(state.trim()))
        }
        _ => (Some(city), None),
    }
}
