//! What connections share: the newest picture and state, who has the controls, and events for the view.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::guard::Guard;
use super::protocol::{Event, Pointer, State};
use super::uploads::Uploads;

/// Events that wait for the view; what comes beyond them is left out.
const MOST_EVENTS: usize = 256;

/// Folders whose files can be downloaded.
const MOST_OFFERED: usize = 32;

/// Lines of the log, of one kind.
const MOST_LINES: usize = 20;

/// Shared by all threads of a server.
pub struct Hub {
    pub guard: Guard,
    pub uploads: Uploads,
    state: Mutex<Shared>,
    events: Mutex<VecDeque<Event>>,
    closed: AtomicBool,
    connections: Arc<AtomicUsize>,
    lines: Mutex<Vec<(String, usize)>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Shared {
    picture: Option<Picture>,
    told: Arc<State>,
    /// Folders, with the names of their files.
    offered: VecDeque<(usize, PathBuf, Vec<String>)>,
    count: usize,
    /// Pages, the one that came first at the front; whether each waits for a picture.
    pages: Vec<(u64, bool)>,
    controls: Option<u64>,
    next: u64,
}

/// A picture of the view, encoded.
#[derive(Clone)]
pub struct Picture {
    pub number: u64,
    /// With the byte in front.
    pub bytes: Arc<[u8]>,
}

/// What a page is to be told.
pub struct Look {
    pub picture: Option<Picture>,
    pub told: Arc<State>,
    pub controls: bool,
    pub pages: usize,
    /// The newest folder.
    pub offered: Option<(usize, Vec<String>)>,
}

/// A connection's place, until it is dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    pub fn new(guard: Guard, wake: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        Ok(Self {
            guard,
            uploads: Uploads::new()?,
            state: Mutex::default(),
            events: Mutex::default(),
            closed: AtomicBool::new(false),
            connections: Arc::default(),
            lines: Mutex::default(),
            wake: Box::new(wake),
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one connection more, where there are not so many.
    pub fn take_place(&self, most: usize) -> Option<Place> {
        let taken = self
            .connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < most).then_some(count + 1));
        taken.is_ok().then(|| Place(self.connections.clone()))
    }

    /// One line on the terminal; of the same kind not without end.
    pub fn log(&self, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let place = lines.iter().position(|(known, _)| known == line);
        let place = match place {
            Some(place) => place,
            None if lines.len() < MOST_LINES => {
                lines.push((line.into(), 0));
                lines.len() - 1
            }
            None => return,
        };
        lines[place].1 += 1;
        let count = lines[place].1;
        if count <= 3 {
            let last = if count == 3 { " (and is not told again)" } else { "" };
            eprintln!("note: page: {line}{last}");
        }
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// A page has come: its number.
    pub fn enter(&self) -> u64 {
        let mut shared = self.shared();
        let page = shared.next;
        shared.next += 1;
        shared.pages.push((page, true));
        shared.controls.get_or_insert(page);
        page
    }

    /// True while there are pages.
    pub fn has_pages(&self) -> bool {
        !self.shared().pages.is_empty()
    }

    /// Has the view look, and draw.
    pub fn wake(&self) {
        (self.wake)();
    }

    /// It is gone; the page that came first of the others has the controls, if it had them.
    pub fn leave(&self, page: u64) {
        let mut shared = self.shared();
        shared.pages.retain(|(known, _)| *known != page);
        if shared.controls == Some(page) {
            shared.controls = shared.pages.first().map(|(page, _)| *page);
        }
    }

    /// This page has the controls from now on.
    pub fn take_controls(&self, page: u64) {
        self.shared().controls = Some(page);
    }

    pub fn controls(&self, page: u64) -> bool {
        self.shared().controls == Some(page)
    }

    /// Whether a page waits for a picture.
    pub fn waits(&self, page: u64, waits: bool) {
        if let Some(known) = self.shared().pages.iter_mut().find(|(known, _)| *known == page) {
            known.1 = waits;
        }
    }

    /// True where some page waits for a picture.
    pub fn is_wanted(&self) -> bool {
        self.shared().pages.iter().any(|(_, waits)| *waits)
    }

    pub fn put(&self, picture: Picture) {
        self.shared().picture = Some(picture);
    }

    pub fn tell(&self, state: State) {
        let mut shared = self.shared();
        if *shared.told != state {
            shared.told = Arc::new(state);
        }
    }

    /// Files of a folder, by their names.
    pub fn offer(&self, folder: &Path) {
        let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        let files = files.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut names: Vec<_> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        let mut shared = self.shared();
        shared.count += 1;
        let number = shared.count;
        shared.offered.push_back((number, folder.into(), names));
        if shared.offered.len() > MOST_OFFERED {
            shared.offered.pop_front();
        }
    }

    /// A file that is offered, by the number of its folder and its name there. Names are compared, never put together from what was
    /// asked: no path leads elsewhere.
    pub fn file(&self, number: usize, name: &str) -> Option<PathBuf> {
        let shared = self.shared();
        let (_, folder, names) = shared.offered.iter().find(|(known, ..)| *known == number)?;
        names.iter().find(|known| *known == name).map(|name| folder.join(name))
    }

    pub fn look(&self, page: u64) -> Look {
        let shared = self.shared();
        Look {
            picture: shared.picture.clone(),
            told: shared.told.clone(),
            controls: shared.controls == Some(page),
            pages: shared.pages.len(),
            offered: shared.offered.back().map(|(number, _, names)| (*number, names.clone())),
        }
    }

    /// Hands an event to the view.
    pub fn event(&self, event: Event) {
        {
            let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            if let (Event::Pointer(Pointer::Moved, at), Some(Event::Pointer(Pointer::Moved, last))) =
                (&event, events.back_mut())
            {
                // The newest place is enough.
                *last = *at;
                return;
            }
            if events.len() == MOST_EVENTS {
                return;
            }
            events.push_back(event);
        }
        self.wake();
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> Hub {
        Hub::new(Guard::new("t".into(), vec![]), || {}).unwrap()
    }

    #[test]
    fn one_page_has_the_controls_and_the_next_gets_them() {
        let hub = hub();
        let [a, b, c] = [(); 3].map(|()| hub.enter());
        assert_eq!([a, b, c].map(|page| hub.controls(page)), [true, false, false]);
        hub.take_controls(c);
        assert_eq!([a, b, c].map(|page| hub.controls(page)), [false, false, true]);
        hub.leave(c);
        assert!(hub.controls(a) && hub.look(b).pages == 2);
        hub.leave(a);
        hub.leave(b);
        assert!(!hub.is_wanted() && hub.controls(hub.enter()));
    }

    #[test]
    fn places_and_events_are_bounded_and_files_have_no_paths() {
        let hub = hub();
        let places: Vec<_> = (0..5).map_while(|_| hub.take_place(3)).collect();
        assert_eq!(places.len(), 3);
        drop(places);
        assert!(hub.take_place(3).is_some());
        (0..1000).for_each(|_| hub.event(Event::Wheel([1.0, 0.0])));
        assert_eq!(hub.events().len(), MOST_EVENTS);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("view.png"), b"x").unwrap();
        hub.offer(folder.path());
        assert_eq!(hub.file(1, "view.png"), Some(folder.path().join("view.png")));
        for (number, name) in [(1, "../view.png"), (1, "./view.png"), (1, ""), (1, "none"), (2, "view.png")] {
            assert_eq!(hub.file(number, name), None);
        }
    }
}
