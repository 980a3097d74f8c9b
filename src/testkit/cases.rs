//! Any record about what a person must decide.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::records::{drawn, fields_of, micros, text, texts};
use crate::domain::coverage::SourceCounts;
use crate::domain::exception::ExceptionRaised;

/// Any case for a person.
pub fn exception_raised() -> impl Strategy<Value = ExceptionRaised> {
    fields_of!(ExceptionRaised {
        exception_id: text(),
        kind: text(),
        state: text(),
        summary: text(),
        shipment_key: texts(),
        tracking_number: texts(),
        carrier: texts(),
        delivery_key: texts(),
        reason: texts(),
        event_id: texts(),
        raised_at: micros(),
        source: texts(),
        events: of(0..99_i64),
        unknown_events: of(0..99_i64),
        unknown_codes: vec(text(), 0..3),
    })
}

/// Any counts of a source.
pub fn source_counts() -> impl Strategy<Value = SourceCounts> {
    fields_of!(SourceCounts {
        source: text(),
        hour: micros(),
        partition: 0..6_i32,
        events: 0..99_i64,
        unknown_events: 0..99_i64,
        unknown_codes: vec(text(), 0..3),
    })
}
