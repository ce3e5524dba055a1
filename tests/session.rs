//! Frames in, activations out: the two threads, and the GPU path from raw camera bytes to pixels.
//!
//! The networks are thin: on a software adapter a quarter-width InceptionV3 takes most of a minute for its
//! first frame and a second or two for each further one.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{draw, gpu, noise, read_map};
use convscope::engine::{OpenedModel, Placement};
use convscope::frame::{Frame, PixelFormat};
use convscope::gpu::{
    ChannelOrder, Fit, GpuContext, Preprocessing, TileDraw, TilesRenderer, new_instance, readback,
};
use convscope::inspect::percentiles;
use convscope::latest::Taken;
use convscope::model::Graph;
use convscope::model::inception_v3::{Plan, inception_v3};
use convscope::session::{Activations, HeldFrame, Request, Session, SessionConfig, Stage};
use convscope::source::{FrameSource, Opened, SourceError};
use convscope::view::{Colormap, Normalize, Scale};

/// What a test waits for at most before it is said to hang.
const PATIENCE: Duration = Duration::from_secs(400);

/// Makes frames with a function; ends where that gives nothing.
struct Scripted<F> {
    next: F,
    live: bool,
    count: u64,
}

impl<F: FnMut(u64) -> Result<Option<Frame>, SourceError> + Send> FrameSource for Scripted<F> {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        self.count += 1;
        (self.next)(self.count - 1)
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn describe(&self) -> Arc<str> {
        format!("a script · {} given", self.count).into()
    }
}

fn yuyv_frame(number: u64) -> Frame {
    let bytes: Vec<u8> = noise(&format!("frame {number}"), 96 * 64 * 2)
        .into_iter()
        .map(|v| (128.0 + v * 50.0) as u8)
        .collect();
    Frame::new(number, (96, 64), PixelFormat::Yuyv, &bytes, "noise".into()).unwrap()
}

fn start(
    gpu: &GpuContext,
    graph: &Arc<Graph>,
    placement: Placement,
    (every_frame, live): (bool, bool),
    request: Request,
    next: impl FnMut(u64) -> Result<Option<Frame>, SourceError> + Send + 'static,
) -> Session {
    let config = SessionConfig {
        every_frame,
        model: OpenedModel::untrained(graph.clone()),
        compare: vec![],
        placement,
        history: 20,
        journal: None,
    };
    let open =
        move || Ok(Opened { source: Box::new(Scripted { next, live, count: 0 }), steps: None, notice: None });
    Session::start(gpu.clone(), config, request, open, || {})
}

fn wait(session: &Session) -> Option<Activations> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match session.take(Duration::from_millis(50)) {
            Taken::Value(activations) => return Some(activations),
            Taken::Closed => return None,
            Taken::Nothing => {}
        }
    }
    panic!("nothing came: {:?}", session.status());
}

/// A stem of one channel and little behind it: a frame costs some milliseconds.
fn tiny() -> Arc<Graph> {
    Arc::new(inception_v3(10, 0.05))
}

fn request(taps: &[usize]) -> Request {
    Request { taps: taps.to_vec(), ..Request::default() }
}

#[test]
fn of_files_every_frame_counts_and_the_end_is_told() {
    let Some(gpu) = gpu() else { return };
    let next = |number| Ok((number < 5).then(|| yuyv_frame(number)));
    let session = start(gpu, &tiny(), Placement::Cpu, (true, false), request(&[1, 7]), next);
    for number in 0..5 {
        let activations = wait(&session).unwrap();
        assert_eq!((activations.frame.frame.id, activations.sequence), (number, number));
        // The source may be ahead by then.
        assert_eq!(*activations.frame.frame.source, *format!("a script · {} given", number + 1));
        assert_eq!(activations.taps.iter().map(|tap| tap.layer).collect::<Vec<_>>(), [1, 7]);
        assert!(activations.answer.is_none());
    }
    assert!(wait(&session).is_none());
    assert_eq!(session.status().stage, Stage::Ended);
    assert_eq!(session.dropped(), 0);
}

#[test]
fn another_network_takes_over_while_frames_go_on() {
    let Some(gpu) = gpu() else { return };
    let graph = tiny();
    // Of the new network, layer 312 is a ReLU and the classifier comes behind it; of the old one there is no 314.
    let other = Plan::with_dense(&[("head.1", 5), ("head.2", 7)], 0.05).graph().unwrap();
    let other = OpenedModel::untrained(Arc::new(other));
    let wanted = Request { predictions: true, ..request(&[1, 312, 314]) };
    let session = start(gpu, &graph, Placement::Cpu, (false, true), wanted, |number| {
        std::thread::sleep(Duration::from_millis(5));
        Ok(Some(yuyv_frame(number)))
    });
    let before = wait(&session).unwrap();
    assert!(Arc::ptr_eq(&before.model.graph, &graph));
    assert_eq!(before.taps.iter().map(|tap| tap.layer).collect::<Vec<_>>(), [1, 312]);
    assert_eq!(before.answer.unwrap().values.len(), 10);
    session.replace(other.load(Default::default(), &mut |_| {}).unwrap());
    let after = loop {
        let next = wait(&session).unwrap();
        if Arc::ptr_eq(&next.model.graph, &other.graph) {
            break next;
        }
    };
    assert_eq!(after.taps.iter().map(|tap| tap.map.shape.channels).collect::<Vec<_>>(), [2, 5, 7]);
    let probabilities = after.answer.unwrap().values;
    assert_eq!(probabilities.len(), 7);
    assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{probabilities:?}");
}

#[test]
fn the_view_goes_back_in_time_and_compares_with_a_held_frame() {
    let Some(gpu) = gpu() else { return };
    let session = start(gpu, &tiny(), Placement::Cpu, (false, true), request(&[1]), |number| {
        std::thread::sleep(Duration::from_millis(5));
        Ok(Some(yuyv_frame(number)))
    });
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let shown = wait(&session).unwrap();
        let values = readback::copy_map(gpu, &shown.taps[0].map).wait(gpu).unwrap();
        seen.push((shown.frame.frame.clone(), values));
    }
    session.request(Request { frozen: true, ..request(&[1]) });
    let newest = session.history().last().unwrap().id;
    let (past, expected) = (seen[2].0.id, seen[2].1.clone());
    assert!(past < newest && session.history().iter().any(|moment| moment.id == past));
    // Any layer can be asked of a frame of the past, and what was seen then is seen again.
    session.request(Request { frozen: true, past: Some(past), ..request(&[1, 7]) });
    let back = loop {
        let shown = wait(&session).unwrap();
        if shown.frame.frame.id == past {
            break shown;
        }
    };
    assert_eq!(back.taps.len(), 2);
    assert_eq!(readback::copy_map(gpu, &back.taps[0].map).wait(gpu).unwrap(), expected);
    assert!(back.compared.is_empty());
    // A held frame is the second version; the difference is the shown one's values minus its.
    let (held, of_held) = seen[4].clone();
    session.request(Request { frozen: true, past: Some(past), held: Some(HeldFrame(held)), ..request(&[1]) });
    let compared = loop {
        let shown = wait(&session).unwrap();
        if !shown.compared.is_empty() {
            break shown;
        }
    };
    let values = |tap: &convscope::session::Tap| readback::copy_map(gpu, &tap.map).wait(gpu).unwrap();
    let [other] = &compared.compared[..] else { panic!("{}", compared.compared.len()) };
    assert_eq!(values(&other.taps[0]), of_held);
    let difference: Vec<f32> = expected.iter().zip(&of_held).map(|(now, held)| now - held).collect();
    assert_eq!(values(&other.differences[0]), difference);
    assert!(difference.iter().any(|value| *value != 0.0), "two frames of noise");
}

#[test]
fn percentiles_come_where_they_are_asked_for() {
    let Some(gpu) = gpu() else { return };
    let next = |number| Ok((number < 2).then(|| yuyv_frame(number)));
    let wanted = Request { percentiles: true, ..request(&[1, 7]) };
    let session = start(gpu, &tiny(), Placement::Cpu, (true, false), wanted, next);
    let shown = wait(&session).unwrap();
    for tap in &shown.taps {
        let shape = tap.map.shape;
        let values = read_map(gpu, &tap.map);
        let cells = shape.height * shape.width;
        let expected: Vec<[f32; 2]> = values.chunks_exact(cells).map(percentiles).collect();
        assert_eq!(tap.percentiles.as_deref(), Some(&expected[..]));
        let inside = |(channel, [low, high]): (usize, &[f32; 2])| {
            let statistics = &tap.channel_statistics[channel];
            statistics.min <= *low && *high <= statistics.max
        };
        assert!(expected.iter().enumerate().all(inside));
    }
    session.request(request(&[1]));
    while let Some(shown) = wait(&session) {
        assert_eq!(shown.taps[0].percentiles.is_some(), shown.request.percentiles);
    }
}

#[test]
fn networks_are_compared_and_maps_come_without_statistics() {
    let Some(gpu) = gpu() else { return };
    let graph = tiny();
    let config = SessionConfig {
        every_frame: true,
        model: OpenedModel::untrained(graph.clone()),
        compare: vec![OpenedModel::untrained(graph.clone())],
        placement: Placement::Cpu,
        history: 20,
        journal: None,
    };
    let next = move |number| Ok((number < 1).then(|| yuyv_frame(number)));
    let open = move || {
        Ok(Opened { source: Box::new(Scripted { next, live: false, count: 0 }), steps: None, notice: None })
    };
    // Layer 7 is both: it is computed once.
    let request = Request { taps: vec![7, 1], maps: vec![0, 7], predictions: true, ..Request::default() };
    let session = Session::start(gpu.clone(), config, request, open, || {});
    let activations = wait(&session).unwrap();
    let layers = |taps: &[convscope::session::Tap]| taps.iter().map(|tap| tap.layer).collect::<Vec<_>>();
    assert_eq!(layers(&activations.taps), [7, 1]);
    assert_eq!(activations.maps.iter().map(|(layer, _)| *layer).collect::<Vec<_>>(), [0, 7]);
    assert_eq!(activations.answer.as_ref().unwrap().values.len(), 10);
    let [other] = &activations.compared[..] else { panic!("{}", activations.compared.len()) };
    assert_eq!((layers(&other.taps), layers(&other.differences)), (vec![7, 1], vec![7, 1]));
    for (own, (theirs, difference)) in activations.taps.iter().zip(other.taps.iter().zip(&other.differences))
    {
        let values = read_map(gpu, &own.map);
        assert!(values.iter().any(|value| *value != 0.0));
        assert_eq!(values, read_map(gpu, &theirs.map), "the same weights");
        assert!(read_map(gpu, &difference.map).iter().all(|value| *value == 0.0));
        assert_eq!(own.channel_statistics, theirs.channel_statistics);
        assert_eq!(difference.channel_statistics[0].max, 0.0);
    }
    // A map alone and the same layer as a tap are the same values.
    assert_eq!(read_map(gpu, activations.map(7).unwrap()), read_map(gpu, &activations.taps[0].map));
    assert_eq!(activations.map(0).unwrap().shape, graph.input_shape());
    assert!(activations.map(2).is_none());
}

#[test]
fn a_live_source_is_never_slowed_down() {
    let Some(gpu) = gpu() else { return };
    let made = Arc::new(AtomicUsize::new(0));
    let counter = made.clone();
    let next = move |number| {
        counter.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_micros(200));
        Ok((number < 3000).then(|| yuyv_frame(number)))
    };
    let session = start(gpu, &tiny(), Placement::Cpu, (false, true), request(&[7]), next);
    let mut last = None;
    while let Some(activations) = wait(&session) {
        let id = activations.frame.frame.id;
        assert!(last.is_none_or(|last| id > last), "frames come in order");
        last = Some(id);
    }
    assert_eq!(made.load(Ordering::Relaxed), 3001);
    assert!(session.dropped() > 0);
}

#[test]
fn a_picture_that_stands_still_answers_new_requests() {
    let Some(gpu) = gpu() else { return };
    let next = |number| {
        if number > 0 {
            // Like a source that waits for a key that never comes.
            std::thread::sleep(Duration::from_secs(3600));
        }
        Ok(Some(yuyv_frame(number)))
    };
    let session = start(gpu, &tiny(), Placement::Cpu, (false, false), request(&[1]), next);
    assert_eq!(wait(&session).unwrap().taps[0].layer, 1);
    for layer in [4, 40, 312, 0] {
        session.request(request(&[layer]));
        let activations = wait(&session).unwrap();
        assert_eq!((activations.taps[0].layer, activations.frame.frame.id), (layer, 0));
    }
    let how = Preprocessing { fit: Some(Fit::Crop), ..Preprocessing::default() };
    session.request(Request { how, ..request(&[0]) });
    assert_eq!(wait(&session).unwrap().request.how, how);
    let stopped = Instant::now();
    drop(session);
    assert!(stopped.elapsed() < Duration::from_secs(60), "stopping does not wait for the source");
}

#[test]
fn a_frozen_view_keeps_its_frame_and_shows_other_layers_of_it() {
    let Some(gpu) = gpu() else { return };
    let next = |number| {
        std::thread::sleep(Duration::from_millis(1));
        Ok(Some(yuyv_frame(number)))
    };
    let session = start(gpu, &tiny(), Placement::Cpu, (false, true), request(&[1]), next);
    wait(&session).unwrap();
    session.request(Request { frozen: true, ..request(&[1]) });
    let kept = loop {
        let activations = wait(&session).unwrap();
        if activations.request.frozen {
            break activations.frame.frame.id;
        }
    };
    session.request(Request { frozen: true, ..request(&[7]) });
    let other = wait(&session).unwrap();
    assert_eq!((other.frame.frame.id, other.taps[0].layer), (kept, 7));
    session.request(request(&[7]));
    assert!(wait(&session).unwrap().frame.frame.id > kept);
}

#[test]
fn trouble_is_told_and_survived() {
    let Some(gpu) = gpu() else { return };
    let next = |number| match number {
        0 => Ok(Some(yuyv_frame(0))),
        1..4 => Err(SourceError::DamagedFrame { camera: "A".into(), reason: "half of it is missing".into() }),
        4 => Err(SourceError::Camera { camera: "A".into(), reason: "it is unplugged".into() }),
        5 => Ok(Some(yuyv_frame(5))),
        _ => Ok(None),
    };
    let session = start(gpu, &tiny(), Placement::Cpu, (false, true), request(&[1]), next);
    assert_eq!(wait(&session).unwrap().frame.frame.id, 0);
    let deadline = Instant::now() + PATIENCE;
    while session.status().trouble.is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(session.status().trouble.is_some());
    assert_eq!(wait(&session).unwrap().frame.frame.id, 5);
    assert_eq!(session.status().trouble, None);
}

fn opened(next: impl FnMut(u64) -> Result<Option<Frame>, SourceError> + Send + 'static) -> Opened {
    Opened { source: Box::new(Scripted { next, live: true, count: 0 }), steps: None, notice: None }
}

#[test]
fn another_source_takes_over_from_one_that_has_stalled() {
    let Some(gpu) = gpu() else { return };
    let (stall, stalled) = std::sync::mpsc::channel::<()>();
    let next = move |number| {
        if number == 2 {
            // As a driver that hangs; it comes back when nobody wants it any more.
            let _ = stalled.recv();
        }
        Ok(Some(yuyv_frame(number)))
    };
    let session = start(gpu, &tiny(), Placement::Cpu, (false, true), request(&[1]), next);
    while wait(&session).unwrap().frame.frame.id < 1 {}
    // What cannot be opened is told, and changes nothing.
    session.replace_source(|| Err(SourceError::NoCamera));
    let deadline = Instant::now() + PATIENCE;
    let is_told = || session.status().notices.iter().any(|notice| notice.text.contains("no camera found"));
    while !is_told() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(is_told() && session.status().source.contains("2 given"), "{:?}", session.status());
    // Frames are counted on: none is taken for one of the source before.
    session.replace_source(|| Ok(opened(|number| Ok((number < 3).then(|| yuyv_frame(number))))));
    let mut frames = vec![];
    while let Some(activations) = wait(&session) {
        let frame = activations.frame.frame.clone();
        frames.push((frame.id, frame.source.to_string()));
    }
    drop(stall);
    assert!(!frames.is_empty() && frames.iter().all(|(id, _)| (2..5).contains(id)), "{frames:?}");
    assert_eq!(frames.last().unwrap(), &(4, "a script · 3 given".to_string()));
    assert_eq!(session.status().stage, Stage::Ended);
}

#[test]
fn what_cannot_be_opened_and_what_panics_is_a_failure_in_words() {
    let Some(gpu) = gpu() else { return };
    let config = SessionConfig {
        compare: vec![],
        every_frame: true,
        model: OpenedModel::untrained(tiny()),
        placement: Placement::Cpu,
        history: 20,
        journal: None,
    };
    let open = || Err(SourceError::NoCamera);
    let session = Session::start(gpu.clone(), config.clone(), request(&[1]), open, || {});
    assert!(wait(&session).is_none());
    let Stage::Failed(reason) = session.status().stage else { panic!("{:?}", session.status()) };
    assert!(reason.contains("no camera found"), "{reason}");

    let open = || panic!("the source is broken");
    let session = Session::start(gpu.clone(), config, request(&[1]), open, || {});
    assert!(wait(&session).is_none());
    let Stage::Failed(reason) = session.status().stage else { panic!("{:?}", session.status()) };
    assert!(reason.contains("the source is broken"), "{reason}");
}

/// Camera bytes → preprocess → Burn on wgpu → taps → tiles → pixels, against the same on the CPU.
#[test]
fn the_gpu_path_equals_the_cpu_path_and_brings_almost_nothing_back() {
    if gpu().is_none() {
        return;
    }
    let graph = Arc::new(inception_v3(1000, 0.25));
    let names = ["input_layer", "conv2d", "batch_normalization", "activation", "mixed0", "mixed5", "mixed10"];
    let mut taps: Vec<usize> = names.iter().map(|name| graph.find(name).unwrap()).collect();
    // A convolution and its normalisation whose ReLU is shown too: in-place work must not reach them.
    taps.extend(
        ["conv2d_30", "batch_normalization_30", "activation_30"].map(|name| graph.find(name).unwrap()),
    );
    let request = Request { predictions: true, ..request(&taps) };
    let frames = 3;
    let next = move |number| Ok((number < frames).then(|| yuyv_frame(number)));

    // A device of its own, so that its counters count nothing else.
    let run = |placement| {
        let gpu = GpuContext::open(new_instance(None), None, None).unwrap();
        let session = start(&gpu, &graph, placement, (true, false), request.clone(), next);
        let mut results = Vec::new();
        while let Some(activations) = wait(&session) {
            results.push(activations);
        }
        assert_eq!(session.status().stage, Stage::Ended);
        assert_eq!(results.len() as u64, frames);
        let traffic = (gpu.traffic.uploaded() / frames, gpu.traffic.read_back() / frames);
        (gpu, results, traffic)
    };
    let (cpu_device, on_cpu, _) = run(Placement::Cpu);
    let (gpu_device, on_gpu, (uploaded, read_back)) = run(Placement::Gpu);
    let frame_bytes = 96 * 64 * 2;
    eprintln!("a frame on the GPU path: {uploaded} bytes up, {read_back} bytes back");
    assert!(read_back <= 64 * 1024, "{read_back} bytes came back");
    // The frame once, raw, and some small settings.
    assert!(uploaded >= frame_bytes && uploaded <= frame_bytes + 1024, "{uploaded} bytes went up");

    let format = wgpu::TextureFormat::Rgba8Unorm;
    let renderers = [&gpu_device, &cpu_device].map(|gpu| (gpu, TilesRenderer::new(gpu, format)));
    for (cpu, gpu_result) in on_cpu.iter().zip(&on_gpu) {
        for (a, b) in cpu.taps.iter().zip(&gpu_result.taps) {
            let name = &graph.nodes[a.layer].name;
            let [ours, theirs] = [(&gpu_device, b), (&cpu_device, a)]
                .map(|(gpu, tap)| readback::copy_map(gpu, &tap.map).wait(gpu).unwrap());
            let largest = theirs.iter().fold(0f32, |m, v| m.max(v.abs()));
            let difference = ours.iter().zip(&theirs).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(difference / largest < 1e-3, "{name}: {difference} of {largest}");

            let channels: Vec<u32> = (0..a.map.shape.channels.min(16) as u32).collect();
            let tiles = TileDraw {
                target_size: [256, 256],
                origin: [0.0; 2],
                tile_size: [63.0; 2],
                pitch: [64.0; 2],
                columns: 4,
                first: 0,
                count: channels.len() as u32,
                scale: Scale::of(Normalize::Layer),
                hatch: 0,
                colormap: Colormap::Grey,
                smooth: false,
                opacity: 1.0,
                mirror: false,
                cover: Default::default(),
            };
            let [ours, theirs] = [(&renderers[0], b), (&renderers[1], a)].map(|((gpu, renderer), tap)| {
                let order = ChannelOrder::upload(gpu, &channels);
                draw(gpu, [256, 256], |pass| {
                    renderer.draw(gpu, pass, &tap.map, &tap.statistics, None, &order, &tiles)
                })
            });
            let worst = ours.as_raw().iter().zip(theirs.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(2), "{name}: pixels differ by {worst:?}");
        }
        let (a, b) = (&cpu.answer.as_ref().unwrap().values, &gpu_result.answer.as_ref().unwrap().values);
        assert_eq!((a.len(), b.len()), (1000, 1000));
        let difference = a.iter().zip(b.iter()).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(difference < 1e-4, "probabilities differ by {difference}");
        assert!((b.iter().sum::<f32>() - 1.0).abs() < 1e-3);
    }
}
