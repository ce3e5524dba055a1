//! What layers are called.

use super::*;

#[test]
fn names_are_those_of_the_modules() {
    let named = |names: &[(&str, &str)]| {
        let nodes = names.iter().enumerate().map(|(index, (op, name))| {
            let input = if index == 0 { "x".to_string() } else { format!("v{}", index - 1) };
            let mut made = node(&format!("{op} {input} -> v{index}"), vec![]);
            if let Some(scopes) = name.strip_prefix("scopes ") {
                let entry =
                    StringStringEntryProto { key: "pkg.torch.onnx.name_scopes".into(), value: scopes.into() };
                made.metadata_props.push(entry);
            } else {
                made.name = (*name).into();
            }
            made
        });
        let network = layers(&[1, 3, 8, 8], vec![], nodes.collect());
        network.graph.nodes.iter().skip(1).map(|node| node.name.clone()).collect::<Vec<_>>()
    };
    let old = [
        ("Relu", "/layer1/layer1.0/relu/Relu"),
        ("Exp", "/layer1/layer1.0/Exp"),
        ("Relu", "/layer1/layer1.0/relu_1/Relu"),
    ];
    assert_eq!(named(&old), ["layer1.0.relu", "layer1.0.Exp", "layer1.0.relu_1"]);
    let new = [
        ("Relu", "scopes ['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']"),
        ("Exp", "scopes ['', 'layer1', 'layer1.0', 'exp_7']"),
        ("Relu", "scopes ['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_2']"),
    ];
    assert_eq!(named(&new), ["layer1.0.relu", "layer1.0.exp", "layer1.0.relu_1"]);
    let keras =
        [("Relu", "net_1/conv_1/Relu"), ("Exp", "net_1/conv_1/Exp"), ("Tanh", "net_1/last_1/deep/Tanh")];
    assert_eq!(named(&keras), ["conv/Relu", "conv/Exp", "last"]);
    assert_eq!(named(&[("Relu", ""), ("Exp", "own"), ("Exp", "own")]), ["v0", "own", "own_1"]);
}
