//! Reads safetensors: a header in JSON, then the values. <https://github.com/huggingface/safetensors#format>

use safetensors::{Dtype, SafeTensors};

use super::file::{Layout, Limits, NamedTensor, ReadError, Stored, TensorFile};

/// True where a file can be this format: eight bytes of length, then the header's opening brace.
pub fn recognises(head: &[u8]) -> bool {
    head.get(8) == Some(&b'{')
}

/// Reads all tensors of floats; counters of whole numbers are left out, and others with a note.
///
/// # Errors
/// [`ReadError`]: damaged, larger than the limits, or of a kind of number that is not read.
pub fn read(bytes: &[u8], limits: Limits) -> Result<TensorFile, ReadError> {
    let damaged = |error| ReadError(format!("it is damaged, or no safetensors file after all ({error})"));
    let (_, head) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let metadata = head.metadata().clone().unwrap_or_default().into_iter().collect();
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    if file.len() > limits.tensors {
        return Err(ReadError(format!("it has {} tensors, more than any network known here", file.len())));
    }
    let mut tensors = Vec::with_capacity(file.len());
    let (mut values_total, mut others) = (0, vec![]);
    for (name, view) in file.iter() {
        let stored = match view.dtype() {
            Dtype::F32 => Stored::F32,
            Dtype::F16 => Stored::F16,
            Dtype::BF16 => Stored::BF16,
            Dtype::F64 => Stored::F64,
            Dtype::I64 | Dtype::I32 | Dtype::I16 | Dtype::I8 => continue,
            Dtype::U64 | Dtype::U32 | Dtype::U16 | Dtype::U8 | Dtype::BOOL => continue,
            other => {
                others.push(format!("`{name}` ({other:?})"));
                continue;
            }
        };
        let values = stored.decode(view.data());
        values_total += values.len() * 4;
        if values_total > limits.bytes {
            return Err(ReadError(format!("its values take more than {} GiB", limits.bytes >> 30)));
        }
        tensors.push(NamedTensor { name: name.into(), shape: view.shape().to_vec(), values, stored });
    }
    let notes = match &others[..] {
        [] => vec![],
        [one] => vec![format!("ignored a tensor of numbers that are not read: {one}")],
        [first, ..] => {
            vec![format!("ignored {} tensors of numbers that are not read, such as {first}", others.len())]
        }
    };
    Ok(TensorFile { layout: Layout::Safetensors, tensors, notes, metadata, layers: vec![] })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use half::{bf16, f16};

    use super::*;
    use safetensors::tensor::TensorView;

    #[test]
    fn half_precision_becomes_its_rounded_values() {
        let exact = [0.1_f32, -2.5, 65504.0, 1e-7];
        let halves: Vec<u8> = exact.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        let brains: Vec<u8> = exact.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
        let wide: Vec<u8> = exact.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
        let counter = 7_i64.to_le_bytes();
        let view = |dtype, data| TensorView::new(dtype, vec![2, 2], data).unwrap();
        let all = [
            ("a", view(Dtype::F16, &halves[..])),
            ("b", view(Dtype::BF16, &brains[..])),
            ("c", view(Dtype::F64, &wide[..])),
            ("n.num_batches_tracked", TensorView::new(Dtype::I64, vec![], &counter).unwrap()),
        ];
        let said = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes = safetensors::serialize(all, Some(said)).unwrap();
        assert!(recognises(&bytes));
        let TensorFile { tensors, metadata, .. } = read(&bytes, Limits::default()).unwrap();
        assert_eq!(metadata.get("format").map(String::as_str), Some("pt"));
        let of = |name: &str| tensors.iter().find(|tensor| tensor.name == name).unwrap();
        assert_eq!(tensors.len(), 3);
        assert_eq!(of("a").values, exact.map(|v| f16::from_f32(v).to_f32()));
        assert_eq!(of("b").values, exact.map(|v| bf16::from_f32(v).to_f32()));
        assert_eq!((of("c").values.as_slice(), of("c").stored), (&exact[..], Stored::F64));
        let small = Limits { bytes: 40, ..Limits::default() };
        assert!(read(&bytes, small).is_err());
    }

    #[test]
    fn damaged_files_are_errors() {
        let view = TensorView::new(Dtype::F32, vec![3], &[0; 12]).unwrap();
        let bytes = safetensors::serialize([("a", view)], None).unwrap();
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end], Limits::default()).is_err(), "{end}");
        }
        // A header of 8 exabytes.
        let mut huge = bytes.clone();
        huge[..8].copy_from_slice(&(1_u64 << 63).to_le_bytes());
        assert!(read(&huge, Limits::default()).is_err());
    }
}
