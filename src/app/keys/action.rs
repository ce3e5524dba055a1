//! What a key, a click, a wheel or the palette asks for.

use super::key::Direction;
use crate::app::state::{Cells, LensName, Section, SourceChoice, Trial};
use crate::gpu::Change;
use crate::inspect::Start;
use crate::model::LayerIndex;
use crate::view::{Filter, Normalize, Sort};

/// One thing that can be done in the view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// One layer towards the input.
    PreviousLayer,
    /// One layer towards the output.
    NextLayer,
    /// To the end of the stage before.
    PreviousStage,
    /// To the end of the next stage.
    NextStage,
    /// To this layer.
    Layer(LayerIndex),
    /// To the end of this stage.
    Stage(usize),
    /// Select the channel to the left.
    ChannelLeft,
    /// Select the channel to the right.
    ChannelRight,
    /// Select the channel above.
    ChannelUp,
    /// Select the channel below.
    ChannelDown,
    /// Select the channel at this position.
    Select(usize),
    /// The selected channel alone, or all again.
    ToggleEnlarged,
    /// The channel at this position alone, or all again.
    Enlarge(usize),
    /// A page of channels back.
    PreviousPage,
    /// A page of channels on.
    NextPage,
    /// Larger tiles.
    LargerTiles,
    /// Smaller tiles.
    SmallerTiles,
    /// As large as all channels allow.
    AutomaticTiles,
    /// The next colormap.
    NextColormap,
    /// The next meaning of the colormap's ends.
    NextNormalize,
    /// This meaning of the colormap's ends.
    Normalize(Normalize),
    /// Hold the ranges that are in force.
    ToggleLock,
    /// The next gamma.
    NextGamma,
    /// The next boost.
    NextBoost,
    /// Blocky or smooth enlargement.
    ToggleSmooth,
    /// This lens in the tiles, or maps again.
    Tiles(LensName),
    /// This lens over the picture, or nothing again.
    Over(LensName),
    /// What only this lens knows, by the name of its command.
    OfLens(LensName, &'static str),
    /// What is traced back stays while one walks to other layers, or no longer.
    HoldOrigin,
    /// The most probable class is traced back, or what each lens traces by itself.
    ToggleClass,
    /// This is traced back, or what each lens traces by itself.
    TraceFrom(Start),
    /// This is subtracted from what is traced back, or no longer.
    Subtract(Start),
    /// Of a channel, these cells are traced back.
    Cells(Cells),
    /// Something is done to the network or its picture, or no longer.
    Try(Trial),
    /// What lies over the picture lets more of it through.
    LessOpacity,
    /// What lies over the picture covers more of it.
    MoreOpacity,
    /// Keep this frame.
    ToggleFrozen,
    /// Freeze at this frame of the last ones.
    Moment(u64),
    /// Swap left and right on the screen.
    ToggleMirror,
    /// Crop or stretch the picture to the proportions of the network's input.
    ToggleFit,
    /// The network sees pictures changed so, or no longer.
    ChangeInput(Change),
    /// Compute and show predictions.
    TogglePredictions,
    /// The picture as it came, or the pixels that the network sees.
    ToggleInput,
    /// The probabilities of all classes as a curve.
    ToggleCurve,
    /// Sort channels by the next thing.
    NextSort,
    /// Sort channels by the thing before.
    PreviousSort,
    /// Similar channels beside each other, or by number.
    ToggleSimilarity,
    /// Sort channels by this.
    Sort(Sort),
    /// Leave other channels out.
    NextFilter,
    /// Leave these channels out.
    Filter(Filter),
    /// A digit of a channel's number.
    Type(char),
    /// Take the last digit back.
    Untype,
    /// Move the point that keys mark.
    MovePoint(Direction),
    /// The cell of the enlarged map at this part of its width and height is marked.
    MarkPoint([f32; 2]),
    /// How the marked cell is computed, or no longer.
    ToggleCell,
    /// The graph of the layer's stage, or no longer.
    ToggleBlock,
    /// Mark what is wrong with maps.
    ToggleHealth,
    /// Forget what was seen of the maps' health.
    RestartHealth,
    /// The next picture of the folder.
    NextPicture,
    /// The picture before.
    PreviousPicture,
    /// Of a recorded session: so many seconds on, or back.
    Seek(i64),
    /// Show another source.
    Source(SourceChoice),
    /// Write what is seen to disk.
    Snapshot,
    /// Record what is seen as a film, or end that.
    Record,
    /// Dark or light.
    ToggleTheme,
    /// Show or hide the keys.
    ToggleHelp,
    /// Open or close the list of everything that can be done.
    TogglePalette,
    /// Fold a part of the left panel that is open, or unfold it: true for what is open.
    Fold(Section, bool),
    /// Back to how it started.
    Reset,
    /// End.
    Quit,
}

impl Action {
    /// True for what is meant again and again while its key is held: what moves by a step.
    pub fn repeats(self) -> bool {
        matches!(
            self,
            Self::PreviousLayer
                | Self::NextLayer
                | Self::PreviousStage
                | Self::NextStage
                | Self::ChannelLeft
                | Self::ChannelRight
                | Self::ChannelUp
                | Self::ChannelDown
                | Self::PreviousPage
                | Self::NextPage
                | Self::LargerTiles
                | Self::SmallerTiles
                | Self::LessOpacity
                | Self::MoreOpacity
                | Self::MovePoint(_)
                | Self::Untype
                | Self::NextPicture
                | Self::PreviousPicture
        )
    }
}
