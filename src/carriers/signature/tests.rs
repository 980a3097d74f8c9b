//! Values are made by other tools than ours: those of HMAC and SHA-256 with Python's `hmac` and `hashlib`, those of RSA with
//! `openssl genrsa 2048` and `openssl dgst -sha256 -sign`; two are published by EasyPost and Sendcloud. The secrets are `first-secret`
//! and `second-secret`; `fixtures/rsa_*.base64` sign `2026-11-20T23:58:20Z.` and the body with the keys of `fixtures/jwks_*.json`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carriers::testing::{RECEIVED_AT, shared};

const BODY: &[u8] = include_bytes!("fixtures/body.json");
const JWKS_A: &str = include_str!("fixtures/jwks_a.json");
const JWKS_B: &str = include_str!("fixtures/jwks_b.json");
const RSA_A: &str = include_str!("fixtures/rsa_a.base64");
const RSA_B: &str = include_str!("fixtures/rsa_b.base64");
const RSA_TIME: &str = "2026-11-20T23:58:20Z";

const HEX: &str = "0887189e9d809c9238eb3e1ebbddb4ba84263645cc4457251f21eac4a9011cb8";
const BASE64: &str = "CIcYnp2AnJI46z4eu920uoQmNkXMRFclHyHqxKkBHLg=";
const SECOND_HEX: &str = "5de4cbb5f8213827616339c0308756e73ba361e433697f5c3197ae9d696f0a78";
/// HMAC with the secret `café-ﬁve` in NFKD (`ﬁ` is one character).
const ACCENTED_HEX: &str = "7ca43d053a87d70e670f93717a34ef359c2b1dd7251c51d651ccdbc9b91d6eb4";
/// Over `1795219100.` and the body: 100 s before [`RECEIVED_AT`].
const STAMPED_HEX: &str = "3cbfb2798b56f9b7874d736da964a417483936dfccce962b75c59e4cf68cffe9";
const STAMPED_SECOND_HEX: &str = "a2ad900d08fe6e653ad63cec76aef17a76a7089af5c8a7bfe1e64fd4aa22833b";
/// SHA-256 of the body, `/` and `first-secret`.
const HASHED_HEX: &str = "b2e29c77760837ddd450277a2bb4b1ce42b30bd1a21c48135842bb1ad5febc05";
/// SHA-256 of `first-secret` and the body: what FedEx's guide seems to say in one place, and no HMAC.
const PLAIN_BASE64: &str = "/expbLIS8BmfdfqgPal4CV+K7LpLq+q+Zja9EGNhgr4=";

fn config(settings: &Value) -> SourceConfig {
    serde_json::from_value(settings.clone()).expect("settings")
}

fn verifier(source: &str, settings: &Value) -> Verifier {
    Verifier::new(source, &config(settings)).expect("a verifier")
}

fn with_first(source: &str) -> Verifier {
    verifier(source, &json!({"secrets": {"one": "first-secret"}}))
}

fn headers(told: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    told.iter().map(|(name, value)| (format!("http_header_{name}"), value.as_bytes().to_vec())).collect()
}

fn check_body(verifier: &Verifier, body: &[u8], told: &[(&str, &str)]) -> Checked {
    verifier.check(&Received { body, headers: &headers(told), at: Some(RECEIVED_AT) })
}

fn check(verifier: &Verifier, told: &[(&str, &str)]) -> Checked {
    check_body(verifier, BODY, told)
}

fn is_invalid(checked: Checked) -> bool {
    matches!(checked, Checked::Invalid(_))
}

fn is_unchecked(checked: Checked) -> bool {
    matches!(checked, Checked::Unchecked(_))
}

fn stamped(time: &str, digest: &str) -> String {
    format!("t={time},v1={digest}")
}

fn rsa_headers<'a>(key: &'a str, signature: &'a str, time: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("x-shipengine-rsa-sha256-key-id", key),
        ("x-shipengine-rsa-sha256-signature", signature.trim_ascii()),
        ("x-shipengine-timestamp", time),
    ]
}

/// HTTP headers with their values.
type Proof = Vec<(&'static str, String)>;

/// Every source with a good proof of the first and of the second secret.
fn proofs() -> Vec<(&'static str, Proof, Proof)> {
    let one = |name, first: &str, second: &str| (vec![(name, first.to_owned())], vec![(name, second.to_owned())]);
    let mut proofs = Vec::new();
    let mut add = |source, (first, second)| proofs.push((source, first, second));
    let second_base64 = "XeTLtfghOCdhYznAMIdW5zujYeQzaX9cMZeunWlvCng=";
    add("fedex", one("fdx-signature", BASE64, second_base64));
    add("usps", one("x-hmac", BASE64, second_base64));
    add("usps", one("x-usps-hmac-signature", HEX, SECOND_HEX));
    add("aftership", one("aftership-hmac-sha256", BASE64, second_base64));
    add("aftership", one("as-signature-hmac-sha256", BASE64, second_base64));
    add("aftership", one("am-webhook-signature", &format!("hmac-sha256={HEX}"), &format!("hmac-sha256={SECOND_HEX}")));
    add("easypost", one("x-hmac-signature", &format!("hmac-sha256-hex={HEX}"), &format!("hmac-sha256-hex={SECOND_HEX}")));
    add("sendcloud", one("sendcloud-signature", HEX, SECOND_HEX));
    add("shippo", one("shippo-auth-signature", &stamped("1795219100", STAMPED_HEX), &stamped("1795219100", STAMPED_SECOND_HEX)));
    add("17track", one("sign", HASHED_HEX, "61d995756d13557809cf67a64a5381f5e97125c692c3d9e4d6c72f8890a0c982"));
    add("shiprocket", one("x-api-key", "first-secret", "second-secret"));
    proofs
}

fn lent<'a>(told: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    told.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn every_source_is_verified_by_its_own_rule_and_by_nothing_else() {
    for (source, first, second) in proofs() {
        let (first, second) = (lent(&first), lent(&second));
        assert!(crate::carriers::SOURCES.contains(&source), "no source has this id: {source}");
        let verifier = with_first(source);
        assert_eq!(check(&verifier, &first), Checked::Verified, "{source} {first:?}");
        assert!(is_invalid(check(&verifier, &second)), "{source}: another's secret");
        assert!(is_unchecked(check(&verifier, &[])), "{source}: without a header");
        let renamed: Vec<_> = first.iter().map(|(name, value)| (format!("x-{name}"), *value)).collect();
        let renamed: Vec<_> = renamed.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert!(is_unchecked(check(&verifier, &renamed)), "{source}: another header");
        let broken: Vec<_> = first.iter().map(|(name, _)| (*name, "no signature at all")).collect();
        assert!(is_invalid(check(&verifier, &broken)), "{source}: no signature");
    }
}

#[test]
fn a_body_that_was_touched_is_refused() {
    let text = std::str::from_utf8(BODY).expect("text");
    let touched = [
        text.replace("0001", "0002"),
        text.replace("614.40", "614.4"),
        text.replace(": ", ":"),
        text.replace('ü', "\\u00fc"),
        format!("{text}\n"),
        String::new(),
    ];
    for (source, first, _) in proofs().into_iter().filter(|(source, ..)| *source != "shiprocket") {
        let verifier = with_first(source);
        for body in &touched {
            assert!(is_invalid(check_body(&verifier, body.as_bytes(), &lent(&first))), "{source}: {body}");
        }
    }
    let rsa = verifier("shipengine", &json!({"secrets": {"jwks": JWKS_A}}));
    for body in &touched {
        assert!(is_invalid(check_body(&rsa, body.as_bytes(), &rsa_headers("key-a", RSA_A, RSA_TIME))), "{body}");
    }
}

#[test]
fn while_secrets_change_the_old_and_the_new_one_count() {
    let both = json!({"secrets": {"old": "first-secret", "new": "second-secret"}});
    for (source, first, second) in proofs() {
        let verifier = verifier(source, &both);
        assert_eq!(check(&verifier, &lent(&first)), Checked::Verified, "{source}");
        assert_eq!(check(&verifier, &lent(&second)), Checked::Verified, "{source}");
        let after = self::verifier(source, &json!({"secrets": {"new": "second-secret"}}));
        assert!(is_invalid(check(&after, &lent(&first))), "{source}: the old secret is gone");
    }
}

#[test]
fn a_digest_counts_in_every_spelling() {
    let verifier = with_first("fedex");
    let url_safe = "CIcYnp2AnJI46z4eu920uoQmNkXMRFclHyHqxKkBHLg";
    for told in
        [HEX, BASE64, url_safe, &HEX.to_uppercase(), &format!("sha256={HEX}"), &format!("HMAC-SHA256={BASE64}"), &format!("  {BASE64}\t")]
    {
        assert_eq!(check(&verifier, &[("fdx-signature", told)]), Checked::Verified, "{told}");
    }
    assert_eq!(check(&verifier, &[("FDX-Signature", BASE64)]), Checked::Verified, "whatever the case of the name");
    let long = "A".repeat(100_000);
    for told in [
        "",
        " ",
        HEX.trim_start_matches('0'),
        &format!("0{HEX}"),
        &HEX.replace('0', "g"),
        BASE64.trim_start_matches('C'),
        PLAIN_BASE64,
        &format!("md5={HEX}"),
        &long,
    ] {
        assert!(check(&verifier, &[("fdx-signature", told)]) != Checked::Verified, "{told}");
    }
    assert!(is_unchecked(check(&verifier, &[("fdx-signature", " ")])), "an empty header says nothing");
}

#[test]
fn a_header_that_comes_more_than_once_hides_nothing() {
    let verifier = with_first("usps");
    assert_eq!(check(&verifier, &[("x-hmac", HEX), ("X-HMAC", HEX)]), Checked::Verified);
    assert_eq!(check(&verifier, &[("x-hmac", SECOND_HEX), ("x-usps-hmac-signature", HEX)]), Checked::Verified, "one of them proves it");
    assert!(is_invalid(check(&verifier, &[("x-hmac", SECOND_HEX), ("x-hmac", PLAIN_BASE64)])));
    let rsa = self::verifier("shipengine", &json!({"secrets": {"jwks": JWKS_A}}));
    let told = rsa_headers("key-a", RSA_A, RSA_TIME);
    let again: Vec<_> = told.iter().chain(&told).copied().collect();
    assert_eq!(check(&rsa, &again), Checked::Verified);
    for (name, value) in [("x-shipengine-timestamp", "2026-11-21T00:00:00Z"), ("x-shipengine-rsa-sha256-key-id", "key-b")] {
        let contradicted: Vec<_> = told.iter().copied().chain([(name, value)]).collect();
        assert!(is_invalid(check(&rsa, &contradicted)), "which {name} was signed cannot be known");
    }
}

#[test]
fn a_secret_beyond_ascii_is_taken_as_the_source_takes_it() {
    for spelling in ["café-ﬁve", "cafe\u{301}-five"] {
        let verifier = verifier("easypost", &json!({"secrets": {"one": spelling}}));
        assert_eq!(check(&verifier, &[("x-hmac-signature", &format!("hmac-sha256-hex={ACCENTED_HEX}"))]), Checked::Verified, "{spelling}");
    }
    let verifier = verifier("sendcloud", &json!({"secrets": {"one": "café-ﬁve"}}));
    assert!(is_invalid(check(&verifier, &[("sendcloud-signature", ACCENTED_HEX)])), "the others take it as it is");
}

#[test]
fn published_vectors_hold() {
    let sendcloud = verifier("sendcloud", &json!({"secrets": {"one": "secretkey"}}));
    let told = [("sendcloud-signature", "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a")];
    assert_eq!(check_body(&sendcloud, br#"{"key": "value"}"#, &told), Checked::Verified);
    let Some(folder) = shared("webhooks/easypost") else { return };
    let body = std::fs::read(folder.join("event-body.json")).expect("a body");
    let vector = std::fs::read(folder.join("event-body.signature.json")).expect("a vector");
    let vector: Value = serde_json::from_slice(&vector).expect("JSON");
    let easypost = verifier("easypost", &json!({"secrets": {"one": vector["secret"]}}));
    let told = [("x-hmac-signature", vector["value"].as_str().expect("a value"))];
    assert_eq!(check_body(&easypost, &body, &told), Checked::Verified);
}

#[test]
fn a_signed_time_has_to_be_near_the_time_of_receipt() {
    let second = 1_000_000;
    let shippo = [("shippo-auth-signature", stamped("1795219100", STAMPED_HEX))];
    let rsa = rsa_headers("key-a", RSA_A, RSA_TIME);
    for (source, settings, told) in [
        ("shippo", json!({"secrets": {"one": "first-secret"}}), lent(&shippo)),
        ("shipengine", json!({"secrets": {"jwks": JWKS_A}}), rsa.to_vec()),
    ] {
        let told = headers(&told);
        let at = |at: Option<Micros>, settings: &Value| verifier(source, settings).check(&Received { body: BODY, headers: &told, at });
        // Signed 100 s before RECEIVED_AT; the window is 300 s to both sides.
        for (received, good) in [(0, true), (200, true), (201, false), (-400, true), (-401, false), (86_400, false)] {
            let checked = at(Some(RECEIVED_AT + received * second), &settings);
            assert_eq!(checked == Checked::Verified, good, "{source} received {received} s later: {checked:?}");
            assert!(good || checked == Checked::Invalid("the signature is too old or of the future"), "{source}: {checked:?}");
        }
        assert_eq!(at(None, &settings), Checked::Verified, "{source}: the age of a replay is not judged");
        assert_eq!(at(Some(i64::MIN), &settings), Checked::Invalid("the signature is too old or of the future"));
        let mut wider = settings.clone();
        wider["signature_age_max_s"] = 86_600.into();
        assert_eq!(at(Some(RECEIVED_AT + 86_400 * second), &wider), Checked::Verified, "{source}: a wider window");
    }
}

#[test]
fn one_of_several_signatures_in_a_header_is_enough() {
    let easypost = with_first("easypost");
    for told in [format!("{SECOND_HEX},{HEX}"), format!("hmac-sha256-hex={HEX} , {SECOND_HEX}"), format!(",{HEX},nonsense,")] {
        assert_eq!(check(&easypost, &[("x-hmac-signature", &told)]), Checked::Verified, "{told}");
    }
    assert!(is_invalid(check(&easypost, &[("x-hmac-signature", &format!("{SECOND_HEX},{SECOND_HEX}"))])));
}

#[test]
fn the_signed_time_cannot_be_changed() {
    let shippo = with_first("shippo");
    for told in [
        stamped("1795219200", STAMPED_HEX),
        format!("t=1795219100,t=1795219200,v1={STAMPED_HEX}"),
        format!("v1={STAMPED_HEX}"),
        "t=1795219100".to_owned(),
        "t=,v1=".to_owned(),
        format!("t=soon,v1={STAMPED_HEX}"),
        STAMPED_HEX.to_owned(),
    ] {
        assert!(is_invalid(check(&shippo, &[("shippo-auth-signature", &told)])), "{told}");
    }
    let several = format!("t=1795219100, v1={STAMPED_SECOND_HEX}, v1={STAMPED_HEX}, v0=abc");
    assert_eq!(check(&shippo, &[("shippo-auth-signature", &several)]), Checked::Verified, "signed with the old and the new secret");
    let rsa = verifier("shipengine", &json!({"secrets": {"jwks": JWKS_A}}));
    assert!(is_invalid(check(&rsa, &rsa_headers("key-a", RSA_A, "2026-11-20T23:58:21Z"))));
}

#[test]
fn rsa_keys_are_told_apart_by_their_ids() {
    let both = verifier("shipengine", &json!({"secrets": {"one": JWKS_A, "two": JWKS_B}}));
    assert_eq!(check(&both, &rsa_headers("key-a", RSA_A, RSA_TIME)), Checked::Verified);
    assert_eq!(check(&both, &rsa_headers("key-b", RSA_B, RSA_TIME)), Checked::Verified);
    assert!(is_invalid(check(&both, &rsa_headers("key-b", RSA_A, RSA_TIME))), "signed by another key than it says");
    let only_a = verifier("shipengine", &json!({"secrets": {"one": JWKS_A}}));
    assert!(is_unchecked(check(&only_a, &rsa_headers("key-b", RSA_B, RSA_TIME))), "a key that we do not have yet");
    for told in [
        rsa_headers("key-a", "", RSA_TIME),
        rsa_headers("", RSA_A, RSA_TIME),
        rsa_headers("key-a", RSA_A, ""),
        rsa_headers("key-a", RSA_A, "yesterday"),
        rsa_headers("key-a", "%%%", RSA_TIME),
        rsa_headers("key-a", "AAAA", RSA_TIME),
        rsa_headers("key-a", &RSA_A.replacen("djpw", "", 1), RSA_TIME),
    ] {
        assert!(check(&only_a, &told) != Checked::Verified, "{told:?}");
    }
}

#[test]
fn a_token_is_the_whole_value_of_its_header() {
    let named = json!({"secrets": {"one": "first-secret"}, "signature_header": "X-Our-Token"});
    for source in ["dhl_unified", "delhivery", "amazon_shipping", "ups", "shiprocket"] {
        let verifier = verifier(source, &named);
        assert_eq!(check(&verifier, &[("x-our-token", "first-secret")]), Checked::Verified, "{source}");
        for other in ["first-secre", "first-secret2", "FIRST-SECRET", "Bearer first-secret"] {
            assert!(is_invalid(check(&verifier, &[("x-our-token", other)])), "{source}: {other}");
        }
        assert!(is_unchecked(check(&verifier, &[("x-api-key", "first-secret")])), "{source}: another header");
    }
    let elsewhere = verifier("usps", &json!({"secrets": {"one": "first-secret"}, "signature_header": "x-new-name"}));
    assert_eq!(check(&elsewhere, &[("x-new-name", HEX)]), Checked::Verified, "a source may change its header");
    assert!(is_unchecked(check(&elsewhere, &[("x-hmac", HEX)])));
}

#[test]
fn what_cannot_be_checked_passes_unless_it_is_required() {
    let secrets = json!({"one": "first-secret"});
    let (signed, wrong, unsigned) = ([("fdx-signature", HEX)], [("fdx-signature", SECOND_HEX)], []);
    let refused = Err(Code::SIGNATURE_INVALID);
    for (verify, told, outcome) in [
        ("required", &signed[..], Ok(true)),
        ("required", &wrong, refused),
        ("required", &unsigned, refused),
        ("when_signed", &signed, Ok(true)),
        ("when_signed", &wrong, refused),
        ("when_signed", &unsigned, Ok(false)),
        ("never", &signed, Ok(false)),
        ("never", &wrong, Ok(false)),
    ] {
        let verifier = verifier("fedex", &json!({"verify": verify, "secrets": secrets}));
        let admitted = verifier.admit(&Received { body: BODY, headers: &headers(told), at: Some(RECEIVED_AT) });
        assert_eq!(admitted.map_err(|park| park.code), outcome, "{verify} {told:?}");
    }
    let plain = verifier("fedex", &json!({}));
    assert_eq!(plain.admit(&Received { body: BODY, headers: &headers(&wrong), at: None }).ok(), Some(false), "no secret, no check");
}

#[test]
fn a_source_that_cannot_be_checked_as_configured_is_found_at_the_start() {
    let small = include_str!("fixtures/jwks_small.json");
    for (source, settings, setting) in [
        ("fedex", json!({"verify": "required"}), "secrets"),
        ("ups", json!({"verify": "required"}), "secrets"),
        ("ups", json!({"secrets": {"one": "x"}}), "signature_header"),
        ("fedex", json!({"secrets": {"one": "x", "two": ""}}), "secrets.two"),
        ("fedex", json!({"verify": "required", "secrets": {"one": " \n"}}), "secrets.one"),
        ("shipengine", json!({"secrets": {"set": "first-secret"}}), "secrets.set"),
        ("shipengine", json!({"secrets": {"set": "{\"keys\":[]}"}}), "secrets.set"),
        ("shipengine", json!({"secrets": {"set": small}}), "secrets.set"),
        ("shipengine", json!({"secrets": {"set": JWKS_A.replace("\"n\": \"", "\"n\": \"*")}}), "secrets.set"),
    ] {
        let found = Verifier::new(source, &config(&settings)).map(|_| ()).expect_err(source);
        assert_eq!(found.setting, setting, "{source} {settings}");
    }
    assert!(Verifier::new("ups", &config(&json!({"verify": "never", "secrets": {"one": ""}}))).is_ok(), "what is not used is no matter");
}

#[test]
fn secrets_are_shown_nowhere() {
    for (source, settings) in [("fedex", json!({"secrets": {"one": "first-secret"}})), ("shipengine", json!({"secrets": {"one": JWKS_A}}))]
    {
        let shown = format!("{:?} {:?}", verifier(source, &settings), config(&settings));
        assert!(!shown.contains("first-secret") && !shown.contains("kty"), "{shown}");
    }
}

const SOURCES: [&str; 6] = ["fedex", "easypost", "shippo", "17track", "shipengine", "shiprocket"];
const NAMES: [&str; 9] = [
    "fdx-signature",
    "x-hmac-signature",
    "shippo-auth-signature",
    "sign",
    "x-api-key",
    "x-shipengine-rsa-sha256-signature",
    "x-shipengine-rsa-sha256-key-id",
    "x-shipengine-timestamp",
    "content-type",
];

proptest! {
    /// Headers are strangers' bytes.
    #[test]
    fn no_header_brings_it_down_and_none_is_believed(
        source in prop::sample::select(&SOURCES[..]),
        told in prop::collection::vec((prop::sample::select(&NAMES[..]), prop_oneof![
            prop::collection::vec(any::<u8>(), 0..100),
            "[0-9a-fA-F=,tv. -]{0,80}".prop_map(String::into_bytes),
            "(t|v1)=[0-9]{0,20},(t|v1)=[0-9a-zé]{0,64}".prop_map(String::into_bytes),
            "[A-Za-z0-9+/_-]{340,344}={0,2}".prop_map(String::into_bytes),
            Just(b"key-a".to_vec()),
            Just(RSA_TIME.as_bytes().to_vec()),
        ]), 0..12),
        at in any::<Option<i64>>(),
    ) {
        let secret = if source == "shipengine" { JWKS_A } else { "first-secret" };
        let verifier = verifier(source, &json!({"secrets": {"one": secret}}));
        let headers: Vec<(String, Vec<u8>)> = told.into_iter().map(|(name, value)| (format!("http_header_{name}"), value)).collect();
        let checked = verifier.check(&Received { body: BODY, headers: &headers, at });
        prop_assert!(checked != Checked::Verified);
    }
}
