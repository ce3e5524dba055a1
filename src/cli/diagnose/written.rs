//! What is written of a diagnosis: the report, the document, the page and TensorBoard's files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::part::{DiagnosisPart, Newest};
use crate::cli::args::{ReportArgs, parse_fraction};
use crate::cli::{output, spread};
use crate::figure::{Captioned, Page};
use crate::inspect::Thresholds;
use crate::inspect::diagnosis::{Diagnosis, LayerDiagnosis};
use crate::record::{EventWriter, Provenance, png, save};
use crate::view::{ColorRange, Colormap, paint, range};

/// From where on a map is called something, and what else is written.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Diagnosis")]
pub struct DiagnoseChoices {
    /// A map is solid where its spread is below this part of the layer's usual one [default: 0.05].
    #[arg(long, value_name = "PART", value_parser = parse_fraction)]
    pub solid: Option<f32>,
    /// A map copies the brightness where the size of their correlation is at least this [default: 0.9].
    #[arg(long, value_name = "CORRELATION", value_parser = parse_fraction)]
    pub copy: Option<f32>,
    /// A map repeats another where their correlation is at least this [default: 0.95].
    #[arg(long, value_name = "CORRELATION", value_parser = parse_fraction)]
    pub duplicate: Option<f32>,
    /// Also write TensorBoard event files into this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    provenance: &'a Provenance,
    diagnosis: &'a Diagnosis,
}

impl DiagnoseChoices {
    /// True where something was said.
    pub fn is_said(&self) -> bool {
        self.solid.or(self.copy).or(self.duplicate).is_some() || self.tensorboard.is_some()
    }

    fn thresholds(&self) -> Thresholds {
        let usual = Thresholds::default();
        Thresholds {
            solid: self.solid.unwrap_or(usual.solid),
            copy: self.copy.unwrap_or(usual.copy),
            duplicate: self.duplicate.unwrap_or(usual.duplicate),
            ..usual
        }
    }

    /// Judges what was collected, and writes it; nothing where there was no picture.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(
        &self,
        report: &ReportArgs,
        part: &DiagnosisPart,
        events: Option<&mut EventWriter>,
    ) -> anyhow::Result<()> {
        let provenance = &part.run.provenance;
        let diagnosis = Diagnosis::new(&provenance.network, part.trained, &part.examined, self.thresholds());
        if diagnosis.pictures == 0 {
            return Ok(());
        }
        let origin = format!("weights {}, resized {}", part.weights, provenance.resize);
        if report.json {
            let document = Document { provenance, diagnosis: &diagnosis };
            output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        } else {
            output::print(&format!("{}\n({origin})\n", diagnosis.to_text()))?;
        }
        if let (Some(path), Some(newest)) = (&report.html, &part.newest) {
            let page = page(&diagnosis, &origin, newest)?;
            save(path, page.to_html().as_bytes(), report.files.existing())?;
            eprintln!("convscope: {}", path.display());
        }
        if let Some(events) = events {
            for (step, layer) in diagnosis.layers.iter().enumerate() {
                for (kind, channels) in marked(layer) {
                    events.scalar(&format!("health/{kind}"), step as i64, channels.len() as f32)?;
                }
                events.histogram(&format!("zeros/{}", layer.name), 0, &layer.zeros)?;
            }
        }
        Ok(())
    }
}

const ALWAYS_ON: &str = "always on";

fn count(pictures: usize) -> String {
    if pictures == 1 { "1 picture".into() } else { format!("{pictures} pictures") }
}

/// What is said of which channels, the worst first.
fn marked(layer: &LayerDiagnosis) -> [(&'static str, Vec<usize>); 6] {
    [
        ("broken", layer.broken.clone()),
        ("dead", layer.dead.clone()),
        ("solid", layer.solid.clone()),
        ("copy of the brightness", layer.copies.iter().map(|copy| copy.channel).collect()),
        ("duplicate", layer.duplicates.iter().map(|duplicate| duplicate.channel).collect()),
        (ALWAYS_ON, layer.always_on.clone()),
    ]
}

/// Side of the picture of all correlations, in pixels.
const MATRIX: usize = 256;

/// The correlation matrix and the histograms of a layer, drawn.
fn details(layer: &LayerDiagnosis) -> Vec<Captioned> {
    let (Some(correlations), Some(histograms)) = (&layer.correlations, &layer.histograms) else {
        return vec![];
    };
    let count = correlations.len();
    let draw = |values: &[f32], width: usize, ends: (f32, f32), colormap: Colormap, caption: String| {
        let picture = paint(values, width, &ColorRange::plain(ends, colormap), colormap);
        png(&picture).ok().map(|file| Captioned { file, caption, is_wide: true })
    };
    // Of many channels some stand for their neighbours.
    let side = count.min(MATRIX);
    let at = |place: usize| place * count / side;
    let pair = |a: usize, b: usize| match a.cmp(&b) {
        std::cmp::Ordering::Less => correlations[b][a],
        std::cmp::Ordering::Equal => 1.0,
        std::cmp::Ordering::Greater => correlations[a][b],
    };
    let cells: Vec<f32> = (0..side * side).map(|cell| pair(at(cell % side), at(cell / side))).collect();
    let of = if side < count { format!("{side} of {count}") } else { format!("all {count}") };
    let words = format!(
        "correlations of {of} channels, from the first (left, top) to the last: red alike, blue opposite"
    );
    let matrix = draw(&cells, side, (-1.0, 1.0), Colormap::Diverging, words);

    let columns: Vec<_> = (0..side).map(|column| &histograms[at(column)]).collect();
    let spread = spread::draw(&columns, "values of the same channels, from left to right");
    matrix.into_iter().chain(spread).collect()
}

/// How many maps of a layer the page shows.
const SHOWN: usize = 12;

fn page(diagnosis: &Diagnosis, origin: &str, newest: &Newest) -> anyhow::Result<Page> {
    let name = &newest.name;
    let trained = if diagnosis.trained { "" } else { ", untrained" };
    let mut page = Page::new(
        &format!("{}{trained}: how healthy the maps are", diagnosis.network),
        &format!(
            "{origin}; {}; the maps are those of {name}, each in its own range",
            count(diagnosis.pictures)
        ),
    );
    page.picture(&png(&newest.seen()?)?, "the picture as the network sees it");
    for note in &diagnosis.notes {
        page.note(note);
    }
    for (layer, output) in diagnosis.layers.iter().zip(&newest.outputs) {
        // One tile a channel, with everything that is said of it.
        let mut words: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut worst = Vec::new();
        // Always on is no fault.
        for (kind, channels) in marked(layer).into_iter().filter(|(kind, _)| *kind != ALWAYS_ON) {
            for channel in channels {
                let said = words.entry(channel).or_default();
                if said.is_empty() {
                    worst.push(channel);
                }
                said.push(match layer.duplicates.iter().find(|duplicate| duplicate.channel == channel) {
                    Some(duplicate) if kind == "duplicate" => format!("duplicate of {}", duplicate.of),
                    _ => kind.to_string(),
                });
            }
        }
        let more = worst.len().saturating_sub(SHOWN);
        let tiles = worst.iter().take(SHOWN).map(|&channel| {
            let values = output.channel(channel);
            let colors = ColorRange::plain(range(values), Colormap::Viridis);
            let picture = paint(values, output.shape.width, &colors, Colormap::Viridis);
            let caption = format!("{channel}: {}", words[&channel].join(", "));
            Ok(Captioned { file: png(&picture)?, caption, is_wide: false })
        });
        let title = format!("{} · layer {} · {}", layer.name, layer.index, layer.operation);
        let drawn: Vec<_> =
            details(layer).into_iter().chain(tiles.collect::<anyhow::Result<Vec<_>>>()?).collect();
        page.section(&title, &layer.sentence, drawn, more);
    }
    Ok(page)
}
