//! What users rely on: every cent of a file is told once, under one id however the file is written, or it is said what is not.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::carriers::testing;
use crate::domain::freight::{InvoiceTotals, LineKind};
use crate::domain::money::Amount;

const UPS_US: &str = include_str!("fixtures/ups_us.csv");
const UPS_GB: &str = include_str!("fixtures/ups_gb.csv");
const FEDEX: &str = include_str!("fixtures/fedex.csv");
const DHL_QUOTED: &str = include_str!("fixtures/dhl_quoted.csv");
const DHL_SEMICOLONS: &str = include_str!("fixtures/dhl_semicolons.csv");
const X12: &str = include_str!("fixtures/invoices.edi");
const FIXTURES: &[(Format, &str)] = &[
    (Format::Ups, UPS_US),
    (Format::Ups, UPS_GB),
    (Format::FedEx, FEDEX),
    (Format::Dhl, DHL_QUOTED),
    (Format::Dhl, DHL_SEMICOLONS),
    (Format::X12_210, X12),
];

fn billing(format: Format) -> Billing {
    Billing::new(format, BillingSettings { currency: Some("USD".into()), charges_max: 200_000, ..BillingSettings::default() })
}

fn parse(format: Format, body: &[u8]) -> Result<Vec<FreightInvoice>, Park> {
    billing(format).parse(&RawMessage { content_type: None, ..testing::message(body) }, None).map(|parsed| parsed.told)
}

fn lines(format: Format, body: &str) -> Vec<FreightInvoice> {
    parse(format, body.as_bytes()).unwrap_or_else(|park| panic!("{park:?}"))
}

fn ids(lines: &[FreightInvoice]) -> BTreeSet<&str> {
    lines.iter().filter(|l| l.kind == LineKind::Charge).map(|l| l.line_id.as_str()).collect()
}

fn totals(lines: &[FreightInvoice]) -> Vec<&InvoiceTotals> {
    lines.iter().filter_map(|l| l.totals.as_ref()).collect()
}

/// Each charge in short: shipment, category, type, code, amount and tax.
fn told(lines: &[FreightInvoice]) -> Vec<String> {
    let of = |line: &FreightInvoice| {
        let word = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".into());
        let money = |a: Option<Amount>| a.map_or_else(|| "-".into(), |a| a.to_string());
        let (category, kind) = (line.category.map_or("-", |c| c.as_str()), line.charge_type.map_or("-", |c| c.as_str()));
        [word(&line.shipment_key), category.into(), kind.into(), word(&line.raw_code), money(line.amount), money(line.tax)].join(" ")
    };
    lines.iter().filter(|l| l.kind == LineKind::Charge).map(of).collect()
}

fn pieces(format: Format, body: &[u8]) -> Vec<Piece> {
    let pieces = Pieces::open(format, body, Some("USD".into())).expect("opens");
    pieces.collect::<Result<_, _>>().expect("reads")
}

fn parse_piece(format: Format, piece: &Piece, sha256: &str) -> Result<Vec<FreightInvoice>, Park> {
    let headers = piece_headers(piece, format, sha256);
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).and_then(|(_, v)| std::str::from_utf8(v).ok());
    let of = PieceOf::read(header).expect("its headers").expect("a piece");
    billing(format)
        .parse(&RawMessage { content_type: header("content-type"), ..testing::message(&piece.value) }, Some(&of))
        .map(|parsed| parsed.told)
}

#[test]
fn ups_charges_with_their_categories() {
    let lines = lines(Format::Ups, UPS_US);
    let expected = [
        "1ZA1B2C30312345678 shipment freight 003 12.45 -",
        "1ZA1B2C30312345678 shipment fuel FSC 2.1 -",
        "1ZA1B2C30312345678 shipment accessorial RES 3.55 -",
        "1ZA1B2C30312345687 shipment accessorial AHS 9 -",
        "1ZA1B2C30312345687 shipment accessorial AHS 9 -",
        "1ZA1B2C30312345678 adjustment freight 003 -1.25 -",
        "1ZA1B2C39012345670 return freight 003 8 -",
        "- account adjustment ADJ -2 -",
        "- account accessorial SVC 15 -",
    ];
    assert_eq!(told(&lines), expected);
    assert_eq!(ids(&lines).len(), 9, "equal charges of one parcel are two");
    let first = &lines[0];
    assert_eq!(first.invoice_id, "ups:A1B2C3466:2026-11-14");
    assert_eq!(
        (first.discount, first.weight_billed, first.weight_unit.as_deref()),
        (Amount::parse("-3.05"), Amount::parse("5"), Some("lb"))
    );
    assert_eq!((first.due_date.as_deref(), first.shipped_on.as_deref()), (Some("2026-12-04"), Some("2026-11-09")));
    assert_eq!(first.references, ["SO-1001", "WH/OUT/00015"]);
    assert_eq!(lines[7].tracking_number.as_deref(), Some("1ZA1B2C30312345678"), "kept, and not the shipment's charge");
    let billed = Amount::parse("55.85");
    assert_eq!(totals(&lines), [&InvoiceTotals::new(billed, billed.unwrap_or_default(), 9, 9, 0, 0)]);
    assert!(totals(&lines)[0].ties);
}

#[test]
fn ups_with_semicolons_has_decimal_commas_and_the_day_first() {
    let lines = lines(Format::Ups, UPS_GB);
    assert_eq!(told(&lines), ["1ZX9Y8Z76812345670 shipment freight 011 1028.8 -", "1ZX9Y8Z76812345670 shipment tax 01 205.76 -"]);
    assert_eq!((lines[0].invoice_date.as_str(), lines[0].currency.as_str()), ("2026-11-14", "GBP"));
    assert!(totals(&lines)[0].ties);
}

#[test]
fn a_charge_in_another_currency_is_told_in_it_and_counted_in_no_sum() {
    let lines = lines(Format::Ups, &UPS_US.replacen(",USD,-3.05", ",EUR,-3.05", 1));
    assert_eq!((lines[0].currency.as_str(), lines[0].amount, lines[1].currency.as_str()), ("EUR", Amount::parse("12.45"), "USD"));
    let totals = totals(&lines)[0];
    assert_eq!((totals.billed.to_string(), totals.rows_untied, totals.ties), ("43.4".into(), 1, false));
}

#[test]
fn fedex_pairs_of_columns_with_one_name() {
    let lines = lines(Format::FedEx, FEDEX);
    let expected = [
        "794600000012 shipment freight - 48 -",
        "794600000012 shipment fuel - 6.2 -",
        "794600000012 shipment discount - -19 -",
        "794600000012 shipment accessorial - 5 -",
        "390000000034 shipment freight - 14 -",
        "390000000034 shipment fuel - 2.5 -",
        "390000000034 shipment accessorial - 5 -",
        "794600000012 shipment other - -7 -",
        "- account other - 10 -",
    ];
    assert_eq!(told(&lines), expected);
    assert_eq!(lines[4].references, ["SO-1002", "9612804390000000034"]);
    let totals = totals(&lines)[0];
    assert_eq!((totals.told, totals.billed, totals.rows_untied, totals.ties), (Amount::parse("64.7"), totals.billed, 0, true));
    let wrong = FEDEX.replace("\"40.20\"", "\"40.30\"");
    let lines = self::lines(Format::FedEx, &wrong);
    assert_eq!((self::totals(&lines)[0].rows_untied, self::totals(&lines)[0].ties), (1, false), "a row says 40.30 and its charges 40.20");
}

#[test]
fn dhl_in_both_spellings_is_one_invoice() {
    let quoted = lines(Format::Dhl, DHL_QUOTED);
    let expected = [
        "3300000001 shipment freight - 50 9.5",
        "3300000001 shipment fuel FF 10 1.9",
        "3300000001 shipment accessorial CA 30 5.7",
        "3300000002 shipment duty_tax XX 36 0",
    ];
    assert_eq!(told(&quoted), expected);
    assert_eq!((quoted[0].service.as_deref(), quoted[0].weight_unit.as_deref()), (Some("EXPRESS WORLDWIDE"), Some("kg")));
    assert!(totals(&quoted)[0].ties, "{:?}", totals(&quoted));
    assert_eq!(ids(&quoted), ids(&lines(Format::Dhl, DHL_SEMICOLONS)));
}

#[test]
fn x12_amounts_have_two_digits_behind_a_point_that_is_not_written() {
    let lines = lines(Format::X12_210, X12);
    let expected = [
        "700100200 shipment freight - 176.3 -",
        "700100200 shipment discount DSC -40.3 -",
        "700100200 shipment fuel FUE 14.5 -",
        "700100201 adjustment freight 400 98 -",
    ];
    assert_eq!(told(&lines), expected);
    let first = &lines[0];
    assert_eq!((first.carrier.as_ref(), first.currency.as_str(), first.account.as_deref()), ("qrsl", "CAD", Some("55512")));
    assert_eq!((first.references.join(" "), first.shipped_on.as_deref()), ("SO-1005 BOL-77".into(), Some("2026-11-10")));
    assert_eq!(
        totals(&lines).iter().map(|t| (t.told, t.ties)).collect::<Vec<_>>(),
        [(Amount::parse("150.5"), true), (Amount::parse("99"), false)]
    );
}

#[test]
fn a_line_has_one_id_however_the_file_is_written() {
    let plain = lines(Format::Ups, UPS_US);
    let padded: String =
        UPS_US.lines().map(|l| l.to_owned() + &",".repeat(250_usize.saturating_sub(l.split(',').count() + 1)) + "\r\n").collect();
    let quoted: String = UPS_US.lines().map(|l| l.split(',').map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(",") + "\n").collect();
    for (name, body) in [("padded", padded), ("quoted", quoted), ("BOM", format!("\u{feff}{UPS_US}"))] {
        assert_eq!(ids(&lines(Format::Ups, &body)), ids(&plain), "{name}");
    }
    // The same number ten years later is another invoice.
    let later = UPS_US.replace("2026-11-14", "2036-11-14");
    assert!(ids(&lines(Format::Ups, &later)).is_disjoint(&ids(&plain)));
}

#[test]
fn pieces_say_what_the_whole_file_says() {
    for (format, body) in FIXTURES {
        let whole = lines(*format, body);
        let sha256 = "ab".repeat(32);
        let mut pieced = Vec::new();
        for piece in pieces(*format, body.as_bytes()) {
            pieced.extend(parse_piece(*format, &piece, &sha256).unwrap_or_else(|park| panic!("{format:?} {}: {park:?}", piece.line)));
        }
        assert!(pieced.iter().all(|l| l.file_sha256.as_deref() == Some(&sha256)));
        assert_eq!(ids(&pieced), ids(&whole), "{format:?}");
        assert_eq!(told(&pieced), told(&whole), "{format:?}");
        assert_eq!(totals(&pieced), totals(&whole), "{format:?}");
    }
}

#[test]
fn a_bad_row_is_parked_alone_and_the_totals_say_so() {
    let bad = UPS_US.replace(",2.10", ",2.1.0");
    let park = parse(Format::Ups, bad.as_bytes()).expect_err("whole or not at all");
    assert_eq!((park.code, park.cause.as_str()), (Code::BAD_BILLING_VALUE, "line 2: field cannot be read: net amount"));
    let pieces = pieces(Format::Ups, bad.as_bytes());
    let parked: Vec<_> = pieces.iter().filter_map(|p| Some((p.line, p.parked.as_ref()?.code))).collect();
    assert_eq!(parked, [(2, Code::BAD_BILLING_VALUE)]);
    let sent: Vec<_> = pieces.iter().map(|p| parse_piece(Format::Ups, p, &"0".repeat(64)).map_err(|p| p.code)).collect();
    assert_eq!((sent.iter().filter(|s| s.is_ok()).count(), sent[1].as_ref().err()), (9, Some(&Code::BAD_BILLING_VALUE)));
    let end = &pieces.last().and_then(|p| p.end.as_ref()).expect("an end").totals;
    assert_eq!((end.rows_parked, end.ties, end.billed.to_string()), (1, false, "53.75".into()));
}

#[test]
fn what_cannot_be_believed_has_its_code() {
    let no_currency = Billing::new(Format::FedEx, BillingSettings::default());
    let park = no_currency.parse(&testing::message(FEDEX.as_bytes()), None).expect_err("no currency is assumed");
    assert_eq!((park.code, park.cause.as_str()), (Code::BAD_BILLING_VALUE, "line 2: field is missing: currency"));
    let utf16: Vec<u8> = FEDEX.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ups16: Vec<u8> = UPS_US.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let text = |t: String| t.into_bytes();
    let set = X12.find("SE*18").expect("the end of a set");
    for (name, format, body, code) in [
        ("empty", Format::Ups, vec![], Code::EMPTY_VALUE),
        ("only a BOM", Format::Dhl, text("\u{feff}\r\n".into()), Code::EMPTY_VALUE),
        ("too large", Format::Ups, text(" ".repeat((4 << 20) + 1)), Code::TOO_LARGE),
        ("a rounded number", Format::FedEx, text(FEDEX.replace("794600000012", "7.946E+11")), Code::ROUNDED_NUMBER),
        ("a rounded invoice number", Format::Dhl, text(DHL_QUOTED.replace("HAMR000012345", "1.2E+12")), Code::ROUNDED_NUMBER),
        ("no number", Format::Ups, text(UPS_US.replace("1ZA1B2C30312345687", "n/a")), Code::BAD_TRACKING_NUMBER),
        ("cut in a row", Format::Ups, text(UPS_US.replace(",2.10", "")), Code::BAD_COLUMNS),
        ("another file", Format::FedEx, text(DHL_QUOTED.into()), Code::BAD_COLUMNS),
        ("a file without header", Format::Dhl, text(UPS_US.into()), Code::BAD_COLUMNS),
        ("JSON", Format::FedEx, text("{\"a\":1}".into()), Code::BAD_COLUMNS),
        ("an amount of other kind", Format::Dhl, text(DHL_QUOTED.replace("\"50.00\"", "\"EUR 50\"")), Code::BAD_BILLING_VALUE),
        ("a date of other kind", Format::Dhl, text(DHL_QUOTED.replace("20261112", "12 Nov")), Code::BAD_BILLING_VALUE),
        ("no currency", Format::Ups, text(UPS_US.replacen(",USD,-3.05", ",$,-3.05", 1)), Code::BAD_BILLING_VALUE),
        ("a quote that does not end", Format::Ups, text(UPS_US.replace("Ground Return", "\"Ground Return")), Code::MALFORMED),
        ("UTF-16", Format::FedEx, utf16, Code::BAD_COLUMNS),
        ("UTF-16 without header", Format::Ups, ups16, Code::NOT_UTF8),
        ("no interchange", Format::X12_210, text("B3**1~".into()), Code::MALFORMED),
        ("cut off", Format::X12_210, text(X12.split_at(set).0.to_owned()), Code::MALFORMED),
        ("a set without end", Format::X12_210, text(X12.replace("SE*18*0001~\n", "")), Code::MALFORMED),
        ("another set", Format::X12_210, text(X12.replace("ST*210*", "ST*214*")), Code::NOT_TRACKING),
        ("no carrier", Format::X12_210, text(X12.replace("*QRSL~", "~")), Code::BAD_BILLING_VALUE),
    ] {
        match parse(format, &body) {
            Ok(lines) => panic!("{name}: {} lines", lines.len()),
            Err(park) => assert_eq!((park.code, park.cause.len() < 120), (code, true), "{name}: {}", park.cause),
        }
    }
}

#[test]
fn an_odd_set_takes_nothing_from_the_other_invoices_of_its_interchange() {
    let whole = lines(Format::X12_210, X12);
    let odd = X12.replace("*9900*", "*99x00*");
    let parsed =
        billing(Format::X12_210).parse(&RawMessage { content_type: None, ..testing::message(odd.as_bytes()) }, None).expect("the other");
    let left = parsed.left_out.expect("a trace");
    assert!(left.code == Code::PARTLY_READ && left.cause.starts_with("left out: 1 of 2 parts, the first: WB-0150 line 3: "), "{left:?}");
    let numbers: BTreeSet<&str> = parsed.told.iter().map(|line| line.invoice_number.as_str()).collect();
    assert_eq!(numbers, BTreeSet::from(["700100200"]));
    assert!(ids(&parsed.told).is_subset(&ids(&whole)), "a replay of the mended file tells the same charges under the same ids");
    assert_eq!(totals(&parsed.told).iter().map(|t| t.rows_parked).collect::<Vec<_>>(), [1]);
}

/// Makes rows while they are read, so that nothing but the reader can hold them.
struct Endless {
    row: usize,
    rows: usize,
    at: usize,
    line: Vec<u8>,
    given: std::rc::Rc<std::cell::Cell<usize>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.line.len() {
            if self.row == self.rows {
                return Ok(0);
            }
            let mut cells = vec![String::new(); 53];
            for (at, text) in [(4, "2026-11-14"), (5, "F1"), (9, "USD"), (10, "125000.00"), (34, "SHP"), (43, "FRT"), (52, "1.25")] {
                cells[at] = text.into();
            }
            cells[20] = format!("1Z{:016}", self.row);
            self.line = (cells.join(",") + "\n").into_bytes();
            self.at = 0;
            self.row += 1;
        }
        let count = buffer.len().min(self.line.len() - self.at);
        buffer[..count].copy_from_slice(&self.line[self.at..self.at + count]);
        self.at += count;
        self.given.set(self.given.get() + count);
        Ok(count)
    }
}

/// Flat memory: whatever was read is handed on before more is read than two buffers hold.
#[test]
fn a_hundred_thousand_rows_stream() {
    const BUFFER: usize = 8 << 10;
    const ROWS: usize = 100_000;
    let given = std::rc::Rc::new(std::cell::Cell::new(0));
    let file = Endless { row: 0, rows: ROWS, at: 0, line: Vec::new(), given: given.clone() };
    let (mut passed_on, mut count, mut end) = (0, 0, None);
    for piece in Pieces::open(Format::Ups, BufReader::with_capacity(BUFFER, file), None).expect("opens") {
        let piece = piece.expect("reads");
        assert!(piece.parked.is_none(), "{:?}", piece.parked);
        if let Some(told) = piece.end {
            end = Some(told.totals);
            continue;
        }
        count += 1;
        passed_on += piece.value.len() + 1;
        assert!(given.get() - passed_on <= 2 * BUFFER, "line {}: {} bytes are held", piece.line, given.get() - passed_on);
    }
    let end = end.expect("an end");
    assert_eq!((count, end.rows, end.ties), (ROWS, 100_000, true), "{end:?}");
}

#[test]
fn many_sets_stream_too() {
    let (head, rest) = X12.split_at(X12.find("ST*210*0001").expect("a set"));
    let (set, _) = rest.split_at(rest.find("ST*997").expect("another"));
    for (terminator, wrap) in [("~", 0), ("\n", 0), ("…\n", 0), ("~", 80)] {
        let text = format!("{head}{}GE*1*71~\nIEA*1*000000071~\n", set.repeat(300)).replace("~\n", "~").replace('~', terminator);
        let wrapped: String = if wrap == 0 {
            text
        } else {
            text.as_bytes().chunks(wrap).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("\r\n")
        };
        let lines = lines(Format::X12_210, &wrapped);
        assert_eq!((ids(&lines).len(), totals(&lines).len()), (900, 1), "{terminator:?} {wrap}");
        assert_eq!(totals(&lines)[0].billed.to_string(), "45150", "{terminator:?} {wrap}");
    }
}

/// Public samples beside the checkout. DHL's are cut out of longer invoices: that they do not tie is what has to be said of them.
#[test]
fn samples_are_read_and_their_sums_are_judged() {
    let Some(folder) = testing::shared("billing") else { return };
    let edi = testing::shared("edi/x12").expect("beside it");
    for (format, path, charges, billed, told, ties) in [
        (Format::Dhl, folder.join("dhl_express_invoice.comma_quoted_freight_fuel.csv"), 2, "966112", "1132216", false),
        (Format::Dhl, folder.join("dhl_express_invoice.semicolon_duties_only.csv"), 2, "1346028", "1346595", false),
        (Format::X12_210, edi.join("edifabric.FreightInvoice.edi"), 1, "51.65", "51.65", true),
        (Format::X12_210, edi.join("staedi.x12.issue128.ts210_80char.edi"), 3, "124.17", "124.17", true),
    ] {
        let lines = parse(format, &std::fs::read(&path).expect("readable")).unwrap_or_else(|park| panic!("{}: {park:?}", path.display()));
        let totals = totals(&lines)[0];
        let found = (ids(&lines).len(), totals.billed.to_string(), totals.told.map(|t| t.to_string()), totals.ties);
        assert_eq!(found, (charges, billed.to_owned(), Some(told.to_owned()), ties), "{}", path.display());
    }
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down((which, body) in (0..FIXTURES.len()).prop_flat_map(|which| (Just(which), testing::mutated(FIXTURES[which].1)))) {
        let format = FIXTURES[which].0;
        if let Ok(lines) = parse(format, &body) {
            for line in &lines {
                prop_assert!(!line.invoice_id.is_empty() && line.currency.len() == 3);
                prop_assert_eq!(line.amount.is_some(), line.kind == LineKind::Charge);
            }
            // Whatever was read, the sum of the charges is the sum that the totals tell, unless a row is told to be wrong.
            let told: Decimal = totals(&lines).iter().map(|t| t.billed.0).sum();
            let charged: Decimal = lines.iter().flat_map(|l| [l.amount, l.tax]).flatten().map(|a| a.0).sum();
            prop_assert!(told == charged || totals(&lines).iter().any(|t| t.rows_untied > 0));
        }
        if let Ok(pieces) = Pieces::open(format, body.as_slice(), None) {
            for piece in pieces.map_while(Result::ok) {
                let _ = parse_piece(format, &piece, &"0".repeat(64));
            }
        }
    }

    #[test]
    fn the_order_of_rows_changes_nothing(order in Just((0..10).collect::<Vec<usize>>()).prop_shuffle()) {
        let rows: Vec<&str> = UPS_US.lines().collect();
        let shuffled: String = order.iter().map(|at| rows[*at].to_owned() + "\n").collect();
        let (plain, shuffled) = (lines(Format::Ups, UPS_US), lines(Format::Ups, &shuffled));
        prop_assert_eq!(ids(&plain), ids(&shuffled));
        prop_assert_eq!(totals(&plain), totals(&shuffled));
    }
}
