//! `convscope cell`: how one cell of a map is computed.

mod figure;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs};
use super::names::output_path;
use super::network;
use super::output;
use super::pictures::{self, Picture, Work};
use crate::engine::cell_sum;
use crate::inspect::cell::{CellSum, Patch, Told, four_digits, places, route};
use crate::inspect::{LayerOutput, strongest_cell};
use crate::record::{CellInfo, Provenance};

/// Show how one cell of a map is computed: patches times kernels, the sum over all channels, bias, batch normalization
/// and activation, equal to the network's value.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope cell cat.jpg --layer conv2d --channel 5
  convscope cell cat.jpg --layer mixed5 --channel 12 --cell 8,9 -o cell.png
  convscope cell cat.jpg --layer predictions --channel 281 --json")]
pub struct CellArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// A convolution or dense layer, or a batch normalization, activation or concatenation behind one, by index or one of
    /// its names.
    #[arg(long, value_name = "LAYER")]
    pub layer: String,
    /// The channel.
    #[arg(long, value_name = "CHANNEL", default_value_t = 0)]
    pub channel: usize,
    /// Row and column of the cell, counted from 0 at the upper left [default: the channel's strongest cell].
    #[arg(long, value_name = "ROW,COLUMN", value_parser = parse_cell)]
    pub cell: Option<[usize; 2]>,
    /// Of how many input channels patch and kernel are shown.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=64))]
    pub strongest: u64,
    /// The sum as a picture: PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print one JSON document (documented in docs/json.md) in place of lines.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn parse_cell(text: &str) -> Result<[usize; 2], String> {
    let (row, column) = text.split_once(',').ok_or("write row and column as in 8,9")?;
    let side = |text: &str| text.trim().parse().map_err(|_| format!("`{text}` is not a cell's number"));
    Ok([side(row)?, side(column)?])
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    picture: String,
    #[serde(flatten)]
    cell: CellInfo,
}

pub fn run(args: &CellArgs) -> anyhow::Result<ExitCode> {
    let mut engine =
        network::engine(&network::open(&args.network)?, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let layer = graph.find(args.layer.trim())?;
    let (shape, name) = (graph.nodes[layer].shape, graph.nodes[layer].name.clone());
    if args.channel >= shape.channels {
        bail!("{name} has channels 0 to {}", shape.channels - 1);
    }
    if let Some([row, column]) =
        args.cell.filter(|[row, column]| *row >= shape.height || *column >= shape.width)
    {
        bail!("--cell {row},{column} lies outside {name}, which has {}×{} cells", shape.height, shape.width);
    }
    let way = route(&graph, layer, args.channel).map_err(anyhow::Error::msg)?;
    let Some(&read) = graph.nodes[way.adds].inputs.first() else { bail!("{name} reads nothing") };
    let (weights, how) = (engine.weights().clone(), args.pictures.preprocess.preprocessing());
    let single = pictures::is_single(&args.pictures);
    output::check_figure(args.output.as_deref(), single, args.files.existing())?;
    let explain = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| -> anyhow::Result<_> {
        let all: Vec<LayerOutput> = outputs.into_iter().flatten().collect();
        let (Some(own), Some(input)) = (all.first(), all.last()) else { bail!("the network gave nothing") };
        let cell = args.cell.unwrap_or_else(|| strongest_cell(own, args.channel));
        let (origin, size) = Patch::around(&places(&graph.nodes[way.adds].op, cell, input.shape));
        let patch = Patch::cut(&input.values, input.shape, origin, size);
        let sum = cell_sum(&graph, &weights, way.clone(), cell, &patch, args.strongest as usize)
            .map_err(anyhow::Error::msg)?;
        let value = own.channel(args.channel)[cell[0] * own.shape.width + cell[1]];
        let told = Told::of(&graph, &sum, value);
        let title = network::signed(&picture.title(), &weights);
        let mut written = None;
        if let Some(path) = &args.output {
            let path = output_path(path, single, &picture.stem);
            let figure = figure::draw(&sum, &told, &title)?;
            output::save_figure(&figure, &path, args.files.existing())?;
            written = Some(path);
        }
        let provenance = Provenance::new(&graph, &weights, how);
        let info = CellInfo::new(&graph, &sum, value, &told);
        Ok((
            Document { provenance, picture: picture.title(), cell: info },
            in_lines(&title, &sum, &told),
            written,
        ))
    };
    let layers = if layer == read { vec![layer] } else { vec![layer, read] };
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &layers };
    let mut documents = Vec::new();
    let outcome =
        pictures::for_each_output(&args.pictures, work, explain, |_, (document, lines, written)| {
            if args.json {
                documents.push(document);
            } else if written.is_none() {
                output::print(&lines)?;
            }
            written.iter().try_for_each(|path| output::wrote_beside(path, args.json))
        });
    if args.json {
        output::print(&(serde_json::to_string_pretty(&documents)? + "\n"))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// As a terminal shows it.
fn in_lines(picture: &str, sum: &CellSum, told: &Told) -> String {
    let mut text = format!("{picture}\n{}\n{}\n", told.title, told.from);
    let [_, width] = sum.size;
    for part in &sum.parts {
        text += &format!("\nchannel {}: what is read, and the kernel\n", part.channel);
        for (patch, kernel) in part.patch.chunks(width).zip(part.kernel.chunks(width)) {
            let read = patch.iter().map(|value| value.map_or(told.empty.into(), four_digits));
            let row =
                |numbers: Vec<String>| numbers.iter().map(|text| format!("{text:>10}")).collect::<String>();
            let kernel = row(kernel.iter().copied().map(four_digits).collect());
            text += &format!("{}   ×{kernel}\n", row(read.collect()));
        }
    }
    text += "\n";
    let widest = told.lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
    let numbers = told.lines.iter().map(|line| line.number.chars().count()).max().unwrap_or(0);
    for line in &told.lines {
        if line.text == "sum" {
            text += &format!("{}\n", "-".repeat(widest + numbers + 4));
        }
        text += &format!("{:<widest$}    {:>numbers$}\n", line.text, line.number);
    }
    told.notes.iter().for_each(|note| text += &format!("{note}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_rows_and_columns() {
        assert_eq!(parse_cell("8, 9"), Ok([8, 9]));
        assert!(parse_cell("8").is_err() && parse_cell("-1,2").is_err() && parse_cell("a,b").is_err());
    }
}
