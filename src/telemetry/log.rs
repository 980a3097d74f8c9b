//! Where log lines go: stderr, as JSON for machines or as text for a person, every line masked.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::{Error, mask};
use crate::config::{LogConfig, LogFormat};

/// Installs the log of this process. With format `auto` a terminal gets text and everything else JSON.
/// Crates beneath us speak from `warn` on. Panics become lines of the log, also those of crates beneath us that are caught.
///
/// # Errors
/// When a log is installed already.
pub fn init(config: &LogConfig) -> Result<(), Error> {
    let level = config.level.as_str();
    let filter = EnvFilter::new(format!("warn,waybill={level}"));
    let on_terminal = std::io::stderr().is_terminal();
    let json = match config.format {
        LogFormat::Auto => !on_terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_writer(MaskedStderr);
    let installed = if json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        lines.with_ansi(on_terminal && config.color).try_init()
    };
    installed.map_err(|cause| Error::Log(cause.to_string()))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        super::events::panicked(place.as_deref().unwrap_or("unknown"));
    }));
    Ok(())
}

/// Masks what is written; the formatter hands over whole lines.
#[derive(Debug, Clone, Copy)]
struct MaskedStderr;

impl<'a> MakeWriter<'a> for MaskedStderr {
    type Writer = Masked<std::io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Masked(std::io::stderr())
    }
}

#[derive(Debug)]
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(mask::text(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Code;
    use crate::telemetry::events::{self, Origin};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_json_line_per_happening_with_its_fields_and_no_personal_data() {
        let kept = Kept::default();
        let sink = kept.clone();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_writer(move || Masked(sink.clone())).finish();
        tracing::subscriber::with_default(subscriber, || {
            let origin = Origin { service: "odoo-writer", topic: "odoo.commands", partition: 3, offset: 17 };
            events::dead_lettered(origin, Code::ODOO_REFUSED, "no such partner anna@example.com", Some("1Z999AA10123456784"), None);
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["event"], "dead_lettered");
        assert_eq!(line["code"], "WB-0140");
        assert_eq!(line["service"], "odoo-writer");
        assert_eq!(line["shipment"], "1Z999AA10123456784");
        assert_eq!(line["offset"], 17);
        assert_eq!(line["cause"], "no such partner a…@example.com");
        assert!(line.get("trace_id").is_none());
    }
}
