//! `convscope maps --pca`: a layer as one colour picture, by the principal components of its cells.

use std::path::Path;

use anyhow::{anyhow, bail};
use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs};
use super::experiment::ExperimentArgs;
use super::names::output_path;
use super::network;
use super::output;
use super::pictures;
use crate::app::lens::pca::{explained_in_words, made_of, meaning, not_colored};
use crate::app::state::Basis;
use crate::engine::Engine;
use crate::figure::{Heading, Legend, Sheet, Tile};
use crate::inspect::components::{COUNT, MOST_CHANNELS, REACH};
use crate::inspect::{CellSum, Components, LayerOutput, joined};
use crate::model::LayerIndex;
use crate::record::{Provenance, basis_tensors, npy, read_basis, save, tensors};
use crate::source::SourceSpec;
use crate::view::{ColorRange, Colormap, colormap_table, paint, paint_rgb};

/// Principal components in place of channels.
#[derive(Args, Debug)]
#[command(next_help_heading = "Principal components")]
pub struct PcaArgs {
    /// In place of the maps one colour picture: the first three principal components of the layer's cells as red, green and blue;
    /// of several layers (`--layer mixed0,mixed2,mixed7`) those of the hypercolumn, on the grid of the finest. With several
    /// pictures the first one's are held, so that colours mean the same.
    #[arg(long, conflicts_with_all = ["channels", "sort", "compare", "tensorboard", "normalize", "gamma", "boost", "colormap"])]
    pub pca: bool,
    /// What the components are of: a picture, a folder of pictures, or a FILE.safetensors that `maps --pca --safetensors` wrote
    /// [default: the first picture].
    #[arg(long, value_name = "FILE|FOLDER", requires = "pca")]
    pub pca_basis: Option<SourceSpec>,
    /// With --pca: print one JSON document (documented in docs/json.md).
    #[arg(long, requires = "pca")]
    pub json: bool,
}

/// What `maps` was asked for.
pub struct Asked<'a> {
    pub pictures: &'a PictureArgs,
    pub network: &'a NetworkArgs,
    pub files: &'a OutputArgs,
    pub layer: &'a str,
    pub experiment: &'a ExperimentArgs,
    pub tile_size: u32,
    pub output: Option<&'a Path>,
    pub npy: Option<&'a Path>,
    pub safetensors: Option<&'a Path>,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<Named>,
    /// Of a hypercolumn, in place of one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Named>,
    /// None where there was no picture.
    basis: Option<Told>,
    pictures: Vec<Projected>,
}

#[derive(Serialize)]
struct Named {
    index: LayerIndex,
    name: String,
}

#[derive(Serialize)]
struct Told {
    made_of: String,
    mean: Vec<f32>,
    components: Vec<Vec<f32>>,
    explained_variance: [f32; COUNT],
    explained_variance_ratio: [f32; COUNT],
}

#[derive(Serialize)]
struct Projected {
    picture: String,
    source: String,
    /// Number of the frame in its source.
    frame: u64,
    /// Of each component the rows of the layer's cells.
    projected: Vec<Vec<Vec<f32>>>,
}

pub fn run(pca: &PcaArgs, asked: &Asked<'_>) -> anyhow::Result<()> {
    if !pca.json && [asked.output, asked.npy, asked.safetensors].iter().all(Option::is_none) {
        bail!(
            "say what you want: -o FILE for the picture, --npy FILE, --safetensors FILE or --json for the numbers"
        );
    }
    let model = network::open(asked.network)?;
    let graph = model.graph.clone();
    let layers = asked.layer.split(',').map(|name| graph.find(name.trim())).collect::<Result<Vec<_>, _>>()?;
    let nodes = || layers.iter().map(|&layer| &graph.nodes[layer]);
    if let Some(reason) = nodes().find_map(not_colored) {
        bail!("{reason}: choose a layer before it");
    }
    let name = nodes().map(|node| node.name.as_str()).collect::<Vec<_>>().join("+");
    let single = pictures::is_single(asked.pictures);
    let existing = asked.files.existing();
    output::check_figure(asked.output, single, existing)?;
    for numbers in [asked.npy, asked.safetensors] {
        output::check_output(numbers, single, existing)?;
    }
    let mut engine = network::engine(&model, asked.network, &asked.pictures.preprocess)?;
    let done_to_it = network::experiment(&mut engine, asked.experiment)?;
    let how = asked.pictures.preprocess.preprocessing();
    let mut basis = match &pca.pca_basis {
        None => None,
        Some(SourceSpec::Path(path)) if path.extension().is_some_and(|ending| ending == "safetensors") => {
            let channels = nodes().map(|node| node.shape.channels).sum();
            Some(Basis { components: read_basis(path, &name, channels)?, made_of: made_of(path) })
        }
        Some(spec) => Some(of_pictures(spec, asked.pictures, &mut engine, (&layers, &name))?),
    };
    let mut named = layers.iter().map(|&index| Named { index, name: graph.nodes[index].name.clone() });
    let layer = if layers.len() == 1 { named.next() } else { None };
    let mut document = Document {
        provenance: network::provenance(&engine, how),
        layer,
        layers: named.collect(),
        basis: None,
        pictures: vec![],
    };
    let outcome = pictures::for_each(asked.pictures, &mut |picture| {
        let frame = &picture.frame;
        let output = one(engine.run(frame, how, &layers)?)?;
        let basis = match &mut basis {
            Some(basis) => &*basis,
            none => {
                let components = Components::of(&output).ok_or_else(|| broken(&name))?;
                &*none.insert(Basis { components, made_of: picture.title() })
            }
        };
        let components = &basis.components;
        let values = components.project(&output);
        let (height, width) = (output.shape.height, output.shape.width);
        let write = |path: &Path, bytes: Vec<u8>| -> anyhow::Result<()> {
            let path = output_path(path, single, &picture.stem);
            save(&path, &bytes, existing)?;
            output::wrote_beside(&path, pca.json)
        };
        if let Some(path) = asked.npy {
            write(path, npy(&[COUNT, height, width], &values))?;
        }
        if let Some(path) = asked.safetensors {
            let mut named = basis_tensors(&name, components);
            named.push((format!("{name}.projected"), vec![1, COUNT, height, width], values.clone()));
            write(path, tensors(named)?)?;
        }
        if let Some(path) = asked.output {
            let seen = output::seen_picture(frame, how, graph.input_shape());
            let (columns, cells) = tiles(&values, components, width, seen).into_iter().unzip();
            let sheet = Sheet {
                title: match layers[..] {
                    [layer] => format!("{name} · layer {layer} · {} · as one colour picture", output.shape),
                    _ => format!("{name} · hypercolumn · {} · as one colour picture", output.shape),
                },
                subtitle: network::signed(&picture.title(), engine.weights()) + &done_to_it,
                columns,
                rows: vec![],
                cells: vec![cells],
                tile_side: asked.tile_size,
                smooth: false,
                legend: Some(legend(basis)),
                notes: vec![],
            };
            let figure = sheet.draw()?;
            write(path, figure.encode(path)?)?;
        }
        let plane = |values: &[f32]| values.chunks(width).map(<[f32]>::to_vec).collect();
        if pca.json {
            document.pictures.push(Projected {
                picture: frame.name.to_string(),
                source: picture.source,
                frame: frame.id,
                projected: values.chunks(height * width).map(plane).collect(),
            });
        }
        Ok(())
    });
    if pca.json {
        document.basis = basis.map(|Basis { components, made_of }| Told {
            made_of,
            components: (0..COUNT).map(|place| components.direction(place).to_vec()).collect(),
            explained_variance: components.variance,
            explained_variance_ratio: components.explained,
            mean: components.mean,
        });
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    outcome?;
    Ok(())
}

/// The layer, or the hypercolumn of several.
fn one(outputs: Vec<LayerOutput>) -> anyhow::Result<LayerOutput> {
    joined(outputs).ok_or_else(|| anyhow!("the network gave no maps of the layer"))
}

fn broken(layer: &str) -> anyhow::Error {
    anyhow!("every cell of {layer} has values that are no numbers, or infinite: there are no components")
}

/// The components of all cells of these pictures.
fn of_pictures(
    spec: &SourceSpec,
    pictures: &PictureArgs,
    engine: &mut Engine,
    (layers, name): (&[LayerIndex], &str),
) -> anyhow::Result<Basis> {
    let channels = layers.iter().map(|&layer| engine.graph().nodes[layer].shape.channels).sum();
    if channels > MOST_CHANNELS {
        bail!(
            "{name} has {channels} channels: the components of several pictures are computed of at most {MOST_CHANNELS}; leave out \
             --pca-basis, and the first picture's are taken"
        );
    }
    let how = pictures.preprocess.preprocessing();
    let named = PictureArgs { paths: vec![spec.clone()], ..pictures.clone() };
    let mut sum = CellSum::new(channels);
    let count = pictures::for_each(&named, &mut |picture| {
        sum.observe(&one(engine.run(&picture.frame, how, layers)?)?);
        Ok(())
    })?;
    let components = sum.components().ok_or_else(|| broken(name))?;
    let pictures = if count == 1 { "1 picture".to_string() } else { format!("{count} pictures") };
    Ok(Basis { components, made_of: format!("{spec} ({pictures}, {} cells)", sum.cells()) })
}

/// The picture, all components as its colours, and each by itself, with what stands over them.
fn tiles(
    values: &[f32],
    components: &Components,
    width: usize,
    seen: RgbImage,
) -> Vec<(Heading, Option<Tile>)> {
    let cells = values.len() / COUNT;
    let [_, reach] = components.ends();
    let planes = values.chunks(cells.max(1)).zip(reach);
    let parts: Vec<f32> =
        planes.flat_map(|(plane, reach)| plane.iter().map(move |value| value / reach)).collect();
    // What is not finite stays so.
    let clamped: Vec<f32> = parts.iter().map(|part| part.clamp(-1.0, 1.0)).collect();
    let column = |name: String, picture| {
        let tile = Tile { picture, caption: String::new() };
        (Heading { lines: vec![name] }, Some(tile))
    };
    let all = paint_rgb(&clamped, [width, cells / width.max(1)], (-1.0, 1.0));
    let mut tiles = vec![column("picture".into(), seen), column("all three".into(), all)];
    let range = ColorRange::plain((-1.0, 1.0), Colormap::Diverging);
    for (place, plane) in parts.chunks(cells.max(1)).enumerate().take(components.count()) {
        let name =
            format!("{}: {:.1} %", ["red", "green", "blue"][place], components.explained[place] * 100.0);
        tiles.push(column(name, paint(plane, width, &range, Colormap::Diverging)));
    }
    tiles
}

fn legend(basis: &Basis) -> Legend {
    let text = format!("{} {} Made of {}.", explained_in_words(&basis.components), meaning(), basis.made_of);
    Legend {
        table: colormap_table(Colormap::Diverging),
        low: format!("−{REACH} deviations"),
        high: format!("{REACH} deviations"),
        text,
    }
}
