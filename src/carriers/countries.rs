//! Countries by the English names under which carriers write them.

/// ISO 3166-1 alpha-2 and the names, in upper case.
const NAMES: &[(&str, &str)] = &[
    ("AE", "UNITED ARAB EMIRATES"),
    ("AR", "ARGENTINA"),
    ("AT", "AUSTRIA"),
    ("AU", "AUSTRALIA"),
    ("BA", "BOSNIA AND HERZEGOVINA|BOSNIA & HERZEGOVINA"),
    ("BD", "BANGLADESH"),
    ("BE", "BELGIUM"),
    ("BG", "BULGARIA"),
    ("BH", "BAHRAIN"),
    ("BR", "BRAZIL"),
    ("CA", "CANADA"),
    ("CH", "SWITZERLAND"),
    ("CL", "CHILE"),
    ("CN", "CHINA|CHINA MAINLAND|CHINA, PEOPLES REPUBLIC|CHINA, PEOPLE'S REPUBLIC"),
    ("CO", "COLOMBIA"),
    ("CR", "COSTA RICA"),
    ("CY", "CYPRUS"),
    ("CZ", "CZECH REPUBLIC|CZECH REPUBLIC, THE|CZECHIA"),
    ("DE", "GERMANY"),
    ("DK", "DENMARK"),
    ("DO", "DOMINICAN REPUBLIC"),
    ("DZ", "ALGERIA"),
    ("EC", "ECUADOR"),
    ("EE", "ESTONIA"),
    ("EG", "EGYPT"),
    ("ES", "SPAIN"),
    ("FI", "FINLAND"),
    ("FR", "FRANCE"),
    ("GB", "UNITED KINGDOM|UK|GREAT BRITAIN"),
    ("GR", "GREECE"),
    ("GT", "GUATEMALA"),
    ("HK", "HONG KONG|HONG KONG SAR|HONG KONG SAR, CHINA"),
    ("HR", "CROATIA"),
    ("HU", "HUNGARY"),
    ("ID", "INDONESIA"),
    ("IE", "IRELAND|IRELAND, REPUBLIC OF"),
    ("IL", "ISRAEL"),
    ("IN", "INDIA"),
    ("IS", "ICELAND"),
    ("IT", "ITALY"),
    ("JO", "JORDAN"),
    ("JP", "JAPAN"),
    ("KE", "KENYA"),
    ("KR", "SOUTH KOREA|KOREA, REPUBLIC OF|KOREA, REPUBLIC OF (SOUTH K.)"),
    ("KW", "KUWAIT"),
    ("KZ", "KAZAKHSTAN"),
    ("LB", "LEBANON"),
    ("LI", "LIECHTENSTEIN"),
    ("LK", "SRI LANKA"),
    ("LT", "LITHUANIA"),
    ("LU", "LUXEMBOURG"),
    ("LV", "LATVIA"),
    ("MA", "MOROCCO"),
    ("MK", "NORTH MACEDONIA"),
    ("MT", "MALTA"),
    ("MX", "MEXICO"),
    ("MY", "MALAYSIA"),
    ("NG", "NIGERIA"),
    ("NL", "NETHERLANDS|NETHERLANDS, THE"),
    ("NO", "NORWAY"),
    ("NZ", "NEW ZEALAND"),
    ("OM", "OMAN"),
    ("PA", "PANAMA"),
    ("PE", "PERU"),
    ("PH", "PHILIPPINES|PHILIPPINES, THE"),
    ("PK", "PAKISTAN"),
    ("PL", "POLAND"),
    ("PR", "PUERTO RICO"),
    ("PT", "PORTUGAL"),
    ("QA", "QATAR"),
    ("RO", "ROMANIA"),
    ("RS", "SERBIA"),
    ("SA", "SAUDI ARABIA"),
    ("SE", "SWEDEN"),
    ("SG", "SINGAPORE"),
    ("SI", "SLOVENIA"),
    ("SK", "SLOVAKIA"),
    ("TH", "THAILAND"),
    ("TN", "TUNISIA"),
    ("TR", "TURKEY|TURKIYE"),
    ("TW", "TAIWAN|TAIWAN, CHINA"),
    ("UA", "UKRAINE"),
    ("US", "UNITED STATES|UNITED STATES OF AMERICA|USA"),
    ("UY", "URUGUAY"),
    ("VN", "VIETNAM|VIET NAM"),
    ("ZA", "SOUTH AFRICA"),
];

/// The alpha-2 code of a country by its name; `None` for a name that is not in the list.
#[must_use]
pub fn alpha2(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let known = |names: &str| names.split('|').any(|known| known.eq_ignore_ascii_case(name));
    NAMES.iter().find(|(_, names)| known(names)).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_nothing_is_guessed() {
        for (name, code) in [
            ("Spain", Some("ES")),
            (" HONG KONG ", Some("HK")),
            ("Netherlands, The", Some("NL")),
            ("USA", Some("US")),
            ("Georgia", None),
            ("TN", None),
            ("", None),
        ] {
            assert_eq!(alpha2(name), code, "{name}");
        }
    }

    #[test]
    fn no_name_means_two_countries() {
        let mut seen = std::collections::HashSet::new();
        for (code, names) in NAMES {
            assert!(seen.insert(*code) && names.split('|').all(|name| seen.insert(name)), "{code}");
        }
    }
}
