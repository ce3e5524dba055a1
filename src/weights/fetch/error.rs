//! Why a weight file is not there. Each message says what, where and what to do next.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use crate::weights::manifest::ManifestError;

/// Why a weight file cannot be fetched or is not what it should be. No file that could be taken for good is left.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The entry is wrong.
    #[error(transparent)]
    Entry(#[from] ManifestError),
    /// Neither CONVSCOPE_CACHE nor a home folder is known.
    #[error("there is no home folder to keep weights in; set CONVSCOPE_CACHE to a folder")]
    NoCache,
    /// The disk said no.
    #[error(
        "{}: {source}; see to its permissions and to free space, or set CONVSCOPE_CACHE to another folder",
        path.display()
    )]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The local mirror has no such file.
    #[error("the mirror has no {}: {source}; put the file there, or name another mirror", path.display())]
    Mirror {
        /// Where the file was looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file with certificates of authorities is of no use.
    #[error("{}: {reason}; name a PEM file with the certificate of an authority", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The address is refused; nothing was connected to.
    #[error(
        "{url} is refused: {reason}; weights come by https, or by plain http from this machine alone, so name another mirror"
    )]
    Address {
        /// The address.
        url: String,
        /// Why.
        reason: &'static str,
    },
    /// A redirection is refused; it was not followed.
    #[error("{from} redirects to `{to}`, which is refused: {reason}; name a mirror, or {by_hand}")]
    Redirect {
        /// The address that redirects.
        from: String,
        /// Where to.
        to: String,
        /// Why not.
        reason: &'static str,
        /// What to do instead.
        by_hand: Box<ByHand>,
    },
    /// The server has said no.
    #[error("{url}: the server answers {code} ({meaning}); try again later, name a mirror, or {by_hand}")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        code: u16,
        /// The status in words.
        meaning: &'static str,
        /// What to do instead.
        by_hand: Box<ByHand>,
    },
    /// There is no connection, or it broke too often. What has come so far is kept, and the next call goes on there.
    #[error(
        "{url} cannot be fetched: {reason}; look to the network and its proxy (HTTPS_PROXY) and try again, or {by_hand}"
    )]
    Network {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
        /// What to do instead.
        by_hand: Box<ByHand>,
    },
    /// The server cannot show that it is who it should be.
    #[error(
        "{url}: the server is not trusted ({reason}); if your network inspects connections, name the PEM file of its authority, or else {by_hand}"
    )]
    Untrusted {
        /// The address.
        url: String,
        /// What TLS said.
        reason: String,
        /// What to do instead.
        by_hand: Box<ByHand>,
    },
    /// Another number of bytes than the manifest says.
    #[error(
        "{place} has {found} bytes where {expected} are expected; it is another file, or cut short: fetch it again or name another mirror"
    )]
    Size {
        /// Address or path.
        place: String,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// More bytes than any file of that name may have. It was not read further.
    #[error(
        "{place} has more than {limit} bytes, the most this file may have; it is another file, so name another mirror"
    )]
    TooLarge {
        /// Address or path.
        place: String,
        /// Bytes.
        limit: u64,
    },
    /// Another content than was published.
    #[error(
        "{place} has the {algorithm} {found}, not {expected} as published; it is damaged or another file, so fetch it again or name another mirror"
    )]
    Checksum {
        /// Address or path.
        place: String,
        /// Which checksum.
        algorithm: &'static str,
        /// As published, hexadecimal; of a SHA-256 perhaps the first digits alone.
        expected: String,
        /// As found.
        found: String,
    },
    /// Another content than when the file was first seen, of a file without published SHA-256.
    #[error(
        "{place} has the SHA-256 {found}, not {expected} as when it was first seen; if you expect a new file, delete {} and fetch it again",
        record.display()
    )]
    Changed {
        /// Address or path.
        place: String,
        /// The note of the first time.
        record: PathBuf,
        /// By the note.
        expected: String,
        /// As found.
        found: String,
    },
    /// It was called off. What has come so far is kept.
    #[error("fetching was called off; the next time goes on where this one stopped")]
    Cancelled,
}

impl FetchError {
    /// True if the bytes themselves are wrong, so that keeping them helps nobody.
    pub(super) fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::Size { .. } | Self::TooLarge { .. } | Self::Checksum { .. } | Self::Changed { .. }
        )
    }
}

/// The way out that always works.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// The publisher's address.
    pub url: String,
    /// Where the file belongs.
    pub path: PathBuf,
}

impl Display for ByHand {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "download it by hand from {} and put it at {}", self.url, self.path.display())
    }
}
