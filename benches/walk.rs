//! How long the view waits for each of the 313 layers when a user walks through them: `cargo bench --bench walk`.
//!
//! One picture that stands still, the full untrained network on the CPU, predictions off. Prints the time from
//! asking for a layer to having it, and the same again for the second walk, beside the time of a whole frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use convscope::engine::{OpenedModel, Placement};
use convscope::gpu::{GpuContext, new_instance};
use convscope::latest::Taken;
use convscope::model::inception_v3::{IMAGENET_CLASSES, inception_v3};
use convscope::session::{Activations, Request, Session, SessionConfig};
use convscope::source::{Delivery, SourceSpec, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = GpuContext::open(new_instance(None), None, None)?;
    let graph = Arc::new(inception_v3(IMAGENET_CLASSES, 1.0));
    let last = graph.nodes.len() - 1;
    let picture = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    let spec = SourceSpec::Path(picture.unwrap_or_else(|| "docs/window.png".into()).into());
    let config = SessionConfig {
        every_frame: false,
        model: OpenedModel::untrained(graph.clone()),
        compare: vec![],
        placement: Placement::Cpu,
        history: 20,
        journal: None,
    };
    let request = |layer: usize| Request { taps: vec![layer], ..Request::default() };
    let open = move || open(Some(&spec), &Delivery { live: true, ..Delivery::default() });
    let session = Session::start(gpu, config, request(last), open, || {});
    let wait = |layer: usize| -> Result<Activations, String> {
        loop {
            match session.take(Duration::from_secs(60)) {
                Taken::Value(shown) if shown.tap(layer).is_some() => return Ok(shown),
                Taken::Value(_) => {}
                Taken::Nothing | Taken::Closed => return Err(format!("{:?}", session.status().stage)),
            }
        }
    };
    wait(last)?;
    for walk in 1..=2 {
        let mut times = Vec::new();
        for layer in 0..=last {
            let start = Instant::now();
            session.request(request(layer));
            wait(layer)?;
            times.push((start.elapsed().as_secs_f64() * 1e3, layer));
        }
        let whole_ms = times[last].0;
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (median_ms, (slowest_ms, slowest)) = (times[times.len() / 2].0, times[times.len() - 1]);
        let name = &graph.nodes[slowest].name;
        println!(
            "walk {walk}: median {median_ms:.0} ms, slowest {slowest_ms:.0} ms ({name}), whole network {whole_ms:.0} ms"
        );
    }
    Ok(())
}
