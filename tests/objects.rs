//! Frames like the one before make no graphics object anew.

mod common;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::noise;
use convscope::app::keys::Action;
use convscope::app::lens::{channel, hypercolumn};
use convscope::app::presenter::Presenter;
use convscope::app::state::AppState;
use convscope::engine::{OpenedModel, Placement};
use convscope::frame::{Frame, PixelFormat};
use convscope::gpu::{GpuContext, new_instance};
use convscope::latest::Taken;
use convscope::model::inception_v3::inception_v3;
use convscope::session::{Activations, Session, SessionConfig};
use convscope::source::{FrameSource, Opened, SourceError};
use convscope::view::Normalize;

/// What the test waits for at most before it is said to hang.
const PATIENCE: Duration = Duration::from_secs(400);

/// So many frames until everything has been made; some of what is not used any more has been let go by then.
const WARM_UP: usize = 150;

/// One frame for each message.
struct Asked(mpsc::Receiver<u64>);

impl FrameSource for Asked {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let Ok(id) = self.0.recv() else { return Ok(None) };
        let values = noise(&format!("frame {id}"), 96 * 64 * 3);
        let bytes: Vec<u8> = values.into_iter().map(|value| (128.0 + value * 50.0) as u8).collect();
        Ok(Some(Frame::new(id, (96, 64), PixelFormat::Rgb8, &bytes, "noise".into()).unwrap()))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> std::sync::Arc<str> {
        "asked for".into()
    }
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

#[test]
fn after_some_frames_a_frame_makes_nothing() {
    if common::gpu().is_none() {
        return;
    }
    // A device of its own: what is made on it is counted here.
    let gpu = &GpuContext::open(new_instance(None), None, None).unwrap();
    let graph = std::sync::Arc::new(inception_v3(10, 0.1));
    let placement = Placement::Cpu;
    let mut view = Presenter::new(gpu, placement, AppState::new(graph.clone(), 4), [720, 450]);
    let (ask, asked) = mpsc::channel();
    let open = move || Ok(Opened { source: Box::new(Asked(asked)), steps: None, notice: None });
    let model = OpenedModel::untrained(graph);
    let config =
        SessionConfig { every_frame: true, model, compare: vec![], placement, history: 1, journal: None };
    let session = Session::start(gpu.clone(), config, view.view.state.request(), open, || {});
    let mut id = 0;
    let mut frames = |view: &mut Presenter, count: usize| {
        for _ in 0..count {
            ask.send(id).unwrap();
            id += 1;
            view.view.take(take(&session), &session);
            view.present(&session).unwrap();
            view.picture().unwrap();
        }
    };
    // Everything that is used is there, and all the rest is let go: over and over.
    let actions = [
        // Another layer is of other sizes; an overlay is computed; an enlarged channel comes back.
        Action::NextLayer,
        Action::Over(hypercolumn::NAME),
        Action::ToggleEnlarged,
        Action::Normalize(Normalize::Percentile),
        Action::Over(channel::NAME),
    ];
    for action in actions {
        frames(&mut view, WARM_UP);
        let made = gpu.objects.made();
        frames(&mut view, 50);
        assert_eq!(gpu.objects.made(), made, "before {action:?}");
        view.act(action, &session);
        frames(&mut view, 3);
        assert!(gpu.objects.made() > made, "{action:?} needs something else");
    }
    frames(&mut view, WARM_UP);
    let made = gpu.objects.made();
    frames(&mut view, 50);
    assert_eq!(gpu.objects.made(), made, "at the end");
}
