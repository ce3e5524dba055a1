//! Number types of storages and arrays, and their conversion to f32.

use half::{bf16, f16};

use super::super::file::Stored;

/// What a storage or an array holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Numbers that are read.
    Float(Stored),
    /// Integers and truth values of so many bytes: counters, never parameters.
    Integer(usize),
    /// Anything else (complex, float8, text): so many bytes, 0 where unknown.
    Other(usize),
}

impl Element {
    /// Bytes of one number; 0 where unknown.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Float(Stored::F16 | Stored::BF16) => 2,
            Self::Float(Stored::F32) => 4,
            Self::Float(Stored::F64) => 8,
            Self::Integer(bytes) | Self::Other(bytes) => bytes,
        }
    }

    /// By the first part of a class name, `Float` of `torch.FloatStorage` and `torch.FloatTensor`.
    pub(super) fn of_class(prefix: &str) -> Option<Self> {
        Some(match prefix {
            "Float" => Self::Float(Stored::F32),
            "Double" => Self::Float(Stored::F64),
            "Half" => Self::Float(Stored::F16),
            "BFloat16" => Self::Float(Stored::BF16),
            "Long" => Self::Integer(8),
            "Int" => Self::Integer(4),
            "Short" => Self::Integer(2),
            "Char" | "Byte" | "Bool" | "Untyped" => Self::Integer(1),
            "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => Self::Other(1),
            "QInt32" => Self::Other(4),
            "ComplexFloat" => Self::Other(8),
            "ComplexDouble" => Self::Other(16),
            _ => return None,
        })
    }

    /// By the name of a `torch.dtype`.
    pub(super) fn of_torch(name: &str) -> Option<Self> {
        Some(match name {
            "float32" => Self::Float(Stored::F32),
            "float64" => Self::Float(Stored::F64),
            "float16" => Self::Float(Stored::F16),
            "bfloat16" => Self::Float(Stored::BF16),
            "int64" | "uint64" => Self::Integer(8),
            "int32" | "uint32" => Self::Integer(4),
            "int16" | "uint16" => Self::Integer(2),
            "int8" | "uint8" | "bool" => Self::Integer(1),
            "float8_e4m3fn" | "float8_e5m2" | "float8_e4m3fnuz" | "float8_e5m2fnuz" => Self::Other(1),
            "complex32" => Self::Other(4),
            "complex64" => Self::Other(8),
            "complex128" => Self::Other(16),
            _ => return None,
        })
    }

    /// By numpy's code. PaddlePaddle has no 16-bit unsigned tensors: it hands bf16 to numpy as `u2`.
    pub(super) fn of_numpy(code: &str) -> Self {
        match code {
            "f4" => Self::Float(Stored::F32),
            "f8" => Self::Float(Stored::F64),
            "f2" => Self::Float(Stored::F16),
            "u2" => Self::Float(Stored::BF16),
            "i8" | "u8" => Self::Integer(8),
            "i4" | "u4" => Self::Integer(4),
            "i2" => Self::Integer(2),
            "i1" | "u1" | "b1" => Self::Integer(1),
            _ => Self::Other(0),
        }
    }
}

/// Where the numbers of a tensor lie in its storage, in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Strided {
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    /// One for each axis, never negative.
    pub(super) strides: Vec<usize>,
}

impl Strided {
    /// Dense from the beginning: the last axis fastest or, as in Fortran, the first. `None` on overflow.
    pub(super) fn dense(shape: Vec<usize>, fortran: bool) -> Option<Self> {
        let mut strides = vec![0; shape.len()];
        let mut step = 1usize;
        for position in 0..shape.len() {
            let axis = if fortran { position } else { shape.len() - 1 - position };
            strides[axis] = step;
            step = step.checked_mul(shape[axis].max(1))?;
        }
        Some(Self { offset: 0, shape, strides })
    }

    /// With other places for the axes; `None` if `axes` does not name each of them once.
    pub(super) fn permuted(&self, axes: &[usize]) -> Option<Self> {
        let is_whole = axes.len() == self.shape.len() && (0..axes.len()).all(|axis| axes.contains(&axis));
        let pick = |of: &[usize]| axes.iter().map(|&axis| of.get(axis).copied()).collect::<Option<Vec<_>>>();
        is_whole.then_some(())?;
        Some(Self { offset: self.offset, shape: pick(&self.shape)?, strides: pick(&self.strides)? })
    }

    /// How many numbers; `None` on overflow.
    pub(super) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length))
    }

    /// The number of elements that the storage must have at least; `None` on overflow.
    fn end(&self) -> Option<usize> {
        if self.count()? == 0 {
            return Some(0);
        }
        let axes = self.shape.iter().zip(&self.strides);
        let mut last = axes.map(|(&length, &stride)| (length - 1).checked_mul(stride));
        last.try_fold(self.offset, |sum, step| sum.checked_add(step?))?.checked_add(1)
    }

    /// True where the numbers lie one behind another in row-major order.
    fn is_dense(&self) -> bool {
        let mut step = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&length, &stride)| {
            let fits = length == 1 || stride == step;
            step *= length;
            fits
        })
    }
}

/// The numbers of one tensor in row-major order, as f32.
///
/// # Errors
/// What is wrong, as the end of a sentence. Nothing is allocated before the view is known to lie in `bytes`.
pub(super) fn decode(bytes: &[u8], stored: Stored, view: &Strided) -> Result<Vec<f32>, &'static str> {
    match stored {
        Stored::F16 => gather(bytes, view, |raw| f16::from_le_bytes(raw).to_f32()),
        Stored::BF16 => gather(bytes, view, |raw| bf16::from_le_bytes(raw).to_f32()),
        Stored::F32 => gather(bytes, view, f32::from_le_bytes),
        Stored::F64 => gather(bytes, view, |raw| f64::from_le_bytes(raw) as f32),
    }
}

fn gather<const N: usize>(
    bytes: &[u8],
    view: &Strided,
    convert: impl Fn([u8; N]) -> f32,
) -> Result<Vec<f32>, &'static str> {
    const OUTSIDE: &str = "reaches beyond its storage; the file is damaged";
    let elements = bytes.as_chunks::<N>().0;
    let count = view.count().ok_or(OUTSIDE)?;
    if view.end().is_none_or(|end| end > elements.len()) {
        return Err(OUTSIDE);
    }
    // Without this a few bytes, seen through strides of 0, would become gigabytes.
    if count > elements.len() {
        return Err("repeats its storage (an expanded view), which no parameter does: refused");
    }
    if count == 0 {
        return Ok(vec![]);
    }
    if view.is_dense() {
        let dense = elements.get(view.offset..view.offset + count).ok_or(OUTSIDE)?;
        return Ok(dense.iter().map(|&raw| convert(raw)).collect());
    }
    // The stride of an axis of length 1 means nothing and can be anything.
    let axes = view.shape.iter().zip(&view.strides);
    let strides: Vec<usize> = axes.map(|(&length, &stride)| if length == 1 { 0 } else { stride }).collect();
    let mut values = Vec::with_capacity(count);
    let mut index = vec![0usize; strides.len()];
    let mut at = view.offset;
    while values.len() < count {
        values.push(convert(*elements.get(at).ok_or(OUTSIDE)?));
        for ((place, &length), &stride) in index.iter_mut().zip(&view.shape).zip(&strides).rev() {
            *place += 1;
            at += stride;
            if *place < length {
                break;
            }
            at -= stride * length;
            *place = 0;
        }
    }
    Ok(values)
}
