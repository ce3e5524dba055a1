//! The program ffmpeg at work: started, read from, listened to, and ended with its [`Process`].
//!
//! Used on the capture thread. A small thread of its own reads what ffmpeg complains about, so that a full
//! pipe never stops ffmpeg; it ends with ffmpeg.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::content::Container;
use super::ppm::{self, PpmError};

/// How long ffmpeg may take to end once it has sent everything.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Longer lines of ffmpeg are cut.
const MAX_LINE_BYTES: usize = 1000;

/// What makes ffmpeg hand out each frame of the file once instead of filling and thinning to a constant rate:
/// known since ffmpeg 5.1, and before ffmpeg 9.
pub const EACH_FRAME_ONCE: [&str; 2] = ["-fps_mode", "-vsync"];

/// What ffmpeg calls the file.
pub fn input_name(path: &Path) -> OsString {
    // Otherwise a name such as `-y` or `http:x` would be an option or an address.
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

/// ffmpeg, told to write all frames of a file into its output as PPM pictures, turned upright. `paced`: as fast
/// as they are meant to be shown, otherwise as fast as they are read.
pub fn command(
    program: &OsStr,
    path: &Path,
    container: Container,
    paced: bool,
    each_frame_once: &str,
) -> Command {
    let mut command = Command::new(program);
    command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]);
    if paced {
        command.arg("-re");
    }
    // The format is given and the network closed: no file can pass for a playlist of addresses.
    command.args(["-protocol_whitelist", "file", "-f", container.0, "-i"]).arg(input_name(path));
    // V: not the cover of a song.
    command.args(["-map", "0:V:0", each_frame_once, "passthrough", "-pix_fmt", "rgb24"]);
    command.args(["-c:v", "ppm", "-f", "image2pipe", "-"]);
    command
}

/// A running ffmpeg. Dropping it ends it.
pub struct Process {
    child: Child,
    /// `None` once nothing more is wanted of it.
    pictures: Option<BufReader<ChildStdout>>,
    log: Arc<Mutex<Log>>,
    /// Hangs up when the log is complete.
    log_ended: Receiver<Infallible>,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    /// False where ffmpeg itself says that it failed.
    pub succeeded: bool,
    /// What it complained about, in one line: the first complaint, which is often the cause, and the last.
    pub complaint: Option<String>,
}

impl Process {
    /// Starts it; its input, output and complaints are replaced.
    ///
    /// # Errors
    /// Where the system cannot start the program, or no thread.
    pub fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for convscope, which then ends ffmpeg; where convscope is killed, the broken pipe does.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let (pictures, complaints) = (child.stdout.take(), child.stderr.take());
        let log = Arc::new(Mutex::new(Log::default()));
        let (ended, log_ended) = mpsc::channel();
        let process = Self { child, pictures: pictures.map(BufReader::new), log, log_ended };
        if let Some(complaints) = complaints {
            let log = process.log.clone();
            thread::Builder::new()
                .name("ffmpeg log".into())
                .spawn(move || listen(complaints, &log, ended))?;
        }
        Ok(process)
    }

    /// The next picture, as [`ppm::read`] gives it; waits for it.
    ///
    /// # Errors
    /// [`PpmError`]; then the process is of no more use.
    pub fn read(&mut self, rgb: &mut Vec<u8>) -> Result<Option<(u32, u32)>, PpmError> {
        match &mut self.pictures {
            Some(pictures) => ppm::read(pictures, rgb),
            None => Ok(None),
        }
    }

    /// Frames a second as ffmpeg writes them (`29.97`), once it has said so.
    pub fn fps(&self) -> Option<String> {
        lock(&self.log).fps.clone()
    }

    /// Waits (not for long) until ffmpeg has ended by itself, and says how.
    pub fn finish(mut self) -> Ending {
        self.pictures = None;
        let deadline = Instant::now() + END_PATIENCE;
        let mut status = self.child.try_wait();
        while matches!(status, Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
            status = self.child.try_wait();
        }
        let status = status.ok().flatten();
        // Its children, if it has any, may keep the pipe open.
        let _ = self.log_ended.recv_timeout(Duration::from_secs(1));
        let complaint = lock(&self.log).complaint();
        let succeeded = status.is_some_and(|status| status.success());
        let complaint = match (complaint, status) {
            (None, Some(status)) if !succeeded => Some(format!("ffmpeg ended with {status}")),
            (None, None) => Some("ffmpeg does not end".into()),
            (complaint, _) => complaint,
        };
        Ending { succeeded, complaint }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // First the pipe: where what we started is a wrapper, that is what ends the ffmpeg behind it.
        self.pictures = None;
        // Both do nothing where it has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What ffmpeg said that matters here.
#[derive(Debug, Default)]
struct Log {
    first_complaint: Option<String>,
    last_complaint: Option<String>,
    fps: Option<String>,
}

impl Log {
    fn add(&mut self, line: &str) {
        let complaint = ["[error] ", "[fatal] ", "[panic] "]
            .into_iter()
            .find_map(|level| line.split_once(level))
            .map(|(_component, text)| text.trim());
        if let Some(complaint) = complaint.filter(|text| !text.is_empty()) {
            self.last_complaint = Some(complaint.into());
            self.first_complaint.get_or_insert_with(|| complaint.into());
        } else if self.fps.is_none()
            && line.contains(" Stream #0:")
            && line.contains(": Video: ")
            && !line.contains("(attached pic)")
        {
            let fps = line.split(", ").find_map(|part| part.trim().strip_suffix(" fps"));
            self.fps = fps.filter(|fps| fps.parse::<f64>().is_ok_and(f64::is_normal)).map(str::to_owned);
        }
    }

    fn complaint(&self) -> Option<String> {
        let (first, last) = (self.first_complaint.as_ref()?, self.last_complaint.as_ref()?);
        Some(if first == last { first.clone() } else { format!("{first}; {last}") })
    }
}

// A thread that panicked while holding the lock left plain text behind: still usable.
fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads to the end. `_ended` is dropped then, which is the signal.
fn listen(mut complaints: ChildStderr, log: &Mutex<Log>, _ended: Sender<Infallible>) {
    let (mut chunk, mut line) = ([0; 4096], Vec::new());
    loop {
        let count = match complaints.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(count) if count > 0 => count,
            _ => break,
        };
        for &byte in chunk.get(..count).unwrap_or_default() {
            if matches!(byte, b'\n' | b'\r') {
                lock(log).add(&String::from_utf8_lossy(&line));
                line.clear();
            } else if line.len() < MAX_LINE_BYTES {
                line.push(byte);
            }
        }
    }
    lock(log).add(&String::from_utf8_lossy(&line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_never_options_or_addresses() {
        for name in ["-y", "http://host/a.mp4", "a b;rm -rf 'x'\n.mp4", "concat:a|b"] {
            let command = command(OsStr::new("ffmpeg"), Path::new(name), Container("mov"), true, "-vsync");
            let arguments: Vec<_> = command.get_args().collect();
            let at = arguments.iter().position(|argument| *argument == "-i").unwrap();
            assert_eq!(arguments[at + 1].to_str().unwrap(), format!("file:{name}"));
            assert!(arguments[..at].contains(&OsStr::new("-re")));
        }
    }

    #[test]
    fn complaints_and_rate_are_found_among_the_rest() {
        let mut log = Log::default();
        for line in [
            "[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:clip.mp4':",
            "[info]     comment         : 12 fps",
            "[info]   Stream #0:0: Video: mjpeg, yuvj420p(pc), 600x600, 90k tbr (attached pic)",
            "[info]   Stream #0:1[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p, 640x360 [SAR 1:1 DAR 16:9], 9 kb/s, 29.97 fps, 30 tbr (default)",
            "[info]   Stream #0:0(und): Video: ppm, rgb24(pc), 640x360, q=2-31, 200 kb/s, 5 fps, 5 tbn",
            "[image2pipe @ 0x5602cf672a00] [warning] Timestamps are unset",
        ] {
            log.add(line);
        }
        assert_eq!((log.fps.as_deref(), log.complaint()), (Some("29.97"), None));
        log.add("[mov,mp4 @ 0x55f764d57940] [error] moov atom not found");
        assert_eq!(log.complaint().unwrap(), "moov atom not found");
        log.add("[error] file:clip.mp4: Invalid data found");
        log.add("[fatal] Conversion failed!");
        assert_eq!(log.complaint().unwrap(), "moov atom not found; Conversion failed!");
    }

    #[cfg(unix)]
    mod with_a_shell {
        use super::super::*;

        fn shell(script: &str) -> Process {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Process::start(command).unwrap()
        }

        /// False where the process is gone altogether: a zombie still has a number.
        #[cfg(target_os = "linux")]
        fn exists(process: u32) -> bool {
            Path::new("/proc").join(process.to_string()).exists()
        }

        #[test]
        fn pictures_then_the_end() {
            let mut process = shell("printf 'P6 1 1 255\\nabcP6 1 1 255\\ndef'; echo '[error] odd' >&2");
            let mut rgb = vec![];
            for expected in [b"abc", b"def"] {
                assert_eq!(process.read(&mut rgb).unwrap(), Some((1, 1)));
                assert_eq!(rgb, expected);
            }
            assert_eq!(process.read(&mut rgb).unwrap(), None);
            assert_eq!(process.finish(), Ending { succeeded: true, complaint: Some("odd".into()) });
        }

        #[test]
        fn how_it_failed_is_told_even_where_it_says_nothing() {
            let ending = shell("exit 3").finish();
            assert!(!ending.succeeded && ending.complaint.unwrap().contains('3'));
            let ending = shell("echo '[fatal] no such thing' >&2; exit 1").finish();
            assert_eq!(ending.complaint.as_deref(), Some("no such thing"));
        }

        #[test]
        fn a_flood_of_complaints_is_bounded_and_stops_nothing() {
            let script = "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2;
                printf '[error] ' >&2; head -c 200000 /dev/zero | tr '\\0' y >&2; printf 'P6 1 1 255\\nabc'";
            let mut process = shell(script);
            assert_eq!(process.read(&mut vec![]).unwrap(), Some((1, 1)));
            let complaint = process.finish().complaint.unwrap();
            assert!(complaint.starts_with("yyy") && complaint.len() < MAX_LINE_BYTES);
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn dropping_ends_it_in_the_middle_of_a_picture_and_leaves_no_zombie() {
            let mut process = shell("printf 'P6 1 1 255\\nabcP6 9 9 255\\nde'; exec sleep 1000");
            assert!(process.read(&mut vec![]).unwrap().is_some());
            let number = process.child.id();
            assert!(exists(number));
            let started = Instant::now();
            drop(process);
            assert!(!exists(number));
            assert!(started.elapsed() < Duration::from_secs(5));
        }

        #[test]
        fn one_that_closes_its_output_and_stays_is_ended() {
            let process = shell("exec >&- 2>&-; exec sleep 1000");
            let started = Instant::now();
            let ending = process.finish();
            assert!(!ending.succeeded);
            assert_eq!(ending.complaint.as_deref(), Some("ffmpeg does not end"));
            assert!(started.elapsed() < Duration::from_secs(30));
        }
    }
}
