//! Files of tensors that are no network's parameters, told by the names of the tensors.

use super::files::{FLOATS, PADDLE_SAVE};
use super::told::Kind;

/// Tensors of which one has a name with this in it.
const TENSORS: &[(&[&str], &str, &str)] = &[
    (&["_beta1_pow_acc_", "_moment1_", "_velocity_0"], "an optimizer's state", PADDLE_SAVE),
    (
        &[".quant_map", ".absmax", ".SCB", ".qzeros", ".qweight", "_packed_params"],
        "a quantised network, whose numbers are whole",
        FLOATS,
    ),
    (
        &[".lora_A.", ".lora_down.", "lora_A.weight"],
        "changes to a network (LoRA), without the network",
        "merge them into it and save that (`model.merge_and_unload()`)",
    ),
];

/// What tensors of these names are, where they are no network's.
pub fn of_tensors<'a>(names: impl Iterator<Item = &'a str>) -> Option<Kind> {
    for name in names {
        for (parts, what, then) in TENSORS {
            if parts.iter().any(|part| name.contains(part)) {
                return Some(Kind::new(what, then));
            }
        }
    }
    None
}
