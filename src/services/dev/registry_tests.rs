use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::topics::Topics;
use crate::schema::RegistryError;
use crate::schema::codec::Codecs;
use crate::schema::embedded;
use crate::schema::registry::{RegistryAuth, RegistryClient, Subject};

fn client(url: &str) -> RegistryClient {
    RegistryClient::new(&[url.to_owned()], RegistryAuth::None, Duration::from_secs(5)).expect("client")
}

/// One request as any client would send it, without a client library: status and body.
async fn call(standin: &RegistryStandin, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = tokio::net::TcpStream::connect(standin.address).await.expect("connects");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: registry\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("status");
    let (_, body) = answer.split_once("\r\n\r\n").expect("body");
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn the_client_registers_everything_and_finds_it_again() {
    let standin = RegistryStandin::start().await.expect("starts");
    let client = client(&standin.url());
    let topics = Topics::builtin().expect("topics");
    let subjects = topics.subjects("acme.");
    assert!(matches!(client.resolve(&subjects).await, Err(RegistryError::Unknown(_))), "nothing is registered yet");

    let registered = client.register_all(&subjects).await.expect("registers");
    assert_eq!(client.register_all(&subjects).await.as_ref(), Ok(&registered), "again: the same ids");
    assert_eq!(client.resolve(&subjects).await.as_ref(), Ok(&registered));
    assert_eq!(registered.len(), subjects.len());

    // The same record under two subjects has one id, and the ids give back what was registered.
    let ids: BTreeMap<&str, u32> = registered.iter().map(|r| (r.topic.as_str(), r.schema_id)).collect();
    assert_eq!(ids["acme.shipment.observations"], ids["acme.shipment.events"]);
    assert_ne!(ids["acme.shipment.events"], ids["acme.shipment.status"]);
    let codecs = Codecs::new().expect("codecs");
    for r in &registered {
        assert_eq!(client.schema_by_id(r.schema_id).await.as_deref(), Ok(embedded::text(&r.record).expect("text")));
        codecs.know(r.schema_id, &r.record);
    }
    assert!(matches!(client.schema_by_id(9_999).await, Err(RegistryError::Unknown(_))));
}

#[tokio::test]
async fn a_schema_that_breaks_with_an_earlier_version_is_not_registered() {
    let standin = RegistryStandin::start().await.expect("starts");
    let subject = Subject { topic: "odoo.results".into(), record: "OdooResult".into() };
    let path = format!("/subjects/{}/versions", subject.name());
    let earlier =
        json!({"type": "record", "namespace": "waybill", "name": "OdooResult", "doc": "x", "fields": [{"name": "gone", "type": "int"}]});
    // Even where the registry would take anything.
    assert_eq!(call(&standin, "PUT", "/config", &json!({"compatibility": "NONE"})).await.0, 200);
    assert_eq!(call(&standin, "POST", &path, &json!({"schema": earlier.to_string()})).await, (200, json!({"id": 1})));
    let Err(RegistryError::Refused(why)) = client(&standin.url()).register_all(std::slice::from_ref(&subject)).await else {
        panic!("registered")
    };
    assert!(why.contains("gone is removed and had no default"), "{why}");
    assert_eq!(call(&standin, "GET", &path, &Value::Null).await, (200, json!([1])));
}

#[tokio::test]
async fn nobody_there_is_waited_for() {
    let standin = RegistryStandin::start().await.expect("starts");
    let url = standin.url();
    drop(standin);
    let client = client(&url);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    // The socket closes when the task has ended.
    while client.schema_by_id(1).await.is_err_and(|e| !e.is_away()) {
        assert!(tokio::time::Instant::now() < deadline, "still there");
    }
}

#[tokio::test]
async fn it_words_its_errors_as_clients_expect() {
    let standin = RegistryStandin::start().await.expect("starts");
    let of = |fields: &str| json!({"schema": format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)});
    let a = of(r#"{"name":"a","type":"int"}"#);
    assert_eq!(call(&standin, "POST", "/subjects/s/versions", &a).await, (200, json!({"id": 1})));
    assert_eq!(call(&standin, "POST", "/subjects/t/versions", &a).await, (200, json!({"id": 1})), "same schema, same id");
    let with_b = of(r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#);
    for (method, path, body, status, code) in [
        ("GET", "/subjects/none/versions", &Value::Null, 404, 40401),
        ("POST", "/subjects/none", &a, 404, 40401),
        ("POST", "/subjects/s", &with_b, 404, 40403),
        ("GET", "/subjects/s/versions/7", &Value::Null, 404, 40402),
        ("GET", "/subjects/s/versions/x", &Value::Null, 422, 42202),
        ("GET", "/schemas/ids/7", &Value::Null, 404, 40403),
        ("POST", "/subjects/s/versions", &json!({"schema": "{"}), 422, 42201),
        ("POST", "/subjects/s/versions", &json!({}), 422, 42201),
        ("POST", "/subjects/s/versions", &with_b, 409, 409),
        ("PUT", "/config", &json!({"compatibility": "SOME"}), 422, 42203),
        ("GET", "/config/s", &Value::Null, 404, 40408),
    ] {
        let (got, answer) = call(&standin, method, path, body).await;
        assert_eq!((got, answer["error_code"].as_u64()), (status, Some(code)), "{method} {path} {answer}");
        assert!(answer["message"].is_string());
    }
    let compatible = |body| call(&standin, "POST", "/compatibility/subjects/s/versions/latest", body);
    assert_eq!(compatible(&a).await.1["is_compatible"], true);
    assert_eq!(compatible(&with_b).await.1["is_compatible"], false);
    assert_eq!(call(&standin, "PUT", "/config/s", &json!({"compatibility": "NONE"})).await.0, 200);
    assert_eq!(call(&standin, "GET", "/config/s", &Value::Null).await.1, json!({"compatibilityLevel": "NONE"}));
    assert_eq!(call(&standin, "POST", "/subjects/s/versions", &with_b).await, (200, json!({"id": 2})));
    let (_, latest) = call(&standin, "GET", "/subjects/s/versions/latest", &Value::Null).await;
    assert_eq!((&latest["version"], &latest["id"]), (&json!(2), &json!(2)));
    assert_eq!(call(&standin, "GET", "/subjects", &Value::Null).await.1, json!(["s", "t"]));
    assert_eq!(call(&standin, "GET", "/config", &Value::Null).await.1, json!({"compatibilityLevel": "FULL_TRANSITIVE"}));
}
