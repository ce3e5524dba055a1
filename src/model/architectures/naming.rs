//! By which tensors state dicts are known, and what modules are called that a `Sequential` numbers.

use super::FAMILIES;

/// How to know a network whose modules have their own names, or numbers.
#[derive(Clone, Copy, Debug)]
pub struct Naming {
    /// The end of a tensor's name; what stands before it stands before all names of the network.
    pub key: &'static str,
    /// The modules that numbers stand for; none where they have their names.
    pub parts: &'static [&'static str],
}

/// Parts of torchvision's and timm's networks in their order, and a tensor as it is called where they are numbered.
static NUMBERED: [Naming; 14] = [
    naming(
        "7.0.conv1.weight",
        &["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"],
    ),
    naming("0.denseblock1.denselayer1.conv2.weight", &["features", "classifier"]),
    naming(
        "4.denselayer1.conv2.weight",
        &[
            "features.conv0",
            "features.norm0",
            "features.relu0",
            "features.pool0",
            "features.denseblock1",
            "features.transition1",
            "features.denseblock2",
            "features.transition2",
            "features.denseblock3",
            "features.transition3",
            "features.denseblock4",
            "features.norm5",
        ],
    ),
    naming(
        "5.branch1.conv.weight",
        &[
            "conv1",
            "maxpool1",
            "conv2",
            "conv3",
            "maxpool2",
            "inception3a",
            "inception3b",
            "maxpool3",
            "inception4a",
            "inception4b",
            "inception4c",
            "inception4d",
            "inception4e",
            "maxpool4",
            "inception5a",
            "inception5b",
            "avgpool",
            "dropout",
            "fc",
        ],
    ),
    naming(
        "5.branch1.conv.weight",
        &[
            "conv1",
            "maxpool1",
            "conv2",
            "conv3",
            "maxpool2",
            "inception3a",
            "inception3b",
            "maxpool3",
            "inception4a",
            "inception4b",
            "inception4c",
            "inception4d",
            "inception4e",
            "maxpool4",
            "inception5a",
            "inception5b",
            "aux1",
            "aux2",
            "avgpool",
            "dropout",
            "fc",
        ],
    ),
    naming("0.3.squeeze.weight", &["features", "classifier"]),
    naming("0.1.0.block.3.weight", FEATURES),
    naming("0.1.conv.0.0.weight", &["features", "classifier"]),
    naming("0.1.block.0.0.weight", FEATURES),
    naming("0.1.0.block.0.0.weight", FEATURES),
    naming("0.0.weight", FEATURES),
    naming("1.0.blocks.0.conv_dw.weight", &["stem", "stages", "norm_pre", "head"]),
    naming(
        "2.0.0.conv_dw.weight",
        &["conv_stem", "bn1", "blocks", "conv_head", "bn2", "global_pool", "classifier"],
    ),
    naming(
        "2.0.0.conv_dw.weight",
        &[
            "conv_stem",
            "bn1",
            "blocks",
            "global_pool",
            "conv_head",
            "norm_head",
            "act2",
            "flatten",
            "classifier",
        ],
    ),
];

const FEATURES: &[&str] = &["features", "avgpool", "classifier"];

const fn naming(key: &'static str, parts: &'static [&'static str]) -> Naming {
    Naming { key, parts }
}

/// All of them; those with names come first.
pub fn namings() -> Vec<Naming> {
    let named = FAMILIES.iter().map(|family| naming(family.key, &[]));
    named.chain(NUMBERED.iter().copied()).collect()
}
