//! How long the network takes on the CPU: `cargo bench --bench cpu -- [--nodes] [--width W] [--batch B] [--runs N]`.
//!
//! The untrained network on one picture of noise (or several at the same time), predictions only. Prints median, quartiles
//! and the processor time of all threads (which other programs on the machine change less); with `--nodes`, of one picture,
//! the time of each kind of layer.

use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use convscope::model::inception_v3::{IMAGENET_CLASSES, inception_v3};
use convscope::network::{Folding, Network, input_from_values, values};
use convscope::weights::{RandomStream, seeded};

/// Milliseconds that all threads have run, on Linux.
fn processor_ms() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    spent.filter_map(|line| line.split(' ').next()?.parse::<f64>().ok()).sum::<f64>() / 1e6
}

fn quartiles(mut times: Vec<f64>) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[(times.len() - 1) * quarter / 4])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    let width = after("--width").map_or(Ok(1.0), |width| width.parse())?;
    let batch: usize = after("--batch").map_or(Ok(1), |batch| batch.parse())?;
    let runs: usize = after("--runs").map_or(Ok(21), |runs| runs.parse())?;
    let graph = Arc::new(inception_v3(IMAGENET_CLASSES, width));
    let device = Device::flex();
    let weights = Arc::new(seeded(&graph, 0));
    let mut network = Network::new(graph.clone(), weights, device.clone(), Folding::Folded);
    let (shape, noise) = (graph.input_shape(), RandomStream::new(0, "input"));
    let pictures: Vec<f32> =
        (0..(batch * shape.len()) as u64).map(|at| (2.0 * noise.uniform(at) - 1.0) as f32).collect();
    let inputs =
        || pictures.chunks(shape.len()).map(|p| input_from_values(p.to_vec(), shape, &device)).collect();
    let last = graph.nodes.len() - 1;
    let mut of_node = vec![vec![]; graph.nodes.len()];
    let (mut wall, mut processor) = (vec![], vec![]);
    for run in 0..runs + 2 {
        let mut starts = vec![];
        let (start, spent) = (Instant::now(), processor_ms());
        let mut inputs: Vec<_> = inputs();
        let outputs = match inputs.len() {
            1 => vec![network.run(inputs.remove(0), &[last], &mut |_, _| starts.push(Instant::now()))],
            _ => network.run_each(inputs, &[last]),
        };
        for output in outputs.into_iter().flatten() {
            values(output)?;
        }
        let end = Instant::now();
        // The first runs upload the parameters and grow the memory.
        if run >= 2 {
            wall.push((end - start).as_secs_f64() * 1e3);
            processor.push(processor_ms() - spent);
            // The classifier needs all layers, in order.
            for (node, &start) in starts.iter().enumerate() {
                let end = starts.get(node + 1).copied().unwrap_or(end);
                of_node[node].push((end - start).as_secs_f64() * 1e3);
            }
        }
    }
    let [low, median, high] = quartiles(wall);
    let [_, processor, _] = quartiles(processor);
    println!(
        "width {width}, batch {batch}: median {median:.1} ms ({low:.1} to {high:.1}), {processor:.1} ms of all processors"
    );
    let wants_nodes = arguments.iter().any(|argument| argument == "--nodes");
    if wants_nodes && batch > 1 {
        return Err("--nodes is for one picture: leave --batch out".into());
    }
    if wants_nodes {
        let mut kinds: Vec<(&str, f64, usize)> = vec![];
        for (node, times) in graph.nodes.iter().zip(of_node) {
            let [_, median, _] = quartiles(times);
            match kinds.iter_mut().find(|(name, ..)| *name == node.op.name()) {
                Some((_, sum, count)) => (*sum, *count) = (*sum + median, *count + 1),
                None => kinds.push((node.op.name(), median, 1)),
            }
        }
        kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (name, sum, count) in kinds {
            println!("{sum:8.2} ms  {count:3} × {name}");
        }
    }
    Ok(())
}
