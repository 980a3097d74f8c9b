//! That a cluster was examined and found fit, written down beside the stores: an instance that comes back after a crash
//! need not try it again before it is ready.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Micros;

/// Name of the file in `store.dir`.
const FILE: &str = "examined.json";
/// How long a finding holds: clusters are upgraded and moved behind the same name.
const HOLDS: Duration = Duration::from_hours(7 * 24);

/// A cluster that was found fit for exactly-once. Only that is ever written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Examined {
    cluster: String,
    /// Another version may ask more of a cluster.
    version: String,
    /// UTC microseconds.
    at: Micros,
}

/// Whether this cluster was found fit by this version within the last seven days. What cannot be read, or lies in the
/// future, does not count.
pub(super) fn holds(dir: &Path, cluster: &str, now: Micros) -> bool {
    let told = std::fs::read(dir.join(FILE)).ok().and_then(|bytes| serde_json::from_slice::<Examined>(&bytes).ok());
    let age_max = i64::try_from(HOLDS.as_micros()).unwrap_or(i64::MAX);
    told.is_some_and(|told| {
        told.cluster == cluster && told.version == env!("CARGO_PKG_VERSION") && (0..age_max).contains(&now.saturating_sub(told.at))
    })
}

/// Writes down that this cluster was found fit. Whole or not at all, since several services may share the directory;
/// a disk that refuses costs another examination and nothing else.
pub(super) fn remember(dir: &Path, cluster: &str, now: Micros) {
    let examined = Examined { cluster: cluster.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), at: now };
    let (file, unfinished) = (dir.join(FILE), unfinished(dir));
    let written = serde_json::to_vec(&examined).map_err(std::io::Error::from).and_then(|bytes| {
        std::fs::create_dir_all(dir)?;
        std::fs::write(&unfinished, bytes)?;
        std::fs::rename(&unfinished, &file)
    });
    if written.is_err() {
        // Nothing is left half-written under the name that is read.
        let _ = std::fs::remove_file(unfinished);
    }
}

fn unfinished(dir: &Path) -> PathBuf {
    dir.join(format!("{FILE}.{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_800_000_000_000_000;
    const DAY: Micros = 24 * 3600 * 1_000_000;

    #[test]
    fn a_finding_holds_for_the_same_cluster_and_for_seven_days() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("not-made-yet");
        assert!(!holds(&dir, "cluster-a", NOW), "nothing was examined");
        remember(&dir, "cluster-a", NOW);
        for (cluster, now, expected) in [
            ("cluster-a", NOW, true),
            ("cluster-a", NOW + 7 * DAY - 1, true),
            ("cluster-a", NOW + 7 * DAY, false),
            ("cluster-a", NOW - 1, false),
            ("cluster-b", NOW, false),
        ] {
            assert_eq!(holds(&dir, cluster, now), expected, "{cluster} {}", now - NOW);
        }
        remember(&dir, "cluster-b", NOW);
        assert!(holds(&dir, "cluster-b", NOW) && !holds(&dir, "cluster-a", NOW), "the last one counts");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing is left lying about");
    }

    #[test]
    fn what_another_version_found_or_nobody_can_read_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let other = format!(r#"{{"cluster":"cluster-a","version":"0.0.0","at":{NOW}}}"#);
        for text in ["", "{", "[]", other.as_str()] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            assert!(!holds(dir.path(), "cluster-a", NOW), "{text}");
        }
    }
}
