//! All services as processes of their own on a real broker, with stand-ins for registry and Odoo in the test.
//!
//! A rig has its own prefix, so that several share a broker. Whoever ends by itself is started again, as a supervisor does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use waybill::config::topics::{TopicSchema, Topics};
use waybill::schema::codec::Codecs;
use waybill::schema::registry::{RegistryAuth, RegistryClient};
use waybill::services::dev::odoo_standin::{self, Standin};
use waybill::services::dev::registry::RegistryStandin;
use waybill::testkit::generator::{ODOO, RawRecord};
use waybill::testkit::oracle::{Books, INPUTS, Read, Stand};

use super::kafka::{Kafka, unique};
use super::process::Guarded;
use super::{poll_until, wait_until};

/// Partitions of every topic.
pub const PARTITIONS: i32 = 4;
const LIMIT: Duration = Duration::from_secs(20);
/// The service that not every run has.
const FINANCE: &str = "finance-accrual";
/// Ends that nobody caused; more of them are no accident.
const ENDS_MAX: usize = 20;

/// One process of a service.
#[derive(Debug)]
pub struct Instance {
    pub service: &'static str,
    pub name: String,
    /// Static membership: a restart moves no partition.
    pub fixed: bool,
    process: Guarded,
}

impl Instance {
    /// SIGKILL, at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Whether the process still runs.
    pub fn alive(&mut self) -> bool {
        self.process.alive()
    }

    /// Waits for its end.
    pub fn ended(&mut self, limit: Duration) -> bool {
        self.process.wait(limit).is_some()
    }

    /// Waits for its end and tells the exit code.
    pub fn exit_code(&mut self, limit: Duration) -> Option<i32> {
        self.process.wait(limit)?.code()
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where its newest start answers for metrics and health; waits until it says so.
    pub fn address(&self) -> String {
        let started = || {
            let output = self.output();
            let lines = output.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            lines.rev().find(|line| line["event"] == "started").and_then(|line| line["metrics_at"].as_str().map(str::to_owned))
        };
        poll_until(LIMIT, started).unwrap_or_else(|| panic!("{} {} has not started:\n{}", self.service, self.name, self.output()))
    }

    /// What it has logged, over all its starts.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Log lines with this `event`, over all its starts, from the line with this number on.
    pub fn logged(&self, event: &str, from_line: usize) -> Vec<serde_json::Value> {
        let output = self.output();
        let lines = output.lines().skip(from_line).filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter(|line| line.get("event").and_then(|e| e.as_str()) == Some(event)).collect()
    }

    /// The last it has logged, newest first.
    pub fn last_words(&self) -> Vec<String> {
        self.output().lines().rev().take(12).map(str::to_owned).collect()
    }

    /// Where its threads stand, as far as the machine has a debugger: what it logs says nothing of a call that does not return.
    pub fn stacks(&self) -> String {
        let asked = std::process::Command::new("timeout")
            .args(["20", "gdb", "-batch", "-p", &self.pid().to_string(), "-ex", "thread apply all bt 16"])
            .output();
        asked.map_or_else(|error| format!("no gdb: {error}"), |told| String::from_utf8_lossy(&told.stdout).into_owned())
    }

    /// How many lines it has logged.
    pub fn lines(&self) -> usize {
        self.output().lines().count()
    }

    /// The most memory that the running process has had at once, MiB.
    pub fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the kernel tells");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    }
}

/// What the broker has not taken: an oracle that knows the input has to know that.
#[derive(Default)]
pub struct Deliveries {
    failed: Mutex<Vec<String>>,
}

impl rdkafka::ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let place = format!("{}/{}: {error}", message.topic(), message.partition());
            self.failed.lock().expect("nobody panics while holding it").push(place);
        }
    }
}

/// An installation.
pub struct Rig<'a> {
    pub kafka: &'a Kafka,
    pub prefix: String,
    pub odoo: Standin,
    pub codecs: Codecs,
    pub producer: BaseProducer<Deliveries>,
    pub extra: Vec<(String, String)>,
    /// Schema id of every record, by its name.
    pub schema_ids: BTreeMap<String, u32>,
    /// Partitions of every topic.
    pub partitions: i32,
    pub(super) dir: tempfile::TempDir,
    pub(super) topics: Vec<String>,
    ends: usize,
    keeps_books: AtomicBool,
    // Last, so that the stand-ins end before it.
    registry: RegistryStandin,
    pub runtime: tokio::runtime::Runtime,
}

impl<'a> Rig<'a> {
    /// Topics, schemas and stand-ins; no process yet.
    pub fn new(kafka: &'a Kafka, name: &str) -> Self {
        Self::with_prefix(kafka, format!("{}.", unique(name)))
    }

    /// The same under a given prefix, which nobody else on this broker may have.
    pub fn with_prefix(kafka: &'a Kafka, prefix: String) -> Self {
        let mut rig = Self::bare(kafka, prefix);
        let all = Topics::builtin().expect("topics.yaml");
        let client = RegistryClient::new(&[rig.registry.url()], RegistryAuth::None, LIMIT).expect("a registry client");
        let registered = rig.runtime.block_on(client.register_all(&all.subjects(&rig.prefix))).expect("schemas are registered");
        for entry in &registered {
            rig.codecs.know(entry.schema_id, &entry.record);
        }
        rig.schema_ids = registered.into_iter().map(|entry| (entry.record, entry.schema_id)).collect();
        let written = all.topics.iter().filter(|t| t.schema != TopicSchema::Planned && !t.is_pattern());
        rig.topics = written.map(|t| t.name.clone()).collect();
        rig.topics.push(format!("raw.odoo.{ODOO}"));
        // Nothing is compacted: the oracle wants to see every version.
        let names: Vec<String> = rig.topics.iter().map(|t| format!("{}{t}", rig.prefix)).collect();
        kafka.create_topics(&names, PARTITIONS);
        rig
    }

    /// Stand-ins and a configuration; nothing on the cluster yet, and no schemas.
    pub fn bare(kafka: &'a Kafka, prefix: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let registry = runtime.block_on(RegistryStandin::start()).expect("a registry");
        let settings = odoo_standin::Settings { accept_any_picking: true, ..odoo_standin::Settings::of_version(19) };
        let odoo = runtime.block_on(Standin::start(settings)).expect("an odoo");
        let codecs = Codecs::new().expect("codecs");
        let properties =
            [("enable.idempotence", "true"), ("linger.ms", "5"), ("partitioner", "murmur2_random"), ("message.max.bytes", "20000000")];
        let producer = kafka.client(&properties).create_with_context(Deliveries::default()).expect("a producer");
        let dir = tempfile::Builder::new().prefix("waybill-rig-").tempdir().expect("a temporary directory");
        let rig = Self {
            kafka,
            prefix,
            odoo,
            codecs,
            producer,
            extra: Vec::new(),
            schema_ids: BTreeMap::new(),
            partitions: PARTITIONS,
            dir,
            topics: Vec::new(),
            ends: 0,
            keeps_books: AtomicBool::new(false),
            registry,
            runtime,
        };
        std::fs::write(rig.config(), rig.settings(&rig.registry.url())).expect("the configuration can be written");
        rig
    }

    /// Runs a command of the binary with this installation's configuration; returns its exit code and all it said.
    pub fn command(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_waybill"));
        command.args(words).arg("--config").arg(self.config()).envs(self.extra.iter().map(|(name, value)| (name, value)));
        let output = command.output().expect("waybill starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("waybill.yaml")
    }

    fn settings(&self, registry: &str) -> String {
        format!(
            "kafka: {{brokers: '{brokers}', prefix: '{prefix}', session_timeout_ms: 6000, max_poll_interval_ms: 60000, \
             transaction_timeout_ms: 10000, batch_records: 300, probe: false}}\n\
             registry: {{url: '{registry}'}}\nstore: {{dir: '{store}'}}\nhttp: {{listen: '127.0.0.1:0'}}\nlog: {{format: json}}\n\
             odoo:\n  settle_ms: 2000\n  call_timeout_ms: 3000\n  effects_per_second: 5000\n  instances:\n    {ODOO}: \
             {{url: '{odoo}', database: standin, login: waybill, api_key: standin-key, company_currencies: {{1: EUR}}}}\n\
             finance:\n  books:\n    one: {{instance: {ODOO}, company: 1, currency: EUR, tolerances: [{{absolute: '0.50'}}], \
             unbilled_case_days: 3650, journal: {journal}, accrued_account: {accrued}, expense_accounts: {{freight: {freight}}}, post: true, \
             bill_journal: {bill_journal}, vendors: {{ups: {ups}}}}}\n",
            brokers = self.kafka.brokers(),
            prefix = self.prefix,
            store = self.store_dir().display(),
            odoo = self.odoo.url(),
            journal = Books::JOURNAL,
            accrued = Books::ACCRUED,
            freight = Books::FREIGHT,
            bill_journal = Books::BILL_JOURNAL,
            ups = Books::UPS,
        )
    }

    /// The directory under which every instance has its stores: `<service>/<instance>/p0000`.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Starts an instance of a service.
    pub fn start(&self, service: &'static str, name: &str, fixed: bool) -> Instance {
        self.keeps_books.fetch_or(service == FINANCE, Ordering::Relaxed);
        Instance { service, name: name.to_owned(), fixed, process: self.launch(service, name, fixed) }
    }

    fn launch(&self, service: &str, name: &str, fixed: bool) -> Guarded {
        let dir = self.dir.path().join(format!("{service}-{name}"));
        std::fs::create_dir_all(&dir).expect("a directory for the process");
        let arguments = ["run", service, "--config", &self.config().display().to_string()].map(str::to_owned);
        let mut environment = vec![("WAYBILL_KAFKA__INSTANCE_ID".to_owned(), name.to_owned())];
        if fixed {
            environment.push(("WAYBILL_KAFKA__GROUP_INSTANCE_ID".to_owned(), name.to_owned()));
        }
        environment.extend(self.extra.iter().cloned());
        Guarded::start(&dir, Path::new(env!("CARGO_BIN_EXE_waybill")), &arguments, &environment)
    }

    /// Starts an instance again after its end.
    pub fn restart(&self, instance: &mut Instance) {
        assert!(!instance.alive(), "it still runs");
        instance.process = self.launch(instance.service, &instance.name, instance.fixed);
    }

    /// What a supervisor does: whoever ended by itself is started again. Says why it ended.
    pub fn supervise(&mut self, instances: &mut [Instance]) {
        for instance in instances {
            if !instance.alive() {
                let output = instance.output();
                let last: Vec<&str> = output.lines().rev().take(4).collect();
                eprintln!("{} {} ended by itself: {last:#?}", instance.service, instance.name);
                self.ends += 1;
                assert!(self.ends <= ENDS_MAX, "services end by themselves again and again");
                self.restart(instance);
            }
        }
    }

    /// How many processes have ended by themselves.
    pub fn ends(&self) -> usize {
        self.ends
    }

    /// Where the store of a partition of an instance is.
    pub fn store_of(&self, instance: &Instance, partition: i32) -> PathBuf {
        self.store_dir().join(instance.service).join(&instance.name).join(format!("p{partition:04}"))
    }

    /// Whether no transaction is open over any topic: what is committed can be read to the end. Whoever was killed leaves
    /// one behind, and what stands after it cannot be read before its time-out.
    pub fn settled(&self) -> bool {
        let committed: BaseConsumer = self.kafka.client(&[("isolation.level", "read_committed")]).create().expect("a consumer");
        let all: BaseConsumer = self.kafka.client(&[("isolation.level", "read_uncommitted")]).create().expect("a consumer");
        let end = |consumer: &BaseConsumer, topic: &str, partition| consumer.fetch_watermarks(topic, partition, LIMIT).map_or(-1, |w| w.1);
        self.topics.iter().map(|t| format!("{}{t}", self.prefix)).all(|topic| {
            (0..self.partitions).all(|partition| {
                let there = end(&all, &topic, partition);
                there >= 0 && end(&committed, &topic, partition) == there
            })
        })
    }

    /// Hands messages to the broker, and waits until it has them.
    pub fn produce(&self, records: &[RawRecord]) {
        for record in records {
            let topic = format!("{}{}", self.prefix, record.topic);
            let mut headers = OwnedHeaders::new();
            for (name, value) in &record.headers {
                headers = headers.insert(Header { key: name, value: Some(value) });
            }
            let mut next = BaseRecord::<str, [u8]>::to(&topic).headers(headers);
            if let Some(key) = &record.key {
                next = next.key(key);
            }
            if let Some(value) = &record.value {
                next = next.payload(value);
            }
            self.producer.send(next).map_err(|(e, _)| e).expect("the queue has room");
            self.producer.poll(Duration::ZERO);
        }
        wait_until(Duration::from_mins(1), "the broker has every message", || {
            self.producer.poll(Duration::from_millis(5));
            self.producer.in_flight_count() == 0
        });
        let failed = self.producer.context().failed.lock().expect("nobody panics while holding it").clone();
        assert!(failed.is_empty(), "the broker has not taken everything: {failed:?}");
    }

    fn partitions_of(&self, topics: &[&str]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for topic in topics {
            list.add_partition_range(&format!("{}{topic}", self.prefix), 0, self.partitions - 1);
        }
        list
    }

    /// Where every service stands in its inputs; finance only where it has ever been started.
    pub fn stands(&self) -> Vec<Stand> {
        let mut stands = Vec::new();
        let keeps_books = self.keeps_books.load(Ordering::Relaxed);
        for (service, topics) in INPUTS.iter().filter(|(service, _)| keeps_books || *service != FINANCE) {
            let group = format!("{}{service}", self.prefix);
            let consumer: BaseConsumer =
                self.kafka.client(&[("group.id", &group), ("isolation.level", "read_committed")]).create().expect("a consumer");
            let Ok(committed) = consumer.committed_offsets(self.partitions_of(topics), LIMIT) else { return Vec::new() };
            stands.extend(committed.elements().iter().map(|e| Stand {
                service: (*service).to_owned(),
                topic: e.topic().trim_start_matches(&self.prefix).to_owned(),
                partition: e.partition(),
                next: e.offset().to_raw().filter(|o| *o >= 0),
                metadata: e.metadata().to_owned(),
            }));
        }
        stands
    }

    /// Whether every committed record has been worked on: nothing can be read behind where the groups stand, and nothing
    /// is hidden.
    pub fn idle(&self) -> bool {
        if !self.settled() {
            return false;
        }
        let stands = self.stands();
        if stands.is_empty() {
            return false;
        }
        let consumer: BaseConsumer = self
            .kafka
            .client(&[
                ("group.id", &unique("idle")),
                ("isolation.level", "read_committed"),
                ("enable.auto.commit", "false"),
                ("enable.partition.eof", "true"),
                ("fetch.wait.max.ms", "20"),
                ("fetch.message.max.bytes", "4096"),
            ])
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        // Two services may read one topic: from where the last of them stands, and nothing committed is less than any place.
        let mut places: BTreeMap<(&str, i32), Option<i64>> = BTreeMap::new();
        for stand in &stands {
            let place = places.entry((&stand.topic, stand.partition)).or_insert(stand.next);
            *place = stand.next.min(*place);
        }
        for ((topic, partition), next) in &places {
            let from = next.map_or(rdkafka::Offset::Beginning, rdkafka::Offset::Offset);
            list.add_partition_offset(&format!("{}{topic}", self.prefix), *partition, from).expect("a valid offset");
        }
        consumer.assign(&list).expect("assignment");
        let mut open = places.len();
        let started = Instant::now();
        while open > 0 && started.elapsed() < LIMIT {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(_)) => return false,
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(_)) | None => {}
            }
        }
        open == 0
    }

    /// Waits until nothing is left to do, twice in a row: a commit reaches its partitions one after the other.
    pub fn wait_idle(&mut self, limit: Duration, instances: &mut [Instance]) {
        let started = Instant::now();
        let mut times = 0;
        while times < 2 {
            self.supervise(instances);
            times = if self.idle() { times + 1 } else { 0 };
            if started.elapsed() >= limit {
                for instance in instances {
                    eprintln!("{} {}: {:#?}\n{}", instance.service, instance.name, instance.last_words(), instance.stacks());
                }
                if std::env::var_os("WAYBILL_KEEP").is_some() {
                    eprintln!("kept: {}", self.dir.path().display());
                    std::mem::forget(std::mem::replace(&mut self.dir, tempfile::tempdir().expect("a directory")));
                }
                panic!("not idle after {limit:?}: {:#?}", self.lags());
            }
        }
    }

    fn lags(&self) -> Vec<String> {
        let consumer: BaseConsumer = self.kafka.client(&[]).create().expect("a consumer");
        let behind = |s: &Stand| {
            let high = consumer.fetch_watermarks(&format!("{}{}", self.prefix, s.topic), s.partition, LIMIT).map_or(-1, |w| w.1);
            (high > s.next.unwrap_or(0) + 2).then(|| format!("{} {}/{}: {:?} of {high}", s.service, s.topic, s.partition, s.next))
        };
        self.stands().iter().filter_map(behind).collect()
    }

    /// Records of a topic as they are read by the oracle.
    pub fn read(&self, topic: &str) -> Vec<Read> {
        self.kafka.read_committed(&format!("{}{topic}", self.prefix)).iter().map(read_of).collect()
    }
}

fn read_of(message: &OwnedMessage) -> Read {
    let headers = message.headers().map(|all| all.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect());
    Read {
        partition: message.partition(),
        offset: message.offset(),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}
