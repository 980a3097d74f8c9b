//! Interchanges that are none.

use waybill::domain::verdict::Code;

use super::Poison;

const TOPIC: &str = "raw.carrier.x12-214";
const MEDIA: &str = "application/edi-x12";
const ISA: &str = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261110*0900*U*00401*000000001*0*P*>";

/// An interchange around the segments of one set.
fn interchange(segments: &str) -> String {
    format!("{ISA}~GS*QM*A*B*20261110*0900*1*X*004010~ST*214*1~B10*Q900000001*S1*QLTN~{segments}SE*6*1~GE*1*1~IEA*1*000000001~")
}

pub(super) fn all() -> Vec<Poison> {
    let x12 = |name, value: &str, code| Poison::parked(name, TOPIC, MEDIA, value, code);
    let good = interchange("LX*1~AT7*X4*NS***20261110*0900*LT~");
    let many = interchange(&"AT7*X4*NS***20261110*0900*LT~".repeat(100_000));
    let idle = interchange(&"N1*SH*NOBODY~".repeat(100_000));
    vec![
        x12("no header", &good[ISA.len() + 1..], Code::MALFORMED),
        x12("a header that is cut", &ISA[..60], Code::MALFORMED),
        x12("a header without an end", &format!("ISA*{}", "x".repeat(10_000)), Code::MALFORMED),
        x12("separators that are letters", &good.replace('*', "A"), Code::MALFORMED),
        x12("an interchange that is cut", &good[..good.len() - 40], Code::MALFORMED),
        x12("two headers, one end", &format!("{ISA}~GS*QM*A*B*20261110*0900*1*X*004010~{good}"), Code::MALFORMED),
        x12("garbage behind the end", &format!("{good}% PDF"), Code::MALFORMED),
        x12("a set that has no end", &good.replace("SE*6*1~", ""), Code::MALFORMED),
        x12("100,000 statuses", &many, Code::TOO_MANY),
        x12("100,000 segments and no status", &idle, Code::MISSING_FIELD),
        x12("no set 214", &good.replace("ST*214", "ST*990"), Code::NOT_TRACKING),
        x12("a set of nobody", &good.replace("B10*Q900000001*S1*QLTN~", "B10***QLTN~"), Code::MISSING_FIELD),
        x12("JSON in place of EDI", "{\"ISA\": 1}", Code::MALFORMED),
        x12("EDIFACT in place of X12", "UNA:+.? 'UNB+UNOC:3+A+B+261110:0900+1'UNZ+0+1'", Code::MALFORMED),
        Poison::parked("binary", TOPIC, MEDIA, (0..=255_u8).cycle().take(100_000).collect::<Vec<u8>>(), Code::MALFORMED),
        Poison::parked(
            "UTF-16",
            TOPIC,
            MEDIA,
            [b"\xff\xfe".to_vec(), good.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(),
            Code::NOT_UTF8,
        ),
        Poison::parked("10 MB of terminators", TOPIC, MEDIA, vec![b'~'; 10 << 20], Code::TOO_LARGE),
        Poison::parked("4 MB of separators", TOPIC, MEDIA, [ISA.as_bytes(), b"~", &vec![b'*'; 4_000_000]].concat(), Code::MALFORMED),
        Poison::parked("an interchange that is a picture", TOPIC, "image/png", good.clone(), Code::WRONG_CONTENT_TYPE),
        x12("an interchange without a byte", "", Code::EMPTY_VALUE),
    ]
}
