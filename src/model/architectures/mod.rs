//! Architectures that are told by the names and shapes of a state dict: torchvision's, and timm's of the same
//! networks.
//!
//! A state dict holds parameters and says nothing of what is done with them. The descriptions here add that:
//! the order of the layers, strides, activations. Numbers of channels, kernel sizes, groups and the number of
//! blocks are read from the file, so that narrower, wider and deeper networks of a family work too.
//!
//! What no name and no shape tells is taken to be as published: strides, activations, symmetric padding; in a
//! classifier of several layers, ReLU between them. So timm's ports from TensorFlow (`tf_efficientnet_b0`,
//! `tf_mobilenetv3_large_100`) come out a little wrong, which pad as TensorFlow does and add 0.001 to
//! variances ([`Architecture::note`] says so), and its `resnetaa` and `resnetblur`, which pool where the
//! others have strides.

mod convnext;
mod densenet;
mod googlenet;
mod inverted;
mod naming;
mod net;
mod resnet;
mod squeezenet;
#[cfg(test)]
pub(crate) mod tests;
mod vgg;

use std::collections::{BTreeMap, HashSet};

pub use self::naming::{Naming, namings};
pub use self::net::INPUT_SIZE;

use self::net::{Inside, Net, layer_of};
use super::{Activation, Graph, GraphError, InputScale};

/// What to do with a state dict that [`tell`] does not know.
pub const EXPORT: &str = "a state dict has the parameters of a network, not its layers, and this is none of \
    the networks that are known by their names: export it to ONNX, in Python with \
    `torch.onnx.export(model.eval(), torch.zeros(1, 3, 224, 224), \"model.onnx\")`";

/// A network whose state dict is known.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// As people write it: `ResNet-50`.
    pub name: String,
    /// Number of classes; 0 where there is no classifier.
    pub classes: usize,
    /// What the input usually expects.
    pub usual_scale: InputScale,
    /// What the user ought to know about what was assumed, a sentence each.
    pub notes: Vec<String>,
    /// What stands between fully connected layers, where the user says it.
    between: Option<Activation>,
    family: &'static Family,
    /// What stands in front of all names: `model.`, `module.backbone.`.
    prefix: String,
    /// Names in the file that do not have that in front.
    outside: HashSet<String>,
    /// Shapes of all tensors by their names without that.
    tensors: BTreeMap<String, Vec<usize>>,
    /// Layers that are left aside.
    aside: HashSet<String>,
}

/// Adds all layers and says what the network is called.
type Build = fn(&mut Net<'_>) -> Result<String, GraphError>;

/// Networks with one description.
#[derive(Debug)]
struct Family {
    /// A tensor that all of them have.
    key: &'static str,
    /// The first convolution.
    first: &'static str,
    /// The stage that it belongs to.
    stage: &'static str,
    build: Build,
}

const fn family(key: &'static str, first: &'static str, stage: &'static str, build: Build) -> Family {
    Family { key, first, stage, build }
}

/// In any order: a network is told by a description that has a layer for each of its tensors.
static FAMILIES: [Family; 11] = [
    family("layer1.0.conv1.weight", "conv1", "stem", resnet::build),
    family("features.denseblock1.denselayer1.conv2.weight", "features.conv0", "stem", densenet::build),
    family("inception3a.branch1.conv.weight", "conv1.conv", "stem", googlenet::build),
    family("features.3.squeeze.weight", "features.0", "stem", squeezenet::build),
    family("features.1.0.block.3.weight", "features.0.0", "stem", convnext::torchvision),
    family("stages.0.blocks.0.conv_dw.weight", "stem.0", "stem", convnext::timm),
    family("features.1.conv.0.0.weight", "features.0.0", "stem", inverted::torchvision),
    family("features.1.block.0.0.weight", "features.0.0", "stem", inverted::torchvision),
    family("features.1.0.block.0.0.weight", "features.0.0", "stem", inverted::torchvision),
    family("blocks.0.0.conv_dw.weight", "conv_stem", "stem", inverted::timm),
    family("features.0.weight", "features.0", "block1", vgg::build),
];

/// The architecture of which a state dict is, by its names and shapes; `None` where its body has a tensor that the
/// known ones do not have, or lacks one of theirs. `between`: what the user says of fully connected layers.
pub fn tell(names_and_shapes: &[(&str, &[usize])], between: Option<Activation>) -> Option<Architecture> {
    FAMILIES.iter().find_map(|family| {
        let is_path = |prefix: &&str| prefix.is_empty() || prefix.ends_with('.');
        let mut names = names_and_shapes.iter().map(|(name, _)| renamed(name));
        let prefix =
            names.find_map(|name| Some(name.strip_suffix(family.key).filter(is_path)?.to_owned()))?;
        let outside =
            names_and_shapes.iter().map(|(name, _)| *name).filter(|name| !name.starts_with(&prefix));
        let mut told = Architecture {
            name: String::new(),
            classes: 0,
            usual_scale: InputScale::Imagenet,
            notes: vec![],
            between,
            family,
            outside: outside.map(str::to_owned).collect(),
            prefix,
            tensors: BTreeMap::new(),
            aside: HashSet::new(),
        };
        told.tensors = names_and_shapes
            .iter()
            .filter_map(|(name, shape)| Some((told.own_name(name)?, shape.to_vec())))
            .collect();
        let mut net = told.net(INPUT_SIZE).ok()?;
        let name = (family.build)(&mut net).ok()?;
        let (usual_scale, aside, mut notes) = (net.usual_scale, net.aside.clone(), net.notes.clone());
        let graph = net.finish(&name).ok()?;
        // A body is more than what stands behind it; else the names mean something else.
        let count = told.tensors.keys().filter(|name| aside.contains(layer_of(name))).count();
        if 2 * count > told.tensors.len() {
            return None;
        }
        told.classes = graph.classifier().map_or(0, |layer| graph.nodes[layer].shape.channels);
        notes.extend(
            graph
                .open_end
                .iter()
                .filter(|_| !aside.is_empty())
                .map(|why| format!("{why}: there are maps and no classes")),
        );
        (told.name, told.usual_scale, told.notes, told.aside) = (name, usual_scale, notes, aside);
        Some(told)
    })
}

impl Architecture {
    /// Its layers, for pictures of this height and width.
    ///
    /// # Errors
    /// Where they are too small, or of a size that the network cannot have.
    pub fn graph(&self, size: [usize; 2]) -> Result<Graph, GraphError> {
        let mut net = self.net(size)?;
        let name = (self.family.build)(&mut net)?;
        net.finish(&name)
    }

    fn net(&self, size: [usize; 2]) -> Result<Net<'_>, GraphError> {
        let inside = Inside { prefix: &self.prefix, outside: &self.outside };
        Net::new(&self.tensors, inside, self.family.first, size, self.family.stage, self.between)
    }

    /// The name in the graph of a tensor of the file; `None` for what belongs to training alone, and for what is left
    /// aside.
    pub fn own_name(&self, name: &str) -> Option<String> {
        let own = match name.strip_prefix(&self.prefix) {
            // Another layer has this name outside.
            Some(inner) if !self.prefix.is_empty() && self.outside.contains(inner) => name,
            Some(inner) => inner,
            None => name,
        };
        let own = renamed(own);
        let is_auxiliary = ["aux1.", "aux2."].iter().any(|branch| own.starts_with(branch));
        let is_aside = self.aside.contains(layer_of(&own));
        (!is_auxiliary && !is_aside && !own.ends_with("num_batches_tracked")).then_some(own)
    }
}

/// torchvision's published DenseNets are older than its code and say `denselayer1.norm.1`.
fn renamed(name: &str) -> String {
    if !name.contains(".denselayer") {
        return name.into();
    }
    name.replace(".norm.", ".norm").replace(".conv.", ".conv")
}
