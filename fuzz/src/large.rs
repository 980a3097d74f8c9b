//! Large bodies for every reader, after the models of all fixtures, with what each of them takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bodies;
use crate::carriers::billing::{Billing, BillingSettings, Format};
use crate::carriers::{DialectSettings, SOURCES, dialect, x12_ship};
use crate::domain::verdict::Park;
use crate::rules::{self, message};
use crate::targets;

/// A little less than the largest body.
const BYTES: usize = (4 << 20) - (64 << 10);
/// Most memory above the body itself.
pub const HEAP_MAX: usize = 64 << 20;

/// What one reader took of the body that it found hardest.
#[derive(Debug, Default)]
pub struct Cost {
    /// The reader.
    pub what: String,
    /// Bodies.
    pub bodies: usize,
    /// Most memory, bytes above the body, and of which shape.
    pub heap: (usize, String),
    /// Longest time of the processor, and of which shape.
    pub time: (Duration, String),
}

type Read<'a> = &'a dyn Fn(&[u8]) -> Result<usize, Park>;
/// Whether a shape is to be looked at.
type Wanted = fn(&str) -> bool;

fn cost(what: &str, model: &Path, wanted: Wanted, read: Read<'_>) -> Cost {
    let mut cost = Cost { what: what.to_owned(), ..Cost::default() };
    let body = fs::read(model).unwrap_or_default();
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    bodies::each(&body, BYTES, DialectSettings::default().events_max, &mut |shape, body| {
        if !wanted(shape) {
            return;
        }
        let (outcome, heap, time) = rules::measured(|| read(&body));
        let told = outcome.map_or_else(|park| park.code.to_string(), |count| count.to_string());
        let shape = format!("{name}, {shape}: {told}");
        cost.bodies += 1;
        if heap > cost.heap.0 {
            cost.heap = (heap, shape.clone());
        }
        if time > cost.time.0 {
            cost.time = (time, shape);
        }
    });
    cost
}

/// Every source, each kind of billing file, the reader of notices and the descriptions, one after the other.
pub fn each(wanted: Wanted, mut to: impl FnMut(Cost)) {
    let settings = DialectSettings::default();
    for source in SOURCES {
        let Some(dialect) = dialect(source, settings.clone()) else { continue };
        let folder = if *source == "17track" { "track17" } else { source };
        for model in models(folder) {
            let is_json = model.extension().is_some_and(|extension| extension == "json");
            let content_type = is_json.then_some("application/json");
            to(cost(source, &model, wanted, &|body| dialect.parse(&message(body, content_type)).map(|events| events.len())));
        }
    }
    for format in Format::ALL {
        let reader = Billing::new(*format, BillingSettings { currency: Some("USD".into()), ..BillingSettings::default() });
        let prefix = if *format == Format::X12_210 { "invoices" } else { format.source().trim_end_matches("_billing") };
        for model in models("billing").iter().filter(|m| m.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))) {
            to(cost(format.source(), model, wanted, &|body| reader.parse(&message(body, None), None).map(|lines| lines.told.len())));
        }
    }
    for model in models("x12_ship") {
        to(cost("x12_ship", &model, wanted, &|body| x12_ship::notices(&message(body, None), &settings).map(|notices| notices.len())));
    }
    for (id, dialect) in targets::descriptions(&settings) {
        use crate::carriers::Dialect as _;
        let folder = Path::new(crate::ROOT).join("fuzz/descriptions");
        let own = if id == "gls_as_data" { models("gls").pop() } else { Some(folder.join(format!("{id}.body"))) };
        for model in own.into_iter().filter(|model| model.is_file()) {
            to(cost(&id, &model, wanted, &|body| dialect.parse(&message(body, None)).map(|events| events.len())));
        }
    }
}

/// The fixtures of a dialect.
fn models(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(crate::ROOT).join("src/carriers").join(folder).join("fixtures");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}
