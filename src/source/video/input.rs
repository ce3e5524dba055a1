//! What ffmpeg reads, and within which limits.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::content::Container;

/// What ffmpeg calls the file.
pub fn input_name(path: &Path) -> OsString {
    // Otherwise a name such as `-y` or `http:x` would be an option or an address.
    let mut name = OsString::from("file:");
    // DASH finds its pieces beside a whole path only.
    name.push(std::path::absolute(path).unwrap_or_else(|_| path.into()));
    name
}

/// A stream of the network.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where it is, with user name and password.
    pub address: String,
    /// The same without, for the user.
    pub shown: String,
    /// It can be had as fast as the network brings it, and has to be kept back to be shown in its own time.
    pub is_recorded: bool,
}

/// What ffmpeg reads.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file, of this kind where that is known.
    File(PathBuf, Option<Container>),
    /// An address.
    Remote(Remote),
}

/// Microseconds without a byte after which ffmpeg gives a server up.
const STALL: &str = "10000000";

/// How streams come; `file` is not among them, so that no playlist of the network reads files of this machine.
const NETWORK: &str =
    "http,https,httpproxy,tcp,tls,udp,rtp,rtmp,rtmps,rtsp,srt,srtp,mmsh,mmst,crypto,data,hls";

impl Input {
    /// What ffmpeg calls it.
    pub fn name(&self) -> OsString {
        match self {
            Self::File(path, _) => input_name(path),
            Self::Remote(remote) => remote.address.clone().into(),
        }
    }

    /// Options in front of it.
    pub fn limit(&self, command: &mut Command) {
        match self {
            // The network is closed, and the format given as soon as it is known: no file can pass for a playlist of addresses.
            Self::File(_, container) => {
                command.args(["-protocol_whitelist", "file,crypto"]);
                if let Some(container) = container {
                    command.args(["-f", &container.0]);
                }
            }
            Self::Remote(remote) => {
                command.args(["-protocol_whitelist", NETWORK]);
                if remote.address.to_ascii_lowercase().starts_with("rtsp") {
                    // What is lost on its way is not missed for long, but pictures of lost parts are grey.
                    command.args(["-rtsp_flags", "prefer_tcp", "-timeout", STALL]);
                } else {
                    command.args(["-rw_timeout", STALL]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::source::video::process::{Task, command};

    #[test]
    fn no_stream_of_the_network_reads_files_and_each_has_a_limit_of_time() {
        for (address, limit) in [("http://a/b.m3u8", "-rw_timeout"), ("RTSP://a/b", "-timeout")] {
            let remote = Remote { address: address.into(), shown: address.into(), is_recorded: false };
            let command = command(OsStr::new("ffmpeg"), &Input::Remote(remote), Task::Look);
            let arguments: Vec<_> = command.get_args().filter_map(OsStr::to_str).collect();
            let behind =
                |word: &str| arguments[arguments.iter().position(|known| *known == word).unwrap() + 1];
            assert!(!behind("-protocol_whitelist").split(',').any(|protocol| protocol == "file"));
            assert_eq!((behind(limit), behind("-i")), (STALL, address));
        }
    }
}
