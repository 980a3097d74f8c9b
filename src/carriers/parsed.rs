//! What a message tells where it speaks of several parcels: one odd parcel takes nothing from the others, and is told of.

use crate::domain::event::ShipmentEvent;
use crate::domain::verdict::{Code, Park};

/// What a message tells.
#[derive(Debug)]
pub struct Parsed<T = ShipmentEvent> {
    /// In the order of the message.
    pub told: Vec<T>,
    /// `PARTLY_READ` where some of its parts could not be read: how many, and why the first.
    pub left_out: Option<Park>,
}

impl<T> From<Vec<T>> for Parsed<T> {
    fn from(told: Vec<T>) -> Self {
        Self { told, left_out: None }
    }
}

impl<T> Parsed<T> {
    /// The same told in another form.
    #[must_use]
    pub fn map<U>(self, form: impl FnMut(T) -> U) -> Parsed<U> {
        Parsed { told: self.told.into_iter().map(form).collect(), left_out: self.left_out }
    }
}

/// Gathers what the parts of a message tell: parcels of an answer, transaction sets of an interchange.
#[derive(Debug)]
pub(super) struct Gathered<T = ShipmentEvent> {
    told: Vec<T>,
    parts: usize,
    odd: usize,
    first: Option<Park>,
    first_odd: Option<Park>,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { told: Vec::new(), parts: 0, odd: 0, first: None, first_odd: None }
    }
}

impl<T> Gathered<T> {
    /// Takes in what one part tells, or why it cannot be read.
    ///
    /// # Errors
    /// `TOO_MANY`: the message as a whole is over a limit.
    pub(super) fn add(&mut self, part: Result<Vec<T>, Park>) -> Result<(), Park> {
        self.parts += 1;
        match part {
            Ok(mut told) => self.told.append(&mut told),
            Err(park) if park.code == Code::TOO_MANY => return Err(park),
            Err(park) => {
                // That nothing is known of a number is an answer too.
                if park.code != Code::NOT_TRACKING {
                    self.odd += 1;
                    self.first_odd.get_or_insert_with(|| park.clone());
                }
                self.first.get_or_insert(park);
            }
        }
        Ok(())
    }

    /// Adds what follows from the parts together.
    pub(super) fn extend(&mut self, told: impl Iterator<Item = T>) {
        self.told.extend(told);
    }

    /// How much has been told so far.
    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    /// What all parts tell.
    ///
    /// # Errors
    /// Where none tells anything: the first reason there is, else `nothing`.
    pub(super) fn finish(self, nothing: impl FnOnce() -> Park) -> Result<Parsed<T>, Park> {
        let Self { told, parts, odd, first, first_odd } = self;
        if told.is_empty() {
            return Err(first.unwrap_or_else(nothing));
        }
        let cause = |park: Park| format!("left out: {odd} of {parts} parts, the first: {} {}", park.code, park.cause);
        let left_out = first_odd.map(|park| Park::new(Code::PARTLY_READ, cause(park)));
        Ok(Parsed { told, left_out })
    }
}

/// What all parcels of a message tell.
///
/// # Errors
/// As [`Gathered::finish`], and `TOO_MANY`.
pub(super) fn of_all<P>(
    parcels: impl Iterator<Item = P>,
    mut read: impl FnMut(P) -> Result<Vec<ShipmentEvent>, Park>,
    nothing: impl FnOnce() -> Park,
) -> Result<Parsed, Park> {
    let mut gathered = Gathered::default();
    for parcel in parcels {
        gathered.add(read(parcel))?;
    }
    gathered.finish(nothing)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{DialectSettings, RawMessage, dialect, testing};
    use super::*;

    const EDI_HEAD: &str = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260304*0900*U*00401*000000001*0*P*>~GS*QM*A*B*20260304*0900*1*X*004010~";

    fn read(source: &str, body: &str) -> Result<Parsed, Park> {
        let dialect = dialect(source, DialectSettings::default()).expect("a source");
        dialect.read(&RawMessage { content_type: None, ..testing::message(body.as_bytes()) })
    }

    fn list(parts: &[&str]) -> String {
        format!("[{}]", parts.join(","))
    }

    /// A body of parts.
    type Body = fn(&[&str]) -> String;

    /// A part that can be read, one that cannot, and a body of parts.
    fn parts(source: &str) -> (Value, Value, Body) {
        match source {
            "ups" => (
                json!({"trackingNumber": "1Z999AA10123456784", "activity": [{"date": "20261120", "time": "081500", "status": {"type": "D", "code": "9E"}}]}),
                json!({"trackingNumber": "", "activity": [{"date": "20261120", "time": "081500", "status": {"type": "D", "code": "9E"}}]}),
                |parts| format!(r#"{{"trackResponse":{{"shipment":[{{"package":{}}}]}}}}"#, list(parts)),
            ),
            "fedex" => (
                json!({"trackingNumber": "794600000001", "trackResults": [{"scanEvents": [{"date": "2026-11-20T08:15:00-06:00", "eventType": "DL"}]}]}),
                json!({"trackResults": [{"scanEvents": [{"date": "2026-11-20T08:15:00-06:00", "eventType": "DL"}]}]}),
                |parts| format!(r#"{{"output":{{"completeTrackResults":{}}}}}"#, list(parts)),
            ),
            "gls" => (json!({"unitno": "51830277416", "status": "DELIVERED"}), json!({"status": "DELIVERED"}), |parts| {
                format!(r#"{{"parcels":{}}}"#, list(parts))
            }),
            "usps" => (
                json!({"trackingNumber": "9400111206213859498825", "statusCategory": "Delivered"}),
                json!({"trackingNumber": "", "statusCategory": "Alert"}),
                list,
            ),
            "delhivery" => (
                json!({"Shipment": {"AWB": "28461700093315", "Status": {"Status": "Delivered", "StatusType": "DL"}}}),
                json!({"Shipment": {"AWB": "28461700093316", "Scans": []}}),
                |parts| format!(r#"{{"ShipmentData":{}}}"#, list(parts)),
            ),
            "17track" => (
                json!({"number": "1Z1", "carrier": 100_002, "track_info": {"latest_status": {"status": "Delivered"}}}),
                json!({"number": "1Z3", "carrier": 100_002, "track_info": null}),
                |parts| format!(r#"{{"code":0,"data":{{"accepted":{}}}}}"#, list(parts)),
            ),
            _ => (
                json!({"id": "00340434161094000001", "service": "parcel-de", "status": {"statusCode": "delivered", "timestamp": "2026-11-20T08:15:00"}}),
                json!({"id": "", "service": "parcel-de", "status": {"statusCode": "delivered", "timestamp": "2026-11-20T08:15:00"}}),
                |parts| format!(r#"{{"shipments":{}}}"#, list(parts)),
            ),
        }
    }

    /// The same of the sources that are not JSON.
    fn texts(source: &str) -> (&'static str, &'static str, Body) {
        match source {
            "dhl_express" => (
                "<AWBInfo><AWBNumber>4471120122</AWBNumber><ShipmentInfo><ShipmentEvent><Date>2026-11-18</Date><Time>18:05:00</Time><ServiceEvent><EventCode>DF</EventCode></ServiceEvent></ShipmentEvent></ShipmentInfo></AWBInfo>",
                "<AWBInfo><AWBNumber></AWBNumber><ShipmentInfo><ShipmentEvent><Date>2026-11-18</Date><Time>18:05:00</Time><ServiceEvent><EventCode>DF</EventCode></ServiceEvent></ShipmentEvent></ShipmentInfo></AWBInfo>",
                |parts| format!("<TrackingResponse>{}</TrackingResponse>", parts.concat()),
            ),
            "dpd" => (
                "<trackingresult><parcelLabelNumber>01475500017731</parcelLabelNumber><statusInfo><status>DELIVERED</status><statusHasBeenReached>true</statusHasBeenReached></statusInfo></trackingresult>",
                "<trackingresult><statusInfo><status>DELIVERED</status><statusHasBeenReached>true</statusHasBeenReached></statusInfo></trackingresult>",
                |parts| format!("<a>{}</a>", parts.concat()),
            ),
            "x12_214" => (
                "ST*214*1~B10*7001*S1*QLTN~LX*1~AT7*D1*NS***20260304*0812*UT~SE*5*1~",
                "ST*214*1~B10***QLTN~LX*1~AT7*D1*NS***20260304*0812*UT~SE*5*1~",
                |parts| format!("{EDI_HEAD}{}GE*1*1~IEA*1*000000001~", parts.concat()),
            ),
            _ => (
                "UNH+1+IFTSTA:D:10B:UN'BGM+23+9'CNI+1+7001'STS+1+21'UNT+1+1'",
                "UNH+1+IFTSTA:D:10B:UN'BGM+23+9'CNI+1'STS+1+21'UNT+1+1'",
                |parts| format!("UNB+UNOA:2+QLTN+BAYRIDGE+260310:0615+7'{}UNZ+1+7'", parts.concat()),
            ),
        }
    }

    #[test]
    fn an_odd_part_takes_nothing_from_the_others_and_is_told_of() {
        let json = ["ups", "fedex", "gls", "usps", "delhivery", "17track", "dhl_unified"];
        let bodies = json.map(|source| {
            let (good, odd, body) = parts(source);
            (source, good.to_string(), odd.to_string(), body)
        });
        let others = ["dhl_express", "dpd", "x12_214", "edifact_iftsta"].map(|source| {
            let (good, odd, body) = texts(source);
            (source, good.to_owned(), odd.to_owned(), body)
        });
        for (source, good, odd, body) in bodies.into_iter().chain(others) {
            let ids = |parsed: &Parsed| parsed.told.iter().map(|event| event.event_id.clone()).collect::<Vec<_>>();
            let alone = read(source, &body(&[&good])).unwrap_or_else(|park| panic!("{source}: {park:?}"));
            assert!(!alone.told.is_empty() && alone.left_out.is_none(), "{source}: {:?}", alone.left_out);
            for both in [[good.as_str(), odd.as_str()], [odd.as_str(), good.as_str()]] {
                let parsed = read(source, &body(&both)).unwrap_or_else(|park| panic!("{source}: {park:?}"));
                assert_eq!(ids(&parsed), ids(&alone), "{source}: what is read again has the same ids");
                let park = parsed.left_out.unwrap_or_else(|| panic!("{source}: no trace of the odd one"));
                assert_eq!(park.code, Code::PARTLY_READ, "{source}");
                assert!(
                    park.cause.starts_with("left out: 1 of 2 parts, the first: WB-01") && park.cause.len() < 120,
                    "{source}: {}",
                    park.cause
                );
            }
            let parked = read(source, &body(&[&odd, &odd])).map(|parsed| parsed.told.len()).map_err(|park| park.code);
            assert!(matches!(parked, Err(Code::MISSING_FIELD | Code::BAD_TRACKING_NUMBER)), "{source}: {parked:?}");
        }
    }

    #[test]
    fn a_number_of_which_nothing_is_known_is_no_odd_part() {
        let (good, _, body) = parts("17track");
        let unknown = json!({"number": "1Z2", "carrier": 100_002, "track_info": {"latest_status": {"status": "NotFound"}}}).to_string();
        let parsed = read("17track", &body(&[&good.to_string(), &unknown])).expect("one of two");
        assert_eq!((parsed.told.len(), parsed.left_out), (1, None));
    }

    #[test]
    fn a_limit_is_one_of_the_whole_message() {
        let mut gathered = Gathered::default();
        assert!(gathered.add(Ok(vec![1])).is_ok());
        let park = Park::new(Code::TOO_MANY, "more than the limit");
        assert_eq!(gathered.add(Err(park.clone())), Err(park));
    }
}
