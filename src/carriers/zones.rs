//! The time zone of a place, where country, state and city leave no doubt about it.
//!
//! A state or country with two zones is in the list only by city. Zones and borders: IANA tz database (`zone1970.tab`).

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::tz::TimeZone;

use crate::domain::event::Place;

/// `country`, `country-state` or `country-state-city` (city alone in place of the state for countries whose
/// carriers send no states), then the zone.
const ZONES: &[(&str, &str)] = &[
    ("US-CT,US-DE,US-DC,US-GA,US-MA,US-MD,US-ME,US-NC,US-NH,US-NJ,US-NY,US-OH,US-PA,US-RI,US-SC,US-VA,US-VT,US-WV", "America/New_York"),
    ("US-AR,US-IA,US-IL,US-LA,US-MN,US-MO,US-MS,US-OK,US-WI", "America/Chicago"),
    ("US-CO,US-MT,US-NM,US-UT,US-WY", "America/Denver"),
    ("US-CA,US-WA", "America/Los_Angeles"),
    ("US-HI", "Pacific/Honolulu"),
    ("US-PR,PR", "America/Puerto_Rico"),
    ("US-AL-BIRMINGHAM,US-AL-HUNTSVILLE,US-AL-MOBILE,US-AL-MONTGOMERY", "America/Chicago"),
    ("US-AZ-PHOENIX,US-AZ-TUCSON,US-AZ-MESA,US-AZ-TEMPE,US-AZ-CHANDLER,US-AZ-SCOTTSDALE,US-AZ-GLENDALE,US-AZ-GILBERT", "America/Phoenix"),
    ("US-FL-MIAMI,US-FL-ORLANDO,US-FL-TAMPA,US-FL-JACKSONVILLE,US-FL-FORT LAUDERDALE,US-FL-HIALEAH,US-FL-LAKELAND", "America/New_York"),
    ("US-FL-PENSACOLA", "America/Chicago"),
    ("US-TX-HOUSTON,US-TX-DALLAS,US-TX-AUSTIN,US-TX-SAN ANTONIO,US-TX-FORT WORTH,US-TX-ARLINGTON,US-TX-PLANO", "America/Chicago"),
    ("US-TX-EL PASO", "America/Denver"),
    ("US-TN-MEMPHIS,US-TN-NASHVILLE", "America/Chicago"),
    ("US-TN-KNOXVILLE,US-TN-CHATTANOOGA", "America/New_York"),
    ("US-KY-LOUISVILLE", "America/Kentucky/Louisville"),
    ("US-KY-LEXINGTON,US-KY-HEBRON", "America/New_York"),
    ("US-IN-INDIANAPOLIS,US-IN-FORT WAYNE,US-IN-PLAINFIELD", "America/Indiana/Indianapolis"),
    ("US-MI-DETROIT,US-MI-GRAND RAPIDS,US-MI-LANSING,US-MI-LIVONIA", "America/Detroit"),
    ("US-OR-PORTLAND,US-OR-SALEM,US-OR-EUGENE", "America/Los_Angeles"),
    ("US-NV-LAS VEGAS,US-NV-RENO,US-NV-HENDERSON,US-NV-SPARKS", "America/Los_Angeles"),
    ("US-ID-BOISE", "America/Boise"),
    (
        "US-KS-WICHITA,US-KS-KANSAS CITY,US-KS-TOPEKA,US-KS-LENEXA,US-NE-OMAHA,US-NE-LINCOLN,US-SD-SIOUX FALLS,US-ND-FARGO",
        "America/Chicago",
    ),
    ("US-AK-ANCHORAGE,US-AK-FAIRBANKS", "America/Anchorage"),
    ("CA-AB", "America/Edmonton"),
    ("CA-MB", "America/Winnipeg"),
    ("CA-NS,CA-PE", "America/Halifax"),
    ("CA-NB", "America/Moncton"),
    ("CA-ON-TORONTO,CA-ON-OTTAWA,CA-ON-MISSISSAUGA,CA-ON-BRAMPTON,CA-ON-HAMILTON,CA-ON-LONDON,CA-ON-CONCORD", "America/Toronto"),
    ("CA-QC-MONTREAL,CA-QC-QUEBEC,CA-QC-LAVAL,CA-QC-LACHINE", "America/Toronto"),
    ("CA-BC-VANCOUVER,CA-BC-BURNABY,CA-BC-RICHMOND,CA-BC-VICTORIA,CA-BC-SURREY", "America/Vancouver"),
    ("AU-VIC", "Australia/Melbourne"),
    ("AU-QLD", "Australia/Brisbane"),
    ("AU-TAS", "Australia/Hobart"),
    ("AU-NT", "Australia/Darwin"),
    ("AU-ACT,AU-NSW-SYDNEY", "Australia/Sydney"),
    ("AU-SA-ADELAIDE", "Australia/Adelaide"),
    ("AU-WA-PERTH", "Australia/Perth"),
    ("BR-SP,BR-RJ,BR-MG,BR-ES,BR-PR,BR-SC,BR-RS,BR-DF,BR-GO", "America/Sao_Paulo"),
    ("MX-MEXICO CITY,MX-CIUDAD DE MEXICO,MX-GUADALAJARA", "America/Mexico_City"),
    ("MX-MONTERREY", "America/Monterrey"),
    ("ES-MADRID,ES-BARCELONA,ES-VALENCIA,ES-SEVILLA,ES-ZARAGOZA,ES-BILBAO,ES-MALAGA,ES-VITORIA", "Europe/Madrid"),
    ("PT-LISBOA,PT-LISBON,PT-PORTO", "Europe/Lisbon"),
    ("GB", "Europe/London"),
    ("IE", "Europe/Dublin"),
    ("FR", "Europe/Paris"),
    ("DE", "Europe/Berlin"),
    ("NL", "Europe/Amsterdam"),
    ("BE", "Europe/Brussels"),
    ("LU", "Europe/Luxembourg"),
    ("AT", "Europe/Vienna"),
    ("CH,LI", "Europe/Zurich"),
    ("IT,SM,VA", "Europe/Rome"),
    ("PL", "Europe/Warsaw"),
    ("CZ", "Europe/Prague"),
    ("SK", "Europe/Bratislava"),
    ("HU", "Europe/Budapest"),
    ("DK", "Europe/Copenhagen"),
    ("SE", "Europe/Stockholm"),
    ("NO", "Europe/Oslo"),
    ("FI", "Europe/Helsinki"),
    ("EE", "Europe/Tallinn"),
    ("LV", "Europe/Riga"),
    ("LT", "Europe/Vilnius"),
    ("RO", "Europe/Bucharest"),
    ("BG", "Europe/Sofia"),
    ("GR", "Europe/Athens"),
    ("HR", "Europe/Zagreb"),
    ("SI", "Europe/Ljubljana"),
    ("RS", "Europe/Belgrade"),
    ("MT", "Europe/Malta"),
    ("IS", "Atlantic/Reykjavik"),
    ("TR", "Europe/Istanbul"),
    ("IL", "Asia/Jerusalem"),
    ("AE", "Asia/Dubai"),
    ("SA", "Asia/Riyadh"),
    ("QA", "Asia/Qatar"),
    ("IN", "Asia/Kolkata"),
    ("PK", "Asia/Karachi"),
    ("BD", "Asia/Dhaka"),
    ("LK", "Asia/Colombo"),
    ("CN", "Asia/Shanghai"),
    ("HK", "Asia/Hong_Kong"),
    ("TW", "Asia/Taipei"),
    ("JP", "Asia/Tokyo"),
    ("KR", "Asia/Seoul"),
    ("SG", "Asia/Singapore"),
    ("MY", "Asia/Kuala_Lumpur"),
    ("TH", "Asia/Bangkok"),
    ("VN", "Asia/Ho_Chi_Minh"),
    ("PH", "Asia/Manila"),
    ("ZA", "Africa/Johannesburg"),
    ("EG", "Africa/Cairo"),
    ("MA", "Africa/Casablanca"),
    ("NG", "Africa/Lagos"),
    ("KE", "Africa/Nairobi"),
    ("CO", "America/Bogota"),
    ("PE", "America/Lima"),
    ("CR", "America/Costa_Rica"),
    ("PA", "America/Panama"),
    ("DO", "America/Santo_Domingo"),
];

static BY_PLACE: LazyLock<HashMap<&'static str, TimeZone>> = LazyLock::new(|| {
    let zoned = |(places, zone): &(&'static str, &'static str)| TimeZone::get(zone).ok().map(|zone| (*places, zone));
    ZONES.iter().filter_map(zoned).flat_map(|(places, zone)| places.split(',').map(move |place| (place, zone.clone()))).collect()
});

/// The zone of a place; `None` where there could be two.
#[must_use]
pub fn zone_of(place: &Place) -> Option<&'static TimeZone> {
    let country = place.country.as_deref()?;
    if let Some(zone) = BY_PLACE.get(country) {
        return Some(zone);
    }
    let mut key = String::with_capacity(40);
    if let Some(state) = place.state.as_deref() {
        push(&mut key, country, state);
        if let Some(zone) = BY_PLACE.get(key.as_str()) {
            return Some(zone);
        }
        let city = place.city.as_deref()?;
        let start = key.clone();
        push(&mut key, &start, city);
        if let Some(zone) = BY_PLACE.get(key.as_str()) {
            return Some(zone);
        }
    }
    push(&mut key, country, place.city.as_deref()?);
    BY_PLACE.get(key.as_str())
}

fn push(key: &mut String, start: &str, rest: &str) {
    key.clear();
    key.push_str(start);
    key.push('-');
    key.extend(rest.trim().chars().flat_map(char::to_uppercase));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(country: &str, state: &str, city: &str) -> Option<&'static str> {
        let some = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        zone_of(&Place { country: some(country), state: some(state), city: some(city), ..Place::default() }).and_then(TimeZone::iana_name)
    }

    #[test]
    fn only_places_without_doubt_have_a_zone() {
        assert_eq!(zone("US", "NC", "Charlotte"), Some("America/New_York"));
        assert_eq!(zone("US", "TX", "El Paso"), Some("America/Denver"));
        assert_eq!(zone("US", "TX", "Nowhere"), None);
        assert_eq!(zone("US", "", "Portland"), None);
        assert_eq!(zone("DE", "", ""), Some("Europe/Berlin"));
        assert_eq!(zone("ES", "", "Madrid"), Some("Europe/Madrid"));
        assert_eq!(zone("ES", "", "Las Palmas"), None);
        assert_eq!(zone("", "NC", "Charlotte"), None);
    }

    #[test]
    fn every_zone_of_the_list_exists_and_no_place_is_told_twice() {
        let mut places = std::collections::HashSet::new();
        for (list, zone) in ZONES {
            assert!(TimeZone::get(zone).is_ok(), "{zone}");
            for place in list.split(',') {
                assert!(places.insert(place), "{place}");
            }
        }
        assert_eq!(BY_PLACE.len(), places.len());
    }
}
