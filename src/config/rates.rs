//! Files of exchange rates: CSV with the columns `day,currency,rate` and, where it is told, `source`.

use std::io::Read;
use std::path::Path;

use super::check::Findings;
use crate::domain::currency;
use crate::domain::finance::rates::Rates;
use crate::domain::money::Amount;
use crate::domain::time;

/// Largest file that is read, bytes: some two hundred years of thirty currencies.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Findings that are told about one file.
const FINDINGS_MAX: usize = 10;
const REMEDY: &str = "write lines such as 2026-11-20,USD,0.9213,ECB under the heading day,currency,rate,source";

/// Reads the rates to a company's currency; none where no file is named.
pub(super) fn read(path: &Path, company_currency: &str, key: &str, found: &mut Findings) -> Rates {
    let mut rates = Rates::default();
    if path.as_os_str().is_empty() {
        return rates;
    }
    let unreadable = |problem: String| (format!("the file {} {problem}", path.display()), "mount it, or mend the path".to_owned());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    let problem = match file {
        Err(cause) => Some(unreadable(format!("cannot be read: {cause}"))),
        Ok(_) if bytes.len() as u64 > FILE_BYTES_MAX => Some(unreadable(format!("has more than {FILE_BYTES_MAX} bytes"))),
        Ok(_) => None,
    };
    if let Some((problem, remedy)) = problem {
        found.add(key, problem, remedy);
        return rates;
    }
    let mut wrong = Vec::new();
    parse(&bytes, company_currency, &mut rates, &mut wrong);
    for problem in wrong.iter().take(FINDINGS_MAX) {
        found.add(key, format!("{}: {problem}", path.display()), REMEDY);
    }
    if wrong.len() > FINDINGS_MAX {
        found.add(key, format!("{}: and {} more", path.display(), wrong.len() - FINDINGS_MAX), REMEDY);
    }
    rates
}

fn parse(bytes: &[u8], company_currency: &str, rates: &mut Rates, wrong: &mut Vec<String>) {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let heading: Vec<String> = reader.headers().map(|h| h.iter().map(str::to_owned).collect()).unwrap_or_default();
    if heading != ["day", "currency", "rate"] && heading != ["day", "currency", "rate", "source"] {
        return wrong.push("has not the heading day,currency,rate,source".to_owned());
    }
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            // The reader cannot be trusted to have found the next line.
            Err(cause) => return wrong.push(cause.to_string()),
        };
        let line = row.position().map_or(0, csv::Position::line);
        if let Err(problem) = take(&row, company_currency, rates) {
            wrong.push(format!("line {line}: {problem}"));
        }
    }
}

fn take(row: &csv::StringRecord, company_currency: &str, rates: &mut Rates) -> Result<(), String> {
    let field = |n: usize| row.get(n).unwrap_or_default();
    let (day, code) = (field(0), field(1));
    if !time::is_day(day) {
        return Err(format!("not a day: {day}"));
    }
    if !currency::is_code(code) {
        return Err(format!("not the code of a currency: {code}"));
    }
    if code == company_currency {
        return Err(format!("{code} is the company's own currency"));
    }
    let positive = Amount::parse(field(2)).filter(|rate| rate.0.is_sign_positive() && !rate.0.is_zero());
    let Some(rate) = positive else {
        return Err(format!("not a rate above zero with at most six digits after the point: {}", field(2)));
    };
    let source = Some(field(3).to_owned()).filter(|source| !source.is_empty());
    match rates.add_from(code, day, rate.0, source) {
        Some(before) if before.rate != rate.0 => Err(format!("another rate of {code} for {day}: {} and {}", before.rate, rate.0)),
        _ => Ok(()),
    }
}
