//! Countries as sources write them, where that is not with two letters.

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
        let two: std::collections::HashSet<_> = entries.iter().map(|e| &e[3..]).collect();
        assert_eq!(two.len(), 249);
    }
}
