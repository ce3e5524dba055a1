//! The source of a measurement: frames come when they are asked for, or at a pace, each with its number in its picture.
//! A [`Player`] lives on the capture thread; its [`Control`] is held by whoever measures.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::frame::{Frame, PixelFormat};
use crate::source::{FrameSource, SourceError, counter};

/// So many of the first frames are kept, to be played again where the source costs more than a camera's would.
const MOST_KEPT: usize = 16;

/// They take no more than this.
const MOST_KEPT_BYTES: usize = 128 << 20;

/// When the next frame comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pace {
    /// When it has been released, as often as that was done.
    Released,
    /// This long after the one before, whether or not anybody has room for it.
    Every(Duration),
}

#[derive(Debug)]
struct State {
    pace: Pace,
    released: u64,
    /// The source waits for a release.
    is_waiting: bool,
    /// Frames that were handed out: the newest one has the number before this.
    handed_out: u64,
    decode_ms: Vec<f32>,
    is_closed: bool,
}

/// Says when frames come. Any thread.
#[derive(Clone, Debug)]
pub struct Control(Arc<(Mutex<State>, Condvar)>);

impl Control {
    /// Of a source whose frames come this long after each other.
    pub fn new(interval: Duration) -> Self {
        let state = State {
            pace: Pace::Every(interval),
            released: 0,
            is_waiting: false,
            handed_out: 0,
            decode_ms: vec![],
            is_closed: false,
        };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    /// Frames come at this pace from now on.
    pub fn play(&self, interval: Duration) {
        self.change(|state| state.pace = Pace::Every(interval));
    }

    /// Frames come only when they are released from now on; waits until the source stands still. Returns how many frames
    /// it gave.
    pub fn pause(&self) -> u64 {
        self.change(|state| (state.pace, state.released, state.is_waiting) = (Pace::Released, 0, false));
        let waited = self.0.1.wait_while(self.lock(), |state| !state.is_waiting && !state.is_closed);
        waited.unwrap_or_else(PoisonError::into_inner).handed_out
    }

    /// Lets so many more frames come.
    pub fn release(&self, frames: u64) {
        self.change(|state| state.released += frames);
    }

    /// How many frames came so far.
    pub fn handed_out(&self) -> u64 {
        self.lock().handed_out
    }

    /// How long the source took for each frame that was not played again.
    pub fn decode_ms(&self) -> Vec<f32> {
        self.lock().decode_ms.clone()
    }

    /// The source is at its end.
    pub fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    /// Waits until a frame is due. False where none will be.
    fn wait(&self, due: Instant) -> bool {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return false;
            }
            let now = Instant::now();
            let changed = &self.0.1;
            state = match state.pace {
                Pace::Released if state.released > 0 => {
                    state.released -= 1;
                    return true;
                }
                Pace::Released => {
                    state.is_waiting = true;
                    changed.notify_all();
                    changed.wait(state).unwrap_or_else(PoisonError::into_inner)
                }
                Pace::Every(_) if due <= now => return true,
                Pace::Every(_) => {
                    changed.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// A source under control.
pub struct Player {
    inner: Box<dyn FrameSource>,
    control: Control,
    /// Frames are enlarged or reduced to this, as those of another camera.
    size: Option<[u32; 2]>,
    /// Every frame is asked of the source: it is a camera.
    is_camera: bool,
    kept: Vec<Frame>,
    has_ended: bool,
    due: Instant,
}

impl Player {
    /// Puts a source that does not keep time by itself (or a camera) under control.
    pub fn new(
        inner: Box<dyn FrameSource>,
        control: Control,
        size: Option<[u32; 2]>,
        is_camera: bool,
    ) -> Self {
        Self { inner, control, size, is_camera, kept: vec![], has_ended: false, due: Instant::now() }
    }

    /// A frame of the source, or one that it gave before.
    fn frame(&mut self, id: u64, is_paced: bool) -> Result<Option<Frame>, SourceError> {
        let kept_bytes: usize = self.kept.iter().map(|frame| frame.bytes.len()).sum();
        let has_room = self.kept.len() < MOST_KEPT && kept_bytes < MOST_KEPT_BYTES;
        // At a pace the source works for every frame, as in the window; enlarging would cost more than any camera.
        let is_asked = self.is_camera || has_room || (is_paced && self.size.is_none());
        if is_asked && !self.has_ended {
            let start = Instant::now();
            let found = self.inner.next_frame()?;
            let decode_ms = start.elapsed().as_secs_f32() * 1e3;
            match found {
                Some(mut frame) => {
                    if !self.is_camera {
                        self.control.lock().decode_ms.push(decode_ms);
                    }
                    if let Some(size) = self.size {
                        frame = resized(frame, size);
                    }
                    if has_room && !self.is_camera {
                        self.kept.push(frame.clone());
                    }
                    return Ok(Some(frame));
                }
                None => self.has_ended = true,
            }
        }
        let again = self.kept.get(id as usize % self.kept.len().max(1)).cloned();
        Ok(again.map(|frame| Frame { captured: Instant::now(), ..frame }))
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // Nobody is to wait for frames of a source that is gone.
        self.control.close();
    }
}

impl FrameSource for Player {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if !self.control.wait(self.due) {
            return Ok(None);
        }
        let (id, interval) = {
            let state = self.control.lock();
            (state.handed_out, if let Pace::Every(interval) = state.pace { Some(interval) } else { None })
        };
        // A camera does not make up for frames that it missed.
        self.due = (self.due + interval.unwrap_or_default()).max(Instant::now());
        let Some(frame) = self.frame(id, interval.is_some())? else { return Ok(None) };
        let frame = counter::stamped(Frame { id, ..frame });
        self.control.change(|state| state.handed_out = id + 1);
        Ok(Some(frame))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> Arc<str> {
        self.inner.describe()
    }
}

/// The nearest pixels; only of frames in RGB, as the test card's are.
fn resized(frame: Frame, [width, height]: [u32; 2]) -> Frame {
    if frame.format != PixelFormat::Rgb8 {
        return frame;
    }
    let from = frame.width as usize;
    let columns: Vec<usize> = (0..width as usize).map(|x| x * from / width as usize * 3).collect();
    let mut bytes = Vec::with_capacity(PixelFormat::Rgb8.byte_len(width, height));
    for y in 0..height as usize {
        let row = y * frame.height as usize / height as usize * from * 3;
        for column in &columns {
            bytes.extend_from_slice(&frame.bytes[row + column..row + column + 3]);
        }
    }
    Frame { width, height, bytes: bytes.into(), ..frame }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testcard::TestCard;

    fn numbers(frame: &Frame) -> (u64, [u32; 2]) {
        (frame.id, [frame.width, frame.height])
    }

    #[test]
    fn frames_come_when_they_are_released_and_are_played_again() {
        let control = Control::new(Duration::from_secs(3600));
        let of_thread = control.clone();
        let thread = std::thread::spawn(move || {
            // A source stays on the thread that opened it.
            let mut player = Player::new(Box::new(TestCard::new(false)), of_thread, None, false);
            let mut seen = Vec::new();
            while let Ok(Some(frame)) = player.next_frame() {
                seen.push(frame);
            }
            seen
        });
        // The first frame is due at once.
        while control.handed_out() == 0 {
            std::thread::yield_now();
        }
        assert_eq!(control.pause(), 1);
        control.release(20);
        while control.handed_out() < 21 {
            std::thread::yield_now();
        }
        assert_eq!(control.pause(), 21);
        control.close();
        let seen = thread.join().unwrap();
        assert_eq!(
            seen.iter().map(numbers).collect::<Vec<_>>(),
            (0..21).map(|id| (id, [640, 480])).collect::<Vec<_>>()
        );
        assert_eq!(control.decode_ms().len(), MOST_KEPT);
        // Below the squares, frame 16 is frame 0 again.
        let below = |frame: &Frame| frame.bytes[640 * 3 * 100..].to_vec();
        assert!(below(&seen[16]) == below(&seen[0]) && below(&seen[16]) != below(&seen[1]));
        assert!(seen[16].bytes != seen[0].bytes, "with a number of its own");
    }

    #[test]
    fn frames_are_enlarged_pixel_by_pixel() {
        let bytes: Vec<u8> = (0..12).collect();
        let frame = Frame::new(0, (2, 2), PixelFormat::Rgb8, &bytes, "t".into()).unwrap();
        let large = resized(frame, [4, 2]);
        assert_eq!(large.bytes[..12], [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
        assert_eq!((large.width, large.height, large.bytes.len()), (4, 2, 24));
    }
}
