//! Pictures and numbers as the bytes of files.

use image::RgbImage;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Why something has no file.
#[derive(Debug, thiserror::Error)]
#[error("the file could not be made: {0}")]
pub struct EncodeError(String);

impl EncodeError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A PNG file.
///
/// # Errors
/// [`EncodeError`] for a picture without pixels.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).map_err(EncodeError::new)?;
    Ok(bytes.into_inner())
}

/// Quality of JPEG files, of 100.
const QUALITY: u8 = 88;

/// A JPEG file: for photographs, many of them in one document.
///
/// # Errors
/// [`EncodeError`] for a picture without pixels.
pub fn jpeg(picture: &RgbImage) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![];
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    picture.write_with_encoder(encoder).map_err(EncodeError::new)?;
    Ok(bytes)
}

/// A safetensors file of f32 tensors: name, shape, row-major values of each.
///
/// # Errors
/// [`EncodeError`] where a shape does not multiply to the number of values.
pub fn tensors(named: Vec<(String, Vec<usize>, Vec<f32>)>) -> Result<Vec<u8>, EncodeError> {
    let views = named.iter().map(|(name, shape, values)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
        Ok((name.as_str(), view.map_err(EncodeError::new)?))
    });
    let views: Vec<_> = views.collect::<Result<_, _>>()?;
    safetensors::serialize(views, None).map_err(EncodeError::new)
}

/// NumPy's array file, format version 1.0 (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>) of little-endian f32 values in row-major order. `shape` multiplies to their number.
pub fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
    // Magic, version and length take 10 bytes; the values begin at a multiple of 64, after a line's end.
    let padding = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_begin_at_a_multiple_of_64() {
        for shape in [vec![2, 3], vec![6], vec![1; 40]] {
            let count = shape.iter().product();
            let bytes = npy(&shape, &vec![1.5; count]);
            let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            assert_eq!((10 + header) % 64, 0);
            assert_eq!(bytes[10 + header - 1], b'\n');
            assert_eq!(bytes.len(), 10 + header + 4 * count);
            assert_eq!(bytes[10 + header..][..4], 1.5_f32.to_le_bytes());
        }
        let text = String::from_utf8_lossy(&npy(&[2, 3], &[0.0; 6])).into_owned();
        assert!(text.contains("'shape': (2, 3, )"), "{text}");
    }
}
