//! One installation as an operator sets it up, and a short day in it: parcels of all four sources, three deliveries in Odoo, a
//! warehouse's notice, a repetition, a code nobody knows, poison; with personal data wherever a real message has some.

use std::time::Duration;

use serde_json::{Value, json};
use waybill::testkit::generator::RawRecord;

use crate::SERVICES;
use crate::look;
use crate::support::kafka::{Kafka, unique};
use crate::support::registry::Registry;
use crate::support::rig::{Instance, Rig};
use crate::support::wait_until;

/// Tracking numbers.
pub(crate) const UPS: &str = "1Z88W0E70312345678";
pub(crate) const FEDEX: &str = "781234500917";
pub(crate) const USPS: &str = "9400100000000000000017";
pub(crate) const EDI: &str = "70021345";

/// Trace of the message of UPS that says delivered, of the one that cannot be read, and of the one that Odoo refuses.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const POISON_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const REFUSED_TRACE: &str = "c0ffee00c0ffee00c0ffee00c0ffee01";

/// What nobody may read in a log, a metric or a header; and what nobody may read anywhere.
pub(crate) const PERSONAL: [&str; 4] = ["Quastenflosser", "wilhelmina", "5550199", "Krokodilgasse"];
pub(crate) const REGISTRY_PASSWORD: &str = "registry-hush-0815";
pub(crate) const ODOO_KEY: &str = "standin-key";

/// A picking that is in Odoo, and one that somebody has deleted.
pub(crate) const PICKING: i64 = 4711;
pub(crate) const GONE: i64 = 4712;
/// A picking whose number Odoo is never told: the warehouse tells us.
pub(crate) const OUTSIDE: i64 = 4713;

/// The installation at the end of the day.
pub(crate) struct Scene {
    pub(crate) rig: Rig<'static>,
    pub(crate) registry: Registry,
    pub(crate) instances: Vec<Instance>,
    pub(crate) fed: Vec<RawRecord>,
}

impl Scene {
    pub(crate) fn of(&self, service: &str) -> &Instance {
        self.instances.iter().find(|i| i.service == service).expect("it runs")
    }
}

/// Plays the day to its end.
pub(crate) fn play() -> Scene {
    let began = std::time::Instant::now();
    let say = |what: &str| eprintln!("{:?}: {what}", began.elapsed());
    let (kafka, registry) = (Kafka::shared(), Registry::start());
    let mut rig = Rig::bare(kafka, format!("{}.", unique("day")));
    rig.partitions = 6;
    let own = [
        ("WAYBILL_REGISTRY__URL", registry.url()),
        ("WAYBILL_REGISTRY__USER", "waybill"),
        ("WAYBILL_REGISTRY__PASSWORD", REGISTRY_PASSWORD),
        ("WAYBILL_KAFKA__PROBE", "true"),
        ("WAYBILL_LOG__LEVEL", "debug"),
    ];
    rig.extra.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for words in [&["topics", "apply", "--replication", "1"][..], &["schemas", "register"], &["validate", "--online"]] {
        let (code, said) = rig.command(words);
        assert_eq!(code, Some(0), "waybill {}: {said}", words.join(" "));
        say(words[0]);
    }
    say("topics and schemas are there");
    rig.odoo.remove_picking(GONE);
    let mut instances: Vec<Instance> = SERVICES.iter().map(|service| rig.start(service, "0", true)).collect();
    for instance in &instances {
        assert_eq!(look::status(instance, "/livez"), Some(200), "{}", instance.service);
    }
    look::wait_ready(&instances);

    say("the services are ready");
    let mut fed = links();
    rig.produce(&fed);
    wait_until(Duration::from_secs(30), "the deliveries are known", || {
        rig.read("delivery.status").len() >= 3 && rig.read("erp.deliveries").len() >= 3
    });
    let told = messages();
    rig.produce(&told);
    fed.extend(told);
    rig.wait_idle(Duration::from_mins(1), &mut instances);
    say("the day is over");
    Scene { rig, registry, instances, fed }
}

fn record(topic: &str, key: &str, content_type: &str, value: impl Into<Vec<u8>>) -> RawRecord {
    let headers = vec![("content-type".to_owned(), content_type.as_bytes().to_vec())];
    RawRecord { topic: topic.to_owned(), key: Some(key.to_owned()), value: Some(value.into()), headers, poison: None }
}

fn json_record(topic: &str, key: &str, body: &Value) -> RawRecord {
    record(topic, key, "application/json", body.to_string())
}

fn traced(mut record: RawRecord, trace: &str) -> RawRecord {
    record.headers.push(("traceparent".to_owned(), format!("00-{trace}-b7ad6b7169203331-01").into_bytes()));
    record
}

/// Odoo's webhooks: three deliveries, a partner, and one that lacks its id.
fn links() -> Vec<RawRecord> {
    let picking = |id: i64, tracking: &str| {
        let body = json!({
            "_model": "stock.picking", "_id": id, "id": id, "name": format!("WH/OUT/{id:05}"), "state": "done", "company_id": 1,
            "sale_id": id + 100_000, "carrier_tracking_ref": tracking, "write_date": "2026-11-18 10:00:00",
            "note": "ring at Wilhelmina Quastenflosser, Krokodilgasse 17, +49 170 5550199",
        });
        json_record("raw.odoo.main", &format!("stock.picking:{id}"), &body)
    };
    let partner = json!({
        "_model": "res.partner", "_id": 77, "id": 77, "name": "Wilhelmina Quastenflosser", "email": "wilhelmina.q@example.com",
        "phone": "+49 170 5550199", "street": "Krokodilgasse 17", "zip": "10115", "city": "Berlin", "write_date": "2026-11-18 10:00:00",
    });
    let nameless = json!({"_model": "res.partner", "name": "Wilhelmina Quastenflosser", "street": "Krokodilgasse 17"});
    vec![
        picking(PICKING, &format!("{UPS},{USPS}")),
        picking(GONE, FEDEX),
        picking(OUTSIDE, ""),
        json_record("raw.odoo.main", "res.partner:77", &partner),
        json_record("raw.odoo.main", "wilhelmina.q@example.com", &nameless),
    ]
}

fn ups(clock: (&str, &str), status: (&str, &str)) -> RawRecord {
    let body = json!({
        "trackingNumber": UPS, "localActivityDate": "20261119", "localActivityTime": clock.0,
        "gmtActivityDate": "20261119", "gmtActivityTime": clock.1, "gmtOffset": "-06.00",
        "activityLocation": {"city": "MADISON", "stateProvince": "WI", "postalCode": "53703", "country": "US"},
        "activityStatus": {"type": status.0, "code": status.1, "description": "left with Wilhelmina Quastenflosser"},
        "receivedBy": if status.0 == "D" { "QUASTENFLOSSER" } else { "" },
        "deliveryAddress": {"street": "Krokodilgasse 17", "phone": "+49 170 5550199", "email": "wilhelmina.q@example.com"},
    });
    json_record("raw.carrier.ups", UPS, &body)
}

/// What the carriers tell, in this order per parcel.
fn messages() -> Vec<RawRecord> {
    let delivered = ups(("131540", "191540"), ("D", "FS"));
    let mut again = delivered.clone();
    again.headers.push(("ce_id".to_owned(), b"told-again".to_vec()));
    let fedex = json!({"output": {"completeTrackResults": [{"trackingNumber": FEDEX, "trackResults": [{
        "trackingNumberInfo": {"trackingNumber": FEDEX},
        "deliveryDetails": {"receivedByName": "W. Quastenflosser"},
        "scanEvents": [{
            "date": "2026-11-19T07:40:00-07:00", "eventType": "OD", "eventDescription": "On vehicle for Quastenflosser",
            "scanLocation": {"streetLines": ["Krokodilgasse 17"], "city": "BOULDER", "stateOrProvinceCode": "CO", "countryCode": "US"},
        }],
    }]}]}});
    let detail = |status: &str, detail: &str, at: &str| {
        json!({"object": "TrackingDetail", "message": "call +49 170 5550199", "status": status, "status_detail": detail, "datetime": at,
               "source": "USPS", "tracking_location": {"city": "HAMBURG", "country": "DE"}})
    };
    let easypost = json!({"object": "Event", "id": "evt_1", "description": "tracker.updated", "result": {
        "object": "Tracker", "tracking_code": USPS, "carrier": "USPS", "status": "delivered", "signed_by": "Wilhelmina Quastenflosser",
        "weight": 120.5, "to_address": {"street1": "Krokodilgasse 17", "email": "wilhelmina.q@example.com"},
        "tracking_details": [
            detail("pre_transit", "label_created", "2026-11-18T08:00:00Z"),
            detail("delivered", "arrived_at_destination", "2026-11-19T09:30:00Z"),
        ],
    }});
    let edi = [
        "ISA*00*          *00*          *02*QLTN           *ZZ*BAYRIDGE       *260310*0615*U*00401*000004711*0*P*>~",
        "GS*QM*QLTN*BAYRIDGE*20260310*0615*4711*X*004010~ST*214*0001~B10*70021345*BR-1001*QLTN~",
        "N1*CN*WILHELMINA QUASTENFLOSSER~N3*KROKODILGASSE 17~PER*IC*WILHELMINA*TE*+491705550199~LX*1~",
        "AT7*AF*NS***20260309*1605*LT~MS1*SAVANNAH*GA*US~SE*9*0001~GE*1*4711~IEA*1*000004711~",
    ]
    .concat();
    let advice = [
        "ISA*00*          *00*          *ZZ*BAYRIDGE3PL    *ZZ*BAYRIDGE       *261119*0615*U*00401*000004712*0*P*>~",
        "GS*SW*BAYRIDGE3PL*BAYRIDGE*20261119*0615*4712*X*004010~ST*945*0001~W06*F*WH/OUT/04713*20261119*SH-15~",
        "N1*ST*WILHELMINA QUASTENFLOSSER~N3*KROKODILGASSE 17~W27*LT*QLTN~N9*CN*70021345~G72*504*ZZ******75.00~CUR*SF*EUR~",
        "SE*9*0001~GE*1*4712~IEA*1*000004712~",
    ]
    .concat();
    let broken = format!(r#"{{"trackingNumber": "{UPS}", "receivedBy": "Wilhelmina Quastenflosser", "phone": "+49 170 5550199""#);
    let mut nothing = record("raw.carrier.easypost", "WilhelminaQuastenflosser", "application/json", "");
    nothing.value = None;
    vec![
        ups(("091000", "151000"), ("I", "AR")),
        traced(delivered, TRACE),
        again,
        ups(("131700", "191700"), ("I", "ZZ9")),
        traced(record("raw.carrier.ups", UPS, "application/json", broken), POISON_TRACE),
        traced(json_record("raw.carrier.fedex", FEDEX, &fedex), REFUSED_TRACE),
        json_record("raw.carrier.easypost", USPS, &easypost),
        nothing,
        record("raw.carrier.x12-214", EDI, "application/edi-x12", edi),
        record("raw.carrier.x12-ship", EDI, "application/edi-x12", advice),
    ]
}
