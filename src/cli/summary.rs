//! `convscope summary`: every layer of the network in a table.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::args::NetworkArgs;
use super::network;
use super::output;
use crate::engine::WeightsSpec;
use crate::model::inception_v3::{IMAGENET_CLASSES, inception_v3};
use crate::model::{Cost, Graph, LayerIndex, Node, ReceptiveField, Shape};

/// Print every layer: names, operation, kernel, output shape, parameters, multiply-adds, receptive field.
///
/// Of InceptionV3 as published, or of the network that --weights names. The receptive field is what one cell sees of the
/// input, in pixels: `all` where that is the whole of it (--json and --csv have the numbers there too).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope summary
  convscope summary --csv > layers.csv
  convscope summary --weights embedded")]
pub struct SummaryArgs {
    /// One JSON document (documented in docs/json.md).
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Comma-separated values with a heading line.
    #[arg(long)]
    pub csv: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// One layer, as in `--json`.
#[derive(Debug, Serialize)]
struct Row<'a> {
    index: LayerIndex,
    name: &'a str,
    other_name: Option<&'a str>,
    operation: String,
    kernel: Option<[usize; 2]>,
    stride: Option<[usize; 2]>,
    padding: Option<[usize; 2]>,
    /// Height, width, channels.
    output_shape: [usize; 3],
    inputs: &'a [LayerIndex],
    parameters: usize,
    multiply_adds: usize,
    receptive_field: Field,
    /// True where every cell sees the whole picture.
    #[serde(skip)]
    sees_all: bool,
}

/// What one cell sees of the input, in pixels, `[vertical, horizontal]`.
#[derive(Debug, Serialize)]
struct Field {
    size: [usize; 2],
    /// Fractions where cells are closer together than pixels; 0 where all see the same.
    #[serde(serialize_with = "whole_where_possible")]
    stride: [f64; 2],
    start: [isize; 2],
}

fn whole_where_possible<S: serde::Serializer>(stride: &[f64; 2], serializer: S) -> Result<S::Ok, S::Error> {
    match stride.iter().all(|side| side.fract() == 0.0) {
        true => stride.map(|side| side as u64).serialize(serializer),
        false => stride.serialize(serializer),
    }
}

#[derive(Debug, Serialize)]
struct Summary<'a> {
    network: &'a str,
    layers: Vec<Row<'a>>,
    parameters: usize,
    trainable_parameters: usize,
    multiply_adds: usize,
}

fn row<'a>(graph: &Graph, index: LayerIndex, node: &'a Node) -> Row<'a> {
    let window = node.op.window();
    let Cost { multiply_adds, .. } = graph.cost(index);
    let ReceptiveField { size, stride, start } = node.receptive_field;
    let (Shape { height, width, .. }, input) = (node.shape, graph.input_shape());
    let ends = [[0, 0], [height - 1, width - 1]];
    let seen = ends.map(|cell| node.receptive_field.seen_by(cell, [input.height, input.width]));
    Row {
        index,
        name: &node.name,
        other_name: node.other_name.as_deref(),
        operation: node.operation(),
        kernel: window.map(|window| window.kernel),
        stride: window.map(|window| window.stride),
        padding: window.map(|window| window.padding),
        output_shape: [node.shape.height, node.shape.width, node.shape.channels],
        inputs: &node.inputs,
        parameters: graph.cost(index).parameters(),
        multiply_adds,
        receptive_field: Field { size, stride, start },
        sees_all: seen == [[0, 0, input.height, input.width]; 2],
    }
}

const HEADINGS: [&str; 11] = [
    "index",
    "name",
    "other_name",
    "operation",
    "kernel",
    "stride",
    "padding",
    "output_shape",
    "parameters",
    "multiply_adds",
    "receptive_field",
];

fn cells(row: &Row<'_>) -> [String; 11] {
    let pair = |sides: Option<[usize; 2]>| sides.map(|[y, x]| format!("{y}x{x}")).unwrap_or_default();
    let [height, width, channels] = row.output_shape;
    [
        row.index.to_string(),
        row.name.into(),
        row.other_name.unwrap_or_default().into(),
        row.operation.clone(),
        pair(row.kernel),
        pair(row.stride),
        pair(row.padding),
        format!("{height}x{width}x{channels}"),
        row.parameters.to_string(),
        row.multiply_adds.to_string(),
        pair(Some(row.receptive_field.size)),
    ]
}

pub fn run(args: &SummaryArgs) -> anyhow::Result<ExitCode> {
    // Of the published network, unless weights say otherwise.
    let graph = match &args.network.weights {
        WeightsSpec::Auto => Arc::new(inception_v3(IMAGENET_CLASSES, args.network.width_multiplier)),
        _ => network::open(&args.network)?.graph,
    };
    let rows: Vec<_> = graph.nodes.iter().enumerate().map(|(index, node)| row(&graph, index, node)).collect();
    let total = graph.total_cost();
    let mut out = String::new();
    if args.json {
        out = serde_json::to_string_pretty(&Summary {
            network: &graph.name,
            layers: rows,
            parameters: total.parameters(),
            trainable_parameters: total.trainable,
            multiply_adds: total.multiply_adds,
        })?;
        out.push('\n');
    } else if args.csv {
        // No name or number holds a comma.
        out.extend([HEADINGS.join(","), "\n".into()]);
        out.extend(rows.iter().map(|row| cells(row).join(",") + "\n"));
    } else {
        out.push_str(&table(&rows));
        let inputs = graph.nodes.len() - 1;
        out.push_str(&format!(
            "\n{} · layers 0 to {inputs} · {} parameters ({} trainable), counted as Keras does · {:.3} G multiply-adds\n",
            graph.name,
            grouped(total.parameters()),
            grouped(total.trainable),
            total.multiply_adds as f64 / 1e9,
        ));
    }
    output::print(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn table(rows: &[Row<'_>]) -> String {
    let headings = HEADINGS.map(|heading| heading.replace('_', " "));
    let lines: Vec<[String; 11]> = rows
        .iter()
        .map(|row| {
            let mut cells = cells(row).map(|cell| cell.replace('x', "×"));
            // Names keep their letters.
            (cells[1], cells[2]) = (row.name.into(), row.other_name.unwrap_or_default().into());
            cells[3] = row.operation.clone();
            if row.sees_all {
                cells[10] = "all".into();
            }
            (cells[8], cells[9]) = (grouped(row.parameters), grouped(row.multiply_adds));
            cells
        })
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().map(|line| &line[column]).chain([&headings[column]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for line in std::iter::once(&headings).chain(&lines) {
        let cells: Vec<_> = line
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                1..=3 => format!("{cell:<0$}", widths[column]),
                _ => format!("{cell:>0$}", widths[column]),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `23,851,784`; nothing for 0, which most layers have.
fn grouped(number: usize) -> String {
    if number == 0 {
        return String::new();
    }
    let digits = number.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let mut text = digits[..first].to_string();
    for start in (first..digits.len()).step_by(3) {
        text.push(',');
        text.push_str(&digits[start..start + 3]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn numbers_in_groups() {
        assert_eq!([0, 7, 999, 1000, 23_851_784].map(grouped), ["", "7", "999", "1,000", "23,851,784"]);
    }

    #[test]
    fn every_layer_has_a_line_of_the_same_width() {
        let graph = inception_v3(1000, 1.0);
        let rows: Vec<_> = graph.nodes.iter().enumerate().map(|(i, node)| row(&graph, i, node)).collect();
        let text = table(&rows);
        assert_eq!(text.lines().count(), 314);
        assert!(rows.iter().flat_map(cells).all(|cell| !cell.contains(',')));
        let first = text.lines().nth(2).unwrap();
        for part in ["conv2d ", "Conv2d_1a_3x3.conv", "3×3", "2×2", "149×149×32", "864", "19,181,664"] {
            assert!(first.contains(part), "{first}");
        }
    }
}
