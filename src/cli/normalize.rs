//! `waybill normalize`.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::args::NormalizeArgs;
use super::{ConfigError, Context, Exit, Output};
use crate::carriers::billing::{Billing, BillingSettings, Format};
use crate::carriers::x12_ship::{self, Notices, NoticesSettings};
use crate::carriers::{Dialect, DialectSettings, Parsed, RawMessage, Sources};
use crate::config::Config;
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::freight::FreightInvoice;
use crate::domain::notice::ShipmentNotice;
use crate::domain::record::Record;
use crate::domain::verdict::Park;
use crate::schema::codec::to_json;
use crate::services::carrier_normalizer::hex;
use crate::services::wiring::{billing_settings, dialect_settings, notices_settings};

/// Where sources come from that are not built in.
const DESCRIBED: &str = "others are described in files of carriers.dir, see `waybill carrier new --help`";
const NO_DIRECTORY: &str = "sources that files describe are known once carriers.dir (WAYBILL_CARRIERS__DIR) names their directory";

pub(super) fn run(args: &NormalizeArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let config = context.load(None)?.config;
    let settings = config.carriers.sources.get(&args.source).map_or_else(DialectSettings::default, dialect_settings);
    let body_bytes_max = settings.body_bytes_max;
    let known = Sources::load(config.carriers.directory()).map_err(ConfigError::Findings)?;
    let Some(reader) = Reader::new(&args.source, &known, &config, settings) else {
        writeln!(
            context.talk,
            "error: no such source: {}\n  [possible values: {}]\n{}",
            args.source,
            known.ids().collect::<Vec<_>>().join(", "),
            if config.carriers.directory().is_some() { DESCRIBED } else { NO_DIRECTORY }
        )?;
        return Ok(Exit::Usage);
    };
    let received_at = args.received_at.unwrap_or_else(|| context.clock.now());
    let mut rows = Vec::new();
    let mut exit = Exit::Done;
    let mut unread = false;
    for (file, offset) in args.files.iter().zip(0..) {
        let name = file.display().to_string();
        let body = match read(file, body_bytes_max) {
            Ok(body) => body,
            Err(error) => {
                writeln!(context.talk, "cannot read {name}: {error}")?;
                unread = true;
                continue;
            }
        };
        let raw = RawRef { topic: name.clone(), partition: 0, offset, sha256: hex(&Sha256::digest(&body)) };
        let parked = match reader.read(&RawMessage { body: &body, content_type: None, received_at, raw }) {
            Ok(parsed) if context.output == Output::Json => {
                for record in parsed.told {
                    writeln!(context.out, "{}", to_json(&record)?)?;
                }
                parsed.left_out
            }
            Ok(parsed) => {
                rows.extend(parsed.told.iter().map(row));
                parsed.left_out
            }
            Err(park) => Some(park),
        };
        if let Some(park) = parked {
            writeln!(context.talk, "{name}: {} {}", park.code, park.cause)?;
            exit = Exit::Findings;
        }
    }
    if context.output == Output::Table {
        context.table(["OCCURRED", "SHIPMENT", "CARRIER", "MILESTONE", "DETAIL", "CODE", "PLACE", "FROM"], &rows)?;
    }
    Ok(if unread { Exit::Failed } else { exit })
}

/// Whatever reads the source.
enum Reader {
    Parcels(Box<dyn Dialect>),
    Billing(Billing),
    Notices(Notices),
}

impl Reader {
    fn new(source: &str, known: &Sources, config: &Config, settings: DialectSettings) -> Option<Self> {
        if source == x12_ship::SOURCE {
            let told = config.carriers.sources.get(source).map_or_else(NoticesSettings::default, |s| notices_settings(s, config));
            // Whoever looks at a file need not say which Odoo it is for.
            let odoo_instance = told.odoo_instance.or_else(|| Some(String::new()));
            return Some(Self::Notices(Notices::new(NoticesSettings { odoo_instance, dialect: settings, ..told })));
        }
        let Some(format) = Format::of(source) else { return known.dialect(source, settings).map(Self::Parcels) };
        let settings = config.carriers.sources.get(source).map_or_else(BillingSettings::default, billing_settings);
        Some(Self::Billing(Billing::new(format, settings)))
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed<Record>, Park> {
        Ok(match self {
            Self::Parcels(dialect) => dialect.read(message)?.map(|event| Record::ShipmentEvent(Box::new(event))),
            Self::Billing(billing) => billing.parse(message, None)?.map(|line| Record::FreightInvoice(Box::new(line))),
            Self::Notices(notices) => {
                let told = notices.read(message)?;
                let charges = told.charges.into_iter().map(|charge| Record::FreightCharge(Box::new(charge)));
                let notices = told.notices.into_iter().map(|notice| Record::ShipmentNotice(Box::new(notice)));
                Parsed::from(notices.chain(charges).collect::<Vec<_>>())
            }
        })
    }
}

/// One byte more than is allowed, so that the dialect tells what is too large.
fn read(file: &Path, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut body = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut body)?;
    } else {
        std::fs::File::open(file)?.take(limit).read_to_end(&mut body)?;
    }
    Ok(body)
}

fn row(record: &Record) -> [String; 8] {
    match record {
        Record::ShipmentEvent(event) => event_row(event),
        Record::FreightInvoice(line) => line_row(line),
        Record::ShipmentNotice(notice) => notice_row(notice),
        other => std::array::from_fn(|at| if at == 0 { other.name().to_owned() } else { String::new() }),
    }
}

/// A charge in the columns of a happening.
fn line_row(line: &FreightInvoice) -> [String; 8] {
    let amount = line.amount.or_else(|| line.totals.as_ref().map(|totals| totals.billed));
    [
        line.invoice_date.clone(),
        line.shipment_key.clone().unwrap_or_default(),
        line.carrier.to_string(),
        line.charge_type.map_or_else(|| line.kind.to_string(), |kind| kind.to_string()),
        amount.map(|amount| format!("{amount} {}", line.currency)).unwrap_or_default(),
        line.raw_code.clone().unwrap_or_default(),
        line.invoice_number.clone(),
        line.raw.topic.clone(),
    ]
}

/// A consignment in the columns of a happening: its first number, how many it has, and what it is for.
fn notice_row(notice: &ShipmentNotice) -> [String; 8] {
    let first = notice.parcels.first().map(|parcel| parcel.shipment_key.clone());
    let references: Vec<&str> = notice.references.iter().map(|r| r.number.as_str()).collect();
    [
        notice.shipped_on.clone().unwrap_or_default(),
        first.unwrap_or_default(),
        notice.carrier.as_deref().unwrap_or_default().to_owned(),
        notice.action.to_string(),
        format!("{} parcels", notice.parcels.len()),
        notice.document.to_string(),
        references.join(", "),
        notice.raw.topic.clone(),
    ]
}

fn event_row(event: &ShipmentEvent) -> [String; 8] {
    let occurred = event.occurred_at.map(crate::domain::time::rfc3339);
    let place = event.place.as_ref().map(|place| {
        let parts = [&place.city, &place.state, &place.country];
        let parts: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
        if parts.is_empty() { place.text.clone().unwrap_or_default() } else { parts.join(", ") }
    });
    let detail = event.exception_reason.map(|reason| reason.as_str()).or_else(|| event.sub_status.map(|sub| sub.as_str()));
    let code = [&event.raw_code.kind, &event.raw_code.code, &event.raw_code.sub_code];
    [
        // A wall clock is told as one: without a zone.
        occurred.or_else(|| event.occurred_local.clone()).unwrap_or_default(),
        event.shipment_key.clone(),
        event.carrier.to_string(),
        event.milestone.to_string(),
        detail.unwrap_or_default().to_owned(),
        code.into_iter().filter_map(Option::as_deref).collect::<Vec<_>>().join(" "),
        place.unwrap_or_default(),
        event.raw.topic.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::waybill;
    use super::*;

    const PUSH: &str = r#"{"trackingNumber":"1Z999AA10123456784","localActivityDate":"20261120","localActivityTime":"081500",
        "activityLocation":{"countryCode":"US"},
        "activityStatus":{"type":"D","code":"9E","description":"Delivered"}}"#;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("push.json"), PUSH).unwrap();
        std::fs::write(folder.path().join("broken.json"), "{").unwrap();
        folder
    }

    #[test]
    fn what_can_be_read_is_data_and_what_cannot_is_told_with_its_code() {
        let folder = folder();
        let (push, broken) = (folder.path().join("push.json"), folder.path().join("broken.json"));
        let line = format!(
            "waybill normalize --source ups --received-at 2026-11-21T00:00:00Z {} {} {}",
            push.display(),
            broken.display(),
            push.display()
        );
        let told = waybill(&line, &[]);
        assert_eq!(told.exit, Exit::Findings, "{}", told.talk);
        let events: Vec<serde_json::Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), 2);
        let first = &events[0];
        assert_eq!(
            (&first["shipment_key"], &first["milestone"], &first["received_at"]),
            (&"1Z999AA10123456784".into(), &"delivered".into(), &1_795_219_200_000_000_i64.into()),
            "{first}"
        );
        assert_eq!((&first["raw"]["topic"], &first["raw"]["offset"]), (&push.display().to_string().into(), &0.into()));
        assert_eq!((&events[1]["raw"]["offset"], &events[1]["event_id"]), (&2.into(), &first["event_id"]));
        assert!(told.talk.contains("broken.json: WB-0104"), "{}", told.talk);
    }

    #[test]
    fn what_can_be_read_of_a_message_is_data_and_the_rest_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let answer = folder.path().join("answer.json");
        std::fs::write(&answer, r#"{"parcels":[{"unitno":"51830277416","status":"DELIVERED"},{"status":"DELIVERED"}]}"#).unwrap();
        for output in ["json", "table"] {
            let told = waybill(&format!("waybill normalize --source gls --output {output} {}", answer.display()), &[]);
            assert_eq!((told.exit, told.out.matches("51830277416").count() > 0), (Exit::Findings, true), "{}", told.talk);
            assert!(told.talk.contains("answer.json: WB-0115 left out: 1 of 2"), "{}", told.talk);
        }
    }

    #[test]
    fn a_file_that_is_not_there_keeps_no_other_from_being_read() {
        let folder = folder();
        let line = format!("waybill normalize --source ups /nowhere.json {}", folder.path().join("push.json").display());
        let told = waybill(&line, &[]);
        assert_eq!((told.exit, told.out.lines().count()), (Exit::Failed, 1), "{}", told.talk);
        assert!(told.talk.contains("cannot read /nowhere.json"), "{}", told.talk);
    }

    #[test]
    fn the_account_zone_of_the_configuration_counts() {
        let folder = folder();
        let push = folder.path().join("push.json");
        let line = format!("waybill normalize --source ups --output table {}", push.display());
        let told = waybill(&line, &[("WAYBILL_CARRIERS__SOURCES__UPS__ACCOUNT_ZONE", "America/New_York")]);
        assert!(told.out.starts_with("OCCURRED") && told.out.contains("2026-11-20T13:15:00Z"), "{}{}", told.out, told.talk);
        let told = waybill(&line, &[]);
        assert!(told.out.contains("2026-11-20T08:15:00 "), "{}", told.out);
    }

    #[test]
    fn the_shell_knows_the_built_in_sources() {
        for shell in ["bash", "zsh", "fish"] {
            let script = waybill(&format!("waybill completions {shell}"), &[]).out;
            assert!(script.contains("edifact_iftsta") && script.contains("17track"), "{shell}");
        }
        assert!(!waybill("waybill normalize --help", &[]).out.contains("possible values: ups"), "others are possible too");
    }

    #[test]
    fn notices_are_told_by_consignment_whichever_odoo_they_are_for() {
        let folder = tempfile::tempdir().unwrap();
        let notice = folder.path().join("notice.edi");
        std::fs::write(&notice, include_str!("../carriers/x12_ship/fixtures/notice.edi")).unwrap();
        let line = format!("waybill normalize --source x12_ship --output table {}", notice.display());
        let told = waybill(&line, &[]);
        assert_eq!((told.exit, told.out.lines().count()), (Exit::Done, 3), "{}{}", told.out, told.talk);
        assert!(told.out.contains("2 parcels") && told.out.contains("PO-881, S00025, SH-7001"), "{}", told.out);
    }

    #[test]
    fn wrong_arguments_are_told_with_what_is_right() {
        for (arguments, exit, says) in [
            ("--source dhl x.json", Exit::Usage, "[possible values: ups, fedex, easypost"),
            ("--source ups --received-at yesterday x.json", Exit::Usage, "2026-11-20T08:15:00+01:00"),
            ("--source ups", Exit::Usage, "FILE"),
            ("--source ups /nowhere.json", Exit::Failed, "cannot read /nowhere.json"),
        ] {
            let told = waybill(&format!("waybill normalize {arguments}"), &[]);
            assert!(told.exit == exit && told.talk.contains(says), "{arguments}: {}", told.talk);
        }
    }
}
