//! Which frame is on the screen, and what the view does while the network is busy: read back from what was presented.
//! No test here looks at a clock.

mod common;

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{gpu, noise};
use convscope::app::keys::Action;
use convscope::app::lens::{hypercolumn, kernels, maps};
use convscope::app::presenter::Presenter;
use convscope::app::state::AppState;
use convscope::engine::{OpenedModel, Placement};
use convscope::frame::{Frame, PixelFormat};
use convscope::gpu::GpuContext;
use convscope::latest::Taken;
use convscope::model::Graph;
use convscope::model::inception_v3::inception_v3;
use convscope::session::{Activations, Session, SessionConfig};
use convscope::source::{FrameSource, Opened, SourceError, counter};

/// What a test waits for at most before it is said to hang.
const PATIENCE: Duration = Duration::from_secs(400);

/// A live source whose frames carry their numbers; `next` waits for the moment of each.
struct Numbered<F> {
    next: F,
    made: Arc<AtomicU64>,
}

impl<F: FnMut() -> bool + Send> FrameSource for Numbered<F> {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if !(self.next)() {
            return Ok(None);
        }
        let id = self.made.fetch_add(1, Ordering::SeqCst);
        let bytes: Vec<u8> =
            noise("frame", 96 * 64 * 3).into_iter().map(|v| (128.0 + v * 50.0) as u8).collect();
        let frame = Frame::new(id, (96, 64), PixelFormat::Rgb8, &bytes, "noise".into()).unwrap();
        Ok(Some(counter::stamped(frame)))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> Arc<str> {
        "numbers".into()
    }
}

/// Where the network is held in the middle of a frame.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Gate {
    fn close(&self) {
        self.state.lock().unwrap().0 = true;
    }

    fn open(&self) {
        self.state.lock().unwrap().0 = false;
        self.changed.notify_all();
    }

    /// On the inference thread: stays here while the gate is closed.
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        while state.0 {
            state.1 = true;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap();
        }
        state.1 = false;
    }

    fn wait_until_held(&self) {
        let held = self.changed.wait_timeout_while(self.state.lock().unwrap(), PATIENCE, |state| !state.1);
        assert!(!held.unwrap().1.timed_out(), "the network never came here");
    }
}

fn start(
    gpu: &GpuContext,
    model: OpenedModel,
    view: &Presenter,
    source: Numbered<impl FnMut() -> bool + Send + 'static>,
    wake: impl Fn() + Send + Sync + 'static,
) -> Session {
    let placement = Placement::Cpu;
    let config =
        SessionConfig { every_frame: false, model, compare: vec![], placement, history: 0, journal: None };
    let open = move || Ok(Opened { source: Box::new(source), steps: None, notice: None });
    Session::start(gpu.clone(), config, view.view.state.request(), open, wake)
}

fn take(session: &Session) -> Activations {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Taken::Value(shown) = session.take(Duration::from_millis(50)) {
            return shown;
        }
    }
    panic!("nothing came: {:?}", session.status());
}

fn view(gpu: &GpuContext, graph: &Arc<Graph>) -> Presenter {
    Presenter::new(gpu, Placement::Cpu, AppState::new(graph.clone(), 4), [720, 450])
}

/// A stem of one or two channels and little behind it: a frame costs some milliseconds.
fn tiny() -> Arc<Graph> {
    Arc::new(inception_v3(10, 0.1))
}

#[test]
fn while_the_network_is_busy_the_view_answers_and_no_queue_grows() {
    let Some(gpu) = gpu() else { return };
    let graph = tiny();
    let model = OpenedModel::untrained(graph.clone());
    let mut view = view(gpu, &graph);
    let made = Arc::new(AtomicU64::new(0));
    let (allow, allowed) = mpsc::channel::<()>();
    let source = Numbered { next: move || allowed.recv().is_ok(), made: made.clone() };
    let gate = Arc::new(Gate::default());
    let in_wake = gate.clone();
    let wake = move || {
        if std::thread::current().name() == Some("inference") {
            in_wake.pass();
        }
    };
    let session = start(gpu, model.clone(), &view, source, wake);
    allow.send(()).unwrap();
    view.view.take(take(&session), &session);
    view.present(&session).unwrap();
    assert_eq!(view.counter().unwrap(), Some(0));

    // Another network, whose first frame tells each layer that it begins: there it is held.
    gate.close();
    session.replace(model.load(Default::default(), &mut |_| {}).unwrap());
    gate.wait_until_held();
    for _ in 0..50 {
        allow.send(()).unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    while session.dropped() < 49 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    // The source was never slowed down: one frame waits, the others are gone.
    assert_eq!((made.load(Ordering::SeqCst), session.dropped()), (51, 49));

    let mut before = view.picture().unwrap();
    for action in [Action::ChannelRight, Action::NextColormap, Action::ToggleEnlarged, Action::NextNormalize]
    {
        view.act(action, &session);
        session.request(view.view.state.request());
        view.present(&session).unwrap();
        let after = view.picture().unwrap();
        assert!(after != before, "{action:?} is not seen");
        before = after;
    }
    view.act(Action::NextLayer, &session);
    session.request(view.view.state.request());
    view.present(&session).unwrap();
    assert_eq!(view.counter().unwrap(), Some(0), "the network has nothing newer yet");
    assert!(matches!(session.take(Duration::ZERO), Taken::Nothing));

    gate.open();
    let newest = loop {
        let shown = take(&session);
        let id = shown.frame.frame.id;
        assert!(id == 0 || id == 50, "frame {id} had been replaced");
        if id == 50 {
            break shown;
        }
    };
    assert_eq!(newest.taps[0].layer, 5, "the layer that was asked for meanwhile");
    view.view.take(newest, &session);
    view.present(&session).unwrap();
    assert_eq!(view.counter().unwrap(), Some(50));
    assert_eq!(session.dropped(), 49);
}

#[test]
fn of_a_fast_source_the_newest_frame_is_presented() {
    let Some(gpu) = gpu() else { return };
    let graph = tiny();
    let mut view = view(gpu, &graph);
    let made = Arc::new(AtomicU64::new(0));
    let next = || {
        std::thread::sleep(Duration::from_micros(200));
        true
    };
    let source = Numbered { next, made: made.clone() };
    let session = start(gpu, OpenedModel::untrained(graph), &view, source, || {});
    let mut asked_at = Vec::new();
    for number in 0..25 {
        asked_at.push(made.load(Ordering::SeqCst));
        let shown = take(&session);
        let id = shown.frame.frame.id;
        if number >= 2 {
            // The network began this frame after the result before it was done, and that was not yet done when the one
            // before that was taken. One frame may have been on its way into the slot, and one is made before it is there.
            let newest_then = asked_at[number - 2];
            assert!(
                id + 2 >= newest_then,
                "frame {id} is presented, {newest_then} were there before it began"
            );
        }
        view.view.take(shown, &session);
        view.present(&session).unwrap();
        assert_eq!(view.counter().unwrap(), Some(id as u16));
    }
    let dropped = session.dropped();
    assert!(dropped > 25, "the source is faster than the network: {dropped}");
}

#[test]
fn what_is_kept_of_the_picture_before_is_as_if_it_were_drawn_anew() {
    let Some(gpu) = gpu() else { return };
    let graph = tiny();
    let mut view = view(gpu, &graph);
    let (allow, allowed) = mpsc::channel::<()>();
    let source = Numbered { next: move || allowed.recv().is_ok(), made: Arc::default() };
    let session = start(gpu, OpenedModel::untrained(graph), &view, source, || {});
    let whole = 720.0 * 450.0;
    let drawn = |view: &Presenter| {
        let parts = view.view.scene.renderer.drawn_parts();
        parts.iter().map(|part| part.width() * part.height()).sum::<f32>() / whole
    };
    view.present(&session).unwrap();
    assert_eq!(drawn(&view), 1.0, "there was nothing before");
    // Everything that changes panels, and places of the picture and the tiles.
    let actions = [
        Action::ChannelRight,
        Action::NextColormap,
        Action::ToggleEnlarged,
        Action::NextNormalize,
        Action::Over(hypercolumn::NAME),
        Action::MoreOpacity,
        Action::ToggleHelp,
        Action::NextLayer,
        Action::ToggleHelp,
        Action::ToggleEnlarged,
        Action::ToggleTheme,
        Action::Tiles(kernels::NAME),
        Action::ToggleMirror,
        Action::ToggleHealth,
        Action::ToggleInput,
        Action::Tiles(maps::NAME),
        Action::ToggleTheme,
    ];
    for action in actions {
        view.act(action, &session);
        allow.send(()).unwrap();
        view.view.take(take(&session), &session);
        // Until what egui fades in is there.
        for _ in 0..12 {
            view.present(&session).unwrap();
            assert!(view.picture().unwrap() == view.picture_anew().unwrap(), "after {action:?}");
        }
        // Nothing has happened since, apart from the rates in the status line.
        let scene = &view.view.scene;
        let areas = [scene.picture_area().unwrap(), scene.tile_area().0];
        let live = areas.map(|[_, _, width, height]| (width * height) as f32 / whole).iter().sum::<f32>();
        let share = drawn(&view);
        assert!(
            share > 0.9 * live && share < live + 0.1,
            "after {action:?}: {share} of the view, {live} live"
        );
    }
}

fn bench(arguments: &[&str]) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_convscope"));
    command.current_dir(folder.path()).env("CONVSCOPE_CACHE", folder.path());
    command.arg("bench").args(arguments).args(["--width-multiplier", "0.05", "--device", "cpu"]);
    command.output().unwrap()
}

#[test]
fn a_benchmark_is_a_document_of_numbers() {
    if gpu().is_none() {
        return;
    }
    let size = ["--size", "640x400", "--frame-size", "320x200", "--layer", "mixed0,1..3", "--tiles", "5"];
    let output = bench(&[&size[..], &["--frames", "3", "--json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["width_multiplier"], &found["weights"]), (&0.05.into(), &"untrained".into()));
    assert_eq!((&found["machine"]["device"], &found["frames"]), (&"cpu".into(), &3.into()));
    assert_eq!(found["source"]["frame_size"], serde_json::json!([320, 200]));
    assert_eq!(found["view"]["layers"], serde_json::json!(["mixed0", "conv2d", "batch_normalization"]));
    assert_eq!(found["view"]["tiles"], 5);
    let spread = |spread: &serde_json::Value, count: Option<u64>| {
        let at = |key: &str| spread[key].as_f64().unwrap_or_else(|| panic!("{key} of {spread}"));
        assert!(count.is_none_or(|count| spread["count"] == count), "{spread}");
        assert!(at("p10") <= at("median") && at("median") <= at("p90") && at("p95") <= at("max"), "{spread}");
        at("median")
    };
    let stages = found["stages_apart"].as_object().unwrap();
    let names =
        ["decode", "upload", "preprocess", "network", "handover", "statistics", "layout", "tiles", "present"];
    assert_eq!(stages.len(), names.len());
    for name in names {
        let median = spread(&stages[&format!("{name}_ms")], (name != "decode").then_some(3));
        assert!(median > 0.0, "{name}");
    }
    let pipelined = &found["pipelined"];
    assert_eq!(pipelined["presented"], 3);
    assert_eq!(pipelined["counter"], serde_json::json!({"right": 3, "wrong": 0, "unreadable": 0}));
    assert!(spread(&pipelined["latency_ms"], Some(3)) > spread(&pipelined["beyond_network_ms"], Some(3)));
    let cost = &found["view_cost"];
    let alone = spread(&cost["network_alone_ms"], None);
    let ratio = spread(&cost["with_tiles_ms"], None) / alone;
    assert!((cost["tiles_ratio"].as_f64().unwrap() - ratio).abs() < 1e-3 * ratio);
    // A frame with its squares, and what the CPU made of it.
    let up = found["bytes_a_frame"]["host_to_gpu"].as_u64().unwrap();
    assert!(up > 320 * 200 * 3 && up < 8_000_000, "{up}");
    assert!(found["start_up"]["first_tiles_ms"].as_f64().unwrap() > 0.0);

    let table = bench(&["--frames", "1", "--size", "640x400"]);
    let text = String::from_utf8(table.stdout).unwrap();
    for part in ["Each stage on its own", "capture to presented", "counter 1 right, 0 wrong", "network alone"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }

    let output = bench(&["--tiles", "5000"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("channel 4999 is asked for, but mixed0 has 13 channels"), "{errors}");
}
