//! A view that goes on: session, writer, film, sources, followed training and pages around it. What shows it (a window, or nothing
//! but pages) owns one and brings input and a place to draw to. Main thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::download::Download;
use super::first_run;
use super::following::Following;
use super::guests::Guests;
use super::keys::Action;
use super::loading::Loading;
use super::recorder::Recorder;
use super::setup::Setup;
use super::sources::{self, Dropped, Sources};
use super::state::SourceChoice;
use super::view::{Around, LaidOut, Outcome, View};
use crate::gpu::GpuContext;
use crate::record::Writer;
use crate::serve::Event;
use crate::session::{Session, Stage};
use crate::source::Delivery;

/// How long a message stays.
const TOAST: Duration = Duration::from_secs(5);

/// Tells whoever shows the view that there is news, from any thread.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A view, and everything around it.
pub struct Running {
    /// First: it tells what became of a film once the picture is no longer presented.
    recorder: Recorder,
    /// Before the view, whose pictures pages get.
    guests: Option<Guests>,
    pub session: Session,
    writer: Writer,
    pub view: View,
    download: Option<Download>,
    /// A network that was dropped on the view.
    loading: Option<Loading>,
    sources: Sources,
    following: Option<Following>,
    toast: Option<(String, Instant)>,
    /// A snapshot is taken of what is laid out next, so that it shows what it says.
    wants_snapshot: bool,
    /// What pages did with their pointers.
    input: Vec<egui::Event>,
    setup: Setup,
    wake: Wake,
}

impl Running {
    /// Starts everything.
    ///
    /// # Errors
    /// One sentence.
    pub fn start(
        mut setup: Setup,
        gpu: &GpuContext,
        format: wgpu::TextureFormat,
        ctx: egui::Context,
        wake: Wake,
    ) -> Result<Self, String> {
        let news = || {
            let wake = wake.clone();
            move || wake()
        };
        setup.tell_fallbacks(gpu);
        let mut state = setup.state.clone();
        state.panels.hint = first_run::is_first();
        let live = Delivery { live: true, ..setup.delivery.clone() };
        let sources = Sources::new(setup.source.clone(), live, news());
        let session = setup.start_session(gpu, state.request(), false, sources.on_open(), news());
        let download = setup.wanted.take();
        let download = download.map(|wanted| Download::start(wanted, state.how.resize(), news()));
        let writer = setup.start_writer(gpu, news())?;
        let view = View::of(&setup, gpu, state, format, ctx);
        let following = setup.followed.take().map(|followed| Following::start(followed, news())).transpose();
        let following = following.map_err(|error| error.to_string())?;
        let guests =
            setup.serve.take().map(|serve| Guests::start(serve, &view.outlet, news())).transpose()?;
        let mut recorder = Recorder::default();
        if let Some(film) = &setup.film {
            recorder.begin(film, &view, news())?;
        }
        Ok(Self {
            recorder,
            guests,
            session,
            writer,
            view,
            download,
            loading: None,
            sources,
            following,
            toast: None,
            wants_snapshot: false,
            input: vec![],
            setup,
            wake,
        })
    }

    /// Tells the user, for some seconds.
    pub fn tell(&mut self, text: impl Into<String>) {
        self.toast = Some((text.into(), Instant::now()));
    }

    /// Does what was asked for; true where that is to end the program.
    pub fn apply(&mut self, action: Action, scale: f32) -> bool {
        if self.view.state.panels.hint {
            first_run::remember();
        }
        match self.view.act(action, scale, &self.session) {
            Outcome::Done => {}
            Outcome::Told(text) => self.tell(text),
            Outcome::Snapshot => self.wants_snapshot = true,
            Outcome::Record => {
                let wake = self.wake.clone();
                let told = self.recorder.toggle(&self.view, &self.setup.snapshots, move || wake());
                told.into_iter().for_each(|told| self.tell(told));
            }
            Outcome::Source(choice) => self.change_source(choice),
            Outcome::Quit => return true,
        }
        false
    }

    /// Takes what the other threads have ready.
    ///
    /// # Errors
    /// Where it cannot go on: one sentence.
    pub fn take_news(&mut self) -> Result<(), String> {
        self.view.take_all(&self.session);
        if let Some(ended) = self.download.as_mut().and_then(Download::poll) {
            match ended {
                Ok(model) => {
                    self.session.replace(model);
                    self.tell("The ImageNet weights are here and in use from now on.");
                }
                Err(reason) => {
                    // Too long for the screen.
                    eprintln!("note: the ImageNet weights could not be fetched: {reason}");
                    self.tell(
                        "The ImageNet weights could not be fetched; `convscope weights fetch` tries again.",
                    );
                }
            }
        }
        if let Some(ended) = self.loading.as_ref().and_then(Loading::poll) {
            self.loading = None;
            match ended {
                Ok((name, model)) => {
                    self.session.replace(model);
                    self.tell(format!("{name} is in use from now on."));
                }
                Err(reason) => {
                    eprintln!("note: {reason}");
                    self.tell(format!("{reason} What ran before goes on."));
                }
            }
        }
        if let Some(told) = self.following.as_mut().and_then(|one| one.poll(&self.session, &mut self.view)) {
            self.tell(told);
        }
        // A recorded session has its own.
        if self.setup.player.is_none() {
            self.sources.poll();
            self.view.state.sources = self.sources.titles();
        }
        while let Some(written) = self.writer.poll() {
            match written {
                Ok(path) => {
                    if let Some(guests) = &self.guests {
                        guests.offer(&path);
                    }
                    self.tell(format!("Snapshot: {}", path.display()));
                }
                Err(reason) => self.tell(reason),
            }
        }
        while let Some(told) = self.recorder.poll() {
            eprintln!("convscope: {told}");
            self.tell(told);
        }
        match self.session.status().stage {
            Stage::Failed(reason) => Err(reason),
            _ => Ok(()),
        }
    }

    /// Does what was done in pages. Returns the size that the page with the controls has room for, where that is another.
    pub fn take_guests(&mut self, size: [u32; 2], scale: f32) -> Option<[u32; 2]> {
        let events = self.guests.as_ref().map(Guests::events).unwrap_or_default();
        let mut resized = None;
        for event in events {
            match event {
                Event::Key(key, text) => {
                    let action = key
                        .parse()
                        .ok()
                        .and_then(|key| self.view.action_of(key, text.as_deref(), &self.session));
                    match action {
                        Some(Action::Quit) => {
                            self.tell("A page does not end the program: Ctrl-C does, where it was started.");
                        }
                        Some(action) => drop(self.apply(action, scale)),
                        None => {}
                    }
                }
                Event::Pointer(kind, at) => {
                    let points = [0, 1].map(|axis| at[axis] * size[axis] as f32 / scale);
                    self.input.extend(Guests::pointer(kind, points.into()));
                }
                Event::Wheel(by) => self.input.push(Guests::wheel(by.into())),
                Event::Resized(size) => resized = Some(size),
                Event::Dropped(path) => self.open_dropped(vec![path]),
                Event::Camera(slot) if self.setup.player.is_none() => {
                    self.view.state.time.unfreeze();
                    let told = self.sources.open_camera_of_page(slot, &self.session);
                    self.session.request(self.view.state.request());
                    self.tell(told);
                }
                Event::Camera(_) => self.tell(OWN_SOURCE),
                Event::CameraEnded => {
                    let told = self.sources.end_camera_of_page(&self.session);
                    told.into_iter().for_each(|told| self.tell(told));
                }
            }
        }
        resized
    }

    /// Lays the view out, with what pages did beside `input`, and takes a snapshot where one is wanted.
    pub fn lay_out(&mut self, mut input: egui::RawInput, size: [u32; 2], scale: f32) -> LaidOut {
        input.events.append(&mut self.input);
        let dropped = std::mem::take(&mut input.dropped_files);
        if !dropped.is_empty() {
            self.open_dropped(dropped.iter().map(|file| file.path().into()).collect());
        }
        let around = Around {
            download: self.download.as_ref().and_then(Download::in_words),
            toast: self.toast.as_ref().filter(|(_, at)| at.elapsed() < TOAST).map(|(text, _)| text.clone()),
            recording: self.recorder.in_words(),
            followed: self.following.as_ref().map(Following::history).unwrap_or_default(),
        };
        let wake = self.wake.clone();
        let mut laid_out = self.view.lay_out(&self.session, around, input, size, scale, move || wake());
        if std::mem::take(&mut self.wants_snapshot) {
            let job = self.view.snapshot(&laid_out.model, &self.setup);
            self.tell(match job.map(|job| self.writer.offer(job)) {
                Some(Ok(())) => "Writing a snapshot …",
                Some(Err(_)) => "The disk is still busy with the last snapshots: this one was not taken.",
                None => "There is nothing to take a snapshot of yet.",
            });
            laid_out.again = true;
        }
        if let Some(guests) = &self.guests {
            guests.tell(&self.view.state, &laid_out.model);
        }
        laid_out
    }

    /// When to look again although nothing happens.
    pub fn next_look(&self, laid_out: &LaidOut) -> Option<Instant> {
        let toast_end = self.toast.as_ref().map(|(_, at)| *at + TOAST).filter(|end| *end > laid_out.now);
        let more = self.view.scene.next_look(laid_out.now);
        let film = self.recorder.next_look();
        [laid_out.next_look, toast_end, more, film].into_iter().flatten().min()
    }

    /// True where somebody looks, or a film is recorded.
    pub fn is_watched(&self) -> bool {
        self.view.outlet.is_open()
    }

    fn change_source(&mut self, choice: SourceChoice) {
        let told = self.sources.change(choice, &self.session);
        self.tell(told);
    }

    /// Shows what was dropped on the view, or runs it.
    fn open_dropped(&mut self, paths: Vec<PathBuf>) {
        let told = match sources::dropped(paths) {
            Dropped::Source(_) if self.setup.player.is_some() => OWN_SOURCE.into(),
            Dropped::Source(spec) => {
                self.view.state.time.unfreeze();
                self.sources.open(spec, &self.session)
            }
            Dropped::Weights(path) => {
                let (wake, resize) = (self.wake.clone(), self.view.state.how.resize());
                let told = format!("Reading {} …", path.display());
                match Loading::start(path, self.setup.options.clone(), resize, move || wake()) {
                    Ok(loading) => {
                        // What is fetched meanwhile would take its place.
                        (self.loading, self.download) = (Some(loading), None);
                        told
                    }
                    Err(error) => format!("The network cannot be read: {error}"),
                }
            }
            Dropped::Unclear(reason) => reason.into(),
        };
        self.session.request(self.view.state.request());
        self.tell(told);
    }
}

const OWN_SOURCE: &str =
    "A recorded session has its own source: start convscope without `replay` for another.";
