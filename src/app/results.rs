//! What comes of each frame of a run off screen, as lines to be compared with those of another run. Main thread.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::gpu::readback::{self, ReadbackError};
use crate::gpu::{GpuContext, PooledTarget};
use crate::model::LayerIndex;
use crate::session::Activations;

/// Frames that differ are told one by one up to so many.
const MOST_TOLD: usize = 20;

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultsSpec {
    /// Where the lines go.
    pub to: Option<PathBuf>,
    /// Lines of another run.
    pub against: Option<PathBuf>,
    /// By how much means of channels may differ, as a part of the largest; above 0 pixels may differ, too.
    pub tolerance: f32,
}

/// What came of a frame: a line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    /// Its number in the source.
    frame: u64,
    /// What was shown.
    layer: String,
    /// CRC-32C of the tiles' pixels, one a value, as in a snapshot's tiles.png.
    tiles: Option<String>,
    /// Of each channel.
    means: Vec<f32>,
    /// The most probable class, or the first number, and its value.
    top: Option<(usize, f32)>,
}

/// Collects lines, and compares them.
pub struct Results {
    spec: ResultsSpec,
    lines: Option<(tempfile::NamedTempFile, PathBuf)>,
    other: BTreeMap<u64, Line>,
    frames: usize,
    differing: usize,
    other_tops: usize,
    largest: f32,
    told: Vec<String>,
}

impl Results {
    /// Reads the lines of the other run.
    ///
    /// # Errors
    /// One sentence.
    pub fn begin(spec: &ResultsSpec) -> Result<Self, String> {
        let mut other = BTreeMap::new();
        if let Some(path) = &spec.against {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
            for line in text.lines() {
                let read: Result<Line, _> = serde_json::from_str(line);
                let read = read.map_err(|_| {
                    format!(
                        "{}: not what `convscope replay DIR --headless --results FILE` writes",
                        path.display()
                    )
                })?;
                other.insert(read.frame, read);
            }
        }
        let open = |path: &PathBuf| {
            if path.exists() {
                return Err(format!("{} exists already: name another file", path.display()));
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let file = tempfile::Builder::new().tempfile_in(folder.unwrap_or(Path::new(".")));
            let file = file.map_err(|error| format!("{} could not be written: {error}", path.display()))?;
            Ok((file, path.clone()))
        };
        let lines = spec.to.as_ref().map(open).transpose()?;
        let (spec, told) = (spec.clone(), vec![]);
        Ok(Self { spec, lines, other, frames: 0, differing: 0, other_tops: 0, largest: 0.0, told })
    }

    /// Takes what came of a frame, of which this layer is shown, and what its tiles show.
    ///
    /// # Errors
    /// When the device is lost, or the disk says no.
    pub fn add(
        &mut self,
        gpu: &GpuContext,
        shown: &Activations,
        layer: LayerIndex,
        tiles: Option<PooledTarget>,
    ) -> Result<(), String> {
        let read = |error: ReadbackError| error.to_string();
        let tiles = tiles.map(|target| readback::copy_picture(gpu, &target.texture).wait(gpu)).transpose();
        let tiles = tiles.map_err(read)?.map(|tiles| format!("{:08x}", crc32c::crc32c(&tiles)));
        let channels = shown.tap(layer).map(|tap| tap.channel_statistics.clone());
        let channels = channels.as_deref().and_then(|all| all.split_last()).map_or(&[][..], |(_, each)| each);
        let line = Line {
            frame: shown.frame.frame.id,
            layer: shown.model.graph.nodes[layer].name.clone(),
            tiles,
            means: channels.iter().map(|channel| channel.mean).collect(),
            top: shown.answer.as_ref().and_then(|answer| {
                let first = *answer.top(1).first()?;
                Some((first, answer.said(first).number()))
            }),
        };
        if let Some((file, path)) = &mut self.lines {
            let mut text = serde_json::to_vec(&line).map_err(|error| error.to_string())?;
            text.push(b'\n');
            let written = file.write_all(&text);
            written.map_err(|error| format!("{} could not be written: {error}", path.display()))?;
        }
        self.frames += 1;
        if self.spec.against.is_some() {
            self.compare(&line);
        }
        Ok(())
    }

    fn compare(&mut self, line: &Line) {
        let difference = match self.other.remove(&line.frame) {
            None => Some("not in the other run".to_string()),
            Some(other) => {
                let (said, far) = differences(line, &other, self.spec.tolerance);
                self.largest = self.largest.max(far);
                self.other_tops += usize::from(line.top.map(|top| top.0) != other.top.map(|top| top.0));
                said
            }
        };
        if let Some(said) = difference {
            self.differing += 1;
            if self.told.len() < MOST_TOLD {
                self.told.push(format!("frame {}: {said}", line.frame));
            }
        }
    }

    /// Ends the file. What is to be told of the comparison, and whether all was the same.
    ///
    /// # Errors
    /// One sentence.
    pub fn finish(mut self) -> Result<(Vec<String>, bool), String> {
        if let Some((file, path)) = self.lines.take() {
            let written = file.persist_noclobber(&path);
            written.map_err(|error| format!("{} could not be written: {}", path.display(), error.error))?;
        }
        let Some(against) = &self.spec.against else { return Ok((vec![], true)) };
        let missing = self.other.len();
        let mut told = self.told;
        if self.differing > told.len() {
            told.push(format!("… and {} more frames", self.differing - told.len()));
        }
        let same = self.differing == 0 && missing == 0;
        told.push(match same {
            true => format!("{} frames, all as in {}", self.frames, against.display()),
            false => {
                let absent =
                    if missing > 0 { format!(", {missing} of its frames did not come") } else { String::new() };
                format!(
                    "{} of {} frames differ from {}{absent}; means of channels by up to {:.3} % of the largest, the most \
                     probable class in {}",
                    self.differing,
                    self.frames,
                    against.display(),
                    self.largest * 100.0,
                    self.other_tops
                )
            }
        });
        Ok((told, same))
    }
}

/// What differs, in words, and the means by how much, as a part of the largest.
fn differences(one: &Line, other: &Line, tolerance: f32) -> (Option<String>, f32) {
    if one.layer != other.layer {
        return (Some(format!("shows {} and not {}", one.layer, other.layer)), 0.0);
    }
    if one.means.len() != other.means.len() {
        let counts = (one.means.len(), other.means.len());
        return (Some(format!("{} has {} channels and not {}", one.layer, counts.0, counts.1)), 0.0);
    }
    let largest = other.means.iter().fold(f32::MIN_POSITIVE, |largest, mean| largest.max(mean.abs()));
    let apart = one.means.iter().zip(&other.means).map(|(a, b)| match a.total_cmp(b).is_eq() {
        true => 0.0,
        false => (a - b).abs() / largest,
    });
    let apart = apart.map(|part| if part.is_nan() { f32::INFINITY } else { part });
    let (channel, far) = apart.enumerate().fold((0, 0.0), |far, new| if new.1 > far.1 { new } else { far });
    let said = match () {
        () if one.top.map(|top| top.0) != other.top.map(|top| top.0) => {
            let class = |line: &Line| line.top.map_or("none".into(), |top| top.0.to_string());
            Some(format!("class {} first and not {}", class(one), class(other)))
        }
        () if far > tolerance => {
            let (a, b) = (one.means[channel], other.means[channel]);
            Some(format!("{}: the mean of channel {channel} is {a} and not {b}", one.layer))
        }
        () if tolerance == 0.0 && one.tiles != other.tiles => Some("tiles have other pixels".into()),
        () => None,
    };
    (said, far)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(means: &[f32], class: usize, tiles: &str) -> Line {
        let (means, tiles) = (means.to_vec(), Some(tiles.into()));
        Line { frame: 3, layer: "mixed0".into(), tiles, means, top: Some((class, 0.5)) }
    }

    #[test]
    fn what_differs_is_named() {
        let one = line(&[1.0, 4.0, f32::NAN], 2, "a");
        assert_eq!(differences(&one, &one, 0.0), (None, 0.0));
        let means = line(&[1.0, 4.4, f32::NAN], 2, "b");
        let (said, far) = differences(&means, &one, 0.0);
        assert!(said.unwrap().contains("channel 1 is 4.4 and not 4") && (far - 0.1).abs() < 1e-6);
        assert_eq!(differences(&means, &one, 0.11).0, None);
        assert_eq!(differences(&line(&one.means, 2, "b"), &one, 0.0).0.unwrap(), "tiles have other pixels");
        assert!(
            differences(&line(&one.means, 1, "a"), &one, 0.5).0.unwrap().contains("class 1 first and not 2")
        );
        let broken = line(&[1.0, f32::NAN, f32::NAN], 2, "a");
        assert!(differences(&broken, &one, 0.5).0.is_some());
    }
}
