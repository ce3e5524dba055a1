//! Pictures that were presented, on their way to whoever wants them beside the screen: films, pages in a browser.
//!
//! Who presents offers each picture ([`Outlet::offer`]) and goes on at once: a few copies may be on their way, a thread of the
//! outlet's own waits for them, and where they or their takers are late pictures are lost and counted. While nobody takes any,
//! an offer costs nothing.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::GpuContext;
use super::readback::{self, PendingPicture};
use crate::latest::Taken;

/// Copies that may be on their way at a time.
const MOST_COPIES: usize = 2;

/// A picture that was presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Counts what was presented from 0, whether or not it was taken.
    pub number: u64,
    /// When it was presented.
    pub at: Instant,
    /// Width and height in pixels; another where the view was made larger or smaller.
    pub size: [u32; 2],
    /// Red, green, blue and 255 of each pixel, rows from top to bottom without padding.
    pub rgba: Vec<u8>,
}

/// What becomes of a picture whose taker still has others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It takes the place of the one that waits, which is lost.
    Newest,
    /// So many may wait; it is lost where there are as many.
    UpTo(usize),
    /// So many may wait, and who presents waits until there is room: for views that nobody looks at.
    Every(usize),
}

/// Where presented pictures are offered. Cheap to clone; any thread. The last to be dropped hands over what is on its way and
/// tells the takers that nothing more will come.
#[derive(Clone, Debug)]
pub struct Outlet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gpu: GpuContext,
    presented: AtomicU64,
    lanes: Mutex<Vec<Arc<Lane>>>,
    copies: Arc<Copies>,
    /// From the first taker on.
    carrier: Mutex<Option<(Sender<Copy>, JoinHandle<()>)>>,
}

/// How many copies are on their way.
#[derive(Debug, Default)]
struct Copies {
    count: Mutex<usize>,
    fewer: Condvar,
}

struct Copy {
    picture: PendingPicture,
    number: u64,
    at: Instant,
    size: [u32; 2],
    lanes: Vec<Arc<Lane>>,
}

// A thread that panicked while holding one of the locks left plain data behind: still usable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    /// Nobody takes anything yet.
    pub fn new(gpu: &GpuContext) -> Self {
        Self(Arc::new(Inner {
            gpu: gpu.clone(),
            presented: AtomicU64::new(0),
            lanes: Mutex::default(),
            copies: Arc::default(),
            carrier: Mutex::default(),
        }))
    }

    /// Takes pictures from now on, until the intake is dropped.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn open(&self, waiting: Waiting) -> io::Result<Intake> {
        let mut carrier = locked(&self.0.carrier);
        if carrier.is_none() {
            let (sender, receiver) = mpsc::channel();
            let (gpu, copies) = (self.0.gpu.clone(), self.0.copies.clone());
            let run = move || carry(&gpu, &copies, receiver);
            *carrier = Some((sender, thread::Builder::new().name("outlet".into()).spawn(run)?));
        }
        let lane = Arc::new(Lane::new(waiting));
        locked(&self.0.lanes).push(lane.clone());
        Ok(Intake(lane))
    }

    /// Whether anybody takes pictures.
    pub fn is_open(&self) -> bool {
        let mut lanes = locked(&self.0.lanes);
        lanes.retain(|lane| !lane.is_closed());
        !lanes.is_empty()
    }

    /// Offers an 8-bit RGBA or BGRA texture that was drawn and is presented now. It may be drawn to again afterwards.
    pub fn offer(&self, texture: &wgpu::Texture) {
        let (number, at) = (self.0.presented.fetch_add(1, Ordering::Relaxed), Instant::now());
        if !self.is_open() {
            return;
        }
        let lanes = locked(&self.0.lanes).clone();
        let waits = lanes.iter().any(|lane| matches!(lane.waiting, Waiting::Every(_)));
        if !lanes.iter().any(|lane| lane.has_room()) || !self.0.copies.begin(waits) {
            lanes.iter().for_each(|lane| lane.lose());
            return;
        }
        let picture = readback::copy_picture(&self.0.gpu, texture);
        let copy = Copy { picture, number, at, size: [texture.width(), texture.height()], lanes };
        let carrier = locked(&self.0.carrier);
        let taken = carrier.as_ref().is_some_and(|(sender, _)| sender.send(copy).is_ok());
        if !taken {
            self.0.copies.end();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let carrier = self.carrier.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = carrier {
            drop(sender);
            // The thread must not be inside the graphics driver when the process unloads it. A panic in it has been printed.
            let _ = thread.join();
        }
        locked(&self.lanes).iter().for_each(|lane| lane.close());
    }
}

impl Copies {
    /// False where there are as many as may be; where `waits`, that is waited for.
    fn begin(&self, waits: bool) -> bool {
        let mut count = locked(&self.count);
        while waits && *count >= MOST_COPIES {
            count = self.fewer.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        let begins = *count < MOST_COPIES;
        *count += usize::from(begins);
        begins
    }

    fn end(&self) {
        *locked(&self.count) -= 1;
        self.fewer.notify_all();
    }
}

fn carry(gpu: &GpuContext, copies: &Copies, inbox: Receiver<Copy>) {
    for Copy { picture, number, at, size, lanes } in inbox {
        let rgba = picture.wait_rgba(gpu);
        copies.end();
        match rgba {
            Ok(rgba) => {
                let picture = Arc::new(Presented { number, at, size, rgba });
                lanes.iter().for_each(|lane| lane.put(&picture));
            }
            Err(error) => {
                tracing::warn!("{error}");
                lanes.iter().for_each(|lane| lane.close());
            }
        }
    }
}

/// Where pictures come out. Take them on another thread than the one that presents.
#[derive(Debug)]
pub struct Intake(Arc<Lane>);

impl Intake {
    /// The next picture, waiting at most so long for it.
    pub fn take(&self, timeout: Duration) -> Taken<Arc<Presented>> {
        self.0.take(timeout)
    }

    /// Pictures that were presented since this was opened and never came out.
    pub fn lost(&self) -> u64 {
        locked(&self.0.state).lost
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[derive(Debug)]
struct Lane {
    waiting: Waiting,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pictures: VecDeque<Arc<Presented>>,
    lost: u64,
    closed: bool,
}

impl Lane {
    fn new(waiting: Waiting) -> Self {
        Self { waiting, state: Mutex::default(), changed: Condvar::new() }
    }

    fn most(&self) -> usize {
        match self.waiting {
            Waiting::Newest => 1,
            Waiting::UpTo(most) | Waiting::Every(most) => most.max(1),
        }
    }

    /// Whether it is worth while to bring a picture here.
    fn has_room(&self) -> bool {
        !matches!(self.waiting, Waiting::UpTo(_)) || locked(&self.state).pictures.len() < self.most()
    }

    fn lose(&self) {
        locked(&self.state).lost += 1;
    }

    fn put(&self, picture: &Arc<Presented>) {
        let mut state = locked(&self.state);
        let is_full = |state: &State| state.pictures.len() >= self.most() && !state.closed;
        while matches!(self.waiting, Waiting::Every(_)) && is_full(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return;
        }
        if is_full(&state) {
            state.lost += 1;
            if self.waiting != Waiting::Newest {
                return;
            }
            state.pictures.pop_front();
        }
        state.pictures.push_back(picture.clone());
        self.changed.notify_all();
    }

    fn take(&self, timeout: Duration) -> Taken<Arc<Presented>> {
        let is_idle = |state: &mut State| state.pictures.is_empty() && !state.closed;
        let waited = self.changed.wait_timeout_while(locked(&self.state), timeout, is_idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let picture = state.pictures.pop_front();
        self.changed.notify_all();
        match picture {
            Some(picture) => Taken::Value(picture),
            None if state.closed => Taken::Closed,
            None => Taken::Nothing,
        }
    }

    fn close(&self) {
        locked(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn is_closed(&self) -> bool {
        locked(&self.state).closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(number: u64) -> Arc<Presented> {
        Arc::new(Presented { number, at: Instant::now(), size: [0, 0], rgba: vec![] })
    }

    fn numbers(lane: &Lane) -> Vec<u64> {
        let next = || match lane.take(Duration::ZERO) {
            Taken::Value(picture) => Some(picture.number),
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn where_a_taker_is_late_pictures_are_lost_and_counted() {
        for (waiting, kept) in [(Waiting::Newest, vec![4]), (Waiting::UpTo(2), vec![0, 1])] {
            let lane = Lane::new(waiting);
            (0..5).for_each(|number| lane.put(&picture(number)));
            assert_eq!(lane.has_room(), waiting == Waiting::Newest);
            let lost = locked(&lane.state).lost;
            assert_eq!((lost, numbers(&lane)), (5 - kept.len() as u64, kept));
            assert!(lane.has_room());
        }
    }

    #[test]
    fn where_every_picture_counts_who_brings_it_waits_until_its_taker_goes() {
        let lane = Arc::new(Lane::new(Waiting::Every(1)));
        let brings = lane.clone();
        let thread = thread::spawn(move || (0..50).for_each(|number| brings.put(&picture(number))));
        for number in 0..20 {
            let Taken::Value(taken) = lane.take(Duration::from_secs(60)) else { panic!("nothing came") };
            assert_eq!(taken.number, number);
        }
        drop(Intake(lane.clone()));
        thread.join().unwrap();
        assert_eq!(locked(&lane.state).lost, 0);
    }
}
