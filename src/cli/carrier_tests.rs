use super::super::tests::waybill;
use super::*;

const SAMPLE: &str = r#"{"parcel":{"trackingNo":"AC-100177","history":[
    {"status":"PU","when":"2026-11-17T18:00:00+01:00","city":"Leeds"},{"status":"OK","when":"2026-11-18T10:00:00+00:00","city":"York"}]}}"#;

fn fill(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn from_a_sample_to_events_without_a_line_of_code() {
    let folder = tempfile::tempdir().unwrap();
    let (sample, carriers) = (folder.path().join("push.json"), folder.path().join("carriers"));
    fs::write(&sample, SAMPLE).unwrap();
    let new = format!("waybill carrier new acme --sample {} --dir {}", sample.display(), carriers.display());
    let told = waybill(&new, &[]);
    let file = carriers.join("acme.yaml");
    assert_eq!((told.exit, told.out.trim()), (Exit::Done, file.display().to_string().as_str()), "{}", told.talk);
    // What it says to do next can be done as it stands.
    let test = format!("waybill carrier test acme --dir {}", carriers.display());
    assert!(told.talk.contains(&format!("`{test}`")), "{}", told.talk);

    // What is not known is said, and nothing is written over.
    let told = waybill(&test, &[]);
    assert_eq!(told.exit, Exit::Findings, "{}", told.talk);
    assert!(
        told.out.contains("code PU: milestone") && told.out.contains("acme.yaml, line ") && told.out.contains("is not filled in"),
        "{}",
        told.out
    );
    assert!(told.talk.starts_with("milestone: use one of unknown, announced") && told.talk.contains("info"), "{}", told.talk);
    let told = waybill(&new, &[]);
    assert!(told.exit == Exit::Failed && told.talk.contains("is there already"), "{}", told.talk);

    fill(&file, "code: 'OK', milestone: FILL_IN", "code: 'OK', milestone: delivered");
    fill(&file, "code: 'PU', milestone: FILL_IN", "code: 'PU', milestone: accepted");
    let told = waybill(&format!("{test} --output json"), &[]);
    let tested: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.exit, &tested["examples"], tested["differences"].as_array().unwrap().len()), (Exit::Findings, &1.into(), 2));
    assert!(tested["differences"][0]["found"].as_str().unwrap().contains("milestone: accepted"), "{tested}");

    // What came is printed so that it can be put under the example.
    let told = waybill(&test, &[]);
    let (_, came) = told.talk.split_once("    events:\n").expect("a list of events");
    fill(&file, "    file: 'acme.sample.json'", &format!("    file: 'acme.sample.json'\n    events:\n{}", came.trim_end()));
    let told = waybill(&test, &[]);
    assert_eq!((told.exit, told.out.as_str()), (Exit::Done, "examples that came as they should: 1\n"), "{}{}", told.out, told.talk);
    assert!(told.talk.contains("carriers.sources.acme.topic"), "{}", told.talk);

    fill(&file, "{ milestone: delivered, occurred", "{ milestone: lost, occurred");
    let told = waybill(&test, &[]);
    assert!(told.exit == Exit::Findings && told.out.contains("event 2: milestone") && told.out.contains("\"lost\""), "{}", told.out);
    fill(&file, "{ milestone: lost,", "{ milestone: delivered, place: { city: York },");
    let told = waybill(&test, &[]);
    assert_eq!((told.exit, told.out.as_str()), (Exit::Done, "examples that came as they should: 1\n"), "{}", told.talk);

    // The service's own way in: a source of the configuration, read by name.
    let dir = carriers.display().to_string();
    let environment = [("WAYBILL_CARRIERS__DIR", dir.as_str()), ("WAYBILL_CARRIERS__SOURCES__ACME__TOPIC", "raw.carrier.acme")];
    let told = waybill("waybill validate", &environment);
    assert!(told.exit == Exit::Done && !told.talk.contains("carriers."), "{}{}", told.out, told.talk);
    let told = waybill("waybill validate", &environment[..1]);
    assert!(told.exit == Exit::Done && told.talk.contains("carriers.sources.acme.topic"), "{}{}", told.out, told.talk);
    let told = waybill(&format!("waybill normalize --source acme {}", sample.display()), &environment);
    let events: Vec<serde_json::Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((told.exit, events.len()), (Exit::Done, 2), "{}", told.talk);
    assert_eq!((&events[1]["source"], &events[1]["milestone"]), (&"acme".into(), &"delivered".into()), "{}", events[1]);
}

#[test]
fn a_wrong_description_is_a_finding_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("acme.yaml"), "id: acme\npayload: json\n").unwrap();
    let dir = folder.path().display().to_string();
    let told = waybill("waybill validate", &[("WAYBILL_CARRIERS__DIR", dir.as_str())]);
    assert_eq!(told.exit, Exit::Findings, "{}", told.talk);
    assert!(told.out.contains("WB-0207") && told.out.contains("acme.yaml") && told.out.contains("mapping_version"), "{}", told.out);
    // A table cuts what is long; a list of words is of use only whole.
    fs::write(folder.path().join("acme.yaml"), "id: acme\nevent: { kode: $.x }\n").unwrap();
    let told = waybill("waybill validate", &[("WAYBILL_CARRIERS__DIR", dir.as_str())]);
    assert!(told.talk.contains("unknown field `kode`") && told.talk.contains("pod"), "{}", told.talk);
    let told = waybill("waybill normalize --source acme x.json", &[]);
    assert!(told.exit == Exit::Usage && told.talk.contains("WAYBILL_CARRIERS__DIR"), "{}", told.talk);
    let told = waybill("waybill normalize --source ups x.json", &[("WAYBILL_CARRIERS__DIR", "/nowhere")]);
    assert!(told.exit == Exit::Failed && told.talk.contains("carriers.dir"), "{}", told.talk);
}

#[test]
fn wrong_words_are_told_with_what_is_right() {
    for (line, exit, says) in [
        ("carrier new Acme --sample x --dir y", Exit::Failed, "not an id"),
        ("carrier new ups --sample x --dir y", Exit::Failed, "built-in source"),
        ("carrier new acme --sample /nowhere.json --dir y", Exit::Failed, "cannot read /nowhere.json"),
        ("carrier new acme --sample x", Exit::Failed, "carriers.dir"),
        ("carrier test acme --dir /nowhere", Exit::Failed, "carrier new"),
        ("carrier test ../acme --dir /nowhere", Exit::Failed, "not an id"),
        ("carrier coverage acme", Exit::Failed, "no topic is configured for acme"),
        ("carrier coverage ups --limit 0", Exit::Usage, "limit"),
        ("carrier coverage ups_billing", Exit::Failed, "no codes that move a parcel"),
    ] {
        let told = waybill(&format!("waybill {line}"), &[]);
        assert!(told.exit == exit && told.talk.contains(says), "{line}: {}", told.talk);
    }
}
