//! A slot for one value between two threads.
//!
//! From a live source a newer value replaces an older one that nobody took, and the loss is counted;
//! from files every value counts, so the writer waits until the slot is free. No queue can grow.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Capacity-one mailbox. Shared by reference (`Arc`); any number of threads.
#[derive(Debug)]
pub struct LatestSlot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    dropped: u64,
    nudged: bool,
    closed: bool,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// A value.
    Value(T),
    /// Nothing within the time given, or before a nudge.
    Nothing,
    /// Nothing, and nothing will come: the writer closed the slot.
    Closed,
}

impl<T> Default for LatestSlot<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State { value: None, dropped: 0, nudged: false, closed: false }),
            changed: Condvar::new(),
        }
    }
}

impl<T> LatestSlot<T> {
    // A thread that panicked while holding the lock left a plain Option behind: still usable.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a value, replacing (and counting as dropped) one that was not taken. False once closed.
    pub fn replace(&self, value: T) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        if state.value.replace(value).is_some() {
            state.dropped += 1;
        }
        self.changed.notify_all();
        true
    }

    /// Puts a value once the slot is free. False once closed (the value is lost then).
    pub fn put(&self, value: T) -> bool {
        let mut state = self.lock();
        while state.value.is_some() && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return false;
        }
        state.value = Some(value);
        self.changed.notify_all();
        true
    }

    /// Takes the value, waiting at most `timeout` for one.
    pub fn take(&self, timeout: Duration) -> Taken<T> {
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |s| s.value.is_none() && !s.nudged && !s.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.nudged = false;
        match state.value.take() {
            Some(value) => {
                self.changed.notify_all();
                Taken::Value(value)
            }
            None if state.closed => Taken::Closed,
            None => Taken::Nothing,
        }
    }

    /// Leaves the value where it is and waits, at most `timeout`, for a nudge or the end.
    pub fn wait_for_nudge(&self, timeout: Duration) {
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |s| !s.nudged && !s.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.nudged = false;
    }

    /// Wakes a waiting reader without a value (or the next one that would wait).
    pub fn nudge(&self) {
        self.lock().nudged = true;
        self.changed.notify_all();
    }

    /// No more values: readers get what is left, then [`Taken::Closed`]; writers get false.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many values were replaced before anybody took them.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn newest_wins_and_losses_are_counted() {
        let slot = LatestSlot::default();
        for value in 0..5 {
            assert!(slot.replace(value));
        }
        assert_eq!(slot.take(Duration::ZERO), Taken::Value(4));
        assert_eq!(slot.take(Duration::ZERO), Taken::Nothing);
        assert_eq!(slot.dropped(), 4);
    }

    #[test]
    fn put_waits_so_that_every_value_arrives() {
        let slot = Arc::new(LatestSlot::default());
        let writer = std::thread::spawn({
            let slot = slot.clone();
            move || {
                for value in 0..100 {
                    assert!(slot.put(value));
                }
                slot.close();
            }
        });
        let mut seen = Vec::new();
        while let Taken::Value(value) = slot.take(SOON) {
            seen.push(value);
        }
        writer.join().unwrap();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        assert_eq!(slot.dropped(), 0);
    }

    #[test]
    fn a_nudge_wakes_a_reader_once() {
        let slot = LatestSlot::<u8>::default();
        slot.nudge();
        assert_eq!(slot.take(SOON), Taken::Nothing);
        slot.nudge();
        slot.wait_for_nudge(SOON);
        slot.replace(3);
        assert_eq!(slot.take(SOON), Taken::Value(3));
    }

    #[test]
    fn closing_frees_a_waiting_writer_and_reader() {
        let slot = Arc::new(LatestSlot::default());
        assert!(slot.put(1));
        let writer = std::thread::spawn({
            let slot = slot.clone();
            move || slot.put(2)
        });
        slot.close();
        assert!(!writer.join().unwrap());
        assert_eq!(slot.take(SOON), Taken::Value(1));
        assert_eq!(slot.take(SOON), Taken::Closed);
        assert!(!slot.replace(3));
    }
}
