//! The measurements: one session, one view, and its frames in the order and at the pace that each of them takes.

use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::player::Control;
use super::report::{Bytes, Counter, Pipelined, Spread, Stages, ViewCost};
use crate::app::keys::Action;
use crate::app::presenter::Presenter;
use crate::app::state::AppState;
use crate::gpu::GpuContext;
use crate::latest::Taken;
use crate::session::{Activations, Request, Session, Stage};

/// A key is pressed this often while everything runs at once.
const KEY_INTERVAL: Duration = Duration::from_millis(311);

/// How often is looked whether a session has ended.
const LOOK: Duration = Duration::from_millis(200);

/// So many results are not counted after something was changed.
const UNCOUNTED: usize = 2;

/// What is measured.
pub struct Bench {
    pub gpu: GpuContext,
    pub session: Session,
    pub presenter: Presenter,
    pub control: Control,
    /// The tapped layers, whatever the view asks for.
    pub taps: Vec<usize>,
    /// Number of the frame that came last, and what was asked of it.
    last: Option<(u64, Request)>,
}

fn ms(duration: Duration) -> f32 {
    duration.as_secs_f32() * 1e3
}

impl Bench {
    pub fn new(
        gpu: GpuContext,
        session: Session,
        presenter: Presenter,
        control: Control,
        taps: Vec<usize>,
    ) -> Self {
        Self { gpu, session, presenter, control, taps, last: None }
    }

    /// What the view wants of each frame.
    fn request(&self) -> Request {
        Request { taps: self.taps.clone(), ..self.presenter.view.state.request() }
    }

    /// The next result, within this time.
    fn take(&mut self, timeout: Duration) -> anyhow::Result<Option<Activations>> {
        match self.session.take(timeout) {
            Taken::Value(shown) => {
                self.last = Some((shown.frame.frame.id, shown.request.clone()));
                Ok(Some(shown))
            }
            Taken::Nothing => match self.session.status() {
                status if matches!(status.stage, Stage::Failed(_)) => Err(self.ended()),
                status => status.trouble.map_or(Ok(None), |trouble| bail!("{trouble}")),
            },
            Taken::Closed => Err(self.ended()),
        }
    }

    fn ended(&self) -> anyhow::Error {
        match self.session.status().stage {
            Stage::Failed(reason) => anyhow!("{reason}"),
            _ => anyhow!("the source gave no frame"),
        }
    }

    /// The next result, whenever it comes.
    pub fn next(&mut self) -> anyhow::Result<Activations> {
        loop {
            if let Some(shown) = self.take(LOOK)? {
                return Ok(shown);
            }
        }
    }

    /// Stops the source, asks for this, and waits until all that was under way is done.
    fn stand_still(&mut self, request: Request) -> anyhow::Result<()> {
        let newest = self.control.pause().checked_sub(1).ok_or_else(|| self.ended())?;
        self.session.request(request.clone());
        while self.last.as_ref() != Some(&(newest, request.clone())) {
            self.next()?;
        }
        Ok(())
    }

    /// Presents frames as they come, for nothing.
    pub fn warm_up(&mut self, frames: usize) -> anyhow::Result<()> {
        for _ in 0..frames {
            let shown = self.next()?;
            self.presenter.view.take(shown, &self.session);
            self.presenter.present(&self.session)?;
        }
        Ok(())
    }

    /// One frame at a time, each stage waited for.
    pub fn stages_apart(&mut self, frames: usize) -> anyhow::Result<(Stages, Bytes)> {
        self.stand_still(self.request())?;
        self.session.keep_stages_apart(true);
        let mut columns: [Vec<f32>; 8] = Default::default();
        let traffic = |gpu: &GpuContext| (gpu.traffic.uploaded(), gpu.traffic.read_back());
        let (mut up, mut back) = (0, 0);
        for count in 0..frames + UNCOUNTED {
            let before = traffic(&self.gpu);
            self.control.release(1);
            let shown = self.next()?;
            let times = shown.times;
            self.presenter.view.take(shown, &self.session);
            let drawn = self.presenter.present(&self.session)?;
            let after = traffic(&self.gpu);
            let tiles_ms = self.presenter.present_tiles()?;
            if count < UNCOUNTED {
                continue;
            }
            (up, back) = (up + after.0 - before.0, back + after.1 - before.1);
            let own_ms = times.statistics_ms - times.handover_ms;
            let all = [
                times.upload_ms,
                times.preprocess_ms,
                times.network_ms,
                times.handover_ms,
                own_ms,
                drawn.layout_ms,
                tiles_ms,
                drawn.draw_ms,
            ];
            for (column, value) in columns.iter_mut().zip(all) {
                column.push(value);
            }
        }
        self.session.keep_stages_apart(false);
        let [upload, preprocess, network, handover, statistics, layout, tiles, present] =
            columns.map(|column| Spread::of(&column));
        let stages = Stages {
            decode_ms: Spread::of(&self.control.decode_ms()),
            upload_ms: upload,
            preprocess_ms: preprocess,
            network_ms: network,
            handover_ms: handover,
            statistics_ms: statistics,
            layout_ms: layout,
            tiles_ms: tiles,
            present_ms: present,
        };
        let count = frames.max(1) as u64;
        Ok((stages, Bytes { host_to_gpu: up / count, gpu_to_host: back / count }))
    }

    /// Everything at once, frames coming this long after each other and keys being pressed.
    pub fn pipelined(&mut self, frames: usize, interval: Duration) -> anyhow::Result<Pipelined> {
        self.session.request(self.request());
        self.control.play(interval);
        self.warm_up(UNCOUNTED)?;
        let (captured, dropped) = (self.control.handed_out(), self.session.dropped());
        let started = Instant::now();
        let mut first_sequence = None;
        let mut processed = 0;
        let (mut latency, mut beyond, mut behind, mut keys) = (vec![], vec![], vec![], vec![]);
        let mut counter = Counter::default();
        let mut key_due = Instant::now() + KEY_INTERVAL;
        while latency.len() < frames {
            // As in a window's loop: what has come is taken, and a key that was pressed meanwhile is answered next.
            let shown = self.take(key_due.saturating_duration_since(Instant::now()))?;
            let is_new = shown.is_some();
            if let Some(shown) = shown {
                let first = *first_sequence.get_or_insert(shown.sequence);
                processed = shown.sequence - first + 1;
                self.presenter.view.take(shown, &self.session);
            }
            let is_pressed = Instant::now() >= key_due;
            if is_pressed {
                let to_the_right = keys.len() % 2 == 0;
                let action = if to_the_right { Action::ChannelRight } else { Action::ChannelLeft };
                self.presenter.act(action, &self.session);
                self.session.request(self.request());
            }
            if !is_new && !is_pressed {
                continue;
            }
            self.presenter.present(&self.session)?;
            let presented = Instant::now();
            if is_pressed {
                keys.push(ms(presented - key_due));
                key_due = presented.max(key_due + KEY_INTERVAL);
            }
            let Some(shown) = self.presenter.shown().filter(|_| is_new) else { continue };
            let (frame, times) = (&shown.frame.frame, shown.times);
            let own_ms = times.upload_ms + times.preprocess_ms + times.network_ms + times.statistics_ms;
            latency.push(ms(presented - frame.captured));
            beyond.push(ms(presented - frame.captured) - own_ms);
            let newest = self.control.handed_out().saturating_sub(1);
            match self.presenter.counter()? {
                Some(number) => {
                    // Counted in 16 bits, as the picture does.
                    behind.push(f32::from((newest as u16).wrapping_sub(number)));
                    *if number == frame.id as u16 { &mut counter.right } else { &mut counter.wrong } += 1;
                }
                None => counter.unreadable += 1,
            }
        }
        let elapsed_s = started.elapsed().as_secs_f64();
        Ok(Pipelined {
            captured: self.control.handed_out() - captured,
            processed,
            presented: latency.len() as u64,
            dropped: self.session.dropped() - dropped,
            presented_fps: (elapsed_s > 0.0).then(|| latency.len() as f64 / elapsed_s),
            latency_ms: Spread::of(&latency),
            beyond_network_ms: Spread::of(&beyond),
            latency_frames: Spread::of(&behind),
            counter,
            key_ms: Spread::of(&keys),
        })
    }

    /// The network alone, with the tiles, and with `everything`, in turn; each for so many frames.
    pub fn view_cost(&mut self, frames: usize, everything: AppState) -> anyhow::Result<ViewCost> {
        const ROUNDS: usize = 4;
        let plain = self.presenter.view.state.clone();
        let mut found: [Vec<f32>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (arm, times) in found.iter_mut().enumerate() {
                let is_drawn = arm > 0;
                self.presenter.view.state = if arm == 2 { everything.clone() } else { plain.clone() };
                let mut request = self.request();
                if !is_drawn {
                    // The whole network all the same, as far as its classes.
                    (request.taps, request.maps) = (vec![], vec![]);
                }
                times.extend(self.intervals(frames.div_ceil(ROUNDS), request, is_drawn)?);
            }
        }
        self.presenter.view.state = plain;
        let [alone, tiles, everything] = found.map(|times| Spread::of(&times));
        let ratio = |spread: Option<Spread>| Some(spread?.median / alone?.median);
        Ok(ViewCost {
            network_alone_ms: alone,
            with_tiles_ms: tiles,
            with_everything_ms: everything,
            tiles_ratio: ratio(tiles),
            everything_ratio: ratio(everything),
        })
    }

    /// Times from one result to the next, with a frame always waiting for the network.
    fn intervals(&mut self, count: usize, request: Request, is_drawn: bool) -> anyhow::Result<Vec<f32>> {
        self.stand_still(request)?;
        self.control.release(2);
        let mut before: Option<(u64, Instant)> = None;
        let mut times = Vec::new();
        for number in 0..count + UNCOUNTED {
            let shown = self.next()?;
            // Results that were replaced before they were taken have used frames, too.
            let used = before.map_or(1, |(sequence, _)| shown.sequence - sequence);
            self.control.release(used);
            if let Some((_, finished)) = before.filter(|_| number >= UNCOUNTED) {
                times.push(ms(shown.finished - finished) / used as f32);
            }
            before = Some((shown.sequence, shown.finished));
            if is_drawn {
                self.presenter.view.take(shown, &self.session);
                self.presenter.present(&self.session)?;
            }
        }
        Ok(times)
    }
}
