//! The options that do something to a network or its picture.

use clap::Args;

use crate::inspect::{Cover, Experiment, Intervention, Kind};
use crate::model::Graph;

/// What is done to a network and its picture.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Experiment")]
pub struct ExperimentArgs {
    /// Mute these channels: zero for all that read them, as in mixed5:3,17 or mixed5:0..16; may be given several times, as may
    /// --multiply, --set and --alone.
    #[arg(long, value_name = "LAYER:CHANNELS")]
    pub mute: Vec<String>,
    /// Multiply channels, as in mixed5:3x2.
    #[arg(long, value_name = "LAYER:CHANNELSxFACTOR")]
    pub multiply: Vec<String>,
    /// Set channels to a value everywhere, as in mixed5:3=0.5.
    #[arg(long, value_name = "LAYER:CHANNELS=VALUE")]
    pub set: Vec<String>,
    /// Mute all channels of a layer but these, as in mixed5:3.
    #[arg(long, value_name = "LAYER:CHANNELS")]
    pub alone: Vec<String>,
    /// Cover a square of what the network sees: where its middle is, in parts of width and height, its side in pixels of the
    /// network's input, and what it is filled with (grey, mean or blur), as in 0.5,0.25:32:grey.
    #[arg(long, value_name = "X,Y[:SIZE[:FILL]]")]
    pub cover: Option<Cover>,
}

impl ExperimentArgs {
    /// As the engine understands it.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn experiment(&self, graph: &Graph) -> anyhow::Result<Experiment> {
        let kinds = [
            (Kind::Muted, &self.mute),
            (Kind::Times(1.0), &self.multiply),
            (Kind::Set(0.0), &self.set),
            (Kind::Alone, &self.alone),
        ];
        let mut interventions = vec![];
        for (kind, texts) in kinds {
            for text in texts {
                interventions.push(Intervention::parse(kind, text, graph)?);
            }
        }
        let usual = Cover::usual_size(graph.input_shape());
        let cover = self.cover.map(|cover| match cover.size {
            0 => Cover { size: usual, ..cover },
            _ => cover,
        });
        Ok(Experiment { interventions, cover })
    }
}
