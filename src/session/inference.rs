//! The inference thread: owns the network and every Burn call.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

use super::{Activations, Request, Shared, Stage, StageTimes, Tap};
use crate::bridge;
use crate::engine::{Placement, load_weights};
use crate::gpu::{
    ChannelStatistics, FeatureMapBuffer, FrameBuffer, LuminanceBuffer, LuminancePass, Preprocessor,
    StatisticsPass, readback, twin,
};
use crate::latest::Taken;
use crate::model::{LayerIndex, Shape};
use crate::network::{ExecutorOptions, Network, input_from_values, values};

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
        let request = shared.request();
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
                    current =
                        Some(FrameBuffer::upload(&shared.gpu, frame).map_err(|error| error.to_string())?);
                }
                Taken::Nothing if unanswered => {}
                Taken::Nothing => continue,
                Taken::Closed => break,
            }
        }
        let Some(frame) = &current else { continue };
        done = Some((frame.frame.id, request.clone()));
        let activations = worker.process(frame.clone(), request, sequence)?;
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
    network: Network,
    preprocessor: Preprocessor,
    luminance: LuminancePass,
    statistics: StatisticsPass,
    /// How long the network took for the last frame on the GPU.
    last_network_ms: f32,
    warm: bool,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared) -> Result<Self, String> {
        let config = &shared.config;
        let loading = |text: &str| shared.enter(Stage::Loading(text.into()));
        let resize = shared.request().resize;
        let weights = load_weights(&shared.graph, &config.weights, resize, &mut |text| loading(text))?;
        shared.update(|status| status.weights = Some(weights.origin.clone()));
        loading("preparing the device");
        let device = match config.placement {
            Placement::Gpu => bridge::adopt(&shared.gpu).map_err(|error| error.to_string())?,
            Placement::Cpu => Device::flex(),
        };
        let options = ExecutorOptions { avg_pool: config.avg_pool, fold: true };
        let worker = Self {
            network: Network::new(shared.graph.clone(), weights, device, options),
            preprocessor: Preprocessor::new(&shared.gpu),
            luminance: LuminancePass::new(&shared.gpu),
            statistics: StatisticsPass::new(&shared.gpu),
            shared,
            last_network_ms: 0.0,
            warm: false,
        };
        loading("waiting for the first frame");
        Ok(worker)
    }

    fn process(
        &mut self,
        frame: FrameBuffer,
        request: Request,
        sequence: u64,
    ) -> Result<Activations, String> {
        let gpu = &self.shared.gpu;
        let start = Instant::now();
        let shape = self.shared.graph.input_shape();
        let device = self.network.device().clone();
        // The picture as the network gets it stays until its brightness has been compared with the taps.
        let (input, picture) = match self.shared.config.placement {
            Placement::Gpu => {
                let (input, place) = bridge::allocate_input(shape, &device).map_err(|e| e.to_string())?;
                self.preprocessor.run(gpu, &frame, request.fit, request.resize, &place);
                (input, place)
            }
            Placement::Cpu => {
                let values = twin::preprocess(&frame.frame, request.fit, request.resize, shape);
                let picture = FeatureMapBuffer::upload(gpu, &values, shape);
                (input_from_values(values, shape, &device), picture)
            }
        };
        let preprocess_ms = elapsed_ms(start);

        let network_start = Instant::now();
        let mut layers = request.taps.clone();
        let classifier = self.shared.graph.classifier().filter(|_| request.predictions);
        layers.extend(classifier.filter(|classifier| !request.taps.contains(classifier)));
        let outputs = self.run_network(input, &layers)?;
        let enqueued_ms = elapsed_ms(network_start);

        let statistics_start = Instant::now();
        let mut maps = Vec::with_capacity(outputs.len());
        let mut probabilities = None;
        for (layer, output) in layers.iter().zip(outputs) {
            let map = match self.shared.config.placement {
                Placement::Gpu => bridge::feature_map(output).map_err(|e| e.to_string())?,
                Placement::Cpu => {
                    let [_, channels, height, width] = output.dims();
                    let values = values(output)?;
                    let map = FeatureMapBuffer::upload(gpu, &values, Shape { channels, height, width });
                    if Some(*layer) == classifier {
                        probabilities = Some(values);
                    }
                    map
                }
            };
            maps.push((*layer, map));
        }
        let (taps, read_probabilities) = self.summarize(&request, &picture, &maps, classifier)?;
        let statistics_ms = elapsed_ms(statistics_start);
        // On the GPU the network only runs while its results are waited for.
        let (network_ms, statistics_ms) = match self.shared.config.placement {
            Placement::Gpu => (enqueued_ms + statistics_ms, 0.0),
            Placement::Cpu => (enqueued_ms, statistics_ms),
        };
        self.last_network_ms = network_ms;
        self.warm = true;
        Ok(Activations {
            sequence,
            frame,
            request,
            taps,
            probabilities: probabilities.or(read_probabilities).map(Into::into),
            times: StageTimes { preprocess_ms, network_ms, statistics_ms },
            finished: Instant::now(),
        })
    }

    fn run_network(&mut self, input: Tensor<4>, layers: &[LayerIndex]) -> Result<Vec<Tensor<4>>, String> {
        let shared = self.shared;
        let on_gpu = shared.config.placement == Placement::Gpu;
        let (warm, frame_ms) = (self.warm, self.last_network_ms);
        let probe = input.clone();
        let mut failure = None;
        let outputs = self.network.run(input, layers, &mut |started, total| {
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

    /// Statistics of all taps and, from the GPU, the probabilities: one small copy back.
    fn summarize(
        &self,
        request: &Request,
        picture: &FeatureMapBuffer,
        maps: &[(LayerIndex, FeatureMapBuffer)],
        classifier: Option<LayerIndex>,
    ) -> Result<(Vec<Tap>, Option<Vec<f32>>), String> {
        let gpu = &self.shared.gpu;
        let wanted = maps.iter().filter(|(layer, _)| request.taps.contains(layer));
        let mut luminances: BTreeMap<(usize, usize), LuminanceBuffer> = BTreeMap::new();
        let taps: Vec<_> = wanted
            .map(|(layer, map)| {
                let luminance = luminances
                    .entry((map.shape.height, map.shape.width))
                    .or_insert_with(|| self.luminance.run(gpu, picture, map.shape));
                (*layer, map, self.statistics.run(gpu, map, luminance))
            })
            .collect();
        let mut ranges: Vec<_> =
            taps.iter().map(|(.., statistics)| (statistics.buffer(), 0, statistics.size())).collect();
        let scores = maps.iter().find(|(layer, _)| Some(*layer) == classifier).map(|(_, map)| map);
        let on_gpu = self.shared.config.placement == Placement::Gpu;
        let scores = scores.filter(|map| on_gpu && map.strides[0] == 1);
        ranges.extend(scores.map(|map| (&map.buffer, map.offset, map.extent() * 4)));
        if ranges.is_empty() {
            return Ok((vec![], None));
        }
        let bytes = readback::copy(gpu, &ranges).wait(gpu).map_err(|error| error.to_string())?;
        let mut numbers = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let taps = taps
            .into_iter()
            .map(|(layer, map, statistics)| {
                let own: Vec<f32> = numbers.by_ref().take(statistics.size() as usize / 4).collect();
                let channel_statistics = ChannelStatistics::from_values(&own).into();
                Tap { layer, map: map.clone(), statistics, channel_statistics }
            })
            .collect();
        Ok((taps, scores.map(|_| numbers.collect())))
    }
}

fn elapsed_ms(since: Instant) -> f32 {
    since.elapsed().as_secs_f32() * 1000.0
}
