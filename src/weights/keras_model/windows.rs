//! Windows over maps, and the pooling that they do.

use super::assembly::Assembly;
use super::values::{Site, Stop, Value, Wanted};
use crate::model::{AvgPool, Op, Reduction, Window};
use crate::weights::file::ReadError;

/// The largest window, step and gap.
const MOST_SIDE: usize = 4096;

/// What all windows have in common.
pub(super) fn window(
    assembly: &Assembly<'_, '_, '_>,
    site: &Site<'_, '_>,
    input: &Value,
    kernel: [usize; 2],
    stride: [usize; 2],
) -> Result<Window, Stop> {
    let fields = site.layer.fields();
    check_layout(assembly, site, input)?;
    let dilation = fields.pair("dilation_rate")?.unwrap_or([1, 1]);
    let all = [kernel, stride, dilation];
    if let Some(wrong) = all.as_flattened().iter().find(|side| !(1..=MOST_SIDE).contains(*side)) {
        return Err(Stop::Wrong(ReadError(format!(
            "`{}` has a window or a step of {wrong} in its configuration, which makes no sense; save the \
             model anew",
            site.name
        ))));
    }
    let shape = assembly.builder.shape(input.node);
    match fields.text("padding")?.unwrap_or("valid") {
        "same" => Ok(Window::same(kernel, stride, dilation, [shape.height, shape.width])),
        "valid" => Ok(Window { dilation, ..Window::new(kernel, stride, [0, 0]) }),
        _ => Err(Stop::Wrong(fields.wrong("padding"))),
    }
}

/// Refuses values that are no maps, and maps that lie otherwise than the model's.
pub(super) fn check_layout(
    assembly: &Assembly<'_, '_, '_>,
    site: &Site<'_, '_>,
    input: &Value,
) -> Result<(), Stop> {
    if input.sides.len() != 3 {
        return Err(Stop::Unknown(format!("reads {:?}, which are no maps", input.sides)));
    }
    let is_first = match site.layer.fields().text("data_format")? {
        Some("channels_first") => true,
        Some("channels_last") => false,
        _ => assembly.channels_first,
    };
    match is_first == assembly.channels_first {
        true => Ok(()),
        false => Err(Stop::Unknown("has its channels elsewhere than the rest of the model".into())),
    }
}

impl Assembly<'_, '_, '_> {
    /// `MaxPooling2D` and `AveragePooling2D`.
    pub fn pool(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let size = fields.pair("pool_size")?.unwrap_or([2, 2]);
        let window = window(self, site, input, size, fields.pair("strides")?.unwrap_or(size))?;
        let op = match site.layer.class.starts_with("Max") {
            true => Op::MaxPool(window),
            false => Op::AvgPool(window, AvgPool::Exclude),
        };
        self.push(site, "", &[input], Wanted::new(op))
    }

    /// `GlobalMaxPooling2D` and `GlobalAveragePooling2D`.
    pub fn global_pool(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        check_layout(self, site, input)?;
        let reduction = match site.layer.class.contains("Max") {
            true => Reduction::Max,
            false => Reduction::Mean,
        };
        let channels = self.builder.shape(input.node).channels;
        let sides = match (fields.flag("keepdims")?.unwrap_or(false), self.channels_first) {
            (false, _) => vec![channels],
            (true, true) => vec![channels, 1, 1],
            (true, false) => vec![1, 1, channels],
        };
        self.push(site, "", &[input], Wanted { sides: Some(sides), ..Wanted::new(Op::GlobalPool(reduction)) })
    }
}
