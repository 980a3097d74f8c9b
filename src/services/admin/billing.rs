//! Billing files: what is in them, and their way to the raw topic of their source.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::carriers::billing::{FileError, Format, Piece, Pieces, piece_headers};
use crate::config::{Assignor, Config};
use crate::kafka::{self, Relay};
use crate::services::carrier_normalizer::hex;
use crate::services::settings::kafka_settings;

/// Records sent before their acknowledgement is waited for.
const UNSETTLED_MAX: u32 = 10_000;

/// Why a file is not or not wholly sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read, or is of another format as a whole.
    #[error(transparent)]
    File(#[from] FileError),
    /// The cluster is away or refuses.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The source has no topic.
    #[error("no source of this name is configured: {0}")]
    NoSource(&'static str),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::File(error.into())
    }
}

/// Sends files of one source, as a relay would: in order, each row as often as it is asked for.
#[derive(Debug)]
pub struct Sender {
    relay: Relay,
    topic: String,
    unsettled: u32,
}

impl Sender {
    /// A sender to the configured topic of the format.
    ///
    /// # Errors
    /// There is no such source, or no producer can be made.
    pub fn new(config: &Config, format: Format) -> Result<Self, Error> {
        let source = config.carriers.sources.get(format.source()).ok_or_else(|| Error::NoSource(format.source()))?;
        let relay = Relay::new(&kafka_settings(config, "freight-send", Assignor::Range))?;
        Ok(Self { relay, topic: config.kafka.prefixed(&source.topic), unsettled: 0 })
    }

    fn send(&mut self, piece: &Piece, format: Format, file_sha256: &str) -> Result<(), Error> {
        let headers = piece_headers(piece, format, file_sha256);
        self.relay.send(&self.topic, Some(piece.key.as_bytes()), Some(&piece.value), &headers)?;
        self.unsettled += 1;
        if self.unsettled >= UNSETTLED_MAX { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> Result<(), Error> {
        self.unsettled = 0;
        Ok(self.relay.settle()?)
    }
}

/// Hands every piece of a file to `see`, and sends it where a sender is given. The file is read twice: first for its SHA-256, by which each
/// piece names it.
///
/// # Errors
/// Whatever stands in the way; what was sent before stays sent, and sending the file again does no harm.
pub fn pass_on<E: From<Error>>(
    config: &Config,
    format: Format,
    path: &Path,
    mut sender: Option<&mut Sender>,
    mut see: impl FnMut(&Piece) -> Result<(), E>,
) -> Result<(), E> {
    let currency = config.carriers.sources.get(format.source()).and_then(|source| source.currency.clone());
    let file_sha256 = digest(path).map_err(Error::from)?;
    let file = BufReader::new(File::open(path).map_err(Error::from)?);
    for piece in Pieces::open(format, file, currency).map_err(Error::from)? {
        let piece = piece.map_err(Error::from)?;
        if let Some(sender) = &mut sender {
            sender.send(&piece, format, &file_sha256)?;
        }
        see(&piece)?;
    }
    if let Some(sender) = sender {
        sender.settle()?;
    }
    Ok(())
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut chunk)?;
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
    }
    Ok(hex(&hasher.finalize()))
}
