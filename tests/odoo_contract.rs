//! The contract with Odoo: recorded answers of real 17, 18 and 19 servers are classified right, the stand-in gives the same
//! classes, and effects happen once whatever goes wrong between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "odoo_contract/effects.rs"]
mod effects;
#[path = "odoo_contract/entries.rs"]
mod entries;
#[path = "odoo_contract/transcripts.rs"]
mod transcripts;

use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use waybill::odoo::client::{Odoo, Settings};
use waybill::odoo::errors::{CallError, Class};
use waybill::outbound::HttpClient;
use waybill::services::dev::odoo_standin::{Away, Settings as StandinSettings, Standin};

const VERSIONS: [i64; 3] = [17, 18, 19];

fn settings(standin: &Standin) -> Settings {
    Settings {
        instance: "main".into(),
        url: standin.url(),
        database: "standin".into(),
        login: "waybill".into(),
        api_key: SecretString::from("standin-key"),
        timeout: Duration::from_secs(10),
    }
}

async fn connect(standin: &Standin) -> Odoo {
    Odoo::connect(HttpClient::new().unwrap(), settings(standin)).await.unwrap()
}

async fn standin(major: i64, pickings: std::ops::RangeInclusive<i64>) -> Standin {
    let standin = Standin::start(StandinSettings::of_version(major)).await.unwrap();
    pickings.for_each(|id| standin.put_picking(id, serde_json::Map::new()));
    standin
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_standin_fails_in_the_classes_of_a_real_odoo() {
    for major in VERSIONS {
        let standin = standin(major, 1..=2).await;
        let odoo = connect(&standin).await;
        assert_eq!(odoo.major(), major);
        let name = |json2: &'static str, jsonrpc: &'static str| if major >= 19 { json2 } else { jsonrpc };
        let not_found = "werkzeug.exceptions.NotFound";
        let (one, none): (Option<&[i64]>, Option<&[i64]>) = (Some(&[1]), None);
        let missing: Option<&[i64]> = Some(&[1, 99]);
        let table = [
            ("no.such.model", "read", one, json!({}), name(not_found, "odoo.exceptions.UserError")),
            ("stock.picking", "no_such_method", one, json!({}), name(not_found, "builtins.AttributeError")),
            ("stock.picking", "_private", one, json!({}), "odoo.exceptions.AccessError"),
            ("stock.picking", "write", one, json!({"wrong": 1}), name("werkzeug.exceptions.UnprocessableEntity", "builtins.TypeError")),
            ("stock.picking", "write", missing, json!({"vals": {"note": "x"}}), "odoo.exceptions.MissingError"),
            ("stock.picking", "write", one, json!({"vals": {"no_such_field": 1}}), "builtins.ValueError"),
            ("stock.picking", "read", one, json!({"fields": ["no_such_field"]}), "builtins.ValueError"),
            ("stock.picking", "message_post", Some(&[1, 2]), json!({"body": "x"}), "builtins.ValueError"),
            ("stock.picking", "message_post", Some(&[99]), json!({"body": "x"}), "odoo.exceptions.MissingError"),
            ("stock.picking", "create", none, json!({"vals_list": [{}]}), "odoo.exceptions.ValidationError"),
            ("ir.attachment", "create", none, json!({"vals_list": [{"name": "x", "datas": "%"}]}), "binascii.Error"),
            ("mail.message", "create", none, json!({"vals_list": [{"model": "res.users", "res_id": 2}]}), "odoo.exceptions.AccessError"),
        ];
        for (model, method, ids, arguments, expected) in table {
            let error = odoo.call(model, method, ids, object(arguments), &["vals_list"]).await.unwrap_err();
            let got = (error.class, error.unknown_outcome, error.name.as_deref());
            assert_eq!(got, (Class::Park, false, Some(expected)), "{major}: {model}.{method}");
        }
        assert_eq!(odoo.read("stock.picking", &[1, 99], &["name"]).await.unwrap().len(), 1, "missing rows are left out");
        assert_eq!(odoo.external_id("nobody", "nothing").await, Ok(None));
        assert_eq!(standin.rows("stock.picking").len(), 2);
    }
}

#[tokio::test]
async fn connecting_tells_a_wrong_key_from_an_odoo_that_is_away() {
    for major in VERSIONS {
        let standin = standin(major, 1..=1).await;
        let class = async |settings: Settings| Odoo::connect(HttpClient::new().unwrap(), settings).await.map(|_| ()).map_err(|e| e.class);
        let wrong_key = Settings { api_key: SecretString::from("wrong"), ..settings(&standin) };
        assert_eq!(class(wrong_key).await, Err(Class::Stop), "{major}");
        // Over the wire a wrong database looks like one that is down.
        let wrong_database = Settings { database: "nope".into(), ..settings(&standin) };
        assert_eq!(class(wrong_database).await, Err(Class::Wait), "{major}");
        standin.set_faults(|faults| faults.away = Away::WithoutDatabase);
        assert_eq!(class(settings(&standin)).await, Err(Class::Wait), "{major}");
        standin.set_faults(|faults| faults.away = Away::No);
        assert_eq!(class(settings(&standin)).await, Ok(()));
    }
    // Nobody there at all.
    let gone = Settings { url: "http://127.0.0.1:1".into(), ..settings(&standin(19, 1..=1).await) };
    let error = Odoo::connect(HttpClient::new().unwrap(), gone).await.unwrap_err();
    assert_eq!((error.class, error.unknown_outcome), (Class::Wait, false));
}

#[tokio::test]
async fn faults_of_the_standin_have_their_classes() {
    for major in VERSIONS {
        let standin = standin(major, 1..=1).await;
        let mut slow = settings(&standin);
        let odoo = connect(&standin).await;
        let write = async |odoo: &Odoo, reference: &str| -> Result<(), CallError> {
            odoo.write("stock.picking", &[1], json!({"carrier_tracking_ref": reference})).await
        };
        let held = || standin.rows("stock.picking")[&1].get("carrier_tracking_ref").cloned();

        standin.set_faults(|faults| faults.serialization_failures = 1);
        let error = write(&odoo, "A").await.unwrap_err();
        assert_eq!((error.class, error.unknown_outcome), (Class::Wait, false), "{major}");
        assert!(error.is("psycopg2.errors.SerializationFailure"));

        standin.set_faults(|faults| faults.kill_workers = 1);
        let error = write(&odoo, "B").await.unwrap_err();
        assert_eq!((error.class, error.unknown_outcome, held()), (Class::Wait, true, None), "nothing is kept");

        standin.set_faults(|faults| faults.lose_replies = 1);
        let error = write(&odoo, "C").await.unwrap_err();
        assert_eq!((error.class, error.unknown_outcome, held()), (Class::Wait, true, Some(json!("C"))), "it is kept all the same");

        slow.timeout = Duration::from_millis(150);
        let hasty = Odoo::connect(HttpClient::new().unwrap(), slow).await.unwrap();
        standin.set_faults(|faults| faults.slow = Duration::from_millis(400));
        let error = write(&hasty, "D").await.unwrap_err();
        assert_eq!((error.class, error.unknown_outcome), (Class::Wait, true), "{error}");
        effects::eventually(|| held() == Some(json!("D"))).await;
    }
}
