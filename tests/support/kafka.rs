//! Apache Kafka on loopback: one node, broker and controller in one process, with its own data directory.
//!
//! `WAYBILL_TEST_KAFKA=host:port` takes a cluster that already runs instead; it cannot be restarted.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Message, OwnedMessage};

use super::process::{Guarded, free_port, once_per_target};
use super::{repository, target_dir, wait_until};

const START_LIMIT: Duration = Duration::from_mins(1);
const CLIENT_LIMIT: Duration = Duration::from_secs(10);

/// A Kafka cluster for tests.
#[derive(Debug)]
pub struct Kafka {
    brokers: String,
    node: Option<Mutex<Node>>,
}

/// How a broker is brought down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// SIGKILL, as a crash.
    Kill,
    /// SIGTERM, an orderly stop.
    Term,
}

#[derive(Debug)]
struct Node {
    dir: tempfile::TempDir,
    process: Option<Guarded>,
}

impl Kafka {
    /// Starts a broker of one's own, or takes the cluster of `WAYBILL_TEST_KAFKA`.
    pub fn start() -> Self {
        if let Ok(brokers) = std::env::var("WAYBILL_TEST_KAFKA") {
            wait_until(START_LIMIT, "the cluster of WAYBILL_TEST_KAFKA answers", || answers(&brokers));
            return Self { brokers, node: None };
        }
        fetch();
        // Another test binary may take a port between the choice and the bind: choose again.
        for _ in 0..3 {
            if let Some(kafka) = Self::try_start() {
                return kafka;
            }
        }
        panic!("the broker did not start, see above");
    }

    /// The one broker of this test binary, started by the first who asks. Topics are told apart by [`unique`].
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn try_start() -> Option<Self> {
        let dir = tempfile::Builder::new().prefix("waybill-kafka-").tempdir().expect("a temporary directory");
        let (port, controller) = (free_port(), free_port());
        let properties = dir.path().join("server.properties");
        std::fs::write(&properties, server_properties(port, controller, &dir.path().join("data"))).expect("the properties can be written");
        let formatted = java()
            .args(["kafka.tools.StorageTool", "format", "-t", "d2F5YmlsbC10ZXN0cy0wMQ", "-c"])
            .arg(&properties)
            .output()
            .expect("java starts");
        assert!(formatted.status.success(), "formatting the storage failed: {}", String::from_utf8_lossy(&formatted.stderr));

        let brokers = format!("127.0.0.1:{port}");
        let mut node = Node { dir, process: None };
        node.launch();
        if !node.ready(&brokers) {
            return None;
        }
        Some(Self { brokers, node: Some(Mutex::new(node)) })
    }

    /// Bootstrap servers.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Whether [`Self::stop`] and [`Self::restart`] do anything. Says so on stderr when they do not.
    pub fn can_restart(&self) -> bool {
        if self.node.is_none() {
            eprintln!("skipped: a cluster given by WAYBILL_TEST_KAFKA is not restarted");
        }
        self.node.is_some()
    }

    /// Takes the broker down and leaves its data.
    pub fn stop(&self, how: Down) {
        let Some(mut node) = self.node() else { return };
        let Some(mut process) = node.process.take() else { return };
        if how == Down::Term {
            process.signal("TERM");
            if process.wait(Duration::from_secs(20)).is_some() {
                return;
            }
        }
        process.kill();
    }

    /// Brings a stopped broker up again, same port, same data, and waits until it answers.
    pub fn resume(&self) {
        let Some(mut node) = self.node() else { return };
        node.launch();
        assert!(node.ready(&self.brokers), "the broker did not come back");
    }

    /// [`Self::stop`], then [`Self::resume`].
    pub fn restart(&self, how: Down) {
        self.stop(how);
        self.resume();
    }

    fn node(&self) -> Option<MutexGuard<'_, Node>> {
        // A test that failed while it held the broker must not fail all others.
        self.node.as_ref().map(|node| node.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A client configuration that names this cluster; `more` is set on top.
    pub fn client(&self, more: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        for (name, value) in more {
            config.set(*name, *value);
        }
        config
    }

    /// Creates topics with the broker's own settings and waits until it leads all their partitions.
    pub fn create_topics(&self, names: &[String], partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.client(&[]).create().expect("an admin client");
        let topics: Vec<NewTopic<'_>> = names.iter().map(|n| NewTopic::new(n, partitions, TopicReplication::Fixed(1))).collect();
        let options = AdminOptions::new().operation_timeout(Some(CLIENT_LIMIT));
        for result in runtime().block_on(admin.create_topics(&topics, &options)).expect("the broker answers") {
            result.expect("the topic is created");
        }
        let probe: BaseConsumer = self.client(&[]).create().expect("a consumer");
        wait_until(CLIENT_LIMIT, "the new topics have leaders", || {
            probe.fetch_metadata(None, CLIENT_LIMIT).is_ok_and(|metadata| {
                let led = metadata.topics().iter().filter(|t| names.iter().any(|n| n == t.name()));
                led.filter(|t| !t.partitions().is_empty() && t.partitions().iter().all(|p| p.leader() >= 0)).count() == names.len()
            })
        });
    }

    /// Creates a topic and waits until the broker leads all its partitions.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.client(&[]).create().expect("an admin client");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(CLIENT_LIMIT));
        let results = runtime().block_on(admin.create_topics([&topic], &options)).expect("the broker answers");
        for result in results {
            result.expect("the topic is created");
        }
        let probe: BaseConsumer = self.client(&[]).create().expect("a consumer");
        wait_until(CLIENT_LIMIT, "the new topic has leaders", || {
            probe.fetch_metadata(Some(name), CLIENT_LIMIT).is_ok_and(|metadata| {
                metadata.topics().iter().any(|topic| {
                    topic.partitions().len() == usize::try_from(partitions).unwrap_or(0)
                        && topic.partitions().iter().all(|p| p.leader() >= 0)
                })
            })
        });
    }

    /// Takes topics away.
    pub fn drop_topics(&self, names: &[String]) {
        let admin: AdminClient<DefaultClientContext> = self.client(&[]).create().expect("an admin client");
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let options = AdminOptions::new().operation_timeout(Some(CLIENT_LIMIT));
        for result in runtime().block_on(admin.delete_topics(&names, &options)).expect("the broker answers") {
            result.expect("the topic is dropped");
        }
    }

    /// Every record of a topic from its beginning to the end that `read_committed` sees now, partition by partition.
    pub fn read_committed(&self, topic: &str) -> Vec<OwnedMessage> {
        let consumer: BaseConsumer = self
            .client(&[
                ("group.id", &unique("reader")),
                ("isolation.level", "read_committed"),
                ("enable.auto.commit", "false"),
                ("enable.partition.eof", "true"),
                ("auto.offset.reset", "earliest"),
                ("fetch.wait.max.ms", "20"),
            ])
            .create()
            .expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), CLIENT_LIMIT).expect("metadata");
        let partitions: Vec<i32> = metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|p| p.id()).collect();
        let mut assignment = rdkafka::TopicPartitionList::new();
        for partition in &partitions {
            assignment.add_partition_offset(topic, *partition, rdkafka::Offset::Beginning).expect("a valid offset");
        }
        consumer.assign(&assignment).expect("assignment");

        let mut open: std::collections::BTreeSet<i32> = partitions.into_iter().collect();
        let mut records = Vec::new();
        let mut last_progress = Instant::now();
        while !open.is_empty() {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => records.push(message.detach()),
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                Some(Err(error)) => panic!("reading {topic} failed: {error}"),
                None => {
                    assert!(last_progress.elapsed() < START_LIMIT, "{topic} has no end in partitions {open:?}");
                    continue;
                }
            }
            last_progress = Instant::now();
        }
        records.sort_by_key(Message::partition);
        records
    }
}

impl Node {
    fn launch(&mut self) {
        let mut arguments = jvm_arguments();
        arguments.push("kafka.Kafka".to_owned());
        arguments.push(self.dir.path().join("server.properties").display().to_string());
        self.process = Some(Guarded::start(self.dir.path(), &PathBuf::from("java"), &arguments, &[]));
    }

    /// Waits until the broker answers; `false`, with its last words on stderr, when it ended or took too long.
    fn ready(&mut self, brokers: &str) -> bool {
        let started = Instant::now();
        let process = self.process.as_mut().expect("launched");
        while process.alive() && started.elapsed() < START_LIMIT {
            if answers(brokers) {
                return true;
            }
        }
        eprintln!("the broker did not answer after {:?}:\n{}", started.elapsed(), process.output());
        false
    }
}

/// A name no other test uses: topic prefixes, groups and transactional ids of tests that share a broker.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // A cluster given from outside outlives the process, so the process id alone would come again.
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    format!("{name}-{}-{nanos:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A runtime for the admin client, whose calls are futures.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn answers(brokers: &str) -> bool {
    // Asked before rdkafka is: a client that found the port closed backs off and would add its waiting to the start.
    if std::net::TcpStream::connect(brokers).is_err() {
        std::thread::sleep(Duration::from_millis(20));
        return false;
    }
    let client: Result<BaseConsumer, _> =
        ClientConfig::new().set("bootstrap.servers", brokers).set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg).create();
    client.is_ok_and(|client| client.fetch_metadata(None, Duration::from_secs(2)).is_ok_and(|metadata| !metadata.brokers().is_empty()))
}

fn libs() -> PathBuf {
    target_dir().join("kafka/libs")
}

/// Fetches the jars that `tests/kafka/pom.xml` names, once.
fn fetch() {
    once_per_target(&libs().join(".complete"), || {
        let status = Command::new("mvn")
            .args(["-q", "-B", "-f"])
            .arg(repository("tests/kafka/pom.xml"))
            .arg("dependency:copy-dependencies")
            .arg(format!("-DoutputDirectory={}", libs().display()))
            .status()
            .expect("maven starts");
        assert!(status.success(), "maven could not fetch kafka");
    });
}

fn jvm_arguments() -> Vec<String> {
    vec![
        "-Xms128m".to_owned(),
        "-Xmx512m".to_owned(),
        "-XX:+UseSerialGC".to_owned(),
        "-XX:-UsePerfData".to_owned(),
        format!("-Dlog4j2.configurationFile={}", repository("tests/kafka/log4j2.properties").display()),
        "-cp".to_owned(),
        format!("{}/*", libs().display()),
    ]
}

fn java() -> Command {
    let mut command = Command::new("java");
    command.args(jvm_arguments());
    command
}

/// A single node that shows within a test what takes minutes or hours in production: joins, aborts, compaction.
fn server_properties(port: u16, controller: u16, data: &std::path::Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=4
message.max.bytes=20971520
replica.fetch.max.bytes=20971520
num.network.threads=2
num.io.threads=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.initial.task.delay.ms=1000
log.retention.check.interval.ms=1000
log.cleaner.backoff.ms=200
log.cleaner.min.cleanable.ratio=0.01
log.cleaner.dedupe.buffer.size=16777216
",
        data = data.display()
    )
}
