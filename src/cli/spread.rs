//! Histograms beside each other, as one picture of a page.

use crate::figure::Captioned;
use crate::inspect::HistogramInfo;
use crate::record::png;
use crate::view::{ColorRange, Colormap, number, paint};

/// Rows of the picture.
const ROWS: usize = 64;

/// Least pixels of a row.
const LEAST_WIDE: usize = 160;

/// A column for each histogram, all on one scale; `words` say what the columns are.
pub fn draw(histograms: &[&HistogramInfo], words: &str) -> Option<Captioned> {
    let ends = histograms.iter().filter(|histogram| !histogram.counts.is_empty());
    let ends = ends.map(|one| (one.start, one.start + one.width * one.counts.len() as f64));
    let (low, high) =
        ends.fold((0.0f64, 0.0f64), |(low, high), (start, end)| (low.min(start), high.max(end)));
    let width = histograms.len();
    let mut spread = vec![0.0f32; ROWS * width];
    for (column, histogram) in histograms.iter().enumerate() {
        for (number, &count) in histogram.counts.iter().enumerate() {
            let middle = histogram.start + histogram.width * (number as f64 + 0.5);
            let row = ((middle - low) / (high - low) * ROWS as f64) as usize;
            // The highest values are at the top.
            spread[(ROWS - 1 - row.min(ROWS - 1)) * width + column] += count as f32;
        }
    }
    spread.iter_mut().for_each(|count| *count = count.ln_1p());
    let most = spread.iter().copied().fold(1.0, f32::max);
    let caption = format!(
        "{words}: from {} (bottom) to {} (top), brighter where there are more (logarithm); zeros are left out",
        number(low as f32),
        number(high as f32)
    );
    // A page makes it as wide as it can: few columns would be towers.
    let times = LEAST_WIDE.div_ceil(width.max(1));
    let wide: Vec<f32> = spread.iter().flat_map(|count| std::iter::repeat_n(*count, times)).collect();
    let range = ColorRange::plain((0.0, most), Colormap::Viridis);
    let picture = paint(&wide, width * times, &range, Colormap::Viridis);
    (width > 0).then(|| png(&picture).ok()).flatten().map(|file| Captioned { file, caption, is_wide: true })
}
