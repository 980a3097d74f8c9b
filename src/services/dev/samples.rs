//! The sample messages: a small story of a few parcels, told by four carriers and Odoo.

use serde::Deserialize;

use crate::domain::time::{Micros, day_of};

/// One message of the story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What it is, in plain words.
    pub say: String,
    /// Topic without prefix.
    pub topic: String,
    /// Media type of the body.
    pub content_type: String,
    /// The body as the sender writes it.
    pub body: String,
}

/// The story, with its days counted from `now`, so that it is always news.
///
/// # Errors
/// The embedded file is not what it should be.
pub fn story(now: Micros) -> Result<Vec<Sample>, serde_saphyr::Error> {
    let mut samples: Vec<Sample> = serde_saphyr::from_str(include_str!("samples/story.yaml"))?;
    for sample in &mut samples {
        for days in -6..=0_i64 {
            let day = day_of(now, days);
            let compact = day.replace('-', "");
            let short = compact.get(2..).unwrap_or_default();
            sample.body = sample
                .body
                .replace(&format!("{{{{{days}}}}}"), &day)
                .replace(&format!("{{{days}|short}}"), short)
                .replace(&format!("{{{days}}}"), &compact);
        }
    }
    Ok(samples)
}
