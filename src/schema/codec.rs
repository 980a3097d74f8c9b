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
            Record::ParcelChange(r) => codec.write(r.as_ref(), buf),
            Record::FreightInvoice(r) => codec.write(r.as_ref(), buf),
            Record::FreightCharge(r) => codec.write(r.as_ref(), buf),
            Record::FinanceFact(r) => codec.write(r.as_ref(), buf),
            Record::FinanceEntry(r) => codec.write(r.as_ref(), buf),
            Record::FreightVerdict(r) => codec.write(r.as_ref(), buf),
            Record::ExceptionDecision(r) => codec.write(r.as_ref(), buf),
            Record::SourceCounts(r) => codec.write(r.as_ref(), buf),
            Record::ShipmentNotice(r) => codec.write(r.as_ref(), buf),
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

    /// Makes sure that the writer's schema of a value is at hand, so that reading it later asks nobody.
    ///
    /// # Errors
    /// `WB-0120` for broken bytes or an unknown id; the registry's error when it is away.
    pub fn prepare(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        let (id, _) = wire::split(bytes)?;
        self.written(id).map(|_| ())
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
        "ParcelChange" => Record::ParcelChange(source.read()?),
        "FreightInvoice" => Record::FreightInvoice(source.read()?),
        "FreightCharge" => Record::FreightCharge(source.read()?),
        "FinanceFact" => Record::FinanceFact(source.read()?),
        "FinanceEntry" => Record::FinanceEntry(source.read()?),
        "FreightVerdict" => Record::FreightVerdict(source.read()?),
        "ExceptionDecision" => Record::ExceptionDecision(source.read()?),
        "SourceCounts" => Record::SourceCounts(source.read()?),
        "ShipmentNotice" => Record::ShipmentNotice(source.read()?),
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
        Record::ParcelChange(r) => serde_json::to_value(r),
        Record::FreightInvoice(r) => serde_json::to_value(r),
        Record::FreightCharge(r) => serde_json::to_value(r),
        Record::FinanceFact(r) => serde_json::to_value(r),
        Record::FinanceEntry(r) => serde_json::to_value(r),
        Record::FreightVerdict(r) => serde_json::to_value(r),
        Record::ExceptionDecision(r) => serde_json::to_value(r),
        Record::SourceCounts(r) => serde_json::to_value(r),
        Record::ShipmentNotice(r) => serde_json::to_value(r),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::testkit::records;

    fn known() -> Codecs {
        let codecs = Codecs::new().expect("schemas");
        for (i, name) in (1..).zip(Record::NAMES) {
            codecs.know(i, name);
        }
        codecs
    }

    fn id_of(record: &Record) -> u32 {
        (1..).zip(Record::NAMES).find(|(_, n)| **n == record.name()).expect("a name").0
    }

    fn field_names(schema: &Schema) -> Vec<&str> {
        let Schema::Record(record) = schema else { panic!("a record") };
        record.fields.iter().map(|f| f.name.as_str()).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(record in records::record()) {
            let codecs = known();
            let mut buf = b"kept".to_vec();
            codecs.encode(&record, id_of(&record), &mut buf).expect("encodes");
            let value = buf.split_off(4);
            prop_assert_eq!(&buf, b"kept");
            prop_assert_eq!(codecs.decode(record.name(), &value).expect("decodes"), record.clone());

            // The way over another version of the schema gives the same.
            let index = embedded::index(record.name()).expect("index");
            let schema = codecs.ours[index].schema;
            let mut json = codecs.decode_generic(&value).expect("generic");
            resolve::to_reader(&mut json, schema).expect("fits");
            prop_assert_eq!(from_json(record.name(), json).expect("from json"), record.clone());

            // JSON lines say the field names of the schema, in its order.
            let lines = to_json(&record).expect("json");
            let names: Vec<&str> = lines.as_object().expect("object").keys().map(String::as_str).collect();
            prop_assert_eq!(names, field_names(schema));
        }

        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..200), id in 1_u32..=20) {
            let codecs = known();
            let mut value = Vec::new();
            wire::put_header(id, &mut value);
            value.extend(bytes);
            for name in Record::NAMES {
                let _ = codecs.decode(name, &value);
            }
            let _ = codecs.decode_generic(&value);
        }
    }

    fn a_link() -> Record {
        Record::ShipmentLink(Box::new(crate::domain::erp::ShipmentLink {
            shipment_key: "1Z1".into(),
            tracking_number: "1z 1".into(),
            carrier: None,
            delivery_key: "main:1:2".into(),
            picking_name: Some("WH/OUT/00002".into()),
            parcels_expected: 1,
            linked: true,
            linked_at: 5,
        }))
    }

    #[test]
    fn wrong_record_broken_bytes_and_trailing_bytes_are_told_apart() {
        let codecs = known();
        let mut value = Vec::new();
        codecs.encode(&a_link(), 4, &mut value).expect("encodes");
        let code = |name: &str, bytes: &[u8]| match codecs.decode(name, bytes) {
            Err(DecodeError::Park(park)) => park.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code("ShipmentEvent", &value), Code::WRONG_SCHEMA);
        assert_eq!(code("ShipmentLink", &value[..value.len() - 1]), Code::BAD_AVRO);
        assert_eq!(code("ShipmentLink", &[&value[..], b"x"].concat()), Code::BAD_AVRO);
        assert_eq!(code("ShipmentLink", b"\0\0\0\0\x63rest"), Code::BAD_AVRO, "an id that nobody knows");
    }

    fn datum_of<T: Serialize>(schema: &serde_json::Value, record: &T) -> Vec<u8> {
        let schema = Schema::parse(schema).expect("schema");
        let mut value = Vec::new();
        wire::put_header(77, &mut value);
        value.extend(GenericDatumWriter::builder(&schema).build().expect("writer").write_ser_to_vec(record).expect("writes"));
        value
    }

    #[test]
    fn an_older_and_a_newer_version_are_read() {
        mod older {
            #[derive(serde::Serialize)]
            pub(super) struct ShipmentLink {
                pub(super) shipment_key: &'static str,
                pub(super) tracking_number: &'static str,
                pub(super) carrier: Option<String>,
                pub(super) delivery_key: &'static str,
                pub(super) linked: bool,
                pub(super) linked_at: i64,
            }
        }
        mod newer {
            #[derive(serde::Serialize)]
            pub(super) struct ShipmentLink {
                pub(super) added: &'static str,
                #[serde(flatten)]
                pub(super) rest: crate::domain::erp::ShipmentLink,
            }
        }
        let Record::ShipmentLink(link) = a_link() else { panic!("a link") };
        let ours: serde_json::Value = serde_json::from_str(embedded::text("ShipmentLink").expect("text")).expect("json");

        let mut older = ours.clone();
        older["fields"].as_array_mut().expect("fields").retain(|f| f["name"] != "parcels_expected" && f["name"] != "picking_name");
        let sent = older::ShipmentLink {
            shipment_key: "1Z1",
            tracking_number: "1z 1",
            carrier: None,
            delivery_key: "main:1:2",
            linked: true,
            linked_at: 5,
        };
        let older_value = datum_of(&older, &sent);

        let mut newer = ours;
        newer["fields"].as_array_mut().expect("fields").insert(0, serde_json::json!({"name": "added", "type": "string", "default": ""}));
        let newer_value = datum_of(&newer, &newer::ShipmentLink { added: "x", rest: link.as_ref().clone() });

        let mut expected_older = link.clone();
        expected_older.picking_name = None;
        for (schema, value, expected) in [(older, older_value, expected_older), (newer, newer_value, link)] {
            let asked = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&asked);
            let text = schema.to_string();
            let codecs = Codecs::with_registry(move |id| {
                counter.fetch_add(1, Ordering::Relaxed);
                if id == 77 { Ok(text.clone()) } else { Err(RegistryError::Away("down".into())) }
            })
            .expect("codecs");
            for _ in 0..3 {
                assert_eq!(codecs.decode("ShipmentLink", &value), Ok(Record::ShipmentLink(expected.clone())));
            }
            assert_eq!(asked.load(Ordering::Relaxed), 1, "asked once");
            assert!(matches!(codecs.decode("ShipmentLink", b"\0\0\0\0\x01"), Err(DecodeError::Registry(RegistryError::Away(_)))));
        }
    }

    #[test]
    fn a_word_of_the_future_is_read_as_the_default() {
        let reader = codec_schema("ShipmentStatus");
        let mut json = serde_json::json!({
            "shipment_key": "1", "tracking_number": "1", "carrier": "ups", "milestone": "teleported", "version": 1, "received_at": 2,
        });
        resolve::to_reader(&mut json, reader).expect("fits");
        let Some(Record::ShipmentStatus(status)) = from_json("ShipmentStatus", json) else { panic!("a status") };
        assert_eq!(status.milestone, crate::domain::vocabulary::Milestone::Unknown);
        assert_eq!((status.history.len(), status.attempts), (0, 0));
    }

    fn codec_schema(name: &str) -> &'static Schema {
        embedded::parsed(embedded::index(name).expect("index")).expect("schema")
    }
}
