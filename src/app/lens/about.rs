//! What is said of a lens wherever it is named: in the table of keys, the palette, files and options.

use crate::app::state::{LensName, Lenses, Time};
use crate::model::{Graph, LayerIndex, Trace};
use crate::session::{Averaged, Occlusion};
use crate::source::Decoding;

/// A lens in words.
#[derive(Debug)]
pub struct About {
    /// As `keys.toml` and JSON have it: `class-activation`.
    pub name: LensName,
    /// The keys that switch it on and off, unless a `keys.toml` says otherwise.
    pub keys: &'static [&'static str],
    /// One sentence for help, palette and README.
    pub help: &'static str,
    /// What switches it on off screen; `None` for what is there from the start.
    pub flag: Option<Flag>,
    /// What else it can be asked for.
    pub more: &'static [More],
}

/// An option of the command line.
#[derive(Debug)]
pub struct Flag {
    /// Without its dashes.
    pub long: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// For `--help`.
    pub help: &'static str,
}

/// What an option takes, by the name that `--help` has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: it is a switch.
    Nothing,
    /// One value.
    One(&'static str),
    /// Values, separated by commas.
    Several(&'static str),
}

/// A command that only one lens knows.
#[derive(Debug)]
pub struct More {
    /// Behind the lens' own name.
    pub name: &'static str,
    /// As in [`About::keys`].
    pub keys: &'static [&'static str],
    /// As in [`About::help`].
    pub help: &'static str,
}

/// What a lens asks of the session beside the taps of the shown layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Layers whose values are wanted, without repetition.
    pub maps: Vec<LayerIndex>,
    /// Whether class probabilities are wanted.
    pub predictions: bool,
    /// Whether maps are to be compared with those of the held frame.
    pub held: bool,
    /// Ways back through the network; of the same units by the same rule there is one.
    pub traces: Vec<Trace>,
    /// What is averaged while the frame stands still.
    pub averaged: Option<Averaged>,
    /// A square covers each place of a frame that stands still.
    pub occlusion: Option<Occlusion>,
}

impl Needs {
    /// Both.
    pub fn join(&mut self, other: Self) {
        for layer in other.maps {
            if !self.maps.contains(&layer) {
                self.maps.push(layer);
            }
        }
        self.predictions |= other.predictions;
        self.held |= other.held;
        for trace in other.traces {
            let is_same = |known: &&mut Trace| known.from == trace.from && known.rule == trace.rule;
            let Some(known) = self.traces.iter_mut().find(is_same) else {
                self.traces.push(trace);
                continue;
            };
            for wanted in trace.wanted {
                if !known.wanted.contains(&wanted) {
                    known.wanted.push(wanted);
                }
            }
        }
        self.averaged = self.averaged.take().or(other.averaged);
        self.occlusion = self.occlusion.take().or(other.occlusion);
    }
}

/// What an option of a lens may set.
pub struct Choices<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// Lenses and what they are set to.
    pub lenses: &'a mut Lenses,
    /// Which frames are looked at.
    pub time: &'a mut Time,
    /// What is made of files of pictures.
    pub decoding: Decoding,
}
