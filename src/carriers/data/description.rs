//! The file that describes a carrier, as it is written. `carriers/README.md` tells what each key means.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

/// A text with the line that it stands in.
pub(super) type Line = Spanned<String>;

/// What stands where a draft does not know what to write.
pub(super) const FILL_IN: &str = "FILL_IN";

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) id: Line,
    pub(super) payload: Payload,
    pub(super) mapping_version: Line,
    pub(super) carrier: Option<Line>,
    pub(super) carrier_path: Option<Texts>,
    pub(super) csv_delimiter: Option<Line>,
    pub(super) shipments: Option<Line>,
    pub(super) number: Option<Texts>,
    pub(super) events: Option<Line>,
    #[serde(default)]
    pub(super) newest_first: bool,
    pub(super) event: EventText,
    #[serde(default)]
    pub(super) times: TimesText,
    pub(super) eta: Option<TimeText>,
    #[serde(default)]
    pub(super) pod: PodText,
    pub(super) same_when: Option<Vec<Spanned<Same>>>,
    #[serde(default)]
    pub(super) codes: Vec<CodeText>,
    pub(super) codes_file: Option<Line>,
    #[serde(default)]
    pub(super) examples: Vec<Example>,
}

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Payload {
    Json,
    Xml,
    Csv,
}

/// One path, or several of which the first counts that leads to a text; or codes, of which each counts.
pub(super) type Texts = Spanned<OneOrMany>;

/// One text or a list of them. Numbers have to be in quotes: YAML would drop the zeros of `010` and `3.0`.
#[derive(Debug, Default)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts (numbers in quotes)")
    }
    fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
        Ok(OneOrMany(vec![text.to_owned()]))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
        let mut all = Vec::new();
        while let Some(OneOrMany(mut some)) = seq.next_element()? {
            all.append(&mut some);
        }
        Ok(OneOrMany(all))
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(OneOrManyVisitor)
    }
}

/// Paths inside one event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventText {
    pub(super) number: Option<Texts>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Texts>,
    pub(super) code: Option<Texts>,
    pub(super) sub_code: Option<Texts>,
    pub(super) description: Option<Texts>,
    pub(super) id: Option<Texts>,
    pub(super) time: Option<TimeText>,
    #[serde(default)]
    pub(super) place: PlaceText,
    pub(super) eta: Option<TimeText>,
    #[serde(default)]
    pub(super) pod: PodText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PlaceText {
    pub(super) city: Option<Texts>,
    pub(super) state: Option<Texts>,
    pub(super) postal_code: Option<Texts>,
    pub(super) country: Option<Texts>,
    pub(super) facility: Option<Texts>,
}

/// Where a time stands: whole, or a day with a clock; beside it an offset, a zone, or the same moment in GMT.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimeText {
    pub(super) at: Option<Texts>,
    pub(super) day: Option<Texts>,
    pub(super) clock: Option<Texts>,
    pub(super) offset: Option<Texts>,
    pub(super) zone: Option<Texts>,
    pub(super) gmt: Option<Texts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PodText {
    pub(super) signed_by: Option<Texts>,
    pub(super) delivered_to: Option<Texts>,
    pub(super) signature_ref: Option<Texts>,
    pub(super) photo_ref: Option<Texts>,
}

/// How times are to be read.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimesText {
    pub(super) formats: Vec<Line>,
    pub(super) z: Zulu,
    pub(super) midnight: Midnight,
}

/// What `Z`, or an offset of nothing, behind a clock means.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Zulu {
    /// Nothing: carriers put it behind wall clocks of the place.
    #[default]
    Ignored,
    /// UTC.
    Believed,
}

/// What midnight without a numeric offset means.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Midnight {
    /// A time like others.
    #[default]
    Clock,
    /// That only the day is known.
    Day,
}

/// One part of what makes two tellings the same happening, besides carrier and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Same {
    Type,
    Code,
    SubCode,
    Time,
    Place,
    Id,
}

/// What codes mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeText {
    #[serde(rename = "type")]
    pub(super) kind: Option<Texts>,
    pub(super) code: Texts,
    pub(super) sub_code: Option<Texts>,
    pub(super) milestone: Line,
    pub(super) sub_status: Option<Line>,
    pub(super) exception_reason: Option<Line>,
    #[serde(default, rename = "note")]
    pub(super) _note: String,
}

/// A body and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    pub(super) name: Line,
    pub(super) body: Option<String>,
    pub(super) file: Option<Line>,
    pub(super) events: Option<Vec<Map<String, Value>>>,
    pub(super) parked: Option<Line>,
}
