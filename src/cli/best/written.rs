//! What is written of best patches: the sheet, the page and the document.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;
use clap::Args;
use image::RgbImage;

use super::state::pictures;
use crate::cli::args::ReportArgs;
use crate::cli::output;
use crate::figure::{Captioned, Page, Tile, mosaic, tile_grid_figure};
use crate::inspect::best::{End, KEPT};
use crate::record::best::{BestDocument, BestPart, ChannelBest, FoundPlace, Reopening, patches};
use crate::record::{LayerInfo, jpeg, png, save};
use crate::view::{ChannelSet, number};

/// What is written of best patches, and how.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Patches")]
pub struct BestChoices {
    /// Channels such as `0..16,40` (0 up to but not 16, and 40) [default: all].
    #[arg(long, value_name = "CHANNELS")]
    pub channels: Option<ChannelSet>,
    /// A sheet with the nine patches of each channel: PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw the weakest places in place of the strongest.
    #[arg(long)]
    pub weakest: bool,
    /// Longest side of a patch in pixels; smaller ones are enlarged on the sheet.
    #[arg(long, value_name = "PIXELS", default_value_t = 72, value_parser = clap::value_parser!(u32).range(16..=512))]
    pub patch_size: u32,
}

/// How writing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// All is there.
    All,
    /// The user ended it.
    Ended,
}

/// Most bytes of patches in memory.
const MOST_BYTES: u64 = 1 << 30;

/// Smaller patches are shown with their own pixels on the page.
const PIXELS_SEEN: u32 = 48;

impl BestChoices {
    /// Before the work begins: that something is wanted and can be written.
    ///
    /// # Errors
    /// In one sentence.
    pub fn check(&self, report: &ReportArgs) -> anyhow::Result<()> {
        if self.output.is_none() && report.html.is_none() && !report.json {
            bail!("say what you want: -o FILE for a sheet, --html FILE for a page, --json for the numbers");
        }
        output::check_figure(self.output.as_deref(), true, report.files.existing())?;
        output::check_output(report.html.as_deref(), true, report.files.existing())
    }

    /// True where something was said.
    pub fn is_said(&self) -> bool {
        self.output.is_some() || self.channels.is_some() || self.weakest
    }

    /// The chosen channels of a layer.
    ///
    /// # Errors
    /// Where it has fewer.
    pub fn channels(&self, layer: &LayerInfo, report: &ReportArgs) -> anyhow::Result<Vec<u32>> {
        let channels = self.channels.clone().unwrap_or_default().resolve(&layer.name, layer.shape[0])?;
        let bytes = (channels.len() * KEPT) as u64 * u64::from(self.patch_size).pow(2) * 3;
        if bytes > MOST_BYTES && (self.output.is_some() || report.html.is_some()) {
            bail!(
                "the patches of {} channels at {} pixels would take {} MB: choose fewer with --channels, or a smaller \
                 --patch-size",
                channels.len(),
                self.patch_size,
                bytes / 1_000_000
            );
        }
        Ok(channels)
    }

    fn end(&self) -> End {
        if self.weakest { End::Weakest } else { End::Strongest }
    }

    /// Writes what was found in so many pictures. The pictures themselves are opened again only where patches are drawn.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write<T>(
        &self,
        report: &ReportArgs,
        part: &BestPart<T>,
        looked_at: u64,
        is_off: &AtomicBool,
    ) -> anyhow::Result<Written> {
        let document = part.document(&self.channels(&part.layer, report)?, looked_at);
        if self.output.is_some() || report.html.is_some() {
            let patches = self.patches(&document, is_off);
            if is_off.load(Ordering::Relaxed) {
                return Ok(Written::Ended);
            }
            let words = self.words(part, &document);
            let existing = report.files.existing();
            if let Some(path) = &self.output {
                let tiles = document.channels.iter().zip(&patches).map(|(channel, patches)| Tile {
                    picture: mosaic(patches, self.patch_size),
                    caption: self.caption(channel),
                });
                let tiles: Vec<_> = tiles.collect();
                let side = tiles.first().map_or(self.patch_size, |tile| tile.picture.width());
                let figure = tile_grid_figure(&words[0], &words[1], &tiles, side, false, None)?;
                output::save_figure(&figure, path, existing)?;
                output::wrote_beside(path, report.json)?;
            }
            if let Some(path) = &report.html {
                save(path, self.page(&document, patches, &words)?.to_html().as_bytes(), existing)?;
                output::wrote_beside(path, report.json)?;
            }
        }
        if report.json {
            output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
        Ok(Written::All)
    }

    /// The patches of each channel; `None` where a picture cannot be had any more, which is told.
    fn patches(&self, document: &BestDocument, is_off: &AtomicBool) -> Vec<Vec<Option<RgbImage>>> {
        let of_channel = |channel: &ChannelBest| channel.at(self.end()).len();
        let places: Vec<&FoundPlace> =
            document.channels.iter().flat_map(|channel| channel.at(self.end())).collect();
        let bar = output::progress_bar(places.len(), "patches");
        let all =
            patches(&places, Reopening::of(document, self.patch_size), is_off, |done| bar.inc(done as u64));
        bar.finish_and_clear();
        let mut missing = all.iter().filter_map(|patch| patch.as_ref().err());
        if let Some(reason) = missing.next().filter(|_| !is_off.load(Ordering::Relaxed)) {
            let others = match missing.count() {
                0 => String::new(),
                count => format!(" (and {count} more)"),
            };
            eprintln!("note: a patch is left blank{others}: {reason}");
        }
        let mut all = all.into_iter().map(Result::ok);
        document.channels.iter().map(|channel| all.by_ref().take(of_channel(channel)).collect()).collect()
    }

    /// Title and subtitle.
    fn words<T>(&self, part: &BestPart<T>, document: &BestDocument) -> [String; 2] {
        let LayerInfo { index, name, operation, .. } = &document.layer;
        let count = document.channels.len();
        let channels = if count == 1 { "1 channel".into() } else { format!("{count} channels") };
        let [height, width] = part.receptive_field.size;
        let title =
            format!("{name} · layer {index} · {operation} · {} places of {channels}", self.end().name());
        let subtitle = format!(
            "{} in {} · weights {} · of each picture the {} cell; a patch is what that cell sees ({width}×{height} pixels of \
             the input), and where that leaves the picture, a small frame marks its middle",
            pictures(document.pictures),
            document.sources.join(", "),
            document.provenance.weights,
            self.end().name()
        );
        [title, subtitle]
    }

    /// `12: 8.31 … 5.02`
    fn caption(&self, channel: &ChannelBest) -> String {
        let places = channel.at(self.end());
        match (places.first(), places.last()) {
            (Some(first), Some(last)) if places.len() > 1 => {
                format!("{}: {} … {}", channel.channel, number(first.value), number(last.value))
            }
            (Some(one), _) => format!("{}: {}", channel.channel, number(one.value)),
            _ => format!("{}: no number", channel.channel),
        }
    }

    fn page(
        &self,
        document: &BestDocument,
        patches: Vec<Vec<Option<RgbImage>>>,
        [title, subtitle]: &[String; 2],
    ) -> anyhow::Result<Page> {
        let mut page = Page::new(title, subtitle);
        for (channel, patches) in document.channels.iter().zip(patches) {
            let places = channel.at(self.end()).iter().zip(patches);
            let captioned = |(place, patch): (&FoundPlace, Option<RgbImage>)| {
                let FoundPlace { value, cell: [row, column], picture, area: [x, y, w, h], .. } = place;
                let blank = if patch.is_none() { "\n(cannot be opened any more)" } else { "" };
                let patch = patch.unwrap_or_else(|| RgbImage::from_pixel(1, 1, image::Rgb([128; 3])));
                let is_small = patch.width().max(patch.height()) <= PIXELS_SEEN;
                let caption = format!(
                    "{}\n{picture}\n{w}×{h} at {x}, {y}\nrow {row}, column {column}{blank}",
                    number(*value)
                );
                let file = if is_small { png(&patch)? } else { jpeg(&patch)? };
                Ok(Captioned { file, caption, is_wide: false })
            };
            let shown: anyhow::Result<Vec<_>> = places.map(captioned).collect();
            page.section(&format!("channel {}", channel.channel), &self.caption(channel), shown?, 0);
        }
        Ok(page)
    }
}
