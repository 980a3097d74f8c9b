use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::store::InputOffset;

const CACHE: u64 = 1 << 20;

fn identity() -> Identity {
    Identity { cluster: "c".into(), topic: "t".into(), partition: 3 }
}

fn open(path: &Path) -> (PartitionStore, Option<Rebuilt>) {
    PartitionStore::open(path, &identity(), CACHE).expect("opens")
}

fn inputs(next: i64) -> Vec<InputOffset> {
    vec![InputOffset { topic: "in".into(), partition: 3, next }]
}

fn key(n: u64) -> u128 {
    (u128::from(n) << 64) | u128::from(n)
}

/// Runs `n` transactions, each with ten keys and some values, as the engine would; returns what is to be remembered.
fn fill(store: &mut PartitionStore, from: u64, n: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut expected = BTreeMap::new();
    for t in from..from + n {
        let mut overlay = Overlay::default();
        for k in 0..10 {
            overlay.remember(key(t * 10 + k));
        }
        for v in 0..5_u64 {
            let (key, value) = (format!("key-{}", (t * 3 + v) % 50).into_bytes(), vec![u8::try_from(t % 251).expect("small"); 2000]);
            overlay.put(&key, value.clone(), Some(i64::try_from(t).expect("small")));
            expected.insert(key, value);
        }
        let changes = overlay.changes(store.memory(), i64::try_from(t).expect("small"), &inputs(i64::try_from(t).expect("small")));
        let next = i64::try_from(t).expect("small") * 100;
        store.commit(changes, next).expect("commits");
    }
    expected
}

fn assert_whole(store: &PartitionStore, expected: &BTreeMap<Vec<u8>, Vec<u8>>, transactions: u64) {
    for (key, value) in expected {
        assert_eq!(store.memory().get(key), Some(value.as_slice()));
    }
    for k in 0..transactions * 10 {
        assert!(store.memory().seen(key(k)), "key {k}");
    }
}

#[test]
fn what_was_committed_is_there_after_reopening_and_garbage_is_cleaned() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut store, rebuilt) = open(dir.path());
    assert_eq!(rebuilt, None);
    let expected = fill(&mut store, 0, 2000);
    let on_disk: u64 = store.sizes.values().sum();
    let live = store.memory.live_bytes();
    assert_eq!(on_disk, store.total);
    assert!(on_disk <= live * 2 + GARBAGE_BYTES + (1 << 20), "{on_disk} bytes for {live} live ones");
    drop(store);
    let (store, rebuilt) = open(dir.path());
    assert_eq!(rebuilt, None);
    assert_whole(&store, &expected, 2000);
    assert_eq!(store.changelog_next(), 199_900);
    assert_eq!(store.memory().marker().inputs, inputs(1999));
    assert_eq!(store.memory().due(1_000_000, 1000).len(), 50, "one alarm per value");
}

#[test]
fn a_topic_made_anew_is_known_by_the_marker_before_the_checkpoint() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut store, _) = open(dir.path());
    fill(&mut store, 0, 3);
    let marker = |next| Overlay::default().changes(store.memory(), 0, &inputs(next)).pop().expect("the marker is last");
    let ours = Change::marker(store.memory().marker());
    assert!(!store.contradicts(&ours.key, ours.value.as_deref()));
    let other = marker(7);
    assert!(store.contradicts(&other.key, other.value.as_deref()));
    let value = Change::value(b"key-1", b"anything", None);
    assert!(!store.contradicts(&value.key, value.value.as_deref()), "it may be the middle of a portion");
}

#[test]
fn idempotency_keys_expire_by_transaction_and_stay_forgotten() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut store, _) = open(dir.path());
    fill(&mut store, 0, 20);
    let mut overlay = Overlay::default();
    overlay.expire(store.memory().expired(10, 100));
    let changes = overlay.changes(store.memory(), 20, &inputs(20));
    store.commit(changes, 2000).expect("commits");
    let check = |store: &PartitionStore| {
        assert!(!store.memory().seen(key(99)));
        assert!(store.memory().seen(key(100)));
        assert_eq!(store.memory().len().1, 100);
    };
    check(&store);
    drop(store);
    check(&open(dir.path()).0);
}

#[test]
fn an_aborted_transaction_leaves_no_trace() {
    let dir = tempfile::tempdir().expect("dir");
    let (store, _) = open(dir.path());
    let mut overlay = Overlay::default();
    overlay.put(b"k", b"v".to_vec(), None);
    overlay.remember(7);
    assert_eq!(overlay.get(store.memory(), b"k"), Some(b"v".as_slice()));
    assert!(overlay.seen(store.memory(), 7));
    let overlay = Overlay::default();
    assert_eq!(overlay.get(store.memory(), b"k"), None);
    assert!(!overlay.seen(store.memory(), 7));
}

fn largest_file(dir: &Path) -> PathBuf {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("reads").flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.into_iter().max_by_key(|f| f.metadata().map_or(0, |m| m.len())).expect("a file")
}

/// Whatever is done to the files: the store opens, and either has everything it claims or starts empty.
#[test]
fn damage_costs_a_rebuild_never_a_wrong_answer() {
    for (name, damage) in [("flipped", 0), ("cut", 1), ("emptied", 2)] {
        let dir = tempfile::tempdir().expect("dir");
        let (mut store, _) = open(dir.path());
        let expected = fill(&mut store, 0, 200);
        drop(store);
        let file = largest_file(dir.path());
        let mut bytes = std::fs::read(&file).expect("reads");
        let middle = bytes.len() / 2;
        match damage {
            0 => bytes[middle..middle + 4].iter_mut().for_each(|b| *b ^= 0xff),
            1 => bytes.truncate(middle),
            _ => bytes.clear(),
        }
        std::fs::write(&file, bytes).expect("writes");
        let (store, rebuilt) = open(dir.path());
        let transactions = store.changelog_next() / 100;
        if rebuilt.is_some() {
            assert_eq!(store.changelog_next(), 0, "{name}");
            assert_eq!(store.memory().len(), (0, 0), "{name}");
        } else if transactions == 199 {
            assert_whole(&store, &expected, 200);
        } else {
            assert!(transactions < 199, "{name}");
            assert_eq!(
                store.memory().len().1,
                usize::try_from(transactions + i64::from(store.memory().len().1 > 0)).expect("small") * 10,
                "{name}"
            );
        }
    }
}

#[test]
fn a_store_of_another_cluster_is_not_believed() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut store, _) = open(dir.path());
    fill(&mut store, 0, 5);
    drop(store);
    let other = Identity { cluster: "other".into(), ..identity() };
    let (store, rebuilt) = PartitionStore::open(dir.path(), &other, CACHE).expect("opens");
    assert_eq!(rebuilt, Some(Rebuilt::Foreign));
    assert_eq!(store.memory().len(), (0, 0));
}
