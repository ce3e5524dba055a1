//! The inference thread: owns the network and every Burn call.

mod covering;
mod held;
mod measure;
mod networks;
mod traced;
mod usual;

use std::cell::OnceCell;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

use self::covering::Covering;
use self::held::Held;
use self::measure::{Measurer, Picture, Placed};
use self::traced::{Back, Growing, retain_known};
use self::usual::Usual;
use super::activations::{Activations, ComparedTaps, StageTimes};
use super::request::Request;
use super::shared::{Notice, Replacement, Shared, Stage};
use crate::bridge;
use crate::engine::{Model, OpenedModel, Placement, device_for};
use crate::frame::Frame;
use crate::gpu::{FrameBuffer, Preprocessor, twin};
use crate::inspect::{Answer, Experiment};
use crate::latest::Taken;
use crate::model::LayerIndex;
use crate::network::{Folding, Network};

/// How long the thread sleeps at most when nothing happens.
const IDLE: Duration = Duration::from_secs(1);

pub(super) fn run(shared: &Shared) -> Result<(), String> {
    let mut worker = Worker::new(shared)?;
    let mut current: Option<FrameBuffer> = None;
    let mut done: Option<(u64, Request)> = None;
    let mut sequence = 0;
    while !shared.is_stopping() {
        shared.rest();
        if let Some(networks) = shared.replacement.lock().unwrap_or_else(PoisonError::into_inner).take() {
            worker.replace(networks);
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
        // Where every frame counts, each is waited for.
        let still = request.frozen || !shared.status().live || shared.config.every_frame;
        let answered = |frame: &FrameBuffer| {
            let is_growing = still && worker.is_unfinished(frame.frame.id, &request);
            !is_growing && done.as_ref() == Some(&(frame.frame.id, request.clone()))
        };
        let unanswered = current.as_ref().is_some_and(|frame| !answered(frame));
        let is_growing = current.as_ref().is_some_and(|frame| {
            let is_known = done.as_ref().is_some_and(|(id, _)| *id == frame.frame.id);
            shared.config.every_frame && is_known && worker.is_unfinished(frame.frame.id, &request)
        });
        if (request.frozen || is_growing) && current.is_some() {
            if !unanswered {
                shared.frames.wait_for_nudge(IDLE);
                continue;
            }
        } else {
            // A picture that stands still is processed again when something else is asked for.
            match shared.frames.take(if unanswered { Duration::ZERO } else { IDLE }) {
                Taken::Value(frame) if !shared.turns().has(frame.id) => continue,
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
        let mut activations = worker.process(frame.clone(), request, still, sequence)?;
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
    growing: Growing,
    covering: Covering,
    usual: Usual,
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
            growing: Growing::default(),
            covering: Covering::default(),
            usual: Usual::default(),
            last_network_ms: 0.0,
            warm: false,
        };
        loading("waiting for the first frame");
        Ok(worker)
    }

    /// Runs other networks.
    fn replace(&mut self, Replacement { model, compared }: Replacement) {
        if let (Some(place_of), Some(compared)) = (self.networks.get_mut(1), compared) {
            *place_of = place(compared, &self.device);
        }
        self.shared.update(|status| status.model = Some(model.clone()));
        self.networks[0] = place(model.clone(), &self.device);
        (self.model, self.warm, self.previous, self.held) = (model, false, None, None);
        (self.growing, self.usual) = (Growing::default(), Usual::default());
        self.covering = Covering::default();
    }

    /// True where what is computed while a frame stands still is not finished.
    fn is_unfinished(&self, frame: u64, request: &Request) -> bool {
        self.growing.is_unfinished(frame, request) || self.covering.is_unfinished(frame, request)
    }

    fn process(
        &mut self,
        frame: FrameBuffer,
        mut request: Request,
        still: bool,
        sequence: u64,
    ) -> Result<Activations, String> {
        let model = self.model.clone();
        retain_known(&mut request, &model.graph);
        self.networks[0].set_edits(request.experiment.edits(&model.graph));
        let start = Instant::now();
        let (input, picture) = self.input(&frame, request.how, &request.experiment)?;
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
        let (outputs, traced) = self.run_network(0, input.clone(), &layers, &request.traces)?;
        let scale = model.weights.conventions.input_scale;
        let averaged = match still {
            true => {
                let (network, input) = (&mut self.networks[0], (input.clone(), scale.ends().0));
                self.growing.grow(network, frame.frame.id, &request, input)?
            }
            false => None,
        };
        let occluded = match still {
            true => {
                let values = || {
                    let mut values =
                        twin::preprocess(&frame.frame, request.how, scale, model.graph.input_shape());
                    request.experiment.change_input(&mut values, model.graph.input_shape(), scale);
                    values
                };
                let (network, names) = (&mut self.networks[0], model.labels.len());
                self.covering.go_on(network, frame.frame.id, &request, (values, scale, names))?
            }
            false => None,
        };
        let back = Back { traced, averaged };
        let mut others = Vec::new();
        let mut compared = Vec::new();
        for index in 1..self.networks.len() {
            if !self.is_comparable(index, &request.taps) {
                compared.push(ComparedTaps::default());
                continue;
            }
            let (own, _) = self.run_network(index, input.clone(), &request.taps, &[])?;
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
        let usual = self.before(&frame, &request, still, output)?;
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
        for (layer, output) in back.tensors(&request) {
            tapped.push((layer, self.place(output)?));
        }
        self.settle(&probe, apart)?;
        let handover_ms = elapsed_ms(statistics_start);
        let scores = maps.iter().find(|(layer, _)| Some(*layer) == answering).map(|(_, placed)| &placed.map);
        let before = self.previous.take().filter(|(id, _)| *id != frame.frame.id);
        let of_layer = |layer| before.as_ref()?.1.iter().find(|(known, _)| known == layer);
        let before: Vec<_> = request.taps.iter().map(|layer| of_layer(layer).map(|(_, map)| map)).collect();
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
        let (traced, averaged) = back.measured(&request, &mut others);
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
            traced,
            averaged,
            occluded,
            answer,
            before: usual,
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

    /// The tapped layers of the held frame as the network usually has them, where there is one.
    fn held_outputs(&mut self, request: &Request) -> Result<Option<Vec<Tensor<4>>>, String> {
        let held = Held::follow(self.held.take(), request, &self.shared.gpu);
        let Some(mut held) = held.map_err(|error| error.to_string())? else { return Ok(None) };
        let missing = held.missing(&request.taps);
        if !missing.is_empty() {
            let (input, _) = self.input(&held.frame, request.how.usual(), &Experiment::default())?;
            let (outputs, _) = self.run_usual(input, &missing)?;
            held.add(missing, outputs);
        }
        let own = held.outputs(&request.taps);
        self.held = Some(held);
        Ok(Some(own))
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
