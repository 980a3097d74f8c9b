//! What the schema beside a message says about how a column is written down.

use serde_json::Value;

/// How a column's value is to be read, where the message tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// Nanoseconds since the epoch.
    Nanos,
    /// Days since the epoch.
    Days,
    /// Base64 of an unscaled integer, with this many digits after the point.
    Scale(u32),
}

/// The encoding of a column of the row that stands under `part` (`after`, `before`), or at the top in a flattened message.
pub(super) fn of(schema: Option<&Value>, part: Option<&str>, column: &str) -> Option<Encoding> {
    let top = schema?;
    let row = match part {
        Some(name) => field(top, name)?,
        None => top,
    };
    let column = field(row, column)?;
    match column.get("name")?.as_str()? {
        "io.debezium.time.Timestamp" | "org.apache.kafka.connect.data.Timestamp" => Some(Encoding::Millis),
        "io.debezium.time.MicroTimestamp" => Some(Encoding::Micros),
        "io.debezium.time.NanoTimestamp" => Some(Encoding::Nanos),
        "io.debezium.time.Date" | "org.apache.kafka.connect.data.Date" => Some(Encoding::Days),
        "org.apache.kafka.connect.data.Decimal" => {
            let scale = column.get("parameters")?.get("scale")?;
            scale.as_str().and_then(|s| s.parse().ok()).or_else(|| scale.as_u64().and_then(|s| s.try_into().ok())).map(Encoding::Scale)
        }
        _ => None,
    }
}

fn field<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    of.get("fields")?.as_array()?.iter().find(|f| f.get("field").and_then(Value::as_str) == Some(name))
}
