//! What a measurement found: as a JSON document, or as text.

use serde::Serialize;

use crate::record::Provenance;

/// Times in milliseconds, or counts of frames: how they are spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many values.
    pub count: usize,
    pub p10: f32,
    pub median: f32,
    pub p90: f32,
    pub p95: f32,
    pub max: f32,
}

impl Spread {
    /// Of these values, of which there must be one.
    pub fn of(values: &[f32]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f32::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        // The value at the nearest rank.
        let at = |part: f32| sorted[((last as f32 * part).round() as usize).min(last)];
        Some(Self {
            count: sorted.len(),
            p10: at(0.1),
            median: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            max: sorted[last],
        })
    }
}

/// The whole document.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub provenance: Provenance,
    pub machine: Machine,
    pub source: SourceFacts,
    pub view: ViewFacts,
    pub frames: usize,
    pub start_up: StartUp,
    pub stages_apart: Stages,
    pub pipelined: Pipelined,
    pub view_cost: ViewCost,
    pub bytes_a_frame: Bytes,
    pub memory: Memory,
}

#[derive(Debug, Serialize)]
pub struct Machine {
    pub profile: &'static str,
    /// Where the network runs: `cpu` or `gpu`.
    pub device: &'static str,
    pub adapter: String,
    pub adapter_kind: &'static str,
    pub backend: String,
    pub driver: String,
    pub processor: Option<String>,
    /// That the network may use on the CPU.
    pub threads: usize,
    pub system: &'static str,
}

#[derive(Debug, Serialize)]
pub struct SourceFacts {
    pub name: String,
    pub frame_size: [u32; 2],
    pub frame_format: &'static str,
    /// The pace of the pipelined pass.
    pub fps: f64,
}

#[derive(Debug, Serialize)]
pub struct ViewFacts {
    pub size: [u32; 2],
    /// Keras names of the tapped layers; the first one's tiles are drawn.
    pub layers: Vec<String>,
    pub tiles: usize,
    pub tile_size: [u32; 2],
}

#[derive(Debug, Serialize)]
pub struct StartUp {
    /// Until the first tiles were presented.
    pub first_tiles_ms: f64,
    /// `process`: since it was started; `main`: since its code began.
    pub since: &'static str,
}

/// Each stage waited for before the next; `None` where it could not be told.
#[derive(Debug, Serialize)]
pub struct Stages {
    pub decode_ms: Option<Spread>,
    pub upload_ms: Option<Spread>,
    pub preprocess_ms: Option<Spread>,
    pub network_ms: Option<Spread>,
    pub handover_ms: Option<Spread>,
    pub statistics_ms: Option<Spread>,
    pub layout_ms: Option<Spread>,
    pub tiles_ms: Option<Spread>,
    pub present_ms: Option<Spread>,
}

/// Everything at once, as in the window.
#[derive(Debug, Serialize)]
pub struct Pipelined {
    pub captured: u64,
    pub processed: u64,
    pub presented: u64,
    /// Replaced by newer frames before the network was free.
    pub dropped: u64,
    pub presented_fps: Option<f64>,
    pub latency_ms: Option<Spread>,
    /// Latency without the frame's own upload, preprocessing, network and statistics: waiting and drawing.
    pub beyond_network_ms: Option<Spread>,
    /// Frames that were captured since the presented one.
    pub latency_frames: Option<Spread>,
    pub counter: Counter,
    pub key_ms: Option<Spread>,
}

/// The number in the presented picture against that of the frame.
#[derive(Debug, Default, Serialize)]
pub struct Counter {
    pub right: u64,
    pub wrong: u64,
    pub unreadable: u64,
}

/// Time from one result to the next, in turn in one run.
#[derive(Debug, Serialize)]
pub struct ViewCost {
    pub network_alone_ms: Option<Spread>,
    pub with_tiles_ms: Option<Spread>,
    pub with_everything_ms: Option<Spread>,
    /// Median against median.
    pub tiles_ratio: Option<f32>,
    pub everything_ratio: Option<f32>,
}

/// Moved by this program for a frame with its drawing; egui's triangles are not counted.
#[derive(Debug, Serialize)]
pub struct Bytes {
    pub host_to_gpu: u64,
    pub gpu_to_host: u64,
}

#[derive(Debug, Serialize)]
pub struct Memory {
    /// Resident, of the whole process; `None` where the system does not tell.
    pub peak_bytes: Option<u64>,
}

/// As text for people.
pub fn table(report: &Report) -> String {
    let Report { machine, source, view, stages_apart, pipelined, view_cost, provenance, .. } = report;
    let [width, height] = view.size;
    let [tile_width, tile_height] = view.tile_size;
    let mut lines = vec![
        format!(
            "convscope {} ({} build, {}) · {} · width {} · weights {}",
            provenance.convscope,
            machine.profile,
            machine.system,
            provenance.network,
            provenance.width_multiplier,
            provenance.weights
        ),
        format!(
            "network on the {} · {} threads · {}",
            machine.device.to_uppercase(),
            machine.threads,
            machine.processor.as_deref().unwrap_or("unknown processor")
        ),
        format!(
            "drawn by {} ({}) through {}, driver {}",
            machine.adapter, machine.adapter_kind, machine.backend, machine.driver
        ),
        format!(
            "{} · {}×{} {} · view {width}×{height} · {} tiles of {tile_width}×{tile_height} · {}",
            source.name,
            source.frame_size[0],
            source.frame_size[1],
            source.frame_format,
            view.tiles,
            view.layers.join(", ")
        ),
        String::new(),
        format!(
            "first tiles {:.0} ms after the {} began",
            report.start_up.first_tiles_ms,
            if report.start_up.since == "process" { "process" } else { "program's code" }
        ),
        String::new(),
        format!(
            "Each stage on its own, waited for · {} frames · ms       p10   median      p90",
            report.frames
        ),
    ];
    let stages = [
        ("decode (or draw the test card)", stages_apart.decode_ms),
        ("upload of the raw frame", stages_apart.upload_ms),
        ("preprocess", stages_apart.preprocess_ms),
        ("network", stages_apart.network_ms),
        ("taps to the drawing device", stages_apart.handover_ms),
        ("statistics and their way back", stages_apart.statistics_ms),
        ("layout of the panels", stages_apart.layout_ms),
        ("tiles alone", stages_apart.tiles_ms),
        ("present (tiles, picture and panels)", stages_apart.present_ms),
    ];
    lines.extend(stages.map(|(name, spread)| row(name, spread)));
    lines.push(String::new());
    lines.push(heading(
        &format!("Everything at once, {} frames a second · ms", source.fps),
        ["p50", "p95", "max"],
    ));
    lines.push(tail("latency, capture to presented", pipelined.latency_ms));
    lines.push(tail("  of that beyond the frame's own processing", pipelined.beyond_network_ms));
    lines.push(tail("  frames captured since (read from the picture)", pipelined.latency_frames));
    lines.push(tail("a key until its answer is presented", pipelined.key_ms));
    lines.push(format!(
        "  {} captured, {} processed, {} presented{}, {} dropped; counter {} right, {} wrong, {} unreadable",
        pipelined.captured,
        pipelined.processed,
        pipelined.presented,
        pipelined.presented_fps.map(|fps| format!(" ({fps:.1} a second)")).unwrap_or_default(),
        pipelined.dropped,
        pipelined.counter.right,
        pipelined.counter.wrong,
        pipelined.counter.unreadable
    ));
    lines.push(String::new());
    lines.push(heading("What the view costs, in turn in this run · ms a frame", MIDDLE));
    lines.push(row("network alone", view_cost.network_alone_ms));
    let ratio = |ratio: Option<f32>| ratio.map(|ratio| format!("   ×{ratio:.3}")).unwrap_or_default();
    lines.push(row("with statistics and tiles", view_cost.with_tiles_ms) + &ratio(view_cost.tiles_ratio));
    let everything = row("with health, sorting, an enlarged channel", view_cost.with_everything_ms);
    lines.push(everything + &ratio(view_cost.everything_ratio));
    lines.push(String::new());
    let mb = |bytes: u64| bytes as f64 / 1e6;
    lines.push(format!(
        "bytes a frame: {:.3} MB to the drawing device, {:.4} MB back",
        mb(report.bytes_a_frame.host_to_gpu),
        mb(report.bytes_a_frame.gpu_to_host)
    ));
    lines.push(match report.memory.peak_bytes {
        Some(bytes) => format!("peak memory: {:.0} MB", mb(bytes)),
        None => "peak memory: unknown on this system".into(),
    });
    lines.join("\n") + "\n"
}

const MIDDLE: [&str; 3] = ["p10", "median", "p90"];

fn heading(title: &str, columns: [&str; 3]) -> String {
    let [a, b, c] = columns;
    format!("{title:<52} {a:>8} {b:>8} {c:>8}")
}

fn row(name: &str, spread: Option<Spread>) -> String {
    columns(name, spread.map(|spread| [spread.p10, spread.median, spread.p90]))
}

fn tail(name: &str, spread: Option<Spread>) -> String {
    columns(name, spread.map(|spread| [spread.median, spread.p95, spread.max]))
}

fn columns(name: &str, numbers: Option<[f32; 3]>) -> String {
    match numbers {
        Some([a, b, c]) => format!("  {name:<50} {a:>8.2} {b:>8.2} {c:>8.2}"),
        None => format!("  {name:<50} {:>8} {:>8} {:>8}", "–", "–", "–"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_rank() {
        let values: Vec<f32> = (0..=100).rev().map(|value| value as f32).collect();
        let spread = Spread::of(&values).unwrap();
        assert_eq!((spread.count, spread.p10, spread.median, spread.p90), (101, 10.0, 50.0, 90.0));
        assert_eq!((spread.p95, spread.max), (95.0, 100.0));
        let one = Spread::of(&[3.0]).unwrap();
        assert_eq!((one.p10, one.median, one.max), (3.0, 3.0, 3.0));
        assert_eq!(Spread::of(&[]), None);
    }
}
