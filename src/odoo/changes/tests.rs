//! Every form of a change event, for every followed table of every version.

use serde_json::json;

use super::*;

const RECEIVED_AT: Micros = 1_795_262_400_000_000;

fn message<'a>(topic: &'a str, value: Option<&'a [u8]>, avro: Option<Value>) -> ChangeMessage<'a> {
    ChangeMessage { topic, key: None, value, instance: "main", language: "de_DE", received_at: RECEIVED_AT, avro }
}

fn parse_json(topic: &str, value: &Value) -> Result<Parsed, Park> {
    parse(&message(topic, Some(value.to_string().as_bytes()), None))
}

fn image(topic: &str, value: &Value) -> OdooImage {
    match parse_json(topic, value) {
        Ok(Parsed::Image(image)) => image,
        other => panic!("{topic} {value}: {other:?}"),
    }
}

/// One row per table as PostgreSQL has it: (table, row with plain words, what is expected of it).
/// Columns that a version lacks are left out of its row; the reader must not care.
fn rows(version: u8) -> Vec<(&'static str, Value, Value)> {
    let mut picking = json!({
        "id": 41, "name": "WH/OUT/00041", "state": "done", "origin": "S00017", "company_id": 2, "partner_id": 12, "sale_id": 17,
        "carrier_id": 3, "carrier_tracking_ref": "1ZTEST,1ZTEST2", "carrier_price": 7.25, "weight": "1.250", "write_date": "@2026-03-04 05:06:07.000089",
        "date_done": "@2026-03-04 05:06:07", "scheduled_date": "@2026-03-05 00:00:00", "date_deadline": null, "return_id": null,
        "backorder_id": 40, "picking_type_id": 2, "is_locked": true, "note": "<p>x</p>"
    });
    let mut partner = json!({
        "id": 12, "name": null, "complete_name": "Lovelace, Ada", "email": "ada@example.com", "phone": "", "lang": "de_DE",
        "street": "Ring 1", "zip": "1010", "city": "Wien", "country_id": 12, "active": true, "write_date": "@2026-03-04 05:06:07"
    });
    let mut mv = json!({
        "id": 88, "name": "/", "state": "draft", "move_type": "in_invoice", "company_id": 2, "partner_id": 5, "journal_id": 2,
        "currency_id": 1, "ref": "C-100", "invoice_origin": null, "payment_state": "not_paid", "amount_untaxed": "100.10", "amount_total": "120.12",
        "amount_residual": "-0.01", "date": "#2026-03-04", "invoice_date": "#2026-03-01", "reversed_entry_id": null, "write_date": "@2026-03-04 05:06:07"
    });
    if version == 19 {
        picking["shipping_weight"] = json!("1.3");
        mv["name"] = Value::Null;
    } else {
        picking["group_id"] = json!(6);
        picking["date"] = json!("@2026-03-04 05:06:07");
        partner["mobile"] = json!("+43 1");
    }
    if version > 17 {
        partner["property_payment_term_id"] = json!("{\"1\": 4}");
    }
    let order = json!({
        "id": 17, "name": "S00017", "state": "sale", "company_id": 2, "partner_id": 12, "client_order_ref": "PO 1", "delivery_status": "partial",
        "invoice_status": "to invoice", "currency_id": 1, "amount_untaxed": "1000", "amount_total": "1200.5", "warehouse_id": 1,
        "date_order": "@2026-03-01 09:00:00", "commitment_date": null, "require_payment": true, "write_date": "@2026-03-04 05:06:07.5"
    });
    let carrier = json!({
        "id": 3, "name": "{\"en_US\": \"Standard\", \"de_DE\": \"Normal\"}", "delivery_type": "ups_rest", "active": true, "margin": 0.1,
        "write_date": "@2026-03-04 05:06:07"
    });
    let expect_partner = if version == 19 { json!({"mobile": "absent"}) } else { json!({"mobile": "+43 1"}) };
    let expect_name = if version == 19 { Value::Null } else { json!("/") };
    vec![
        (
            "stock_picking",
            picking,
            json!({"name": "WH/OUT/00041", "weight": "1.25", "carrier_price": "7.25", "write_date": "2026-03-04 05:06:07.000089",
                "date_done": "2026-03-04 05:06:07", "scheduled_date": "2026-03-05 00:00:00", "date_deadline": null, "backorder_id": 40, "note": "absent"}),
        ),
        ("res_partner", partner, expect_partner),
        (
            "account_move",
            mv,
            json!({"name": expect_name, "amount_total": "120.12", "amount_residual": "-0.01", "date": "2026-03-04", "invoice_date": "2026-03-01"}),
        ),
        ("sale_order", order, json!({"amount_untaxed": "1000", "amount_total": "1200.5", "write_date": "2026-03-04 05:06:07.500000"})),
        ("delivery_carrier", carrier, json!({"name": "Normal", "delivery_type": "ups_rest", "margin": "absent"})),
    ]
}

/// How a connector was told to write times, days and decimals.
#[derive(Debug, Clone, Copy)]
enum Style {
    /// Debezium's default: microseconds, days, a struct for a decimal without scale.
    Precise,
    /// `time.precision.mode=connect`, `decimal.handling.mode=double`: milliseconds.
    Connect,
    /// `decimal.handling.mode=string`, times as ISO text.
    Text,
}

fn styled(row: &Value, style: Style, table: &str) -> Value {
    let followed = columns::by_table(table).expect("followed");
    let cell = |column: &str, value: &Value| {
        let Some(text) = value.as_str() else { return value.clone() };
        if let Some(moment) = text.strip_prefix('@') {
            let micros = utc_micros(moment).expect("moment");
            return match style {
                Style::Precise => json!(micros),
                Style::Connect => json!(micros / 1_000),
                Style::Text => json!(moment.replace(' ', "T") + "Z"),
            };
        }
        if let Some(day) = text.strip_prefix('#') {
            return match style {
                Style::Text => json!(format!("{day}Z")),
                _ => json!(utc_micros(day).expect("day") / 86_400_000_000),
            };
        }
        match (followed.kind(column), style) {
            (Some(columns::Kind::Decimal), Style::Precise) => variable_scale(text),
            (Some(columns::Kind::Decimal), Style::Connect) => json!(text.parse::<f64>().expect("number")),
            _ => value.clone(),
        }
    };
    Value::Object(row.as_object().expect("row").iter().map(|(k, v)| (k.clone(), cell(k, v))).collect())
}

fn variable_scale(text: &str) -> Value {
    use base64::Engine as _;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let unscaled: i64 = format!("{whole}{part}").parse().expect("number");
    json!({"scale": part.len(), "value": base64::engine::general_purpose::STANDARD.encode(unscaled.to_be_bytes())})
}

fn check(image: &OdooImage, table: &str, expected: &Value, note: &str) {
    assert_eq!(image.model, columns::by_table(table).expect("followed").model, "{note}");
    let fields: Value = serde_json::from_str(&image.fields).expect("JSON");
    for (column, value) in expected.as_object().expect("expected") {
        let mut value = value.clone();
        if note.contains("Connect") && column == "write_date" {
            // Milliseconds are all that this style keeps.
            value = json!(value.as_str().expect("text").trim_end_matches(".000089"));
        }
        if value == json!("absent") {
            assert_eq!(fields.get(column), None, "{note} {column}");
        } else {
            assert_eq!(fields.get(column), Some(&value), "{note} {column}");
        }
    }
}

#[test]
fn every_envelope_of_every_table_and_version() {
    for version in [17, 18, 19] {
        for (table, row, expected) in rows(version) {
            for style in [Style::Precise, Style::Connect, Style::Text] {
                let row = styled(&row, style, table);
                let source = json!({"connector": "postgresql", "db": "odoo", "schema": "public", "table": table, "lsn": 5_000, "txId": 77});
                let envelope = |op: &str| json!({"before": null, "after": row, "op": op, "source": source, "ts_ms": 1});
                let with_schema = json!({"schema": {"type": "struct", "fields": []}, "payload": envelope("u")});
                let mut flat = row.clone();
                flat["__deleted"] = json!("false");
                flat["__lsn"] = json!(5_000);
                let topic = format!("odoo.public.{table}");
                let forms = [
                    ("plain", "any", envelope("u"), Some(5_000)),
                    ("created", "any", envelope("c"), Some(5_000)),
                    ("snapshot", "any", envelope("r"), None),
                    ("schema", "any", with_schema, Some(5_000)),
                    ("flat", topic.as_str(), flat, Some(5_000)),
                    ("bare", topic.as_str(), row.clone(), None),
                ];
                for (form, topic, value, position) in forms {
                    let note = format!("{version} {table} {style:?} {form}");
                    let image = image(topic, &value);
                    check(&image, table, &expected, &note);
                    assert_eq!((image.record_id, image.deleted, image.complete), (row["id"].as_i64().expect("id"), false, true), "{note}");
                    assert_eq!((image.origin.as_str(), image.log_position), ("debezium", position), "{note}");
                    let Ok(Parsed::Image(decoded)) = parse(&message(topic, Some(&[0]), Some(value))) else { panic!("{note} by Avro") };
                    assert_eq!(decoded, image, "{note} by Avro");
                }
            }
        }
    }
}

#[test]
fn the_schema_tells_what_magnitude_cannot() {
    let schema = json!({"type": "struct", "fields": [{"type": "struct", "field": "after", "fields": [
        {"field": "weight", "type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}},
        {"field": "date_done", "type": "int64", "name": "io.debezium.time.MicroTimestamp"}
    ]}]});
    let after = json!({"id": 1, "weight": "fQ==", "date_done": 86_400_000_000_i64});
    let event = json!({"schema": schema, "payload": {"op": "u", "after": after, "source": {"table": "stock_picking"}}});
    let fields: Value = serde_json::from_str(&image("t", &event).fields).expect("JSON");
    assert_eq!(fields, json!({"weight": "1.25", "date_done": "1970-01-02 00:00:00"}));
}

#[test]
fn a_large_value_that_was_left_out_makes_the_image_incomplete() {
    let after = json!({"id": 1, "state": "done", "carrier_tracking_ref": "__debezium_unavailable_value"});
    let image = image("t", &json!({"op": "u", "after": after, "source": {"table": "stock_picking"}}));
    assert!(!image.complete);
    assert_eq!(image.fields, r#"{"state":"done"}"#);
}

#[test]
fn deletions_in_every_form() {
    let source = json!({"table": "sale_order", "lsn": 9});
    let cases = [
        json!({"before": {"id": 17}, "after": null, "op": "d", "source": source}),
        json!({"before": {"id": 17, "name": null, "state": null}, "op": "d", "source": source}),
        json!({"schema": {}, "payload": {"before": {"id": 17}, "after": null, "op": "d", "source": source}}),
        json!({"id": 17, "name": null, "__deleted": "true", "__lsn": 9}),
        json!({"id": 17, "__deleted": true, "__source_lsn": 9}),
        json!({"id": 17, "__op": "d", "__lsn": 9}),
        json!({"before": null, "after": null, "op": "d", "source": source}),
    ];
    for value in cases {
        let bytes = value.to_string();
        let key = b"{\"schema\":{},\"payload\":{\"id\":17}}";
        let message = ChangeMessage { key: Some(key), ..message("a.sale_order", Some(bytes.as_bytes()), None) };
        let Ok(Parsed::Image(image)) = parse(&message) else { panic!("{value}") };
        assert_eq!((image.record_id, image.deleted, image.log_position, image.fields.as_str()), (17, true, Some(9), "{}"), "{value}");
    }
}

#[test]
fn webhooks_of_every_version() {
    for version in [17, 18, 19] {
        let action = if version == 19 { "send(#464)" } else { "Send Webhook Notification(#452)" };
        let body = json!({"_action": action, "_id": 8, "_model": "stock.picking", "carrier_id": false, "carrier_price": 0.0,
            "carrier_tracking_ref": "T-1", "id": 8, "move_ids": [23], "name": "WH/OUT/00008", "sale_id": 4, "state": "assigned", "weight": 0.4,
            "date_done": false, "write_date": "2026-11-21 09:55:34.774249"});
        let image = image("raw.odoo.main", &body);
        assert_eq!((image.model.as_str(), image.record_id, image.complete, image.origin.as_str()), ("stock.picking", 8, false, "webhook"));
        let fields: Value = serde_json::from_str(&image.fields).expect("JSON");
        let expected = json!({"name": "WH/OUT/00008", "state": "assigned", "sale_id": 4, "carrier_id": null, "carrier_tracking_ref": "T-1",
            "carrier_price": null, "weight": "0.4", "date_done": null, "write_date": "2026-11-21 09:55:34.774249"});
        assert_eq!(fields, expected);
    }
}

#[test]
fn what_says_nothing_by_its_nature() {
    let cases = [
        ("__debezium-heartbeat.db1", json!({"ts_ms": 1}), "heartbeat"),
        ("db1.hearts", json!({"ts_ms": 1}), "heartbeat"),
        (
            "db1.transaction",
            json!({"status": "END", "id": "571:53195832", "event_count": 2, "data_collections": [], "ts_ms": 1}),
            "transaction",
        ),
        ("db1.transaction", json!({"status": "BEGIN", "id": "571:53195832", "event_count": null, "ts_ms": 1}), "transaction"),
        ("db1", json!({"source": {}, "databaseName": "odoo", "ddl": "ALTER", "tableChanges": []}), "schema_change"),
        ("db1.message", json!({"op": "m", "ts_ms": 1, "source": {"table": ""}, "message": {"prefix": "p"}}), "log_message"),
        ("db1.public.sale_order", json!({"schema": null, "payload": null}), "tombstone"),
        ("db1.public.sale_order", Value::Null, "tombstone"),
    ];
    for (topic, value, kind) in cases {
        assert_eq!(parse_json(topic, &value), Ok(Parsed::Nothing(kind)), "{topic} {value}");
    }
    assert_eq!(parse(&message("db1.public.sale_order", None, None)), Ok(Parsed::Nothing("tombstone")));
}

#[test]
fn what_cannot_be_used_has_its_code() {
    let huge = vec![b' '; BODY_BYTES_MAX + 1];
    let nested = format!("{{\"op\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let cases: [(&str, &[u8], Code); 16] = [
        ("a.stock_picking", b"", Code::MALFORMED),
        ("a.stock_picking", b"{\"id\":1", Code::MALFORMED),
        ("a.stock_picking", b"\xff\xfe", Code::NOT_UTF8),
        ("a.stock_picking", &huge, Code::TOO_LARGE),
        ("a.stock_picking", nested.as_bytes(), Code::TOO_DEEP),
        ("a.stock_picking", b"{\"id\":1,\"id\":2}", Code::DUPLICATE_KEY),
        ("a.stock_picking", b"[]", Code::BAD_CHANGE_EVENT),
        ("a.stock_picking", b"{}", Code::BAD_CHANGE_EVENT),
        ("a.stock_picking", b"{\"id\":5}", Code::BAD_CHANGE_EVENT),
        ("a.stock_move", b"{\"id\":5}", Code::UNKNOWN_TABLE),
        ("a.stock_picking", b"{\"op\":\"t\",\"source\":{}}", Code::BAD_CHANGE_EVENT),
        ("a.stock_picking", b"{\"op\":\"u\",\"after\":null}", Code::BAD_CHANGE_EVENT),
        ("a.stock_picking", b"{\"op\":\"u\",\"after\":{\"name\":\"x\"}}", Code::BAD_CHANGE_EVENT),
        ("a.stock_picking", b"{\"op\":\"u\",\"after\":{\"id\":1,\"sale_id\":\"x\"}}", Code::MISSING_FIELD),
        ("raw.odoo.a", b"{\"_model\":\"mail.message\",\"_id\":1}", Code::UNKNOWN_TABLE),
        ("raw.odoo.a", b"{\"_model\":\"stock.picking\"}", Code::BAD_CHANGE_EVENT),
    ];
    for (topic, bytes, code) in cases {
        let park = parse(&message(topic, Some(bytes), None)).expect_err(topic);
        assert_eq!(park.code, code, "{topic} {}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    }
}
