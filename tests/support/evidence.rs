//! What a run has left behind, in Kafka and in Odoo, and the oracle's word about it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use waybill::services::dev::odoo_standin::{Move, PAYABLE_ACCOUNT};
use waybill::testkit::generator::Run;
use waybill::testkit::oracle::{self, EntryInOdoo, Evidence, Read};

use super::rig::{Instance, Rig};

impl Rig<'_> {
    /// Everything the run has left behind.
    pub fn evidence(&self) -> Evidence {
        let read = |t: &String| (t.clone(), self.read(t));
        let wanted = |t: &&String| !t.ends_with(".changelog") && *t != "waybill.probe";
        let topics: BTreeMap<String, Vec<Read>> = self.topics.iter().filter(wanted).map(read).collect();
        let text =
            |row: &serde_json::Map<String, serde_json::Value>, name: &str| row.get(name).map(ToString::to_string).unwrap_or_default();
        let mut notes: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for row in self.odoo.rows("mail.message").into_values() {
            let picking = row.get("res_id").and_then(serde_json::Value::as_i64).unwrap_or_default();
            notes.entry(picking).or_default().push(row.get("message_id").and_then(|v| v.as_str()).unwrap_or_default().to_owned());
        }
        let files = self
            .odoo
            .rows("ir.attachment")
            .into_values()
            .map(|r| format!("file {} {} {}", text(&r, "res_id"), text(&r, "name"), text(&r, "checksum")));
        let tasks = self.odoo.rows("mail.activity").into_values().map(|r| format!("activity {} {}", text(&r, "res_id"), text(&r, "note")));
        Evidence {
            prefix: self.prefix.clone(),
            topics,
            stands: self.stands(),
            notes,
            others: files.chain(tasks).collect(),
            entries: self.entries(),
        }
    }

    fn entries(&self) -> Vec<EntryInOdoo> {
        let in_odoo = |m: Move| EntryInOdoo {
            external_id: m.external_id.unwrap_or_default(),
            state: m.state,
            move_type: m.move_type,
            reference: m.reference,
            journal: m.journal_id.unwrap_or_default(),
            lines: m.lines.iter().filter(|l| l.account_id != PAYABLE_ACCOUNT).map(|l| (l.account_id, l.debit, l.credit)).collect(),
        };
        self.odoo.moves().into_iter().map(in_odoo).collect()
    }

    /// Waits until nothing is left to do and the oracle finds nothing: what finance does by the clock stands in no topic before.
    pub fn wait_right(&mut self, run: &Run, limit: Duration, instances: &mut [Instance]) {
        let started = Instant::now();
        loop {
            self.wait_idle(limit, instances);
            if started.elapsed() >= limit || oracle::judge(run, &self.evidence(), &self.codecs).is_empty() {
                // What is done twice may come behind what is right.
                return self.wait_idle(limit, instances);
            }
        }
    }

    /// The oracle's word; fails the test with everything it found.
    pub fn judge(&self, run: &Run) -> Evidence {
        let evidence = self.evidence();
        let findings = oracle::judge(run, &evidence, &self.codecs);
        if !findings.is_empty() && std::env::var_os("WAYBILL_KEEP").is_some() {
            eprintln!("kept: {}", self.dir.path().display());
        }
        assert!(findings.is_empty(), "the guarantee was not kept:\n{}", findings.join("\n"));
        evidence
    }
}
