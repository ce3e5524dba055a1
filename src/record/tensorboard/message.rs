//! The messages of an event file, as far as needed, and their framing. Field numbers are the format: they are those of
//! tensorflow's event.proto, summary.proto and histogram.proto.

use std::io::Cursor;

use prost::Message;

/// Buckets of a histogram, TensorBoard's own number.
const BUCKETS: usize = 30;

/// A TFRecord: length as u64, its checksum, the message, its checksum, all little-endian
/// (tensorflow/core/lib/io/record_writer.h).
pub(super) fn record(event: &Event) -> Vec<u8> {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length), &data, &masked_crc(&data)].concat()
}

/// CRC32C, turned and shifted so that checksums of data that holds checksums stay good (tensorflow's hash/crc32c.h).
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// `Event` of event.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    pub(super) what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

/// `Summary` of summary.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Value>,
}

/// `Summary.Value` of summary.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(oneof = "Content", tags = "2, 4, 5")]
    pub(super) content: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Content {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    #[prost(message, tag = "4")]
    Image(Image),
    #[prost(message, tag = "5")]
    Histo(Histogram),
}

impl Content {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::SimpleValue(_) => "scalar",
            Self::Image(_) => "picture",
            Self::Histo(_) => "histogram",
        }
    }
}

/// `Summary.Image` of summary.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Image {
    #[prost(int32, tag = "1")]
    pub(super) height: i32,
    #[prost(int32, tag = "2")]
    pub(super) width: i32,
    /// 3 is RGB.
    #[prost(int32, tag = "3")]
    pub(super) colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) encoded: Vec<u8>,
}

impl Image {
    pub(super) fn of(picture: &image::RgbImage) -> Result<Self, String> {
        let mut encoded = Cursor::new(Vec::new());
        picture.write_to(&mut encoded, image::ImageFormat::Png).map_err(|error| error.to_string())?;
        let length = |pixels: u32| i32::try_from(pixels).map_err(|error| error.to_string());
        Ok(Self {
            height: length(picture.height())?,
            width: length(picture.width())?,
            colorspace: 3,
            encoded: encoded.into_inner(),
        })
    }
}

/// `HistogramProto` of histogram.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(double, tag = "1")]
    pub(super) min: f64,
    #[prost(double, tag = "2")]
    pub(super) max: f64,
    #[prost(double, tag = "3")]
    pub(super) num: f64,
    #[prost(double, tag = "4")]
    pub(super) sum: f64,
    #[prost(double, tag = "5")]
    pub(super) sum_squares: f64,
    /// Right edges; the left edge of the first bucket is `min`.
    #[prost(double, repeated, packed = "true", tag = "6")]
    pub(super) bucket_limit: Vec<f64>,
    /// Counts. A value on an edge counts to the right of it; one on the last edge to the last bucket.
    #[prost(double, repeated, packed = "true", tag = "7")]
    pub(super) bucket: Vec<f64>,
}

impl Histogram {
    /// Of finite values. All zero and without buckets where there are none; where all are equal, the last bucket
    /// has them all.
    pub(super) fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let width = (max - min) / BUCKETS as f64;
        let mut bucket = vec![0.0; BUCKETS];
        for value in values {
            let index = if width > 0.0 { ((value - min) / width) as usize } else { BUCKETS - 1 };
            bucket[index.min(BUCKETS - 1)] += 1.0;
        }
        let mut bucket_limit: Vec<f64> = (1..BUCKETS).map(|edge| edge as f64 * width + min).collect();
        bucket_limit.push(max);
        Self {
            min,
            max,
            num: values.len() as f64,
            sum: values.iter().sum(),
            sum_squares: values.iter().map(|value| value * value).sum(),
            bucket_limit,
            bucket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records are those of TensorBoard's own writer (its RecordWriter and protocol buffers, version 2.21).
    #[test]
    fn records_equal_those_of_tensorboard() {
        let summary = |tag: &str, content| {
            Some(What::Summary(Summary { values: vec![Value { tag: tag.into(), content: Some(content) }] }))
        };
        let histogram = Histogram {
            min: -1.0,
            max: 2.0,
            num: 3.0,
            sum: 1.5,
            sum_squares: 5.25,
            bucket_limit: vec![0.0, 2.0],
            bucket: vec![1.0, 2.0],
        };
        let image = Image { height: 1, width: 2, colorspace: 3, encoded: b"\x89PNG".to_vec() };
        let cases = [
            (
                Event { wall_time: 1.5, step: 0, what: Some(What::FileVersion("brain.Event:2".into())) },
                "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c",
            ),
            (
                Event {
                    wall_time: 1_700_000_000.25,
                    step: 300,
                    what: summary("a/b", Content::SimpleValue(0.0)),
                },
                "1a00000000000000129bd82d0900001040fc54d94110ac022a0c0a0a0a03612f621500000000e8c2027c",
            ),
            (
                Event { wall_time: 2.0, step: -1, what: summary("h", Content::Histo(histogram)) },
                "6e00000000000000c4bf336409000000000000004010ffffffffffffffffff012a580a560a01682a5109000000000000\
                 f0bf11000000000000004019000000000000084021000000000000f83f29000000000000154032100000000000000000\
                 00000000000000403a10000000000000f03f00000000000000408d4a3296",
            ),
            (
                Event { wall_time: 2.0, step: 7, what: summary("i", Content::Image(image)) },
                "200000000000000029eda95009000000000000004010072a130a110a0169220c080110021803220489504e47852bc767",
            ),
        ];
        for (event, expected) in cases {
            let ours: String = record(&event).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(ours, expected, "{event:?}");
        }
    }

    #[test]
    fn values_fall_into_the_right_buckets() {
        // Width 1: 0 twice, both sides of an edge, the edge itself, the greatest.
        let histogram = Histogram::of(&[0.0, 0.0, 6.75, 7.0, 7.25, 30.0]);
        let mut bucket = [0.0; BUCKETS];
        (bucket[0], bucket[6], bucket[7], bucket[29]) = (2.0, 1.0, 2.0, 1.0);
        assert_eq!(histogram.bucket, bucket);
        let limits: Vec<f64> = (1..=30).map(f64::from).collect();
        assert_eq!(histogram.bucket_limit, limits);
        assert_eq!((histogram.min, histogram.max, histogram.num), (0.0, 30.0, 6.0));
        assert_eq!((histogram.sum, histogram.sum_squares), (51.0, 1047.125));

        let equal = Histogram::of(&[-2.5; 4]);
        let last = (equal.bucket.iter().sum::<f64>(), equal.bucket[29]);
        assert_eq!((equal.bucket_limit, last), (vec![-2.5; 30], (4.0, 4.0)));
        assert_eq!(Histogram::of(&[]), Histogram::default());
        // The widest range of f32, and the narrowest.
        for values in [[f32::MIN, f32::MAX], [0.0, f32::from_bits(1)]] {
            let extreme = Histogram::of(&values.map(f64::from));
            assert_eq!((extreme.bucket[0], extreme.bucket[29]), (1.0, 1.0));
            assert!(extreme.bucket_limit.is_sorted_by(|a, b| a < b));
        }
    }
}
