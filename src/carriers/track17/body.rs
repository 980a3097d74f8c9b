//! The shape of 17TRACK's push and answer, as far as it is read.

use serde::Deserialize;

use super::super::json::{Object, Objects, Text};

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Body<'a> {
    pub(super) event: Text<'a>,
    pub(super) code: Text<'a>,
    pub(super) data: Object<Data<'a>>,
}

/// One parcel of a push, or all that an answer has.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Data<'a> {
    pub(super) number: Text<'a>,
    pub(super) carrier: Text<'a>,
    pub(super) track_info: Object<TrackInfo<'a>>,
    pub(super) accepted: Objects<Parcel<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Parcel<'a> {
    pub(super) number: Text<'a>,
    pub(super) carrier: Text<'a>,
    pub(super) track_info: Object<TrackInfo<'a>>,
}

/// The addresses of shipper and recipient are not read: they are those of persons.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct TrackInfo<'a> {
    pub(super) latest_status: Object<Status<'a>>,
    pub(super) latest_event: Object<Event<'a>>,
    pub(super) milestone: Objects<Stage<'a>>,
    pub(super) time_metrics: Object<TimeMetrics<'a>>,
    pub(super) misc_info: Object<Misc<'a>>,
    pub(super) tracking: Object<Tracking<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Status<'a> {
    pub(super) status: Text<'a>,
    pub(super) sub_status: Text<'a>,
}

/// When the parcel came to a stage, by the aggregator.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Stage<'a> {
    #[serde(rename = "key_stage")]
    pub(super) key: Text<'a>,
    pub(super) time_iso: Text<'a>,
    pub(super) time_utc: Text<'a>,
    pub(super) time_raw: Object<RawTime<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct TimeMetrics<'a> {
    pub(super) estimated_delivery_date: Object<Estimate<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Estimate<'a> {
    pub(super) source: Text<'a>,
    pub(super) from: Text<'a>,
    pub(super) to: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Misc<'a> {
    pub(super) weight_raw: Text<'a>,
    pub(super) weight_kg: Text<'a>,
    pub(super) pieces: Text<'a>,
    pub(super) local_number: Text<'a>,
    pub(super) local_provider: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Tracking<'a> {
    pub(super) providers: Objects<Teller<'a>>,
}

/// What one carrier tells.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Teller<'a> {
    pub(super) provider: Object<Provider<'a>>,
    pub(super) events: Objects<Event<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Provider<'a> {
    pub(super) key: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) alias: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Event<'a> {
    pub(super) time_iso: Text<'a>,
    pub(super) time_utc: Text<'a>,
    pub(super) time_raw: Object<RawTime<'a>>,
    pub(super) description: Text<'a>,
    pub(super) location: Text<'a>,
    pub(super) stage: Text<'a>,
    pub(super) sub_status: Text<'a>,
    pub(super) address: Object<Address<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct RawTime<'a> {
    pub(super) date: Text<'a>,
    pub(super) time: Text<'a>,
    pub(super) timezone: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Address<'a> {
    pub(super) country: Text<'a>,
    pub(super) state: Text<'a>,
    pub(super) city: Text<'a>,
    pub(super) postal_code: Text<'a>,
}
