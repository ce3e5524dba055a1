//! Many numbers as one short text in a JSON document, to the last bit: compressed, in base64. Used by serde (`with`). Pure.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytemuck::Pod;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// Most bytes that a text may become.
const MOST: u64 = 1 << 32;

/// Writes numbers as they lie in memory (little-endian).
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Pod, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytemuck::cast_slice(values)).map_err(S::Error::custom)?;
    serializer.serialize_str(&STANDARD.encode(encoder.finish().map_err(S::Error::custom)?))
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// Where it is something else.
pub fn deserialize<'de, T: Pod, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
    let mut values = vec![];
    ZlibDecoder::new(&*bytes).take(MOST).read_to_end(&mut values).map_err(D::Error::custom)?;
    if !values.len().is_multiple_of(size_of::<T>().max(1)) {
        return Err(D::Error::custom("not whole numbers"));
    }
    Ok(bytemuck::pod_collect_to_vec(&values))
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct One(#[serde(with = "super")] Vec<f32>);

    #[test]
    fn numbers_come_back_to_the_last_bit() {
        let values = vec![1.5, -0.0, f32::NAN, f32::INFINITY, 1e-45];
        let text = serde_json::to_string(&One(values.clone())).unwrap();
        let One(back) = serde_json::from_str(&text).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&values));
        for text in ["\"\"", "\"?\"", "\"AAAA\"", "3"] {
            assert!(serde_json::from_str::<One>(text).is_err(), "{text}");
        }
    }
}
