//! Constants: a file's tensors as numbers.

use half::{bf16, f16};

use super::super::file::{ReadError, Stored};
use super::external::Beside;
use super::message::TensorProto;

/// Numbers of any shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) sizes: Vec<usize>,
    pub(super) data: Data,
}

/// Numbers of any type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Float(Vec<f32>),
    /// Also truth values, as 0 and 1.
    Int(Vec<i64>),
}

impl Tensor {
    pub(super) fn ints(values: Vec<i64>) -> Self {
        Self { sizes: vec![values.len()], data: Data::Int(values) }
    }

    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Float(values) => values.len(),
            Data::Int(values) => values.len(),
        }
    }

    pub(super) fn float(&self, index: usize) -> f32 {
        match &self.data {
            Data::Float(values) => values.get(index).copied().unwrap_or_default(),
            Data::Int(values) => values.get(index).copied().unwrap_or_default() as f32,
        }
    }

    pub(super) fn floats(&self) -> Vec<f32> {
        (0..self.len()).map(|index| self.float(index)).collect()
    }

    /// The values if they are whole numbers.
    pub(super) fn integers(&self) -> Option<Vec<i64>> {
        match &self.data {
            Data::Int(values) => Some(values.clone()),
            Data::Float(values) => {
                values.iter().map(|&value| (value.fract() == 0.0).then_some(value as i64)).collect()
            }
        }
    }

    /// The only value.
    pub(super) fn scalar(&self) -> Option<f32> {
        (self.len() == 1).then(|| self.float(0))
    }
}

/// `TensorProto.DataType`, in words.
pub(super) fn type_name(kind: i32) -> &'static str {
    match kind {
        1 => "f32",
        2 => "uint8",
        3 => "int8",
        4 => "uint16",
        5 => "int16",
        6 => "int32",
        7 => "int64",
        8 => "text",
        9 => "bool",
        10 => "f16",
        11 => "f64",
        12 => "uint32",
        13 => "uint64",
        14 | 15 => "complex numbers",
        16 => "bf16",
        17..=20 => "f8",
        _ => "numbers of an unknown type",
    }
}

/// Reads tensors, and keeps count of what they take.
pub(super) struct TensorReader<'a> {
    pub(super) beside: Beside<'a>,
    /// Bytes as f32 that may still be used.
    pub(super) left: usize,
    /// Number types of the floats, each once.
    pub(super) stored: Vec<Stored>,
}

impl TensorReader<'_> {
    /// Takes from what may be used.
    pub(super) fn spend(&mut self, values: usize) -> Result<(), ReadError> {
        self.left = values
            .checked_mul(4)
            .and_then(|bytes| self.left.checked_sub(bytes))
            .ok_or_else(|| ReadError("its tensors take more memory than convscope gives one file".into()))?;
        Ok(())
    }

    pub(super) fn read(&mut self, proto: &TensorProto) -> Result<Tensor, ReadError> {
        let name = &proto.name;
        let sizes: Option<Vec<usize>> = proto.dims.iter().map(|&size| usize::try_from(size).ok()).collect();
        let count = sizes.as_ref().and_then(|sizes| {
            sizes
                .iter()
                .try_fold(1usize, |count, &size| count.checked_mul(size))
                .filter(|count| *count < 1 << 40)
        });
        // Of no values, an axis could still be of any length.
        let count = count.filter(|&count| count > 0 || proto.dims.iter().all(|&size| size <= 1 << 16));
        let (Some(sizes), Some(count)) = (sizes, count) else {
            return Err(ReadError(format!("the tensor `{name}` is said to have the shape {:?}", proto.dims)));
        };
        self.spend(count)?;
        let data = match proto.data_location {
            1 => {
                let bytes = self.beside.read(name, &proto.external_data, count, width(proto.data_type))?;
                raw(proto.data_type, &bytes)
            }
            _ if !proto.raw_data.is_empty() => raw(proto.data_type, &proto.raw_data),
            _ => typed(proto),
        };
        let data = data.ok_or_else(|| {
            ReadError(format!(
                "the tensor `{name}` holds {}, which convscope does not read",
                type_name(proto.data_type)
            ))
        })?;
        let tensor = Tensor { sizes, data };
        if tensor.len() != count {
            return Err(ReadError(format!(
                "the tensor `{name}` has {} values where its shape {:?} asks for {count}: the file is damaged or was cut \
                 short",
                tensor.len(),
                tensor.sizes
            )));
        }
        let stored = match proto.data_type {
            1 => Some(Stored::F32),
            10 => Some(Stored::F16),
            11 => Some(Stored::F64),
            16 => Some(Stored::BF16),
            _ => None,
        };
        if let Some(stored) = stored.filter(|stored| count > 0 && !self.stored.contains(stored)) {
            self.stored.push(stored);
        }
        Ok(tensor)
    }
}

/// Bytes of one value; 0 where that is no type for numbers.
fn width(kind: i32) -> usize {
    match kind {
        2 | 3 | 9 => 1,
        4 | 5 | 10 | 16 => 2,
        1 | 6 | 12 => 4,
        7 | 11 | 13 => 8,
        _ => 0,
    }
}

/// Little-endian values.
fn raw(kind: i32, bytes: &[u8]) -> Option<Data> {
    fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> i64) -> Data {
        Data::Int(bytes.as_chunks().0.iter().map(|bytes| value(*bytes)).collect())
    }
    Some(match kind {
        1 => Data::Float(Stored::F32.decode(bytes)),
        10 => Data::Float(Stored::F16.decode(bytes)),
        16 => Data::Float(Stored::BF16.decode(bytes)),
        11 => Data::Float(Stored::F64.decode(bytes)),
        2 | 9 => each(bytes, |[byte]| i64::from(byte)),
        3 => each(bytes, |b: [u8; 1]| i64::from(i8::from_le_bytes(b))),
        4 => each(bytes, |b| i64::from(u16::from_le_bytes(b))),
        5 => each(bytes, |b| i64::from(i16::from_le_bytes(b))),
        6 => each(bytes, |b| i64::from(i32::from_le_bytes(b))),
        12 => each(bytes, |b| i64::from(u32::from_le_bytes(b))),
        7 => each(bytes, i64::from_le_bytes),
        13 => each(bytes, |b| u64::from_le_bytes(b) as i64),
        _ => return None,
    })
}

/// Values in a field of their type.
fn typed(proto: &TensorProto) -> Option<Data> {
    let halves = |value: fn(u16) -> f32| proto.int32_data.iter().map(|&bits| value(bits as u16)).collect();
    Some(match proto.data_type {
        1 => Data::Float(proto.float_data.clone()),
        11 => Data::Float(proto.double_data.iter().map(|&value| value as f32).collect()),
        10 => Data::Float(halves(|bits| f16::from_bits(bits).to_f32())),
        16 => Data::Float(halves(|bits| bf16::from_bits(bits).to_f32())),
        2..=6 | 9 => Data::Int(proto.int32_data.iter().copied().map(i64::from).collect()),
        7 => Data::Int(proto.int64_data.clone()),
        12 | 13 => Data::Int(proto.uint64_data.iter().map(|&value| value as i64).collect()),
        _ => return None,
    })
}
