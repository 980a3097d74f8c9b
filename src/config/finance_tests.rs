use std::io::Write;

use super::*;
use crate::config::{Error, load};

const ODOO: &str = "odoo: {instances: {main: {url: 'https://odoo.example.com', database: prod, company_currencies: {1: EUR, 2: EUR}}}}\n";

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn config(finance: &str) -> FinanceConfig {
    let config = file(&format!("{ODOO}{finance}"));
    load(Some(config.path()), &[], None).unwrap_or_else(|error| panic!("{error}")).config.finance
}

/// What is wrong with books of these settings besides the ones that every book needs.
fn wrong(settings: &str) -> Vec<(String, String)> {
    let config = file(&format!("{ODOO}finance: {{books: {{{settings}}}}}"));
    match load(Some(config.path()), &[], None) {
        Ok(_) => Vec::new(),
        Err(Error::Findings(found)) => found.into_iter().map(|f| (f.key, f.problem)).collect(),
        Err(error) => panic!("{error}"),
    }
}

const NEEDED: &str = "instance: main, company: 1, currency: EUR, journal: 12, accrued_account: 345, expense_accounts: {freight: 678}";

#[test]
fn without_books_there_is_nothing_to_do() {
    let finance = config("");
    assert_eq!((finance.books(), finance.accounts().book_of("ups", Some("A1"))), (Ok(Vec::new()), None));
}

#[test]
fn the_example_of_the_defaults_is_a_book() {
    let section = include_str!("default.yaml").split_once("\nfinance:\n").expect("a section").1;
    let example: String = section.lines().filter_map(|line| line.strip_prefix("  # ")).filter(|line| line.starts_with("  ")).fold(
        "finance:\n  books:\n".to_owned(),
        |mut text, line| {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
            text
        },
    );
    let rates = file("day,currency,rate,source\n2026-11-20,USD,0.9213,ECB\n2026-11-20,JPY,0.0061,\n");
    let finance = config(&example.replace("/etc/waybill/rates.csv", &rates.path().display().to_string()));
    let books = finance.books().expect("rates");
    let book = books.first().expect("a book");
    assert_eq!(
        (book.key.as_str(), book.currency.as_str(), book.trigger, book.open_from.as_deref()),
        ("main:1", "EUR", Trigger::Moved, Some("2026-11-01"))
    );
    assert_eq!((book.unbilled_case_after, book.unbilled_reverse_after), (45 * DAY, 45 * DAY));
    let expected = Accounts {
        journal: 12,
        accrued: 345,
        expense: BTreeMap::from([(ChargeType::Freight, 678), (ChargeType::DutyTax, 679)]),
        post: false,
        bill_journal: 2,
        vendors: BTreeMap::from([("ups".to_owned(), 42)]),
    };
    assert_eq!(book.accounts, expected);
    let tolerance = |carrier: &str, charge| book.tolerance(carrier, charge).of(Decimal::ONE_HUNDRED).to_string();
    assert_eq!((tolerance("dhl", ChargeType::Freight).as_str(), tolerance("ups", ChargeType::Accessorial).as_str()), ("1.5", "0.5"));
    let rate = book.rates.of("USD", "2026-11-21").expect("a rate");
    assert_eq!((rate.rate.to_string().as_str(), rate.day.as_str(), rate.source.as_deref()), ("0.9213", "2026-11-20", Some("ECB")));
    assert_eq!(book.rates.of("JPY", "2026-11-21").and_then(|rate| rate.source), None);
    assert_eq!(finance.accounts().book_of("ups", Some("0000A1B2C3")), Some("main:1"));

    // What the example shows as the default is the default.
    let short = config(&format!("finance: {{books: {{main: {{{NEEDED}}}}}}}")).books().expect("no rates");
    let short = short.first().expect("a book");
    assert_eq!((short.trigger, &short.covers), (book.trigger, &book.covers));
    assert_eq!((short.unbilled_case_after, short.unbilled_reverse_after, short.accounts.post), (45 * DAY, 45 * DAY, false));
    assert_eq!((short.open_from.as_deref(), short.tolerances.len()), (None, 0));
}

#[test]
fn a_book_may_come_from_variables_alone() {
    let variables = [
        ("INSTANCE", "main"),
        ("COMPANY", "7"),
        ("CURRENCY", "USD"),
        ("JOURNAL", "1"),
        ("ACCRUED_ACCOUNT", "2"),
        ("EXPENSE_ACCOUNTS__FREIGHT", "3"),
        ("EXPENSE_ACCOUNTS__DUTY_TAX", "4"),
        ("TOLERANCES", "[{carrier: ups, percent: '2.5'}]"),
        ("ACCOUNTS", "{ups: [123456, 'A1']}"),
        ("TRIGGER", "validated"),
        ("COVERS", "[]"),
        ("POST", "true"),
        ("OPEN_FROM", "2026-11-01"),
    ];
    let variables: Vec<_> =
        variables.iter().map(|(name, value)| (format!("WAYBILL_FINANCE__BOOKS__US__{name}"), (*value).to_owned())).collect();
    let config = file(ODOO);
    let finance = load(Some(config.path()), &variables, None).unwrap_or_else(|error| panic!("{error}")).config.finance;
    let book = finance.books().expect("no rates").remove(0);
    assert_eq!((book.key.as_str(), book.trigger, book.covers.len(), book.accounts.post), ("main:7", Trigger::Validated, 0, true));
    assert_eq!(book.accounts.expense.get(&ChargeType::DutyTax), Some(&4));
    assert_eq!(book.tolerance("ups", ChargeType::Fuel).percent, Some(Decimal::new(25, 1)));
    assert_eq!(finance.accounts().book_of("ups", Some("123456")), Some("main:7"));
}

#[test]
fn what_is_wrong_with_a_book_is_told_by_its_key() {
    let all = ["instance", "company", "currency", "journal", "accrued_account", "expense_accounts.freight"];
    let keys: Vec<String> = wrong("a: {}").into_iter().map(|(key, _)| key).collect();
    for key in all {
        assert!(keys.contains(&format!("finance.books.a.{key}")), "{key} is not among {keys:?}");
    }
    assert_eq!(wrong(&format!("a: {{{NEEDED}}}")), []);
    for (settings, key, problem) in [
        ("trigger: sometimes", "trigger", "unknown variant"),
        ("colour: red", "colour", "unknown field"),
        ("tolerances: [{absolute: -1}]", "tolerances", "a negative tolerance of any carrier for any charge"),
        ("tolerances: [{carrier: ups, percent: -0.01}]", "tolerances", "a negative tolerance of ups for any charge"),
        ("tolerances: [{percent: 101}]", "tolerances", "more than 100 percent"),
        ("tolerances: [{carrier: ups}]", "tolerances", "without a bound of ups"),
        ("tolerances: [{carrier: ups, percent: 1}, {carrier: ups, absolute: 1}]", "tolerances", "two tolerances of ups"),
        ("tolerances: [{charge: fuel, percent: 1}]", "tolerances", "reckoned as freight"),
        ("tolerances: [{percent: much}]", "tolerances", "expected a decimal number"),
        ("tolerances: [{carrier: UPS, percent: 1}]", "tolerances", "not the code of a carrier: UPS"),
        ("unbilled_case_days: 0", "unbilled_case_days", "out of range: 0"),
        ("unbilled_reverse_days: 4000", "unbilled_reverse_days", "out of range: 4000"),
        ("open_from: 2026-11-31", "open_from", "not a day: 2026-11-31"),
        ("open_from: 2026-1-1", "open_from", "not a day: 2026-1-1"),
        ("vendors: {ups: 3}", "bill_journal", "not an id of account.journal: 0"),
        ("bill_journal: 2, vendors: {ups: 0}", "vendors.ups", "not an id of res.partner: 0"),
        ("bill_journal: 2, vendors: {'UPS Ground': 3}", "vendors", "not the code of a carrier: UPS Ground"),
        ("accounts: {ups: ['--']}", "accounts", "not an account number of ups"),
        ("accounts: {ups: ['00A1', a1]}", "accounts", "an account of ups is named twice: a1"),
    ] {
        let found = wrong(&format!("a: {{{NEEDED}, {settings}}}"));
        let key = format!("finance.books.a.{key}");
        assert!(found.iter().any(|(k, p)| *k == key && p.contains(problem)), "{settings}: {key} {problem} not in {found:?}");
        assert_eq!(found.len(), 1, "{settings}: {found:?}");
    }
}

#[test]
fn what_contradicts_the_rest_is_told() {
    for (from, to, key, problem) in [
        ("instance: main", "instance: other", "instance", "no such Odoo instance: other"),
        ("currency: EUR", "currency: Euro", "currency", "not the code of a currency"),
        ("currency: EUR", "currency: USD", "currency", "company_currencies says EUR"),
        ("freight: 678", "freight: 345", "accrued_account", "is an expense account too"),
        ("{freight: 678}", "{fuel: 678}", "expense_accounts.freight", "not an id of account.account: 0"),
    ] {
        let found = wrong(&format!("a: {{{}}}", NEEDED.replace(from, to)));
        let key = format!("finance.books.a.{key}");
        assert!(found.iter().any(|(k, p)| *k == key && p.contains(problem)), "{to}: {found:?}");
    }
    let two = |second: &str| wrong(&format!("a: {{{NEEDED}, accounts: {{ups: [A1]}}}}, b: {{{}}}", NEEDED.replace("company: 1", second)));
    assert_eq!(two("company: 2"), []);
    let found = two("company: 1");
    assert!(found.iter().any(|(k, p)| k == "finance.books.b.company" && p == "another book is of this company: main:1"), "{found:?}");
    let found = two("company: 2, accounts: {ups: ['0A-1']}");
    assert!(found.iter().any(|(k, p)| k == "finance.books.b.accounts" && p.contains("named twice")), "{found:?}");
}

#[test]
fn rates_that_cannot_be_read_are_told_line_by_line() {
    let found = |text: &str| {
        let rates = file(text);
        let settings = format!("finance: {{books: {{a: {{{NEEDED}, rates: '{}'}}}}}}", rates.path().display());
        let found = config(&settings).books().err().unwrap_or_default();
        assert!(found.iter().all(|f| f.key == "finance.books.a.rates" && !f.remedy.is_empty()), "{found:?}");
        found.into_iter().map(|f| f.problem).collect::<Vec<_>>()
    };
    assert!(found("day,currency,rate\n2026-11-20,USD,0.92\n\n 2026-11-21 , USD , 0.93\n2026-11-21,USD,0.930\n").is_empty());
    assert!(found("\u{feff}day,currency,rate\r\n2026-11-20,USD,0.92\r\n").is_empty());
    for (text, problem) in [
        ("", "has not the heading"),
        ("currency,day,rate\n", "has not the heading"),
        ("day,currency,rate\n2026-11-20,USD,1\n20.11.2026,USD,1\n", "line 3: not a day: 20.11.2026"),
        ("day,currency,rate\n2026-11-20,usd,1\n", "line 2: not the code of a currency: usd"),
        ("day,currency,rate\n2026-11-20,EUR,1\n", "line 2: EUR is the company's own currency"),
        ("day,currency,rate\n2026-11-20,USD,0\n", "line 2: not a rate above zero"),
        ("day,currency,rate\n2026-11-20,USD,-1\n", "line 2: not a rate above zero"),
        ("day,currency,rate\n2026-11-20,USD,0.1234567\n", "at most six digits after the point: 0.1234567"),
        ("day,currency,rate\n2026-11-20,USD,1\n2026-11-20,USD,2\n", "line 3: another rate of USD for 2026-11-20: 1 and 2"),
        ("day,currency,rate\n2026-11-20,USD\n", "found record with 2 fields"),
    ] {
        let found = found(text);
        assert!(found.len() == 1 && found[0].contains(problem), "{text}: {found:?}");
    }
    let many = found(&format!("day,currency,rate\n{}", "x,USD,1\n".repeat(100)));
    assert_eq!((many.len(), many.last().is_some_and(|p| p.ends_with("and 90 more"))), (11, true));
    let finance = config(&format!("finance: {{books: {{a: {{{NEEDED}, rates: /nowhere/rates.csv}}}}}}"));
    assert!(finance.books().is_err_and(|f| f[0].problem.contains("/nowhere/rates.csv cannot be read")));
}
