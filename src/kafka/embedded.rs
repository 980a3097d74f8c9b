//! A broker inside the process for `waybill dev`: librdkafka's mock cluster. It keeps 5 MiB or 100,000 records per
//! partition, accepts transactions without isolating them, and forgets everything when the process ends.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::Error;

/// The running broker; it ends when dropped.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl std::fmt::Debug for EmbeddedBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmbeddedBroker")
    }
}

impl EmbeddedBroker {
    /// Starts one on a free port of the loopback address.
    pub fn start() -> Result<Self, Error> {
        Ok(Self { cluster: MockCluster::new(1)? })
    }

    /// Where it listens.
    #[must_use]
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Creates a topic.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), Error> {
        Ok(self.cluster.create_topic(name, partitions, 1)?)
    }
}
