//! Weight files fetched into the cache and checked. Blocks; any thread, several at once.
//!
//! A file appears under its name when it is whole and its checksum is right; until then it is `NAME.partial`, which
//! the next call goes on from. Beside it lie `NAME.lock`, and, where no SHA-256 is published, `NAME.sha256` with what
//! it was when first seen. Proxies come from `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.

mod address;
mod cache;
mod digest;
mod error;
mod partial;
mod progress;
mod transfer;
mod watch;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::manifest::{Checksum, Entry, MAX_BYTES};
use address::Source;
use cache::{Lock, Record, beside};
use digest::{CHUNK, Digests};
use partial::Partial;
use transfer::Transfer;
use watch::{CANCEL_LOOK, Watch};

pub use cache::cache_folder;
pub use error::{ByHand, FetchError};
pub use progress::{Progress, Rate, Step};
pub use transfer::Patience;

/// How to fetch. The default is what a user wants who said nothing.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// The cache folder; [`cache_folder`] if none is named.
    pub cache: Option<PathBuf>,
    /// In place of the entry's address: a base URL, to which the entry's file name is added; a `file:` URL or path of
    /// a folder with that file, or of the file.
    pub mirror: Option<String>,
    /// PEM file of the authorities to trust in place of Mozilla's, for networks that inspect connections.
    pub authority: Option<PathBuf>,
    /// Set it to call the download off. A wait for the server ends within a tenth of a second, one for a name or a
    /// first connection within [`Patience::connect`].
    pub cancel: Option<Arc<AtomicBool>>,
    /// How long to wait and how often to try.
    pub patience: Patience,
}

impl FetchOptions {
    /// As the variables `CONVSCOPE_MIRROR` and `CONVSCOPE_CERTIFICATE` say: the places of labs without internet, or
    /// behind a proxy that inspects connections.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            mirror: variable("CONVSCOPE_MIRROR"),
            authority: variable("CONVSCOPE_CERTIFICATE").map(PathBuf::from),
            ..Self::default()
        }
    }
}

/// A file that is what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// True if a checksum is published, which it has; false if none is.
    pub published: bool,
    /// True if it has the SHA-256 it had when it was first seen; false if that was not noted.
    pub recorded: bool,
}

/// Where the entry's file is kept, or would be.
///
/// # Errors
/// [`FetchError::NoCache`], [`FetchError::Entry`]
pub fn path_of(entry: &Entry, options: &FetchOptions) -> Result<PathBuf, FetchError> {
    entry.check()?;
    let cache = options.cache.clone().map_or_else(cache_folder, Ok)?;
    Ok(cache.join("weights").join(&entry.file))
}

/// Holds a file, wherever it lies, against its entry, and against `FILE.sha256` beside it where its SHA-256 is not
/// published. Reads the whole file.
///
/// # Errors
/// [`FetchError::Size`], [`FetchError::Checksum`], [`FetchError::Changed`], [`FetchError::Disk`]
pub fn verify(path: &Path, entry: &Entry) -> Result<Verified, FetchError> {
    entry.check()?;
    let digests = Digests::of_file(path, entry)?;
    let recorded = judge(&digests, entry, &Record::of(path), &path.display().to_string())?;
    Ok(Verified {
        bytes: digests.bytes,
        sha256: digests.sha256,
        published: entry.checksum.is_some(),
        recorded,
    })
}

/// Sees to it that the entry's file is in the cache, and gives its path. A good file that is there already is used
/// without connecting to anything; a bad one is replaced.
///
/// # Errors
/// [`FetchError`] says what to do. No file that could be taken for good is left behind.
pub fn fetch(
    entry: &Entry,
    options: &FetchOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, FetchError> {
    let file = path_of(entry, options)?;
    let mut watch = Watch { progress, cancel: options.cancel.as_deref() };
    if is_good(&file, entry, &mut watch)? {
        return Ok(file);
    }
    let source = Source::of(entry, options.mirror.as_deref())?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|source| FetchError::Disk { path: folder.into(), source })?;
    }
    let lock = Lock::acquire(&beside(&file, "lock"), &mut watch)?;
    // Whoever had the lock before may have fetched it.
    if is_good(&file, entry, &mut watch)? {
        return Ok(file);
    }
    let name = match lock {
        Some(_) => "partial".into(),
        None => format!("{}.partial", std::process::id()),
    };
    let mut partial = Partial::open(beside(&file, &name), entry)?;
    let outcome = obtain(entry, options, &file, &source, &mut partial, &mut watch);
    match outcome {
        Ok(()) => partial.finish(&file)?,
        // Its bytes are wrong, or nobody would find them again.
        Err(error) if lock.is_none() || error.is_about_content() => {
            partial.discard();
            return Err(error);
        }
        Err(error) => {
            partial.leave();
            return Err(error);
        }
    }
    Ok(file)
}

/// Fills the partial file with what the entry promises, and notes what that was.
fn obtain(
    entry: &Entry,
    options: &FetchOptions,
    file: &Path,
    source: &Source,
    partial: &mut Partial,
    watch: &mut Watch<'_>,
) -> Result<(), FetchError> {
    let record = Record::of(file);
    loop {
        let resumed = partial.bytes() > 0;
        let place = match source {
            Source::Local(path) => {
                copy(path, entry, partial, watch)?;
                path.display().to_string()
            }
            Source::Web(uri) => {
                let by_hand = ByHand { url: entry.url.clone(), path: file.into() };
                let transfer = Transfer::new(entry, by_hand, options.authority.as_deref(), options.patience)?;
                interruptible(&transfer, watch, |watch| transfer.run(uri, partial, watch))?;
                address::shown(uri)
            }
        };
        watch.report(Step::Checking, partial.bytes(), Some(partial.bytes()));
        let digests = partial.digests();
        match judge(&digests, entry, &record, &place) {
            Ok(recorded) => return if recorded { Ok(()) } else { note(&digests, entry, &record, file) },
            // Bytes of an earlier day may be to blame.
            Err(error) if resumed => {
                tracing::warn!("{error}; it is fetched once more from its beginning");
                partial.restart(None)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Runs a transfer while another thread ends its waits as soon as the user calls it off.
fn interruptible<T>(
    transfer: &Transfer<'_>,
    watch: &mut Watch<'_>,
    work: impl FnOnce(&mut Watch<'_>) -> Result<T, FetchError>,
) -> Result<T, FetchError> {
    let Some(cancel) = watch.cancel else { return work(watch) };
    thread::scope(|scope| {
        // Dropping the sender ends the thread at once.
        let (_done, until) = channel::<()>();
        let agent = transfer.agent();
        let look = move || {
            while until.recv_timeout(CANCEL_LOOK) == Err(RecvTimeoutError::Timeout) {
                if cancel.load(Ordering::Relaxed) {
                    return agent.shutdown();
                }
            }
        };
        // Without the thread, calling off takes until the server says something.
        let _ = thread::Builder::new().name("fetch-cancel".into()).spawn_scoped(scope, look);
        work(watch)
    })
}

fn copy(path: &Path, entry: &Entry, partial: &mut Partial, watch: &mut Watch<'_>) -> Result<(), FetchError> {
    let missing = |source| FetchError::Mirror { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(missing)?;
    if !metadata.is_file() {
        return Err(missing(std::io::Error::other("it is not a file")));
    }
    let total = metadata.len();
    if let Some(expected) = entry.size.filter(|&size| size != total) {
        return Err(FetchError::Size { place: path.display().to_string(), expected, found: total });
    }
    let mut file = File::open(path).map_err(missing)?;
    partial.restart(None)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        watch.report(Step::Transferring, partial.bytes(), Some(total));
        watch.check()?;
        let length = file.read(&mut chunk).map_err(missing)?;
        if length == 0 {
            return Ok(());
        }
        if partial.bytes() + length as u64 > MAX_BYTES {
            return Err(FetchError::TooLarge { place: path.display().to_string(), limit: MAX_BYTES });
        }
        partial.append(&chunk[..length])?;
    }
}

/// True if the file is there and right; false if it is missing or wrong.
fn is_good(file: &Path, entry: &Entry, watch: &mut Watch<'_>) -> Result<bool, FetchError> {
    let Ok(metadata) = fs::metadata(file) else { return Ok(false) };
    watch.report(Step::Checking, metadata.len(), Some(metadata.len()));
    let record = Record::of(file);
    let digests = Digests::of_file(file, entry)?;
    match judge(&digests, entry, &record, &file.display().to_string()) {
        Ok(true) => Ok(true),
        Ok(false) => {
            // A shared cache may be for reading alone.
            if let Err(error) = note(&digests, entry, &record, file) {
                tracing::warn!("{error}");
            }
            Ok(true)
        }
        Err(error) if error.is_about_content() => {
            tracing::warn!("{error}; it is fetched anew");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Holds digests against what is published and, where that is not a whole SHA-256, against the record. True if there
/// is a record.
fn judge(digests: &Digests, entry: &Entry, record: &Record, place: &str) -> Result<bool, FetchError> {
    digests.hold_to(entry, place)?;
    if matches!(entry.checksum, Some(Checksum::Sha256(_))) {
        return Ok(false);
    }
    record.hold(&digests.sha256, place)
}

/// Records what a file was when first seen, where nobody publishes its SHA-256.
fn note(digests: &Digests, entry: &Entry, record: &Record, file: &Path) -> Result<(), FetchError> {
    if matches!(entry.checksum, Some(Checksum::Sha256(_))) {
        return Ok(());
    }
    record.write(&digests.sha256, file)
}
