//! Other sources while the view runs: which there are, and the change from one to another. Main thread; cameras are looked for, and
//! sources opened, on threads of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::state::SourceChoice;
use crate::latest::LatestSlot;
use crate::session::Session;
use crate::source::camera::{self, CameraId};
use crate::source::{self, Delivery, Opened, SourceSpec, testcard};

/// Sources that are remembered.
const MOST_KNOWN: usize = 64;

/// What can be changed to, in the order in which a key goes through it.
pub struct Sources {
    known: Vec<Known>,
    /// The one that is shown, by its place; changed where it was opened.
    shown: Arc<AtomicUsize>,
    delivery: Delivery,
    cameras: Option<Receiver<Vec<Known>>>,
    /// The camera of a page is shown in its place.
    is_page: bool,
}

#[derive(Clone)]
struct Known {
    spec: SourceSpec,
    title: String,
}

impl Known {
    fn of(spec: SourceSpec) -> Self {
        Self { title: spec.title(), spec }
    }
}

/// What was dropped on the view.
#[derive(Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Pictures, a folder, a video.
    Source(SourceSpec),
    /// A network.
    Weights(PathBuf),
    /// Both at once, several networks, or nothing.
    Unclear(&'static str),
}

impl Sources {
    /// `first`: what is shown, where the user named it; otherwise that is the first camera, or the test card. `wake` is called when
    /// cameras were found.
    pub fn new(first: Option<SourceSpec>, delivery: Delivery, wake: impl Fn() + Send + 'static) -> Self {
        let card = SourceSpec::Made(testcard::MADE.name);
        let first = first.unwrap_or(SourceSpec::Camera(CameraId::Index(0)));
        let all = if first == card { vec![card] } else { vec![first, card] };
        let known = all.into_iter().map(Known::of).collect();
        let cameras = look_for_cameras(wake);
        Self { known, shown: Arc::default(), delivery, cameras, is_page: false }
    }

    /// To be told of the first source, once it is open.
    pub fn on_open(&self) -> impl FnOnce(&Opened) + Send + 'static {
        let (shown, last) = (self.shown.clone(), self.known.len() - 1);
        move |opened| {
            if opened.notice.is_some() {
                // The test card, instead of a camera.
                shown.store(last, Ordering::Relaxed);
            }
        }
    }

    /// Takes the cameras that were found. True where there is something new.
    pub fn poll(&mut self) -> bool {
        let Some(found) = self.cameras.as_ref().and_then(|cameras| cameras.try_recv().ok()) else {
            return false;
        };
        self.cameras = None;
        let shown = self.shown.load(Ordering::Relaxed);
        let spec = self.known[shown].spec.clone();
        // One that was only supposed goes; the others come in front of the test card.
        self.known
            .retain(|known| known.spec == spec || !found.iter().any(|camera| camera.spec == known.spec));
        let supposed = SourceSpec::Camera(CameraId::Index(0));
        self.known.retain(|known| known.spec == spec || known.spec != supposed);
        for camera in found {
            match self.known.iter_mut().find(|known| known.spec == camera.spec) {
                Some(known) => known.title = camera.title,
                None => self.known.insert(self.known.len() - 1, camera),
            }
        }
        let place = self.known.iter().position(|known| known.spec == spec);
        self.shown.store(place.unwrap_or_default(), Ordering::Relaxed);
        true
    }

    /// What they are called.
    pub fn titles(&self) -> Arc<[String]> {
        self.known.iter().map(|known| known.title.clone()).collect()
    }

    /// Changes to another; what is told meanwhile.
    pub fn change(&mut self, choice: SourceChoice, session: &Session) -> String {
        let shown = self.shown.load(Ordering::Relaxed);
        let place = match choice {
            SourceChoice::Next => (shown + 1) % self.known.len().max(1),
            SourceChoice::At(place) => place,
        };
        let Some(Known { spec, title }) = self.known.get(place).cloned() else {
            return "There is no such source any more.".into();
        };
        if place == shown && !self.is_page {
            return match choice {
                SourceChoice::Next => {
                    format!("There is nothing else than {title}: drop a picture, a folder or a video here.")
                }
                SourceChoice::At(_) => format!("This is {title}."),
            };
        }
        self.is_page = false;
        let (delivery, now_shown) = (self.delivery.clone(), self.shown.clone());
        session.replace_source(move || {
            let opened = source::open(Some(&spec), &delivery)?;
            now_shown.store(place, Ordering::Relaxed);
            Ok(opened)
        });
        format!("Opening {title} …")
    }

    /// Shows what the camera of a page sends; what is told meanwhile.
    pub fn open_camera_of_page(&mut self, frames: Arc<LatestSlot<Vec<u8>>>, session: &Session) -> String {
        self.is_page = true;
        session.replace_source(move || Ok(source::sent(frames)));
        "Opening the camera of the page …".into()
    }

    /// Goes back to what was shown before the camera of a page; what is told, where that was shown.
    pub fn end_camera_of_page(&mut self, session: &Session) -> Option<String> {
        let place = self.shown.load(Ordering::Relaxed);
        self.is_page.then(|| self.change(SourceChoice::At(place), session))
    }

    /// Changes to one that was not known yet.
    pub fn open(&mut self, spec: SourceSpec, session: &Session) -> String {
        let place = self.known.iter().position(|known| known.spec == spec).unwrap_or_else(|| {
            if self.known.len() == MOST_KNOWN {
                self.known.pop();
            }
            self.known.push(Known::of(spec));
            self.known.len() - 1
        });
        self.change(SourceChoice::At(place), session)
    }
}

fn look_for_cameras(wake: impl Fn() + Send + 'static) -> Option<Receiver<Vec<Known>>> {
    let (found, cameras) = channel();
    let look = move || {
        // Where they cannot be listed there are none to change to.
        let names = camera::names().unwrap_or_default();
        let known = |(index, name): (u32, String)| {
            let spec = SourceSpec::Camera(CameraId::Index(index));
            Known { title: format!("{}: {name}", spec.title()), spec }
        };
        // Nobody waits for cameras any more.
        let _ = found.send((0..).zip(names).map(known).collect());
        wake();
    };
    thread::Builder::new().name("cameras".into()).spawn(look).ok().map(|_| cameras)
}

/// What files and folders that were dropped together are.
pub fn dropped(paths: Vec<PathBuf>) -> Dropped {
    let (shown, others): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| source::is_shown(path));
    match (&shown[..], &others[..]) {
        ([], [weights]) => Dropped::Weights(weights.clone()),
        ([one], []) => Dropped::Source(SourceSpec::Path(one.clone())),
        ([_, ..], []) if shown.iter().all(|path| path.is_file()) => Dropped::Source(SourceSpec::Files(shown)),
        ([], []) => Dropped::Unclear("Nothing came that is a file."),
        ([_, ..], []) => Dropped::Unclear("Drop one folder at a time."),
        ([], _) => Dropped::Unclear("Drop one weight file at a time."),
        _ => Dropped::Unclear("Pictures and other files came together: drop them one after the other."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(first: Option<&str>, cameras: &[&str]) -> Sources {
        let first = first.map(|first| first.parse().unwrap());
        let mut sources = Sources::new(first, Delivery::default(), || {});
        let (found, there) = channel();
        let known = |(index, name): (u32, &&str)| {
            let spec = SourceSpec::Camera(CameraId::Index(index));
            Known { title: format!("{}: {name}", spec.title()), spec }
        };
        found.send((0..).zip(cameras).map(known).collect()).unwrap();
        sources.cameras = Some(there);
        sources
    }

    fn shown(sources: &Sources) -> String {
        sources.titles()[sources.shown.load(Ordering::Relaxed)].clone()
    }

    #[test]
    fn cameras_come_before_the_test_card_and_what_is_shown_stays() {
        let mut one = sources(Some("holiday"), &["A", "B"]);
        assert!(one.poll() && !one.poll());
        assert_eq!(*one.titles(), ["holiday", "camera 0: A", "camera 1: B", "the test card"]);
        assert_eq!(shown(&one), "holiday");
        let mut one = sources(Some("camera:1"), &["A", "B"]);
        one.poll();
        assert_eq!((shown(&one), one.titles().len()), ("camera 1: B".into(), 3));
        // Where nothing was named: a camera that was opened, or what came in its place.
        let opened = |notice| Opened {
            notice,
            ..source::open(Some(&SourceSpec::Made("testcard")), &Delivery::default()).unwrap()
        };
        for (cameras, notice, title) in
            [(&["A"][..], None, "camera 0: A"), (&[], Some("none".into()), "the test card")]
        {
            let mut one = sources(None, cameras);
            one.on_open()(&opened(notice));
            one.poll();
            assert_eq!((shown(&one), one.titles().len()), (title.into(), cameras.len() + 1));
        }
    }

    #[test]
    fn what_is_dropped_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, weights] = ["a.png", "b.png", "w.safetensors"].map(|name| folder.path().join(name));
        for picture in [&a, &b] {
            image::RgbImage::new(4, 4).save(picture).unwrap();
        }
        std::fs::write(&weights, [8, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']).unwrap();
        let path = |path: &PathBuf| Dropped::Source(SourceSpec::Path(path.clone()));
        assert_eq!(dropped(vec![a.clone()]), path(&a));
        assert_eq!(dropped(vec![folder.path().into()]), path(&folder.path().into()));
        let both = vec![a.clone(), b];
        assert_eq!(dropped(both.clone()), Dropped::Source(SourceSpec::Files(both)));
        assert_eq!(dropped(vec![weights.clone()]), Dropped::Weights(weights.clone()));
        for unclear in [
            vec![],
            vec![a.clone(), weights.clone()],
            vec![weights.clone(), weights],
            vec![a, folder.path().into()],
        ] {
            assert!(matches!(dropped(unclear), Dropped::Unclear(_)));
        }
    }
}
