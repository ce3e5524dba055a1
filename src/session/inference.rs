//! The inference thread: owns the network and every Burn call.

mod held;
mod measure;

use std::cell::OnceCell;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

use self::held::Held;
use self::measure::{Measurer, Picture, Placed};
use super::activations::{Activations, ComparedTaps, StageTimes};
use super::request::Request;
use super::shared::{Notice, Shared, Stage};
use crate::bridge;
use crate::engine::{Model, OpenedModel, Placement, device_for};
use crate::frame::Frame;
use crate::gpu::{FeatureMapBuffer, FrameBuffer, Preprocessor, twin};
use crate::inspect::Answer;
use crate::latest::Taken;
use crate::model::{LayerIndex, Shape};
use crate::network::{Folding, Network, input_from_values, values};

/// No more work than this is queued ahead of the window's drawing, which waits in the same queue.
const QUEUED_AHEAD_MS: f32 = 20.0;

/// How long the thread sleeps at most when nothing happens.
const IDLE: Duration = Duration::from_secs(1);

pub(super) fn run(shared: &Shared) -> Result<(), String> {
    let mut worker = Worker::new(shared)?;
    let mut current: Option<FrameBuffer> = None;
    let mut done: Option<(u64, Request)> = None;
    let mut sequence = 0;
    while !shared.is_stopping() {
        shared.rest();
        if let Some(model) = shared.replacement.lock().unwrap_or_else(PoisonError::into_inner).take() {
            worker.replace(model);
            done = None;
        }
        let request = shared.request();
        let mut upload_ms = 0.0;
        let past = request
            .past
            .filter(|id| request.frozen && current.as_ref().is_some_and(|now| now.frame.id != *id));
        if let Some(frame) = past.and_then(|id| shared.history().find(id)) {
            current = Some(upload(shared, frame, &mut upload_ms)?);
        }
        let answered = |frame: &FrameBuffer| done.as_ref() == Some(&(frame.frame.id, request.clone()));
        let unanswered = current.as_ref().is_some_and(|frame| !answered(frame));
        if request.frozen && current.is_some() {
            if !unanswered {
                shared.frames.wait_for_nudge(IDLE);
                continue;
            }
        } else {
            // A picture that stands still is processed again when something else is asked for.
            match shared.frames.take(if unanswered { Duration::ZERO } else { IDLE }) {
                Taken::Value(frame) => {
                    shared.history().push(frame.clone());
                    current = Some(upload(shared, frame, &mut upload_ms)?);
                }
                Taken::Nothing if unanswered => {}
                Taken::Nothing => continue,
                Taken::Closed => break,
            }
        }
        let Some(frame) = &current else { continue };
        done = Some((frame.frame.id, request.clone()));
        let mut activations = worker.process(frame.clone(), request, sequence)?;
        activations.times.upload_ms = upload_ms;
        sequence += 1;
        let open = if shared.config.every_frame {
            shared.results.put(activations)
        } else {
            shared.results.replace(activations)
        };
        if !open {
            break;
        }
        shared.enter(Stage::Running);
    }
    shared.enter(Stage::Ended);
    shared.results.close();
    (shared.wake)();
    Ok(())
}

struct Worker<'a> {
    shared: &'a Shared,
    model: Model,
    /// The main one, then those that are compared with it.
    networks: Vec<Network>,
    device: Device,
    /// Compiled where they are first wanted: a network on the CPU needs none of them.
    preprocessor: OnceCell<Preprocessor>,
    measurer: Measurer,
    /// The frame before and what the main network's taps were: how far maps change is measured against them.
    previous: Option<(u64, Vec<(LayerIndex, Placed)>)>,
    held: Option<Held>,
    /// How long the network took for the last frame on the GPU.
    last_network_ms: f32,
    warm: bool,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared) -> Result<Self, String> {
        let config = &shared.config;
        let loading = |text: &str| shared.enter(Stage::Loading(text.into()));
        let resize = shared.request().how.resize();
        let load = |opened: &OpenedModel| {
            opened.load(resize, &mut |text| loading(text)).map_err(|error| error.to_string())
        };
        let model = load(&config.model)?;
        shared.update(|status| {
            status.notices.extend(model.weights.notes.iter().cloned().map(Notice::now));
            status.model = Some(model.clone());
        });
        let mut all = vec![model.clone()];
        for opened in &config.compare {
            all.push(load(opened)?);
        }
        loading("preparing the device");
        let gpu = Some(&shared.gpu).filter(|_| config.placement == Placement::Gpu);
        let device =
            device_for(gpu, model.weights.conventions.precision).map_err(|error| error.to_string())?;
        let worker = Self {
            model,
            networks: all.into_iter().map(|model| place(model, &device)).collect(),
            device,
            preprocessor: OnceCell::new(),
            measurer: Measurer::default(),
            previous: None,
            shared,
            held: None,
            last_network_ms: 0.0,
            warm: false,
        };
        loading("waiting for the first frame");
        Ok(worker)
    }

    /// Runs another network in place of the main one.
    fn replace(&mut self, model: Model) {
        self.shared.update(|status| status.model = Some(model.clone()));
        self.networks[0] = place(model.clone(), &self.device);
        (self.model, self.warm, self.previous, self.held) = (model, false, None, None);
    }

    fn process(
        &mut self,
        frame: FrameBuffer,
        mut request: Request,
        sequence: u64,
    ) -> Result<Activations, String> {
        let model = self.model.clone();
        // Whoever asks may not know yet that another network runs.
        request.taps.retain(|&layer| layer < model.graph.nodes.len());
        request.maps.retain(|&layer| layer < model.graph.nodes.len());
        let start = Instant::now();
        let (input, picture) = self.input(&frame, &request)?;
        let (probe, apart) = (input.clone(), self.shared.keeps_stages_apart());
        self.settle(&probe, apart)?;
        let preprocess_ms = elapsed_ms(start);

        let network_start = Instant::now();
        let mut layers = request.taps.clone();
        let output = model.graph.answer().filter(|_| request.predictions);
        let answering = output.map(|output| output.layer);
        for layer in request.maps.iter().copied().chain(answering) {
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
        let outputs = self.run_network(0, input.clone(), &layers)?;
        let mut others = Vec::new();
        let mut compared = Vec::new();
        for index in 1..self.networks.len() {
            if !self.is_comparable(index, &request.taps) {
                compared.push(ComparedTaps::default());
                continue;
            }
            let own = self.run_network(index, input.clone(), &request.taps)?;
            let pairs = outputs.iter().zip(&own);
            let differences: Vec<_> = pairs.map(|(main, own)| main.clone().sub(own.clone())).collect();
            others.extend(own);
            others.extend(differences);
            // Filled when the tensors are where our shaders can read them.
            compared.push(ComparedTaps { is_there: true, ..ComparedTaps::default() });
        }
        if self.networks.len() == 1
            && let Some(own) = self.held_outputs(&request)?
        {
            let differences: Vec<_> =
                outputs.iter().zip(&own).map(|(now, held)| now.clone().sub(held.clone())).collect();
            others.extend(own);
            others.extend(differences);
            compared.push(ComparedTaps { is_there: true, ..ComparedTaps::default() });
        }
        self.settle(&probe, apart)?;
        let enqueued_ms = elapsed_ms(network_start);

        let statistics_start = Instant::now();
        let mut maps = Vec::with_capacity(outputs.len());
        let mut said = None;
        for (layer, output) in layers.iter().zip(outputs) {
            let placed = self.place(output)?;
            if Some(*layer) == answering {
                said = placed.values.clone();
            }
            maps.push((*layer, placed));
        }
        let mut tapped = maps[..request.taps.len()].to_vec();
        for (layer, output) in request.taps.iter().cycle().zip(others) {
            tapped.push((*layer, self.place(output)?));
        }
        self.settle(&probe, apart)?;
        let handover_ms = elapsed_ms(statistics_start);
        let scores = maps.iter().find(|(layer, _)| Some(*layer) == answering).map(|(_, placed)| &placed.map);
        let before = self.previous.take().filter(|(id, _)| *id != frame.frame.id);
        let of_layer = |layer| before.as_ref()?.1.iter().find(|(known, _)| known == layer);
        let before: Vec<_> = request.taps.iter().map(|layer| of_layer(layer).map(|(_, map)| map)).collect();
        let scale = model.weights.conventions.input_scale;
        let (mut taps, read) = match &picture {
            Picture::Device(picture) => {
                let (gpu, picture) = (&self.shared.gpu, (picture, scale));
                self.measurer.summarize(gpu, picture, &tapped, &before, scores, request.percentiles)?
            }
            Picture::Host(picture) => {
                let (gpu, input) = (&self.shared.gpu, (model.graph.input_shape(), scale));
                (Measurer::measure(gpu, input, picture, &tapped, &before, request.percentiles), None)
            }
        };
        self.previous = Some((frame.frame.id, tapped[..request.taps.len()].to_vec()));
        let mut others = taps.split_off(request.taps.len()).into_iter();
        for compared in compared.iter_mut().filter(|compared| compared.is_there) {
            compared.taps = others.by_ref().take(request.taps.len()).collect();
            compared.differences = others.by_ref().take(request.taps.len()).collect();
        }
        let wanted = |layer: &LayerIndex| {
            maps.iter().find(|(known, _)| known == layer).map(|(layer, placed)| (*layer, placed.map.clone()))
        };
        let statistics_ms = elapsed_ms(statistics_start);
        let answer = output.zip(said.or(read));
        let answer = answer.map(|(output, values)| Answer::new(&values, output.meaning, model.labels.len()));
        // On the GPU the network only runs while its results are waited for.
        let (network_ms, statistics_ms) = match self.shared.config.placement {
            Placement::Gpu if !apart => (enqueued_ms + statistics_ms, 0.0),
            Placement::Gpu | Placement::Cpu => (enqueued_ms, statistics_ms),
        };
        (self.last_network_ms, self.warm) = (network_ms, true);
        // Who draws seldom would let the uploads of many frames gather.
        self.shared.gpu.flush();
        Ok(Activations {
            sequence,
            frame,
            model,
            maps: request.maps.iter().filter_map(wanted).collect(),
            request,
            taps,
            compared,
            answer,
            times: StageTimes { upload_ms: 0.0, preprocess_ms, network_ms, statistics_ms, handover_ms },
            finished: Instant::now(),
        })
    }

    /// Where stages are kept apart: waits until all that was begun is done.
    fn settle(&self, probe: &Tensor<4>, apart: bool) -> Result<(), String> {
        let gpu = &self.shared.gpu;
        match self.shared.config.placement {
            _ if !apart => Ok(()),
            Placement::Gpu => bridge::drain(gpu, probe).map_err(|error| error.to_string()),
            Placement::Cpu => {
                gpu.settle();
                Ok(())
            }
        }
    }

    /// A frame as the network's input, and the same where our shaders can read it: the picture as the network gets it
    /// stays until its brightness has been compared with the taps.
    fn input(&self, frame: &FrameBuffer, request: &Request) -> Result<(Tensor<4>, Picture), String> {
        let (gpu, model) = (&self.shared.gpu, &self.model);
        let (shape, scale) = (model.graph.input_shape(), model.weights.conventions.input_scale);
        match self.shared.config.placement {
            Placement::Gpu => {
                let (input, place) =
                    bridge::allocate_input(shape, &self.device).map_err(|e| e.to_string())?;
                let preprocessor = self.preprocessor.get_or_init(|| Preprocessor::new(gpu));
                preprocessor.run(gpu, frame, request.how, scale, &place);
                Ok((input, Picture::Device(place)))
            }
            Placement::Cpu => {
                let values = twin::preprocess(&frame.frame, request.how, scale, shape);
                Ok((input_from_values(values.clone(), shape, &self.device), Picture::Host(values)))
            }
        }
    }

    /// The tapped layers of the held frame, where there is one.
    fn held_outputs(&mut self, request: &Request) -> Result<Option<Vec<Tensor<4>>>, String> {
        let held = Held::follow(self.held.take(), request, &self.shared.gpu);
        let Some(mut held) = held.map_err(|error| error.to_string())? else { return Ok(None) };
        let missing = held.missing(&request.taps);
        if !missing.is_empty() {
            let (input, _) = self.input(&held.frame, request)?;
            let outputs = self.run_network(0, input, &missing)?;
            held.add(missing, outputs);
        }
        let own = held.outputs(&request.taps);
        self.held = Some(held);
        Ok(Some(own))
    }

    /// True where another network has the tapped layers in the same shapes.
    fn is_comparable(&self, index: usize, taps: &[LayerIndex]) -> bool {
        let (main, other) = (&self.model.graph.nodes, &self.networks[index].graph().nodes);
        taps.iter().all(|&tap| other.get(tap).is_some_and(|node| node.shape == main[tap].shape))
    }

    /// A tensor where our shaders can read it.
    fn place(&self, tensor: Tensor<4>) -> Result<Placed, String> {
        match self.shared.config.placement {
            Placement::Gpu => {
                let map = bridge::feature_map(tensor).map_err(|error| error.to_string())?;
                Ok(Placed { map, values: None })
            }
            Placement::Cpu => {
                let [_, channels, height, width] = tensor.dims();
                let values = values(tensor)?;
                let shape = Shape { channels, height, width };
                let map = FeatureMapBuffer::upload(&self.shared.gpu, &values, shape);
                Ok(Placed { map, values: Some(values.into()) })
            }
        }
    }

    fn run_network(
        &mut self,
        index: usize,
        input: Tensor<4>,
        layers: &[LayerIndex],
    ) -> Result<Vec<Tensor<4>>, String> {
        let shared = self.shared;
        let on_gpu = shared.config.placement == Placement::Gpu;
        let (warm, frame_ms) = (self.warm, self.last_network_ms);
        let probe = input.clone();
        let mut failure = None;
        let outputs = self.networks[index].run(input, layers, &mut |started, total| {
            if !warm {
                let text = format!("first frame: layer {started} of {total}");
                shared.enter(Stage::Loading(text));
            }
            // The first frame's duration is not known yet: bound it as if it were slow.
            let slices = if warm { (frame_ms / QUEUED_AHEAD_MS) as usize } else { total };
            if on_gpu && slices > 1 && started % (total / slices).max(1) == 0 {
                failure = bridge::drain(&shared.gpu, &probe).err().or(failure.take());
            }
        });
        failure.map_or(Ok(outputs), |error| Err(error.to_string()))
    }
}

/// A frame on the drawing device; adds how long that took.
fn upload(shared: &Shared, frame: Frame, upload_ms: &mut f32) -> Result<FrameBuffer, String> {
    let start = Instant::now();
    let uploaded = FrameBuffer::upload(&shared.gpu, frame).map_err(|error| error.to_string())?;
    if shared.keeps_stages_apart() {
        shared.gpu.settle();
    }
    *upload_ms += elapsed_ms(start);
    Ok(uploaded)
}

fn place(model: Model, device: &Device) -> Network {
    Network::new(model.graph, model.weights, device.clone(), Folding::Folded)
}

fn elapsed_ms(since: Instant) -> f32 {
    since.elapsed().as_secs_f32() * 1000.0
}
