//! The program ffmpeg at work: started, read from or written to, listened to, and ended with its [`Process`].
//!
//! Used on the capture thread, and on that of a film. A small thread of its own reads what ffmpeg complains about, so that a full
//! pipe never stops ffmpeg; it ends with ffmpeg.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::{self, BufReader, Read, Write};
use std::num::NonZeroU32;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::conversion::Conversion;
use super::input::Input;
use super::log::Log;
use super::pam::{self, PamError};

/// How long ffmpeg may take to end once it has sent everything.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// How long it may look into a file.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// Longer lines of ffmpeg are cut.
const MAX_LINE_BYTES: usize = 1000;

/// What makes ffmpeg hand out each frame of the file once instead of filling and thinning to a constant rate:
/// known since ffmpeg 5.1, and before ffmpeg 9.
pub const EACH_FRAME_ONCE: [&str; 2] = ["-fps_mode", "-vsync"];

/// What ffmpeg is to do with a file.
#[derive(Clone, Copy, Debug)]
pub enum Task<'a> {
    /// Say what it is, and what its first frame is.
    Look,
    /// Write its frames into its output as PAM pictures, turned upright.
    Frames {
        /// How each becomes a picture.
        conversion: &'a Conversion,
        /// One of so many.
        every: NonZeroU32,
        /// As fast as they are meant to be shown, otherwise as fast as they are read.
        paced: bool,
        /// One of [`EACH_FRAME_ONCE`].
        once: &'static str,
    },
}

/// ffmpeg with its task.
pub fn command(program: &OsStr, input: &Input, task: Task) -> Command {
    let mut command = Command::new(program);
    command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]);
    if let Task::Frames { conversion, paced, .. } = task {
        let is_held_back = paced && !matches!(input, Input::Remote(remote) if !remote.is_recorded);
        command.args(is_held_back.then_some("-re"));
        if let Some(decoder) = conversion.decoder() {
            command.args(["-c:v", decoder]);
        }
    }
    input.limit(&mut command);
    command.arg("-i").arg(input.name());
    // V: not the cover of a song.
    command.args(["-map", "0:V:0"]);
    match task {
        Task::Look => command.args(["-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"]),
        Task::Frames { conversion, every, once, .. } => {
            command.args([once, "passthrough", "-vf", &conversion.filters(every)]);
            command.args(["-pix_fmt", conversion.layout(), "-c:v", "pam", "-f", "image2pipe", "-"])
        }
    };
    command
}

/// A running ffmpeg. Dropping it ends it.
pub struct Process {
    child: Child,
    /// `None` once nothing more is wanted of it.
    pictures: Option<BufReader<ChildStdout>>,
    /// Where it is written to.
    input: Option<ChildStdin>,
    log: Arc<Mutex<Log>>,
    /// Hangs up when the log is complete.
    log_ended: Receiver<Infallible>,
}

/// How it ended.
#[derive(Debug, PartialEq)]
pub struct Ending {
    /// False where ffmpeg itself says that it failed.
    pub succeeded: bool,
    /// What it wrote.
    pub log: Log,
    /// What it complained about, or what is odd about its end, in one line.
    pub complaint: Option<String>,
}

impl Process {
    /// Starts it; its input, output and complaints are replaced.
    ///
    /// # Errors
    /// Where the system cannot start the program, or no thread.
    pub fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self::spawn(command)
    }

    /// Starts one that is written to and has no output but its files.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_fed(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> io::Result<Self> {
        command.stderr(Stdio::piped());
        // Ctrl-C is for convscope, which then ends ffmpeg; where convscope is killed, the broken pipe does.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let (pictures, complaints) = (child.stdout.take(), child.stderr.take());
        let input = child.stdin.take();
        let log = Arc::new(Mutex::new(Log::default()));
        let (ended, log_ended) = mpsc::channel();
        let process = Self { child, pictures: pictures.map(BufReader::new), input, log, log_ended };
        if let Some(complaints) = complaints {
            let log = process.log.clone();
            thread::Builder::new()
                .name("ffmpeg log".into())
                .spawn(move || listen(complaints, &log, ended))?;
        }
        Ok(process)
    }

    /// The next picture, as [`pam::read`] gives it; waits for it.
    ///
    /// # Errors
    /// [`PamError`]; then the process is of no more use.
    pub fn read(&mut self, rgb: &mut Vec<u8>) -> Result<Option<(u32, u32)>, PamError> {
        match &mut self.pictures {
            Some(pictures) => pam::read(pictures, rgb),
            None => Ok(None),
        }
    }

    /// Writes to it; waits until it takes that.
    ///
    /// # Errors
    /// Where it takes no more.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |input| input.write_all(bytes))
    }

    /// Waits (not for long) until ffmpeg has ended by itself, and says how.
    pub fn finish(self) -> Ending {
        self.finish_within(END_PATIENCE)
    }

    /// The same of one that has only to look.
    pub fn look(self) -> Ending {
        self.finish_within(LOOK_PATIENCE)
    }

    fn finish_within(mut self, patience: Duration) -> Ending {
        (self.pictures, self.input) = (None, None);
        let deadline = Instant::now() + patience;
        let mut status = self.child.try_wait();
        while matches!(status, Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
            status = self.child.try_wait();
        }
        let status = status.ok().flatten();
        // Its children, if it has any, may keep the pipe open.
        let _ = self.log_ended.recv_timeout(Duration::from_secs(1));
        let log = lock(&self.log).clone();
        let succeeded = status.is_some_and(|status| status.success());
        let complaint = match (log.complaint(), status) {
            (None, Some(status)) if !succeeded => Some(format!("ffmpeg ended with {status}")),
            (None, None) => Some("ffmpeg does not end".into()),
            (complaint, _) => complaint,
        };
        Ending { succeeded, log, complaint }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // First the pipe: where what we started is a wrapper, that is what ends the ffmpeg behind it.
        (self.pictures, self.input) = (None, None);
        // Both do nothing where it has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
            let (conversion, every) = (Conversion::default(), NonZeroU32::MIN);
            let frames = Task::Frames { conversion: &conversion, every, paced: true, once: "-vsync" };
            for (task, paced) in [(frames, true), (Task::Look, false)] {
                let command = command(OsStr::new("ffmpeg"), &Input::File(name.into(), None), task);
                let arguments: Vec<_> = command.get_args().collect();
                let at = arguments.iter().position(|argument| *argument == "-i").unwrap();
                let given = arguments[at + 1].to_str().unwrap();
                assert!(
                    given.starts_with("file:") && given.contains(name.rsplit('/').next().unwrap()),
                    "{given}"
                );
                assert_eq!(arguments[..at].contains(&OsStr::new("-re")), paced);
            }
        }
    }

    #[cfg(unix)]
    mod with_a_shell {
        use super::super::*;
        #[cfg(target_os = "linux")]
        use std::path::Path;

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
            let mut process = shell(
                "printf 'P7\\nWIDTH 1\\nHEIGHT 1\\nDEPTH 3\\nMAXVAL 255\\nENDHDR\\nabcP7\\nWIDTH 1\\nHEIGHT 1\\nDEPTH 3\\nMAXVAL 255\\nENDHDR\\ndef'; echo '[error] odd' >&2",
            );
            let mut rgb = vec![];
            for expected in [b"abc", b"def"] {
                assert_eq!(process.read(&mut rgb).unwrap(), Some((1, 1)));
                assert_eq!(rgb, expected);
            }
            assert_eq!(process.read(&mut rgb).unwrap(), None);
            let ending = process.finish();
            assert!(ending.succeeded);
            assert_eq!(ending.complaint.as_deref(), Some("odd"));
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
                printf '[error] ' >&2; head -c 200000 /dev/zero | tr '\\0' y >&2; printf 'P7\\nWIDTH 1\\nHEIGHT 1\\nDEPTH 3\\nMAXVAL 255\\nENDHDR\\nabc'";
            let mut process = shell(script);
            assert_eq!(process.read(&mut vec![]).unwrap(), Some((1, 1)));
            let complaint = process.finish().complaint.unwrap();
            assert!(complaint.starts_with("yyy") && complaint.len() < MAX_LINE_BYTES);
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn dropping_ends_it_in_the_middle_of_a_picture_and_leaves_no_zombie() {
            let mut process = shell(
                "printf 'P7\\nWIDTH 1\\nHEIGHT 1\\nDEPTH 3\\nMAXVAL 255\\nENDHDR\\nabcP7\\nWIDTH 9\\nHEIGHT 9\\nDEPTH 3\\nMAXVAL 255\\nENDHDR\\nde'; exec sleep 1000",
            );
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
