//! Writes what a target starts from: the fixtures of the dialects, each with the byte that picks its reader, and the words that are in them.
//! Argument: the directory to write to, with a folder and a dictionary for each target.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use waybill_fuzz::carriers::SOURCES;
use waybill_fuzz::carriers::billing::Format;
use waybill_fuzz::{ROOT, targets};

/// Longest word of a dictionary: libFuzzer takes no longer ones.
const WORD_BYTES_MAX: usize = 60;

type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let to = PathBuf::from(std::env::args_os().nth(1).ok_or("where to?")?);
    let mut seeds = Seeds::new();
    for path in files(&Path::new(ROOT).join("src/carriers"))? {
        let of_fixtures = path.parent().filter(|folder| folder.ends_with("fixtures"));
        let Some(folder) = of_fixtures.and_then(Path::parent).and_then(Path::file_name) else { continue };
        let body = fs::read(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        sort(&folder.to_string_lossy(), &name, &body, &mut seeds);
    }
    signatures(&mut seeds);
    for (target, seeds) in &seeds {
        fs::create_dir_all(to.join(target))?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(to.join(target).join(format!("seed-{number:03}")), seed)?;
        }
        fs::write(to.join(format!("{target}.dict")), dictionary(seeds))?;
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

/// The byte that makes a target's function pick this reader of `count`, in this way.
fn seed(which: usize, way: usize, count: usize, body: &[u8]) -> Vec<u8> {
    let first = u8::try_from(which + way * count).unwrap_or_default();
    [&[first], body].concat()
}

fn sort(folder: &str, name: &str, body: &[u8], seeds: &mut Seeds) {
    let mut add = |target, seed| seeds.entry(target).or_default().push(seed);
    let id = if folder == "track17" { "17track" } else { folder };
    let at = |all: &[&str]| all.iter().position(|known| *known == id);
    match (folder, name.rsplit('.').next().unwrap_or_default()) {
        ("billing", "edi") => (0..4).for_each(|way| add("x12", seed(2, way, 3, body))),
        ("billing", _) => {
            let format = targets::CSV_FORMATS.iter().position(|f| name.starts_with(f.source().trim_end_matches("_billing")));
            (0..4).for_each(|way| add("csv", seed(format.unwrap_or_default(), way, targets::CSV_FORMATS.len(), body)));
        }
        ("x12_ship", _) => add("x12", seed(1, 0, 3, body)),
        ("x12_214", _) => add("x12", seed(0, 0, 3, body)),
        ("edifact_iftsta", _) => add("edifact", seed(0, 0, 1, body)),
        ("data", "yaml") => described(body).into_iter().for_each(|seed| add("data", seed)),
        ("data", "json") => of_data("northpost", body).into_iter().for_each(|seed| add("data", seed)),
        ("signature", _) => {}
        (_, "xml") => at(targets::XML_SOURCES).into_iter().for_each(|at| add("xml", seed(at, 0, targets::XML_SOURCES.len(), body))),
        _ => {
            at(SOURCES).into_iter().for_each(|at| add("json", seed(at, 1, SOURCES.len(), body)));
            if folder == "gls" {
                ["gls_as_data", "anywhere"].iter().flat_map(|id| of_data(id, body)).for_each(|seed| add("data", seed));
            }
        }
    }
}

fn of_data(id: &str, body: &[u8]) -> Option<Vec<u8>> {
    let all = targets::described();
    all.iter().position(|(known, _)| known == id).map(|at| seed(at, 0, all.len(), body))
}

/// The examples that stand in a description.
fn described(yaml: &[u8]) -> Vec<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Description {
        id: String,
        #[serde(default)]
        examples: Vec<Example>,
    }
    #[derive(serde::Deserialize)]
    struct Example {
        body: Option<String>,
    }
    let Some(told) = std::str::from_utf8(yaml).ok().and_then(|text| serde_saphyr::from_str::<Description>(text).ok()) else {
        return Vec::new();
    };
    told.examples.iter().filter_map(|example| of_data(&told.id, example.body.as_deref()?.as_bytes())).collect()
}

/// Every header that is looked at, with something of the right form.
fn signatures(seeds: &mut Seeds) {
    let hex = "0887189e9d809c9238eb3e1ebbddb4ba84263645cc4457251f21eac4a9011cb8";
    let base64 = "CIcYnp2AnJI46z4eu920uoQmNkXMRFclHyHqxKkBHLg=";
    let rsa = include_str!("../../../src/carriers/signature/fixtures/rsa_a.base64").trim_ascii();
    let body = include_str!("../../../src/carriers/signature/fixtures/body.json");
    let key = include_str!("../../../src/carriers/signature/fixtures/jwks_a.json").split("\"kid\"").nth(1);
    let key = key.and_then(|rest| rest.split('"').nth(1)).unwrap_or_default();
    for (source, head) in [
        ("fedex", format!("fdx-signature: {base64}")),
        ("usps", format!("x-hmac: {base64}\nx-usps-hmac-signature: {hex}")),
        ("aftership", format!("aftership-hmac-sha256: {base64}, {base64}")),
        ("aftership", format!("am-webhook-signature: hmac-sha256={hex}\nas-signature-hmac-sha256: sha256={base64}")),
        ("sendcloud", format!("sendcloud-signature: {hex}")),
        ("easypost", format!("x-hmac-signature: hmac-sha256-hex={hex}")),
        ("shippo", format!("shippo-auth-signature: t=1795219100,v1={hex},v1={hex},v0=x")),
        (
            "shipengine",
            format!(
                "x-shipengine-rsa-sha256-key-id: {key}\nx-shipengine-rsa-sha256-signature: {rsa}\nx-shipengine-timestamp: 2026-11-20T23:58:20Z"
            ),
        ),
        ("17track", format!("sign: {hex}")),
        ("shiprocket", "x-api-key: some token".to_owned()),
        ("gls", "x-token: some token".to_owned()),
    ] {
        let at = targets::SIGNING.iter().position(|(known, _)| *known == source).unwrap_or_default();
        for way in 0..2 {
            // The signature of ShipEngine is genuine of this body: another one must not be.
            let body = body.replace('1', "2");
            let text = format!("{head}\n\n{body}");
            seeds.entry("signature").or_default().push(seed(at, way, targets::SIGNING.len(), text.as_bytes()));
        }
    }
}

/// Every word of the seeds, as libFuzzer reads them.
fn dictionary(seeds: &[Vec<u8>]) -> String {
    let mut words = BTreeSet::new();
    for seed in seeds {
        let found = seed.split(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'.'));
        words
            .extend(found.filter(|word| (2..=WORD_BYTES_MAX).contains(&word.len())).map(|word| String::from_utf8_lossy(word).into_owned()));
    }
    words.into_iter().take(4000).map(|word| format!("\"{word}\"\n")).collect()
}

const _: fn() = || {
    // A format that is added has to be looked at above.
    let _ = |format: Format| match format {
        Format::Ups | Format::FedEx | Format::Dhl | Format::X12_210 => {}
    };
};
