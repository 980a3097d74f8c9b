//! Canonical records to bytes and back, without a detour over a generic value where the schema is ours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, RegistryError, embedded, generic, resolve, wire};
use crate::domain::record::Record;
use crate::domain::verdict::{Code, Park};

/// Writers' schemas that are kept at a time; beyond it the cache starts anew.
const FOREIGN_MAX: usize = 256;
/// Longest string or byte string that is believed in Avro, bytes: the largest record that a topic takes.
const ALLOCATION_MAX: usize = 17 << 20;

/// Asks the registry for the text of a schema by its id. May block: it is called from the thread that decodes.
pub type FetchSchema = dyn Fn(u32) -> Result<String, RegistryError> + Send + Sync;

/// A record cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An embedded schema is wrong: a mistake in the binary.
    #[error("schema of {0} is unusable")]
    Schema(String),
    /// The record does not fit its schema: a mistake in the code that made it.
    #[error("{0} does not fit its schema")]
    Record(&'static str),
}

struct Ours {
    schema: &'static Schema,
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
}

/// What an id turned out to be.
#[derive(Clone)]
enum Written {
    /// The schema at this index of [`Record::NAMES`], word for word.
    Ours(usize),
    /// Another version, or something else altogether.
    Foreign(Arc<Schema>),
}

/// Writes and reads every canonical record. Built once per process; all methods take `&self`.
pub struct Codecs {
    ours: Vec<Ours>,
    ids: RwLock<HashMap<u32, Written>>,
    asking: Mutex<()>,
    fetch: Box<FetchSchema>,
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codecs").field("records", &self.ours.len()).finish()
    }
}

impl Codecs {
    /// Codecs that know no registry: they read what was written under ids made known by [`Codecs::know`].
    ///
    /// # Errors
    /// When an embedded schema is unusable.
    pub fn new() -> Result<Self, EncodeError> {
        Self::with_registry(|id| Err(RegistryError::Unknown(format!("schema id {id}"))))
    }

    /// Codecs that ask the registry for ids they do not know, once each.
    ///
    /// # Errors
    /// When an embedded schema is unusable.
    pub fn with_registry(fetch: impl Fn(u32) -> Result<String, RegistryError> + Send + Sync + 'static) -> Result<Self, EncodeError> {
        apache_avro::util::max_allocation_bytes(ALLOCATION_MAX);
        let ours = (0..Record::NAMES.len()).map(Ours::new).collect::<Result<_, _>>()?;
        Ok(Self { ours, ids: RwLock::default(), asking: Mutex::new(()), fetch: Box::new(fetch) })
    }

    /// The record's schema of this binary is registered under this id. An unknown name is ignored.
    pub fn know(&self, schema_id: u32, name: &str) {
        if let Some(index) = embedded::index(name) {
            self.remember(schema_id, Written::Ours(index));
        }
    }

    /// Appends magic byte, schema id and datum. `buf` is as before when it fails.
    ///
    /// # Errors
    /// When the record does not fit its schema.
    pub fn encode(&self, record: &Record, schema_id: u32, buf: &mut Vec<u8>) -> Result<(), EncodeError> {
        let name = record.name();
        let codec = embedded::index(name).and_then(|i| self.ours.get(i)).ok_or(EncodeError::Record(name))?;
        let before = buf.len();
        wire::put_header(schema_id, buf);
        let done = match record {
            Record::ShipmentEvent(r) => codec.write(r.as_ref(), buf),
            Record::ShipmentStatus(r) => codec.write(r.as_ref(), buf),
            Record::DeliveryStatus(r) => codec.write(r.as_ref(), buf),
            Record::ShipmentLink(r) => codec.write(r.as_ref(), buf),
            Record::ExceptionRaised(r) => codec.write(r.as_ref(), buf),
            Record::ErpDelivery(r) => codec.write(r.as_ref(), buf),
            Record::ErpOrder(r) => codec.write(r.as_ref(), buf),
            Record::ErpInvoice(r) => codec.write(r.as_ref(), buf),
            Record::OdooImage(r) => codec.write(r.as_ref(), buf),
            Record::OdooCommand(r) => codec.write(r.as_ref(), buf),
            Record::OdooResult(r) => codec.write(r.as_ref(), buf),
        };
        if !done {
            buf.truncate(before);
            return Err(EncodeError::Record(name));
        }
        Ok(())
    }

    /// Reads the record of this name, written under our schema or another version of it.
    ///
    /// # Errors
    /// `WB-0120` for broken bytes, `WB-0121` when the bytes are another record; the registry's error when it is away.
    pub fn decode(&self, name: &str, bytes: &[u8]) -> Result<Record, DecodeError> {
        let index = embedded::index(name).ok_or_else(|| wrong(name))?;
        let (id, datum) = wire::split(bytes)?;
        match self.written(id)? {
            Written::Ours(written) if written == index => self.decode_ours(index, datum),
            Written::Ours(_) => Err(wrong(name)),
            Written::Foreign(schema) => {
                let codec = self.ours.get(index).ok_or_else(|| wrong(name))?;
                if schema.name() != codec.schema.name() {
                    return Err(wrong(name));
                }
                let mut json = generic::decode_generic(datum, &schema)?;
                resolve::to_reader(&mut json, codec.schema).ok_or_else(|| wrong(name))?;
                from_json(name, json).ok_or_else(|| wrong(name))
            }
        }
    }

    /// Reads any value in the wire format under its writer's schema, as JSON (see [`generic::decode_generic`]).
    ///
    /// # Errors
    /// `WB-0120` for broken bytes; the registry's error when it is away.
    pub fn decode_generic(&self, bytes: &[u8]) -> Result<serde_json::Value, DecodeError> {
        let (id, datum) = wire::split(bytes)?;
        match self.written(id)? {
            Written::Ours(index) => {
                let codec = self.ours.get(index).ok_or_else(|| DecodeError::bad("unknown schema"))?;
                generic::decode_generic(datum, codec.schema)
            }
            Written::Foreign(schema) => generic::decode_generic(datum, &schema),
        }
    }

    fn decode_ours(&self, index: usize, datum: &[u8]) -> Result<Record, DecodeError> {
        let broken = || DecodeError::bad("the bytes do not follow their schema");
        let codec = self.ours.get(index).ok_or_else(broken)?;
        let name = Record::NAMES.get(index).copied().unwrap_or_default();
        let mut rest = datum;
        let record = read_as(name, &mut AvroSource { reader: &codec.reader, rest: &mut rest }).ok_or_else(broken)?;
        if !rest.is_empty() {
            return Err(DecodeError::bad(format!("{} bytes behind the datum", rest.len())));
        }
        Ok(record)
    }

    fn written(&self, id: u32) -> Result<Written, DecodeError> {
        let known = || self.ids.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(written) = known() {
            return Ok(written);
        }
        let _one_at_a_time = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = known() {
            return Ok(written);
        }
        let text = (self.fetch)(id)?;
        let schema = Schema::parse_str(&text).map_err(|_| DecodeError::bad(format!("schema {id} of the registry cannot be parsed")))?;
        let written = match self.ours.iter().position(|o| *o.schema == schema) {
            Some(index) => Written::Ours(index),
            None => Written::Foreign(Arc::new(schema)),
        };
        self.remember(id, written.clone());
        Ok(written)
    }

    fn remember(&self, id: u32, written: Written) {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        if ids.len() >= FOREIGN_MAX {
            ids.retain(|_, w| matches!(w, Written::Ours(_)));
        }
        ids.insert(id, written);
    }
}

fn wrong(name: &str) -> DecodeError {
    DecodeError::Park(Park::new(Code::WRONG_SCHEMA, format!("the value is not a {name} that this version can read")))
}

impl Ours {
    fn new(index: usize) -> Result<Self, EncodeError> {
        let schema = embedded::parsed(index).map_err(EncodeError::Schema)?;
        // Not human readable: so that `Amount` is bytes and not text.
        let writer = GenericDatumWriter::builder(schema).human_readable(false).build().map_err(|e| EncodeError::Schema(e.to_string()))?;
        let reader = GenericDatumReader::builder(schema).human_readable(false).build().map_err(|e| EncodeError::Schema(e.to_string()))?;
        Ok(Self { schema, writer, reader })
    }

    fn write<T: Serialize>(&self, record: &T, buf: &mut Vec<u8>) -> bool {
        self.writer.write_ser(buf, record).is_ok()
    }
}

/// Somewhere one record can be read from.
trait Source {
    fn read<T: DeserializeOwned>(&mut self) -> Option<Box<T>>;
}

struct AvroSource<'a, 'b> {
    reader: &'a GenericDatumReader<'static>,
    rest: &'a mut &'b [u8],
}

impl Source for AvroSource<'_, '_> {
    fn read<T: DeserializeOwned>(&mut self) -> Option<Box<T>> {
        self.reader.read_deser::<T>(self.rest).ok().map(Box::new)
    }
}

struct JsonSource(serde_json::Value);

impl Source for JsonSource {
    fn read<T: DeserializeOwned>(&mut self) -> Option<Box<T>> {
        serde_json::from_value(self.0.take()).ok()
    }
}

/// A record from its JSON form, the one that `serde_json::to_string` of the record gives.
#[must_use]
pub fn from_json(name: &str, json: serde_json::Value) -> Option<Record> {
    read_as(name, &mut JsonSource(json))
}

fn read_as(name: &str, source: &mut impl Source) -> Option<Record> {
    Some(match name {
        "ShipmentEvent" => Record::ShipmentEvent(source.read()?),
        "ShipmentStatus" => Record::ShipmentStatus(source.read()?),
        "DeliveryStatus" => Record::DeliveryStatus(source.read()?),
        "ShipmentLink" => Record::ShipmentLink(source.read()?),
        "ExceptionRaised" => Record::ExceptionRaised(source.read()?),
        "ErpDelivery" => Record::ErpDelivery(source.read()?),
        "ErpOrder" => Record::ErpOrder(source.read()?),
        "ErpInvoice" => Record::ErpInvoice(source.read()?),
        "OdooImage" => Record::OdooImage(source.read()?),
        "OdooCommand" => Record::OdooCommand(source.read()?),
        "OdooResult" => Record::OdooResult(source.read()?),
        _ => return None,
    })
}

/// The JSON form of a record: one object, its fields named and ordered as in the schema, amounts as strings.
///
/// # Errors
/// When a record holds a number that JSON cannot say.
pub fn to_json(record: &Record) -> Result<serde_json::Value, serde_json::Error> {
    match record {
        Record::ShipmentEvent(r) => serde_json::to_value(r),
        Record::ShipmentStatus(r) => serde_json::to_value(r),
        Record::DeliveryStatus(r) => serde_json::to_value(r),
        Record::ShipmentLink(r) => serde_json::to_value(r),
        Record::ExceptionRaised(r) => serde_json::to_value(r),
        Record::ErpDelivery(r) => serde_json::to_value(r),
        Record::ErpOrder(r) => serde_json::to_value(r),
        Record::ErpInvoice(r) => serde_json::to_value(r),
        Record::OdooImage(r) => serde_json::to_value(r),
        Record::OdooCommand(r) => serde_json::to_value(r),
        Record::OdooResult(r) => serde_json::to_value(r),
    }
}
