//! The parameters of a state dict whose architecture is built in.

use std::collections::HashSet;

use super::canonical::Parameter;
use crate::model::architectures::Architecture;
use crate::model::{Graph, Op};

/// The tensors under the names of the graph's layers, without those that belong to training alone.
pub(super) fn parameters(
    parameters: Vec<Parameter>,
    architecture: &Architecture,
    graph: &Graph,
) -> Vec<Parameter> {
    let scales: HashSet<&str> =
        graph.nodes.iter().filter(|node| node.op == Op::Affine).map(|node| node.name.as_str()).collect();
    parameters
        .into_iter()
        .filter_map(|Parameter { name, mut tensor }| {
            let mut name = architecture.own_name(&name)?;
            if scales.contains(name.as_str()) {
                // `layer_scale` is the tensor itself, with sides of 1 behind the channels.
                name.push_str(".weight");
                tensor.shape = vec![tensor.values.len()];
            }
            Some(Parameter { name, tensor })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::architectures::INPUT_SIZE;
    use crate::model::architectures::tests::{KNOWN, state_dict, told};
    use crate::weights::assign;
    use crate::weights::complete::complete;
    use crate::weights::file::{NamedTensor, Stored};
    use crate::weights::parameters::LayerWeights;

    fn fit(
        tensors: Vec<NamedTensor>,
        architecture: &Architecture,
        graph: &Graph,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Option<LayerWeights>>, Vec<String>> {
        let own = tensors.into_iter().map(|tensor| Parameter { name: tensor.name.clone(), tensor }).collect();
        let (mut graph, mut own) = (graph.clone(), parameters(own, architecture, graph));
        complete(&mut own, &mut graph, notes);
        assign::fit(own, &graph, notes)
    }

    /// A network with an eighth of the channels: the same names.
    fn narrow(file: &str) -> Vec<(String, Vec<usize>)> {
        let eighth = |side: usize| if side < 12 { side } else { side / 8 };
        state_dict(file)
            .into_iter()
            .map(|(name, shape)| (name, shape.into_iter().map(eighth).collect()))
            .collect()
    }

    fn tensors(names_and_shapes: &[(String, Vec<usize>)]) -> Vec<NamedTensor> {
        let tensor = |(name, shape): &(String, Vec<usize>)| {
            let values = (0..shape.iter().product()).map(|value| value as f32).collect();
            NamedTensor { name: name.clone(), shape: shape.clone(), values, stored: Stored::F32 }
        };
        names_and_shapes.iter().map(tensor).collect()
    }

    #[test]
    fn every_tensor_finds_its_layer() {
        for (file, ..) in KNOWN {
            let names = narrow(file);
            let architecture = told(&names).unwrap_or_else(|| panic!("{file} is not told"));
            let graph = architecture.graph(INPUT_SIZE).unwrap();
            let mut notes = vec![];
            let layers = fit(tensors(&names), &architecture, &graph, &mut notes);
            let layers = layers.unwrap_or_else(|problems| panic!("{file}: {problems:?}"));
            assert!(notes.is_empty());
            for (node, weights) in graph.nodes.iter().zip(layers) {
                let has_some = matches!(
                    node.op,
                    Op::Conv(..) | Op::BatchNorm(_) | Op::Normalize(..) | Op::Affine | Op::Dense
                );
                assert_eq!(weights.is_some(), has_some, "{file}: {}", node.name);
                if node.op == Op::Affine {
                    let Some(LayerWeights::Affine { scale, shift }) = weights else {
                        panic!("{}", node.name)
                    };
                    assert_eq!(scale[..3], [0.0, 1.0, 2.0]);
                    assert_eq!((scale.len(), shift), (node.shape.channels, vec![0.0; node.shape.channels]));
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut names = narrow("torchvision-resnet18");
        let architecture = told(&names).unwrap();
        let graph = architecture.graph(INPUT_SIZE).unwrap();
        names.retain(|(name, _)| name != "bn1.running_mean" && name != "fc.bias");
        names.push(("module.extra.weight".into(), vec![2]));
        names[1].1 = vec![3];
        let problems = fit(tensors(&names), &architecture, &graph, &mut vec![]).unwrap_err();
        let expected = [
            "`bn1.weight` has shape [3], not [8]",
            "`bn1.running_mean` is missing",
            "`module.extra.weight` is not a tensor of this network",
        ];
        assert_eq!(problems, expected);
    }
}
