//! What each source sends about one parcel, in its own form.

use serde_json::{Value, json};

use super::life::{Happening, Source, Step};

/// A body with its media type.
pub(super) type Body = (Vec<u8>, &'static str);

const JSON: &str = "application/json";

/// The newest of the happenings as a push of the source. Sources that tell the whole history each time tell all of them.
pub(super) fn push(source: Source, number: &str, told: &[Happening], spaced: bool) -> Body {
    match source {
        Source::Ups => json_body(&ups_alert(number, told), spaced),
        Source::Fedex => json_body(&fedex(number, told), spaced),
        Source::Easypost => json_body(&easypost(number, "USPS", told), spaced),
        Source::X12 => (x12(number, told, spaced).into_bytes(), "application/edi-x12"),
    }
}

/// The same as told by another way: UPS by its answer to a question, others by a body that is spelled otherwise.
pub(super) fn again(source: Source, number: &str, told: &[Happening]) -> Body {
    match source {
        Source::Ups => json_body(&ups_answer(number, told), true),
        other => push(other, number, told, true),
    }
}

/// UPS's happenings as an aggregator tells them, with the same wall clocks.
pub(super) fn told_by_aggregator(number: &str, told: &[Happening]) -> Body {
    json_body(&easypost(number, "UPS", told), false)
}

fn json_body(value: &Value, spaced: bool) -> Body {
    let text = if spaced { serde_json::to_string_pretty(value).unwrap_or_default() } else { value.to_string() };
    (text.into_bytes(), JSON)
}

fn ups_code(step: Step) -> (&'static str, &'static str) {
    match step {
        Step::Announced => ("M", "MP"),
        Step::Accepted => ("P", "PU"),
        Step::Arrived => ("I", "AR"),
        Step::Departed => ("I", "DP"),
        Step::Delayed => ("X", "1E"),
        Step::OutForDelivery => ("I", "OF"),
        Step::Delivered => ("D", "FS"),
    }
}

fn ups_alert(number: &str, told: &[Happening]) -> Value {
    let Some(newest) = told.last() else { return Value::Null };
    let (kind, code) = ups_code(newest.step);
    let mut body = json!({
        "trackingNumber": number,
        "localActivityDate": newest.date("%Y%m%d"), "localActivityTime": newest.date("%H%M%S"),
        "activityLocation": {"city": newest.city, "country": "DE"},
        "activityStatus": {"type": kind, "code": code, "description": "scanned"},
    });
    if newest.step == Step::Delivered {
        body["receivedBy"] = json!("DOCK");
    }
    body
}

fn ups_answer(number: &str, told: &[Happening]) -> Value {
    let activity: Vec<Value> = told
        .iter()
        .rev()
        .map(|h| {
            let (kind, code) = ups_code(h.step);
            json!({
                "date": h.date("%Y%m%d"), "time": h.date("%H%M%S"),
                "location": {"address": {"city": h.city, "countryCode": "DE"}},
                "status": {"type": kind, "code": code, "description": "Scanned"},
            })
        })
        .collect();
    json!({"trackResponse": {"shipment": [{"inquiryNumber": number, "package": [{"trackingNumber": number, "activity": activity}]}]}})
}

fn fedex(number: &str, told: &[Happening]) -> Value {
    // Its answers go back a few scans.
    let scans: Vec<Value> = told
        .iter()
        .rev()
        .take(3)
        .map(|h| {
            let code = match h.step {
                Step::Announced => "OC",
                Step::Accepted => "PU",
                Step::Arrived => "AR",
                Step::Departed => "DP",
                Step::Delayed => "SE",
                Step::OutForDelivery => "OD",
                Step::Delivered => "DL",
            };
            json!({
                "date": h.date("%Y-%m-%dT%H:%M:%S+01:00"), "eventType": code, "eventDescription": "scanned",
                "scanLocation": {"city": h.city, "countryCode": "DE"},
            })
        })
        .collect();
    let result = json!({"trackingNumberInfo": {"trackingNumber": number}, "scanEvents": scans});
    json!({"output": {"completeTrackResults": [{"trackingNumber": number, "trackResults": [result]}]}})
}

fn easypost(number: &str, carrier: &str, told: &[Happening]) -> Value {
    let details: Vec<Value> = told
        .iter()
        .map(|h| {
            let (status, detail) = match h.step {
                Step::Announced => ("pre_transit", "label_created"),
                Step::Accepted => ("in_transit", "received_at_origin_facility"),
                Step::Arrived => ("in_transit", "arrived_at_facility"),
                Step::Departed => ("in_transit", "departed_facility"),
                Step::Delayed => ("in_transit", "weather_delay"),
                Step::OutForDelivery => ("out_for_delivery", "out_for_delivery"),
                Step::Delivered => ("delivered", "arrived_at_destination"),
            };
            json!({
                "object": "TrackingDetail", "message": "scanned", "status": status, "status_detail": detail,
                "datetime": h.date("%Y-%m-%dT%H:%M:%SZ"), "source": carrier,
                "tracking_location": {"city": h.city, "country": "DE"},
            })
        })
        .collect();
    json!({
        "object": "Event", "id": format!("evt_{number}_{}", told.len()), "description": "tracker.updated",
        "result": {"object": "Tracker", "tracking_code": number, "carrier": carrier, "tracking_details": details},
    })
}

fn x12(number: &str, told: &[Happening], spaced: bool) -> String {
    let Some(newest) = told.last() else { return String::new() };
    let code = match newest.step {
        Step::Announced => "XB",
        Step::Accepted => "AF",
        Step::Arrived => "X4",
        Step::Departed => "P1",
        Step::Delayed => "SD",
        Step::OutForDelivery => "X6",
        Step::Delivered => "D1",
    };
    let end = if spaced { "~\r\n" } else { "~" };
    let segments = [
        "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261110*0900*U*00401*000000001*0*P*>".to_owned(),
        "GS*QM*A*B*20261110*0900*1*X*004010".to_owned(),
        "ST*214*1".to_owned(),
        format!("B10*{number}*S1*QLTN"),
        "LX*1".to_owned(),
        format!("AT7*{code}*NS***{}*{}*LT", newest.date("%Y%m%d"), newest.date("%H%M")),
        format!("MS1*{}*HE*DE", newest.city.to_uppercase()),
        "SE*6*1".to_owned(),
        "GE*1*1".to_owned(),
        "IEA*1*000000001".to_owned(),
    ];
    segments.map(|segment| segment + end).concat()
}
