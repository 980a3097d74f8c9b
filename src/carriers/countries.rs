//! Countries as sources write them, where that is not with two letters: with three, or by an English name.

/// ISO 3166-1: three letters and the two that stand for the same, sorted.
const ALPHA3: &str = "\
    ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT AZEAZ BDIBI BELBE BENBJ \
    BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO BRABR BRBBB BRNBN BTNBT BVTBV BWABW CAFCF CANCA \
    CCKCC CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG COKCK COLCO COMKM CPVCV CRICR CUBCU CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE \
    DJIDJ DMADM DNKDK DOMDO DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB \
    GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY HKGHK HMDHM HNDHN HRVHR \
    HTIHT HUNHU IDNID IMNIM INDIN IOTIO IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH \
    KIRKI KNAKN KORKR KWTKW LAOLA LBNLB LBRLR LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD \
    MDGMG MDVMV MEXMX MHLMH MKDMK MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA \
    NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE PHLPH PLWPW PNGPG POLPL \
    PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ SLBSB SLESL \
    SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR SVKSK SVNSI SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ \
    TKLTK TKMTM TLSTL TONTO TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA UMIUM URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG \
    VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW";

/// The two letters of a country whose three are sent; what has not got three letters stays as it is.
#[must_use]
pub fn alpha2(country: &str) -> &str {
    if country.len() != 3 {
        return country;
    }
    let known = |entry: &&'static str| entry.get(..3).is_some_and(|three| three.eq_ignore_ascii_case(country));
    ALPHA3.split(' ').find(known).and_then(|entry| entry.get(3..)).unwrap_or(country)
}

/// ISO 3166-1 alpha-2 and the names, in upper case.
const NAMES: &[(&str, &str)] = &[
    ("AD", "ANDORRA"),
    ("AE", "UNITED ARAB EMIRATES"),
    ("AF", "AFGHANISTAN"),
    ("AG", "ANTIGUA AND BARBUDA|ANTIGUA"),
    ("AI", "ANGUILLA"),
    ("AL", "ALBANIA"),
    ("AM", "ARMENIA"),
    ("AO", "ANGOLA"),
    ("AQ", "ANTARCTICA"),
    ("AR", "ARGENTINA"),
    ("AS", "AMERICAN SAMOA"),
    ("AT", "AUSTRIA"),
    ("AU", "AUSTRALIA"),
    ("AW", "ARUBA"),
    ("AX", "ALAND ISLANDS|ÅLAND ISLANDS"),
    ("AZ", "AZERBAIJAN"),
    ("BA", "BOSNIA AND HERZEGOVINA|BOSNIA & HERZEGOVINA"),
    ("BB", "BARBADOS"),
    ("BD", "BANGLADESH"),
    ("BE", "BELGIUM"),
    ("BF", "BURKINA FASO"),
    ("BG", "BULGARIA"),
    ("BH", "BAHRAIN"),
    ("BI", "BURUNDI"),
    ("BJ", "BENIN"),
    ("BL", "SAINT BARTHELEMY|SAINT BARTHÉLEMY|ST. BARTHELEMY"),
    ("BM", "BERMUDA"),
    ("BN", "BRUNEI|BRUNEI DARUSSALAM"),
    ("BO", "BOLIVIA|BOLIVIA, PLURINATIONAL STATE OF"),
    ("BQ", "BONAIRE, SINT EUSTATIUS AND SABA|BONAIRE"),
    ("BR", "BRAZIL"),
    ("BS", "BAHAMAS|BAHAMAS, THE|THE BAHAMAS"),
    ("BT", "BHUTAN"),
    ("BV", "BOUVET ISLAND"),
    ("BW", "BOTSWANA"),
    ("BY", "BELARUS"),
    ("BZ", "BELIZE"),
    ("CA", "CANADA"),
    ("CC", "COCOS (KEELING) ISLANDS|COCOS ISLANDS"),
    ("CD", "CONGO, DEMOCRATIC REPUBLIC OF THE|CONGO, THE DEMOCRATIC REPUBLIC OF|DEMOCRATIC REPUBLIC OF THE CONGO"),
    ("CF", "CENTRAL AFRICAN REPUBLIC"),
    ("CG", "CONGO|REPUBLIC OF THE CONGO"),
    ("CH", "SWITZERLAND"),
    ("CI", "COTE D'IVOIRE|CÔTE D'IVOIRE|COTE D IVOIRE|IVORY COAST"),
    ("CK", "COOK ISLANDS"),
    ("CL", "CHILE"),
    ("CM", "CAMEROON"),
    ("CN", "CHINA|CHINA MAINLAND|CHINA, PEOPLES REPUBLIC|CHINA, PEOPLE'S REPUBLIC"),
    ("CO", "COLOMBIA"),
    ("CR", "COSTA RICA"),
    ("CU", "CUBA"),
    ("CV", "CAPE VERDE|CABO VERDE"),
    ("CW", "CURACAO|CURAÇAO"),
    ("CX", "CHRISTMAS ISLAND"),
    ("CY", "CYPRUS"),
    ("CZ", "CZECH REPUBLIC|CZECH REPUBLIC, THE|CZECHIA"),
    ("DE", "GERMANY"),
    ("DJ", "DJIBOUTI"),
    ("DK", "DENMARK"),
    ("DM", "DOMINICA"),
    ("DO", "DOMINICAN REPUBLIC"),
    ("DZ", "ALGERIA"),
    ("EC", "ECUADOR"),
    ("EE", "ESTONIA"),
    ("EG", "EGYPT"),
    ("EH", "WESTERN SAHARA"),
    ("ER", "ERITREA"),
    ("ES", "SPAIN"),
    ("ET", "ETHIOPIA"),
    ("FI", "FINLAND"),
    ("FJ", "FIJI"),
    ("FK", "FALKLAND ISLANDS|FALKLAND ISLANDS (MALVINAS)"),
    ("FM", "MICRONESIA|MICRONESIA, FEDERATED STATES OF"),
    ("FO", "FAROE ISLANDS"),
    ("FR", "FRANCE"),
    ("GA", "GABON"),
    ("GB", "UNITED KINGDOM|UK|GREAT BRITAIN"),
    ("GD", "GRENADA"),
    ("GE", "GEORGIA"),
    ("GF", "FRENCH GUIANA|FRENCH GUYANA"),
    ("GG", "GUERNSEY"),
    ("GH", "GHANA"),
    ("GI", "GIBRALTAR"),
    ("GL", "GREENLAND"),
    ("GM", "GAMBIA|GAMBIA, THE|THE GAMBIA"),
    ("GN", "GUINEA|GUINEA REPUBLIC"),
    ("GP", "GUADELOUPE"),
    ("GQ", "EQUATORIAL GUINEA|GUINEA-EQUATORIAL"),
    ("GR", "GREECE"),
    ("GS", "SOUTH GEORGIA AND THE SOUTH SANDWICH ISLANDS"),
    ("GT", "GUATEMALA"),
    ("GU", "GUAM"),
    ("GW", "GUINEA-BISSAU"),
    ("GY", "GUYANA|GUYANA (BRITISH)"),
    ("HK", "HONG KONG|HONG KONG SAR|HONG KONG SAR, CHINA"),
    ("HM", "HEARD ISLAND AND MCDONALD ISLANDS"),
    ("HN", "HONDURAS"),
    ("HR", "CROATIA"),
    ("HT", "HAITI"),
    ("HU", "HUNGARY"),
    ("ID", "INDONESIA"),
    ("IE", "IRELAND|IRELAND, REPUBLIC OF"),
    ("IL", "ISRAEL"),
    ("IM", "ISLE OF MAN"),
    ("IN", "INDIA"),
    ("IO", "BRITISH INDIAN OCEAN TERRITORY"),
    ("IQ", "IRAQ"),
    ("IR", "IRAN|IRAN, ISLAMIC REPUBLIC OF|IRAN (ISLAMIC REPUBLIC OF)"),
    ("IS", "ICELAND"),
    ("IT", "ITALY"),
    ("JE", "JERSEY"),
    ("JM", "JAMAICA"),
    ("JO", "JORDAN"),
    ("JP", "JAPAN"),
    ("KE", "KENYA"),
    ("KG", "KYRGYZSTAN"),
    ("KH", "CAMBODIA"),
    ("KI", "KIRIBATI"),
    ("KM", "COMOROS"),
    ("KN", "SAINT KITTS AND NEVIS|ST. KITTS|ST. KITTS AND NEVIS"),
    ("KP", "NORTH KOREA|KOREA, DEMOCRATIC PEOPLE'S REPUBLIC OF|KOREA, THE D.P.R. OF (NORTH K.)"),
    ("KR", "SOUTH KOREA|KOREA, REPUBLIC OF|KOREA, REPUBLIC OF (SOUTH K.)"),
    ("KW", "KUWAIT"),
    ("KY", "CAYMAN ISLANDS"),
    ("KZ", "KAZAKHSTAN"),
    ("LA", "LAOS|LAO PEOPLE'S DEMOCRATIC REPUBLIC|LAO PEOPLES DEMOCRATIC REPUBLIC"),
    ("LB", "LEBANON"),
    ("LC", "SAINT LUCIA|ST. LUCIA"),
    ("LI", "LIECHTENSTEIN"),
    ("LK", "SRI LANKA"),
    ("LR", "LIBERIA"),
    ("LS", "LESOTHO"),
    ("LT", "LITHUANIA"),
    ("LU", "LUXEMBOURG"),
    ("LV", "LATVIA"),
    ("LY", "LIBYA"),
    ("MA", "MOROCCO"),
    ("MC", "MONACO"),
    ("MD", "MOLDOVA|MOLDOVA, REPUBLIC OF"),
    ("ME", "MONTENEGRO|MONTENEGRO, REPUBLIC OF"),
    ("MF", "SAINT MARTIN|SAINT MARTIN (FRENCH PART)"),
    ("MG", "MADAGASCAR"),
    ("MH", "MARSHALL ISLANDS"),
    ("MK", "NORTH MACEDONIA"),
    ("ML", "MALI"),
    ("MM", "MYANMAR|BURMA"),
    ("MN", "MONGOLIA"),
    ("MO", "MACAO|MACAU|MACAU SAR, CHINA|MACAO SAR"),
    ("MP", "NORTHERN MARIANA ISLANDS|SAIPAN"),
    ("MQ", "MARTINIQUE"),
    ("MR", "MAURITANIA"),
    ("MS", "MONTSERRAT"),
    ("MT", "MALTA"),
    ("MU", "MAURITIUS"),
    ("MV", "MALDIVES"),
    ("MW", "MALAWI"),
    ("MX", "MEXICO"),
    ("MY", "MALAYSIA"),
    ("MZ", "MOZAMBIQUE"),
    ("NA", "NAMIBIA"),
    ("NC", "NEW CALEDONIA"),
    ("NE", "NIGER"),
    ("NF", "NORFOLK ISLAND"),
    ("NG", "NIGERIA"),
    ("NI", "NICARAGUA"),
    ("NL", "NETHERLANDS|NETHERLANDS, THE"),
    ("NO", "NORWAY"),
    ("NP", "NEPAL"),
    ("NR", "NAURU|NAURU, REPUBLIC OF"),
    ("NU", "NIUE"),
    ("NZ", "NEW ZEALAND"),
    ("OM", "OMAN"),
    ("PA", "PANAMA"),
    ("PE", "PERU"),
    ("PF", "FRENCH POLYNESIA|TAHITI"),
    ("PG", "PAPUA NEW GUINEA"),
    ("PH", "PHILIPPINES|PHILIPPINES, THE"),
    ("PK", "PAKISTAN"),
    ("PL", "POLAND"),
    ("PM", "SAINT PIERRE AND MIQUELON"),
    ("PN", "PITCAIRN|PITCAIRN ISLANDS"),
    ("PR", "PUERTO RICO"),
    ("PS", "PALESTINE|PALESTINE, STATE OF"),
    ("PT", "PORTUGAL"),
    ("PW", "PALAU"),
    ("PY", "PARAGUAY"),
    ("QA", "QATAR"),
    ("RE", "REUNION|RÉUNION|REUNION, ISLAND OF"),
    ("RO", "ROMANIA"),
    ("RS", "SERBIA"),
    ("RU", "RUSSIA|RUSSIAN FEDERATION|RUSSIAN FEDERATION, THE"),
    ("RW", "RWANDA"),
    ("SA", "SAUDI ARABIA"),
    ("SB", "SOLOMON ISLANDS"),
    ("SC", "SEYCHELLES"),
    ("SD", "SUDAN"),
    ("SE", "SWEDEN"),
    ("SG", "SINGAPORE"),
    ("SH", "SAINT HELENA|SAINT HELENA, ASCENSION AND TRISTAN DA CUNHA"),
    ("SI", "SLOVENIA"),
    ("SJ", "SVALBARD AND JAN MAYEN"),
    ("SK", "SLOVAKIA"),
    ("SL", "SIERRA LEONE"),
    ("SM", "SAN MARINO"),
    ("SN", "SENEGAL"),
    ("SO", "SOMALIA"),
    ("SR", "SURINAME"),
    ("SS", "SOUTH SUDAN"),
    ("ST", "SAO TOME AND PRINCIPE"),
    ("SV", "EL SALVADOR"),
    ("SX", "SINT MAARTEN|SINT MAARTEN (DUTCH PART)|ST. MAARTEN"),
    ("SY", "SYRIA|SYRIAN ARAB REPUBLIC"),
    ("SZ", "ESWATINI|SWAZILAND"),
    ("TC", "TURKS AND CAICOS ISLANDS"),
    ("TD", "CHAD"),
    ("TF", "FRENCH SOUTHERN TERRITORIES"),
    ("TG", "TOGO"),
    ("TH", "THAILAND"),
    ("TJ", "TAJIKISTAN"),
    ("TK", "TOKELAU"),
    ("TL", "TIMOR-LESTE|EAST TIMOR"),
    ("TM", "TURKMENISTAN"),
    ("TN", "TUNISIA"),
    ("TO", "TONGA"),
    ("TR", "TURKEY|TURKIYE"),
    ("TT", "TRINIDAD AND TOBAGO"),
    ("TV", "TUVALU"),
    ("TW", "TAIWAN|TAIWAN, CHINA"),
    ("TZ", "TANZANIA|TANZANIA, UNITED REPUBLIC OF"),
    ("UA", "UKRAINE"),
    ("UG", "UGANDA"),
    ("UM", "UNITED STATES MINOR OUTLYING ISLANDS"),
    ("US", "UNITED STATES|UNITED STATES OF AMERICA|USA"),
    ("UY", "URUGUAY"),
    ("UZ", "UZBEKISTAN"),
    ("VA", "HOLY SEE|VATICAN CITY"),
    ("VC", "SAINT VINCENT AND THE GRENADINES|ST. VINCENT"),
    ("VE", "VENEZUELA|VENEZUELA, BOLIVARIAN REPUBLIC OF"),
    ("VG", "VIRGIN ISLANDS (BRITISH)|BRITISH VIRGIN ISLANDS|VIRGIN ISLANDS, BRITISH"),
    ("VI", "VIRGIN ISLANDS (US)|VIRGIN ISLANDS, U.S.|US VIRGIN ISLANDS"),
    ("VN", "VIETNAM|VIET NAM"),
    ("VU", "VANUATU"),
    ("WF", "WALLIS AND FUTUNA"),
    ("WS", "SAMOA"),
    ("YE", "YEMEN|YEMEN, REPUBLIC OF"),
    ("YT", "MAYOTTE"),
    ("ZA", "SOUTH AFRICA"),
    ("ZM", "ZAMBIA"),
    ("ZW", "ZIMBABWE"),
];

/// The alpha-2 code of a country by its name; `None` for a name that is not in the list.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let lower = |text: &'static str| text.chars().flat_map(char::to_lowercase);
    let known = |names: &'static str| names.split('|').any(|known| lower(known).eq(name.chars().flat_map(char::to_lowercase)));
    NAMES.iter().find(|(_, names)| known(names)).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_letters_become_two_and_the_rest_stays() {
        for (sent, told) in [
            ("USA", "US"),
            ("ABW", "AW"),
            ("ZWE", "ZW"),
            ("deu", "DE"),
            ("GB", "GB"),
            ("XXX", "XXX"),
            ("", ""),
            ("Österreich", "Österreich"),
        ] {
            assert_eq!(alpha2(sent), told);
        }
    }

    #[test]
    fn every_country_is_there_once() {
        let entries: Vec<_> = ALPHA3.split(' ').collect();
        assert_eq!(entries.len(), 249);
        assert!(entries.iter().all(|e| e.len() == 5 && e.bytes().all(|b| b.is_ascii_uppercase())));
        assert!(entries.is_sorted());
        let two: std::collections::HashSet<_> = entries.iter().filter_map(|e| e.get(3..)).collect();
        assert_eq!(two.len(), 249);
    }

    #[test]
    fn names_are_known_in_any_case_and_nothing_is_guessed() {
        for (name, code) in [
            ("Spain", Some("ES")),
            (" HONG KONG ", Some("HK")),
            ("Netherlands, The", Some("NL")),
            ("USA", Some("US")),
            ("Georgia", Some("GE")),
            ("Guinea-Bissau", Some("GW")),
            ("Côte d'Ivoire", Some("CI")),
            ("Nowhere", None),
            ("TN", None),
            ("", None),
        ] {
            assert_eq!(named(name), code, "{name}");
        }
    }

    #[test]
    fn no_name_means_two_countries() {
        let mut seen = std::collections::HashSet::new();
        assert!(NAMES.iter().map(|(code, _)| *code).eq({
            let mut all: Vec<_> = ALPHA3.split(' ').filter_map(|e| e.get(3..)).collect();
            all.sort_unstable();
            all
        }));
        for (code, names) in NAMES {
            assert!(seen.insert(*code) && names.split('|').all(|name| seen.insert(name)), "{code}");
        }
    }
}
