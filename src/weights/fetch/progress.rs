//! How far a download is, and that in words: bytes, rate and time left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far a download is. Comes often, each 64 KiB or so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// Bytes that are here.
    pub bytes: u64,
    /// Bytes of the whole file, where known.
    pub total: Option<u64>,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waiting for another process that fetches the same file.
    Waiting,
    /// Asking the server.
    Connecting,
    /// Bytes are coming.
    Transferring,
    /// Waiting before the next attempt.
    Pausing,
    /// All is here, and the checksum is compared.
    Checking,
}

/// Over how long the rate is measured.
const WINDOW: Duration = Duration::from_secs(5);

/// A shorter time says nothing about the rate.
const LEAST: Duration = Duration::from_millis(500);

/// How fast bytes have come lately.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    seen: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// So many bytes are here now.
    pub fn observe(&mut self, bytes: u64, now: Instant) {
        // A download that began anew has fewer than before.
        if self.seen.back().is_some_and(|(_, before)| *before > bytes) {
            self.seen.clear();
        }
        self.seen.push_back((now, bytes));
        while self.seen.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.seen.pop_front();
        }
    }

    /// Bytes a second over the last seconds; `None` while that is not known.
    pub fn bytes_per_second(&self) -> Option<f64> {
        let ((start, first), (end, last)) = (self.seen.front()?, self.seen.back()?);
        let time = end.duration_since(*start);
        (time >= LEAST).then(|| (last - first) as f64 / time.as_secs_f64())
    }
}

impl Progress {
    /// `34.1 of 96.1 MB · 2.1 MB/s · 30 s left`, or what is waited for.
    pub fn in_words(&self, rate: &Rate) -> String {
        match self.step {
            Step::Waiting => "another convscope is fetching the same file".into(),
            Step::Connecting => "connecting".into(),
            Step::Pausing => "no answer; trying again in a moment".into(),
            Step::Checking => "checking".into(),
            Step::Transferring => {
                let megabytes = |bytes: u64| bytes as f64 / 1e6;
                let mut words = match self.total {
                    Some(total) => format!("{:.1} of {:.1} MB", megabytes(self.bytes), megabytes(total)),
                    None => format!("{:.1} MB", megabytes(self.bytes)),
                };
                if let Some(rate) = rate.bytes_per_second() {
                    words.push_str(&format!(" · {:.1} MB/s", rate / 1e6));
                    if let Some(total) = self.total.filter(|_| rate > 0.0) {
                        let left = total.saturating_sub(self.bytes) as f64 / rate;
                        words.push_str(&format!(" · {} left", duration(left)));
                    }
                }
                words
            }
        }
    }
}

fn duration(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        seconds if seconds < 100 => format!("{seconds} s"),
        seconds if seconds < 100 * 60 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_come_from_the_last_seconds() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let progress = |bytes, total| Progress { step: Step::Transferring, bytes, total };
        rate.observe(0, start);
        assert_eq!(progress(0, Some(96_000_000)).in_words(&rate), "0.0 of 96.0 MB");
        for second in 1..=10 {
            rate.observe(
                if second < 5 { 0 } else { (second - 5) * 2_000_000 },
                start + Duration::from_secs(second),
            );
        }
        let words = progress(10_000_000, Some(96_000_000)).in_words(&rate);
        assert_eq!(words, "10.0 of 96.0 MB · 2.0 MB/s · 43 s left");
        assert_eq!(progress(10_000_000, None).in_words(&rate), "10.0 MB · 2.0 MB/s");
        rate.observe(0, start + Duration::from_secs(11));
        assert_eq!(rate.bytes_per_second(), None);
        assert_eq!([99.0, 100.0, 6000.0].map(duration), ["99 s", "2 min", "2 h"]);
    }
}
