//! Looks at a service from outside: its window over HTTP, its metrics as a scraper reads them, its memory as the system tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::poll_until;
use crate::support::rig::Instance;

/// Longest that a service may take to be ready.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(40);

/// Status and body; `None` when nobody answers.
pub(crate) fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: waybill\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Status of a path.
pub(crate) fn status(instance: &Instance, path: &str) -> Option<u16> {
    get(&instance.address(), path).map(|answer| answer.0)
}

/// Waits until all are ready.
pub(crate) fn wait_ready(instances: &[Instance]) {
    for instance in instances {
        let ready = poll_until(READY_LIMIT, || (status(instance, "/readyz") == Some(200)).then_some(()));
        assert!(ready.is_some(), "{} {} is not ready: {:#?}", instance.service, instance.name, instance.last_words());
    }
}

/// Resident memory, KiB.
pub(crate) fn resident_kib(instance: &Instance) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", instance.pid())).expect("the process lives");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("the system tells its memory");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

type Labels = BTreeMap<String, String>;

/// What `/metrics` says.
#[derive(Debug)]
pub(crate) struct Metrics {
    samples: Vec<(String, Labels, f64)>,
    pub(crate) families: BTreeSet<String>,
    pub(crate) text: String,
}

impl Metrics {
    /// Reads the window of a service, as strictly as a scraper may.
    pub(crate) fn of(instance: &Instance) -> Self {
        let (status, text) = get(&instance.address(), "/metrics").expect("the window answers");
        assert_eq!(status, 200);
        Self::parse(text)
    }

    fn parse(text: String) -> Self {
        let mut types: BTreeMap<&str, &str> = BTreeMap::new();
        let mut samples = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# ") {
                let mut words = rest.splitn(3, ' ');
                match (words.next(), words.next(), words.next()) {
                    (Some("HELP"), Some(_), Some(help)) => assert!(!help.is_empty(), "{line}"),
                    (Some("TYPE"), Some(name), Some(kind)) => assert_eq!(types.insert(name, kind), None, "told twice: {line}"),
                    _ => panic!("neither help nor type: {line}"),
                }
                continue;
            }
            let (name, labels, value) = sample(line);
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end).filter(|n| types.contains_key(n)));
            let kind = types.get(family.unwrap_or(&name)).unwrap_or_else(|| panic!("no type before {line}"));
            assert_eq!(*kind == "histogram", family.is_some(), "{line}");
            samples.push((name, labels, value));
        }
        let families = types.keys().map(|name| (*name).to_owned()).collect();
        let metrics = Self { samples, families, text };
        metrics.buckets_grow();
        metrics
    }

    /// The buckets of a histogram count what is below their bound, so they grow up to all there is.
    fn buckets_grow(&self) {
        let mut last: BTreeMap<(String, Labels), f64> = BTreeMap::new();
        for (name, labels, value) in &self.samples {
            let Some(family) = name.strip_suffix("_bucket") else { continue };
            let mut own = labels.clone();
            let bound = own.remove("le").expect("a bucket has a bound");
            let before = last.insert((family.to_owned(), own.clone()), *value).unwrap_or(0.0);
            assert!(before <= *value, "{name} {labels:?}");
            if bound == "+Inf" {
                let all = self.samples.iter().find(|(n, l, _)| *n == format!("{family}_count") && *l == own).expect("a count");
                assert!((all.2 - value).abs() < 0.5, "{name} {labels:?}");
            }
        }
    }

    /// Sum of the samples of this name that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |have: &Labels| labels.iter().all(|(label, value)| have.get(*label).is_some_and(|v| v == value));
        self.samples.iter().filter(|(n, have, _)| n == name && fits(have)).map(|s| s.2).sum()
    }

    /// The largest of the samples of this name that have these labels.
    pub(crate) fn largest(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |have: &Labels| labels.iter().all(|(label, value)| have.get(*label).is_some_and(|v| v == value));
        self.samples.iter().filter(|(n, have, _)| n == name && fits(have)).map(|s| s.2).fold(0.0, f64::max)
    }

    /// [`Self::sum`] of a counter of things.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let sum = self.sum(name, labels);
        assert!(sum >= 0.0 && sum.fract() == 0.0, "{name} {labels:?} counts {sum}");
        format!("{:.0}", sum.abs()).parse().expect("a count")
    }

    /// Whether there is such a sample.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|s| s.0 == name)
    }
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':'), "{line}");
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("labels do not end: {line}"));
    let pair = |text: &str| {
        let (label, value) = text.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    };
    let labels = labels.split("\",").filter(|text| !text.is_empty()).map(pair).collect();
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}
