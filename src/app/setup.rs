//! What the view is started with, wherever it is shown.

use std::path::PathBuf;
use std::sync::Arc;

use super::download::Wanted;
use super::followed::Followed;
use super::guests::ServeOptions;
use super::player::Player;
use super::results::ResultsSpec;
use super::state::AppState;
use crate::engine::{ModelOptions, Placement, WeightsSpec, difference_name, distinct_names};
use crate::gpu::GpuContext;
use crate::journal::JournalWriter;
use crate::record::{EventWriter, Writer};
use crate::session::{Request, Session, SessionConfig};
use crate::source::{self, Delivery, Opened, SourceSpec};

/// What the user ought to know of a network that is not what most people want, for the terminal.
pub fn fallback_note(spec: &WeightsSpec) -> Option<&'static str> {
    match spec {
        WeightsSpec::Untrained => Some(UNTRAINED_NOTE),
        WeightsSpec::Embedded => Some(EMBEDDED_NOTE),
        _ => None,
    }
}

const EMBEDDED_NOTE: &str = "note: this is the embedded shapes network, not ImageNet: it knows 26 things that one draws, \
                             prints or finds as a texture; `convscope weights fetch` gets ImageNet weights";

/// Told on the terminal wherever an untrained network runs.
const UNTRAINED_NOTE: &str = "note: the network is untrained, so its maps show structure but no knowledge; \
                                  `--weights embedded` and `--weights imagenet` are trained (README.md, Weights)";

/// What the user ought to know where a network runs on a graphics driver that is software.
pub fn software_note(gpu: &GpuContext) -> Option<String> {
    let summary = gpu.summary();
    let name = summary.name.split(" (").next().unwrap_or_default().to_string();
    summary.is_software.then(|| {
        format!(
            "note: no GPU found: the network runs on {name}, a graphics driver that computes on the CPU, which takes minutes; \
             `--device cpu` is much faster"
        )
    })
}

/// What window and off-screen run have in common: validated settings.
#[derive(Debug)]
pub struct Setup {
    /// What the view starts with.
    pub state: AppState,
    /// `None`: the first camera, or the test card where there is none.
    pub source: Option<SourceSpec>,
    /// How the source is to give its pictures; `live` is set by who runs it.
    pub delivery: Delivery,
    /// Weights and placement. `every_frame` and the final placement are set by who runs it.
    pub session: SessionConfig,
    /// What the user says of networks.
    pub options: ModelOptions,
    /// Where the network runs; `None`: on a GPU where there is one.
    pub placement: Option<Placement>,
    /// Part of the adapter's name.
    pub adapter: Option<String>,
    /// Weights that are fetched while the network of `session` runs, to take its place.
    pub wanted: Option<Wanted>,
    /// The training that is followed.
    pub followed: Option<Followed>,
    /// Where pages are served.
    pub serve: Option<ServeOptions>,
    /// Where snapshots and films go.
    pub snapshots: PathBuf,
    /// Whether frames are written as snapshots off screen: not where only a film is wanted.
    pub writes_snapshots: bool,
    /// The film that is recorded from the first picture on.
    pub film: Option<PathBuf>,
    /// Where source and actions are kept, to be replayed.
    pub journal: Option<JournalWriter>,
    /// What was done in the recorded session that is replayed.
    pub player: Option<Player>,
    /// What is written of each frame off screen, and compared.
    pub results: Option<ResultsSpec>,
    /// How many pictures of a source that keeps no time are shown a second in it.
    pub film_rate: Option<f64>,
    /// Where event files for TensorBoard go.
    pub tensorboard: Option<PathBuf>,
    /// Size of the window or the off-screen view, in pixels.
    pub size: [u32; 2],
    /// Whether the user chose that; else a small screen makes a window smaller.
    pub is_size_chosen: bool,
}

impl Setup {
    pub(super) fn place(&self, gpu: &GpuContext) -> Placement {
        placement_on(gpu, self.placement)
    }

    /// What the columns of a comparison show: each network by its weights, then the differences.
    pub(super) fn versions(&self) -> Arc<[String]> {
        let SessionConfig { model, compare, .. } = &self.session;
        if compare.is_empty() {
            return Arc::new([]);
        }
        let all: Vec<_> = std::iter::once(model).chain(compare).map(|model| &model.spec).collect();
        let names = distinct_names(&all);
        let differences: Vec<_> = names[1..].iter().map(|other| difference_name(other)).collect();
        names.into_iter().chain(differences).collect()
    }

    /// Tells on the terminal what runs instead of what most people want, and how to get that.
    pub(super) fn tell_fallbacks(&self, gpu: &GpuContext) {
        let placement = self.place(gpu);
        if let Some(note) = software_note(gpu).filter(|_| placement == Placement::Gpu) {
            eprintln!("{note}");
        }
        if placement == Placement::Cpu && self.placement.is_none() {
            eprintln!(
                "note: no GPU found, so the network runs on the CPU; with a GPU and its Vulkan driver it runs there \
                 (`convscope devices` lists what is found)"
            );
        }
        if let Some(note) = fallback_note(&self.session.model.spec) {
            eprintln!("{note}");
        }
        for model in std::iter::once(&self.session.model).chain(&self.session.compare) {
            for note in model.notes() {
                eprintln!("note: {}: {note}", model.spec);
            }
        }
    }

    /// Starts the thread that writes snapshots, and the run for TensorBoard where one is wanted.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn start_writer(
        &self,
        gpu: &GpuContext,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Writer, String> {
        let run = self.tensorboard.as_deref().map(|folder| EventWriter::create_run(folder, "live"));
        let events = run.transpose().map_err(|error| error.to_string())?;
        Writer::start(gpu.clone(), events, wake).map_err(|error| error.to_string())
    }

    /// Starts the session that this setup describes. `opened` is called once the source is open, on its thread.
    pub(super) fn start_session(
        &self,
        gpu: &GpuContext,
        request: Request,
        every_frame: bool,
        opened: impl FnOnce(&Opened) + Send + 'static,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Session {
        let (placement, journal) = (self.place(gpu), self.journal.clone());
        let config = SessionConfig { placement, every_frame, journal, ..self.session.clone() };
        let spec = self.source.clone();
        let delivery = Delivery { live: !every_frame, ..self.delivery.clone() };
        let open = move || source::open(spec.as_ref(), &delivery).inspect(opened);
        Session::start(gpu.clone(), config, request, open, wake)
    }
}

/// Where the network runs beside this adapter, unless the user insists. A software adapter would take minutes for a frame.
pub fn placement_on(gpu: &GpuContext, wanted: Option<Placement>) -> Placement {
    wanted.unwrap_or(if gpu.summary().is_software { Placement::Cpu } else { Placement::Gpu })
}

/// Where the network runs and what draws, for the status line.
pub(super) fn device_in_words(gpu: &GpuContext, placement: Placement) -> String {
    // The part in brackets is the driver's build, of no use on screen.
    let name = gpu.summary().name;
    let name = name.split(" (").next().unwrap_or_default().to_string();
    match placement {
        Placement::Gpu => name,
        Placement::Cpu => format!("CPU (drawn by {name})"),
    }
}
