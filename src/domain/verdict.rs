//! What became of a record, and the codes of what can go wrong with one.

/// What a processor decided about one record. Conservation (C1) counts exactly three: published, duplicate, dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// At least one output came from it.
    Publish,
    /// It says nothing that has not been said: a repetition, a superseded image, an empty message.
    Duplicate(&'static str),
    /// Nothing can be made of it: it goes to the dead letters.
    Park(Park),
    /// Of some of it nothing can be made: the outputs of the rest are published, and it goes to the dead letters, whole. It counts there.
    Partly(Park),
}

/// Why a record is dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Park {
    /// Stable code with a help page.
    pub code: Code,
    /// What exactly, in words that hold no personal data and no payload beyond a field name or a code.
    pub cause: String,
}

impl Park {
    /// A verdict with its cause.
    #[must_use]
    pub fn new(code: Code, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into() }
    }
}

/// A stable code that an operator may meet. The number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

impl Code {
    /// The record has no value (a tombstone) where one is needed.
    pub const EMPTY_VALUE: Self = Self(101);
    /// The body is larger than the configured limit.
    pub const TOO_LARGE: Self = Self(102);
    /// The body is not UTF-8 where it must be.
    pub const NOT_UTF8: Self = Self(103);
    /// The body is not well-formed: truncated, wrong syntax, trailing garbage.
    pub const MALFORMED: Self = Self(104);
    /// Nested deeper than any honest payload.
    pub const TOO_DEEP: Self = Self(105);
    /// `content-type` contradicts the source.
    pub const WRONG_CONTENT_TYPE: Self = Self(106);
    /// Well-formed, and not a message of this source that speaks of a parcel.
    pub const NOT_TRACKING: Self = Self(107);
    /// A field that the message cannot do without is missing or has the wrong type.
    pub const MISSING_FIELD: Self = Self(108);
    /// The tracking number is empty or absurd.
    pub const BAD_TRACKING_NUMBER: Self = Self(109);
    /// A JSON object names one key twice.
    pub const DUPLICATE_KEY: Self = Self(110);
    /// More events, segments or pieces than the limit.
    pub const TOO_MANY: Self = Self(111);
    /// The CloudEvents envelope is broken.
    pub const BAD_ENVELOPE: Self = Self(112);
    /// No dialect is configured for this topic.
    pub const UNKNOWN_SOURCE: Self = Self(113);
    /// The signature or token of the source is wrong, stale, or missing where it is required (`signature_invalid`).
    pub const SIGNATURE_INVALID: Self = Self(114);
    /// Of several parcels or transaction sets some could not be read; what the others tell has been published.
    pub const PARTLY_READ: Self = Self(115);
    /// The Avro wire format is broken, or its schema id is unknown to the registry.
    pub const BAD_AVRO: Self = Self(120);
    /// The Avro record is not the one that this topic carries.
    pub const WRONG_SCHEMA: Self = Self(121);
    /// A change event of a table that is not followed.
    pub const UNKNOWN_TABLE: Self = Self(130);
    /// A change event without an id, a table or an Odoo instance.
    pub const BAD_CHANGE_EVENT: Self = Self(131);
    /// Nobody has said which Odoo instance the notices of a source belong to.
    pub const NO_ODOO_INSTANCE: Self = Self(132);
    /// Odoo refused a call for good: no such record, no such field, no right, business rule.
    pub const ODOO_REFUSED: Self = Self(140);
    /// A command that the writer does not know.
    pub const UNKNOWN_COMMAND: Self = Self(141);
    /// Odoo's key or database is wrong: the writer stops.
    pub const ODOO_CONFIG: Self = Self(142);
    /// An amount, a date or a currency of an invoice is missing or cannot be read without guessing.
    pub const BAD_BILLING_VALUE: Self = Self(150);
    /// A spreadsheet has rounded a number of a billing file (`1.23E+11`).
    pub const ROUNDED_NUMBER: Self = Self(151);
    /// The columns of a billing file are not those of its format.
    pub const BAD_COLUMNS: Self = Self(152);
    /// No books are kept for the company or the carrier account that a record is about.
    pub const NO_BOOK: Self = Self(160);
    /// A decision about a case that nobody has.
    pub const NO_CASE: Self = Self(161);
    /// The cluster cannot keep exactly-once.
    pub const CLUSTER_UNFIT: Self = Self(201);
    /// Fenced: another process has this instance's id.
    pub const FENCED: Self = Self(202);
    /// The partitions of joined topics are not assigned together.
    pub const NOT_CO_PARTITIONED: Self = Self(203);
    /// The local store was wiped and is being rebuilt.
    pub const STORE_REBUILT: Self = Self(204);
    /// A topic is missing or differs from `topics.yaml`.
    pub const TOPIC_MISMATCH: Self = Self(205);
    /// The registry is away or refuses a schema.
    pub const REGISTRY: Self = Self(206);
    /// The configuration is wrong.
    pub const CONFIG: Self = Self(207);
    /// The changelog ends before the committed offsets.
    pub const CHANGELOG_SHORT: Self = Self(208);
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WB-{:04}", self.0)
    }
}
