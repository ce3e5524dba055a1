//! Weight files fetched from servers on this machine. Nothing here leaves it.

mod broken;
mod process;
mod refused;
mod web;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use convscope::model::{AvgPool, InputScale};
use convscope::weights::Layout;
use convscope::weights::fetch::{FetchError, FetchOptions, Patience, Progress, Step, fetch, path_of, verify};
use convscope::weights::manifest::{Checksum, Entry, LabelSet};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use web::{Authority, Server, Then, file};

const TAG: &str = "\"v1\"";
const NAME: &str = "weights.bin";

/// Longer than a few chunks, without a pattern that repeats.
fn content() -> Vec<u8> {
    let mut state = 1u32;
    (0..300_001)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry(url: &str, content: &[u8]) -> Entry {
    Entry {
        name: "test".into(),
        about: "a test".into(),
        file: NAME.into(),
        url: url.into(),
        size: Some(content.len() as u64),
        checksum: Some(Checksum::Sha256(sha256(content))),
        layout: Layout::Safetensors,
        average_pooling: AvgPool::Include,
        reproduces: "nothing".into(),
        input: InputScale::MinusOneToOne,
        labels: LabelSet::Imagenet1k,
        licence: "MIT".into(),
        sources: vec![],
    }
}

/// A cache of its own, and no patience.
struct Place {
    folder: TempDir,
    options: FetchOptions,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let patience = Patience {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(20),
            attempts: 3,
            first_pause: Duration::from_millis(10),
        };
        let cache = Some(folder.path().join("cache"));
        Self { folder, options: FetchOptions { cache, patience, ..FetchOptions::default() } }
    }

    fn trusting(authority: &Authority) -> Self {
        let mut place = Self::new();
        place.options.authority = Some(authority.pem(place.folder.path()));
        place
    }

    fn fetch(&self, entry: &Entry) -> Result<PathBuf, FetchError> {
        fetch(entry, &self.options, &mut |_| {})
    }

    /// Names in the cache, without the lock.
    fn names(&self) -> Vec<String> {
        let folder = self.folder.path().join("cache/weights");
        let Ok(files) = fs::read_dir(folder) else { return vec![] };
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.ends_with(".lock"));
        names.sort();
        names
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("cache/weights").join(name)
    }
}

/// A server that sends the file, the first time cut after `sent` bytes.
fn flaky(content: &[u8], sent: usize, then: Then) -> Server {
    let content = content.to_vec();
    Server::http(move |number, request| match number {
        0 => file(request, &content, TAG, sent, then),
        _ => file(request, &content, TAG, usize::MAX, Then::Close),
    })
}

fn good(content: &[u8]) -> Server {
    flaky(content, usize::MAX, Then::Close)
}

#[test]
fn a_file_comes_whole_by_https_and_is_not_fetched_twice() {
    let (content, authority) = (content(), Authority::new());
    let served = content.clone();
    let server = Server::https(&authority, "localhost", move |_, request| {
        file(request, &served, TAG, usize::MAX, Then::Close)
    });
    let (place, entry) = (Place::trusting(&authority), entry(&server.url("/w?x=1"), &content));
    let mut seen: Vec<Progress> = vec![];
    let path = fetch(&entry, &place.options, &mut |progress| seen.push(progress)).unwrap();
    assert_eq!(path, path_of(&entry, &place.options).unwrap());
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(place.names(), [NAME]);
    assert!(server.requests()[0].line.starts_with("GET /w?x=1 "));

    assert_eq!(seen[0].step, Step::Connecting);
    let total = content.len() as u64;
    assert_eq!(seen[seen.len() - 1], Progress { step: Step::Checking, bytes: total, total: Some(total) });
    assert!(seen.is_sorted_by_key(|progress| progress.bytes));
    assert!(seen.iter().filter(|progress| progress.step == Step::Transferring).count() > 3);

    place.fetch(&entry).unwrap();
    assert_eq!(server.requests().len(), 1);
    let verified = verify(&path, &entry).unwrap();
    assert_eq!((verified.bytes, verified.published, verified.recorded), (total, true, false));
    assert_eq!(verified.sha256, sha256(&content));
}

#[test]
fn calling_off_works_at_once_and_keeps_what_has_come() {
    let content = content();
    let server = flaky(&content, 100_000, Then::Stall);
    let (mut place, entry) = (Place::new(), entry(&server.url("/w"), &content));
    let cancel = Arc::new(AtomicBool::new(false));
    place.options.cancel = Some(cancel.clone());
    let begun = Instant::now();
    let outcome = fetch(&entry, &place.options, &mut |progress| {
        if progress.bytes == 100_000 {
            let cancel = cancel.clone();
            // By then the client waits for bytes that never come.
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(200));
                cancel.store(true, Ordering::Relaxed);
            });
        }
    });
    assert!(matches!(outcome, Err(FetchError::Cancelled)), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(place.names(), ["weights.bin.partial", "weights.bin.partial.json"]);
    cancel.store(false, Ordering::Relaxed);
    place.fetch(&entry).unwrap();
    assert_eq!(server.requests()[1].start(), Some(100_000));
}

#[test]
fn two_at_once_fetch_it_once() {
    let content = content();
    let served = content.clone();
    let server = Server::http(move |_, request| {
        thread::sleep(Duration::from_millis(500));
        file(request, &served, TAG, usize::MAX, Then::Close)
    });
    let (place, entry) = (Place::new(), entry(&server.url("/w"), &content));
    let waited: Vec<bool> = thread::scope(|scope| {
        let one = || {
            let mut waited = false;
            let mut progress = |progress: Progress| waited |= progress.step == Step::Waiting;
            let path = fetch(&entry, &place.options, &mut progress).unwrap();
            assert_eq!(fs::read(path).unwrap(), content);
            waited
        };
        let both = [scope.spawn(one), scope.spawn(one)];
        both.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(server.requests().len(), 1);
    assert_eq!(waited.iter().filter(|&&waited| waited).count(), 1);
}

#[test]
fn mirrors_are_folders_files_and_servers() {
    let content = content();
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("my weights");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join(NAME), &content).unwrap();
    let server = good(&content);
    let own = entry("https://192.0.2.1/w", &content);
    let text = inner.display().to_string();
    let mirrors = [
        text.clone(),
        format!("{text}/{NAME}"),
        format!("file://{}", text.replace(' ', "%20")),
        format!("file://localhost{text}"),
        server.url("/mirror/"),
    ];
    for mirror in mirrors {
        let mut place = Place::new();
        place.options.mirror = Some(mirror);
        assert_eq!(fs::read(place.fetch(&own).unwrap()).unwrap(), content);
        assert_eq!(place.names(), [NAME]);
    }
    assert!(server.requests()[0].line.starts_with("GET /mirror/weights.bin "));

    let mut place = Place::new();
    place.options.mirror = Some(folder.path().display().to_string());
    let message = place.fetch(&own).unwrap_err().to_string();
    assert!(message.contains("the mirror has no") && message.contains(NAME), "{message}");
    fs::write(inner.join(NAME), &content[1..]).unwrap();
    place.options.mirror = Some(text);
    assert!(matches!(place.fetch(&own).unwrap_err(), FetchError::Size { .. }));
    fs::write(inner.join(NAME), vec![0; content.len()]).unwrap();
    assert!(matches!(place.fetch(&own).unwrap_err(), FetchError::Checksum { .. }));
    assert!(place.names().is_empty());
    place.options.mirror = Some("file:weights".into());
    assert!(matches!(place.fetch(&own).unwrap_err(), FetchError::Address { .. }));
}

#[test]
fn without_a_published_checksum_the_first_sight_counts() {
    let (old, mut new) = (content(), content());
    new[7] ^= 1;
    let served = (old.clone(), new.clone());
    let server = Server::http(move |number, request| {
        let content = if number == 0 { &served.0 } else { &served.1 };
        file(request, content, TAG, usize::MAX, Then::Close)
    });
    let (place, mut entry) = (Place::new(), entry(&server.url("/w"), &old));
    entry.checksum = None;
    let path = place.fetch(&entry).unwrap();
    assert_eq!(place.names(), [NAME, "weights.bin.sha256"]);
    let record = place.path("weights.bin.sha256");
    assert_eq!(fs::read_to_string(&record).unwrap(), format!("{}  {NAME}\n", sha256(&old)));
    let verified = verify(&path, &entry).unwrap();
    assert_eq!((verified.published, verified.recorded), (false, true));

    // A file that was changed on the disk is not used, and the changed one of the server is refused.
    fs::write(&path, &new).unwrap();
    assert!(matches!(verify(&path, &entry).unwrap_err(), FetchError::Changed { .. }));
    let message = place.fetch(&entry).unwrap_err().to_string();
    assert!(
        message.contains("when it was first seen") && message.contains("weights.bin.sha256"),
        "{message}"
    );
    assert_eq!(server.requests().len(), 2);
    fs::remove_file(&path).unwrap();
    assert!(matches!(place.fetch(&entry).unwrap_err(), FetchError::Changed { .. }));
    assert_eq!(place.names(), ["weights.bin.sha256"]);
    fs::remove_file(&record).unwrap();
    assert_eq!(fs::read(place.fetch(&entry).unwrap()).unwrap(), new);
    assert!(record.exists());
}

#[test]
fn a_damaged_cached_file_is_replaced_and_one_put_there_by_hand_is_used() {
    let content = content();
    let (server, place) = (good(&content), Place::new());
    let entry = entry(&server.url("/w"), &content);
    fs::create_dir_all(place.path("")).unwrap();
    fs::write(place.path(NAME), &content).unwrap();
    place.fetch(&entry).unwrap();
    assert!(server.requests().is_empty());
    fs::write(place.path(NAME), &content[..1000]).unwrap();
    assert_eq!(fs::read(place.fetch(&entry).unwrap()).unwrap(), content);
    assert_eq!(server.requests().len(), 1);
}
