use super::*;
use clap::CommandFactory;

pub(super) struct Told {
    pub(super) exit: Exit,
    pub(super) out: String,
    pub(super) talk: String,
}

pub(super) fn waybill(line: &str, environment: &[(&str, &str)]) -> Told {
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let exit = answer(line.split_whitespace().map(OsString::from), environment, &mut out, &mut talk);
    Told { exit, out: String::from_utf8(out).unwrap(), talk: String::from_utf8(talk).unwrap() }
}

#[test]
fn the_arguments_fit_together() {
    Cli::command().debug_assert();
}

#[test]
fn exit_codes_and_channels_are_as_promised() {
    for (line, exit, out_says, talk_says) in [
        ("waybill --version", Exit::Done, "waybill 0.", ""),
        ("waybill --help", Exit::Done, "Examples:", ""),
        ("waybill run --help", Exit::Done, "shipment-tracker", ""),
        ("waybill", Exit::Usage, "", "Usage"),
        ("waybill run nobody", Exit::Usage, "", "nobody"),
        ("waybill explain wb-104", Exit::Done, "# WB-0104: ", ""),
        ("waybill explain", Exit::Done, "WB-0207", ""),
        ("waybill explain WB-9999", Exit::Failed, "", "no such code"),
        ("waybill completions bash", Exit::Done, "complete -F", ""),
        ("waybill validate", Exit::Done, "no findings", "finance.books is empty"),
        ("waybill validate --service odoo-writer", Exit::Findings, "odoo.instances", ""),
        ("waybill dlq list --limit 0", Exit::Usage, "", "limit"),
        ("waybill finance report --period 2026-13", Exit::Usage, "", "write it as 2026-11"),
        ("waybill finance report", Exit::Usage, "", "--period"),
        ("waybill explain --output csv", Exit::Usage, "", "only finance report"),
        ("waybill exceptions resolve a maybe", Exit::Usage, "", "accept, reject"),
        ("waybill exceptions resolve a accept", Exit::Failed, "", "add --by LOGIN"),
        ("waybill exceptions list --help", Exit::Done, "--kind", ""),
        ("waybill config show --config /nowhere.yaml", Exit::Failed, "", "/nowhere.yaml"),
    ] {
        let told = waybill(line, &[]);
        assert_eq!(told.exit, exit, "{line}: {}{}", told.out, told.talk);
        assert!(told.out.contains(out_says) && told.out.is_empty() == out_says.is_empty(), "{line}: {}", told.out);
        assert!(told.talk.contains(talk_says) && told.talk.is_empty() == talk_says.is_empty(), "{line}: {}", told.talk);
    }
}

#[test]
fn config_show_tells_values_and_origins_but_no_secret() {
    let environment = [("WAYBILL_REGISTRY__USER", "me"), ("WAYBILL_REGISTRY__PASSWORD", "hunter2")];
    let told = waybill("waybill config show --output json", &environment);
    let shown: Vec<serde_json::Value> = serde_json::from_str(&told.out).unwrap();
    let password = shown.iter().find(|value| value["key"] == "registry.password").unwrap();
    assert_eq!((&password["value"], &password["origin"]), (&"(secret)".into(), &"variable WAYBILL_REGISTRY__PASSWORD".into()));
    let table = waybill("waybill config show", &environment).out;
    assert!(table.starts_with("SETTING") && !table.contains("hunter2"), "{table}");
    assert!(table.lines().any(|line| line.split_whitespace().eq(["kafka.batch_ms", "10", "default"])), "{table}");
}

#[test]
fn findings_are_data_for_validate_and_talk_for_everything_else() {
    let environment = [("WAYBILL_KAFKA__BATCH_MS", "never"), ("WAYBILL_HTTP__LISTEN", "9100")];
    let told = waybill("waybill validate --output json", &environment);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.exit, findings.len()), (Exit::Findings, 2));
    let told = waybill("waybill config show", &environment);
    assert_eq!((told.exit, told.out.as_str()), (Exit::Failed, ""));
    assert!(told.talk.contains("WB-0207") && told.talk.contains("kafka.batch_ms") && told.talk.contains("http.listen"), "{}", told.talk);
}

#[test]
fn a_source_that_nobody_speaks_is_found() {
    let environment = [("WAYBILL_CARRIERS__SOURCES__UPSS__TOPIC", "raw.carrier.upss")];
    let told = waybill("waybill validate", &environment);
    assert_eq!(told.exit, Exit::Findings, "{}", told.talk);
    assert!(told.out.contains("carriers.sources.upss") && told.out.contains("easypost"), "{}", told.out);
}

#[test]
fn a_property_that_the_client_does_not_take_is_found_and_its_value_not_told() {
    let environment = [
        ("WAYBILL_KAFKA__PROPERTIES__SECURITY_PROTOCL", "SASL_SSL"),
        ("WAYBILL_KAFKA__PROPERTIES__SASL_PASSWORD", "hunter2"),
        ("WAYBILL_KAFKA__PROPERTIES__SOCKET_TIMEOUT_MS", "hunter3"),
    ];
    let told = waybill("waybill validate --output json", &environment);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&told.out).unwrap();
    let found: Vec<_> = findings.iter().map(|f| (f["key"].as_str().unwrap(), f["problem"].as_str().unwrap())).collect();
    assert_eq!(
        found,
        [
            ("kafka.properties.security.protocl", "librdkafka has no such property"),
            ("kafka.properties.socket.timeout.ms", "librdkafka does not take this value"),
        ]
    );
    assert!(!told.out.contains("hunter"), "{}", told.out);
}

#[test]
fn a_file_without_end_is_no_configuration() {
    let told = waybill("waybill validate --config /dev/zero", &[]);
    assert_eq!(told.exit, Exit::Failed);
    assert!(told.talk.contains("cannot read the configuration file /dev/zero"), "{}", told.talk);
}

#[test]
fn a_reader_who_has_gone_away_is_no_failure() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for line in ["waybill config show", "waybill completions zsh", "waybill explain"] {
        let mut talk = Vec::new();
        assert_eq!(answer(line.split(' ').map(OsString::from), vec![], &mut Closed, &mut talk), Exit::Done);
        assert!(talk.is_empty());
    }
}

#[test]
fn a_source_that_must_be_verified_and_has_no_secret_is_found_where_it_matters() {
    let required = ("WAYBILL_CARRIERS__SOURCES__FEDEX__VERIFY", "required");
    let secret = ("WAYBILL_CARRIERS__SOURCES__FEDEX__SECRETS__ONE", "hunter2");
    for (line, environment, exit) in [
        ("waybill validate", &[required][..], Exit::Findings),
        ("waybill validate --service carrier-normalizer", &[required], Exit::Findings),
        ("waybill validate --service shipment-tracker", &[required], Exit::Done),
        ("waybill validate", &[required, secret], Exit::Done),
        ("waybill validate", &[("WAYBILL_CARRIERS__SOURCES__UPS__SECRETS__ONE", "hunter2")], Exit::Findings),
        ("waybill config show", &[required], Exit::Done),
    ] {
        let told = waybill(line, environment);
        assert_eq!(told.exit, exit, "{line} {environment:?}: {}{}", told.out, told.talk);
        assert!(!told.out.contains("hunter2") && !told.talk.contains("hunter2"), "{}{}", told.out, told.talk);
        if exit == Exit::Findings {
            assert!(told.out.contains("WB-0207") && told.out.contains("carriers.sources."), "{}", told.out);
        }
    }
    let told = waybill("waybill run carrier-normalizer", &[required]);
    assert!(told.exit != Exit::Done && told.talk.contains("carriers.sources.fedex.secrets"), "{}", told.talk);
}

#[test]
fn who_reckons_freight_needs_books_and_says_so() {
    let none = waybill("waybill validate", &[]);
    assert_eq!(none.exit, Exit::Done, "who reckons no freight needs no books: {}", none.out);
    assert!(none.talk.contains("finance.books is empty") && none.talk.contains("finance-accrual"), "{}", none.talk);
    for line in ["waybill validate --service finance-accrual", "waybill run finance-accrual"] {
        let told = waybill(line, &[]);
        assert_ne!(told.exit, Exit::Done, "{line}");
        assert!(format!("{}{}", told.out, told.talk).contains("no company's books are described"), "{line}: {}{}", told.out, told.talk);
    }
    let instance = ("WAYBILL_ODOO__INSTANCES", "{main: {url: 'http://odoo', database: d}}");
    let book = |rates: &str| {
        format!(
            "{{a: {{instance: main, company: 1, currency: EUR, journal: 1, accrued_account: 2, expense_accounts: {{freight: 3}}, rates: '{rates}'}}}}"
        )
    };
    let (right, wrong) = (book(""), book("/nowhere/rates.csv"));
    for (line, books, exit) in [
        ("waybill validate --service finance-accrual", &right, Exit::Done),
        ("waybill validate --service finance-accrual", &wrong, Exit::Findings),
        ("waybill validate", &wrong, Exit::Findings),
        ("waybill validate --service shipment-tracker", &wrong, Exit::Done),
    ] {
        let told = waybill(line, &[instance, ("WAYBILL_FINANCE__BOOKS", books)]);
        assert_eq!(told.exit, exit, "{line}: {}{}", told.out, told.talk);
        assert!(!told.talk.contains("finance.books is empty"), "{}", told.talk);
        assert_eq!(told.out.contains("finance.books.a.rates"), exit == Exit::Findings, "{line}: {}", told.out);
    }
}
