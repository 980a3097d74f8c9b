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
pub fn named(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let known = |names: &str| names.split('|').any(|known| known.eq_ignore_ascii_case(name));
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
            ("Georgia", None),
            ("TN", None),
            ("", None),
        ] {
            assert_eq!(named(name), code, "{name}");
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
