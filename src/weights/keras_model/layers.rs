//! Which layer is which operation.

use super::assembly::Assembly;
use super::config::{number, short};
use super::values::{Site, Stop, Value};
use crate::model::{Activation, Arithmetic};

/// Layers that do nothing when a network is used: noise, dropout, augmentation, penalties.
fn has_no_effect(class: &str) -> bool {
    class.starts_with("Random")
        || class.contains("Dropout")
        || matches!(
            class,
            "StochasticDepth"
                | "GaussianNoise"
                | "ActivityRegularization"
                | "Identity"
                | "AugMix"
                | "CutMix"
                | "MixUp"
                | "RandAugment"
        )
}

const LAMBDA: &str = "is a Lambda, Python code that is not read";

impl Assembly<'_, '_, '_> {
    /// Adds what one call of a layer does.
    pub fn layer(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let layer = site.layer;
        let fields = layer.fields();
        if layer.is_operation {
            return self.operation(site, layer.class);
        }
        let is_quantised = fields.get("quantization_config").is_some()
            || fields
                .get("dtype")
                .and_then(|dtype| dtype.get("class_name")?.as_str())
                .is_some_and(|policy| policy.contains("Quantized"));
        if is_quantised {
            return Err(Stop::Unknown("is quantised".into()));
        }
        match layer.class {
            "Conv2D" => self.conv(site),
            "DepthwiseConv2D" => self.depthwise(site),
            "SeparableConv2D" => self.separable(site),
            "Conv2DTranspose" => self.conv_transpose(site),
            "Dense" => self.dense(site),
            "BatchNormalization" | "SyncBatchNormalization" => self.batch_norm(site),
            "LayerNormalization" => self.layer_norm(site),
            "GroupNormalization" => self.group_norm(site),
            "UnitNormalization" => self.unit_norm(site),
            "Normalization" => self.normalization(site),
            "Rescaling" => self.rescaling(site),
            "PReLU" => self.prelu(site),
            "Softmax" if fields.integers("axis")?.is_some_and(|axes| axes == [1, 2] || axes == [2, 1]) => {
                self.softmax_of_places(site, site.one()?)
            }
            "MaxPooling2D" | "MaxPool2D" | "AveragePooling2D" | "AvgPool2D" => self.pool(site),
            "GlobalAveragePooling2D" | "GlobalAvgPool2D" | "GlobalMaxPooling2D" | "GlobalMaxPool2D" => {
                self.global_pool(site)
            }
            "AdaptiveAveragePooling2D" | "AdaptiveMaxPooling2D" => self.adaptive_pool(site),
            "Flatten" => self.flatten(site),
            "Reshape" => self.reshape_layer(site),
            "Permute" => self.permute_layer(site),
            "ZeroPadding2D" => self.zero_padding(site),
            "Cropping2D" => self.cropping(site),
            "UpSampling2D" => self.up_sampling(site),
            "Resizing" => self.resizing(site),
            "CenterCrop" => self.center_crop(site),
            "Concatenate" => self.concatenate(site, fields.number("axis")?.unwrap_or(-1.0) as i64),
            "Add" => self.merge(site, Arithmetic::Add),
            "Subtract" => self.merge(site, Arithmetic::Sub),
            "Multiply" => self.merge(site, Arithmetic::Mul),
            "Average" => self.merge(site, Arithmetic::Mean),
            "Maximum" => self.merge(site, Arithmetic::Max),
            "Minimum" => self.merge(site, Arithmetic::Min),
            // Of ConvNeXt and InceptionResNetV2 in `keras.applications`; of the latter a Lambda in Keras 2.
            "LayerScale" => self.layer_scale(site),
            "CustomScaleLayer" => self.residual(site, fields.number("scale")?.unwrap_or(1.0)),
            "Lambda" if layer.name.starts_with("block") && site.inputs.len() == 2 => {
                match fields.get("arguments").and_then(|arguments| number(arguments.get("scale")?)) {
                    Some(scale) => self.residual(site, scale),
                    None => Err(Stop::Unknown(LAMBDA.into())),
                }
            }
            "TFOpLambda" | "SlicingOpLambda" => {
                let function = fields.text("function")?.unwrap_or("").to_string();
                self.operation(site, &function)
            }
            "TensorFlowOpLayer" => self.tensorflow_node(site),
            class if has_no_effect(class) => self.map(site, "", site.one()?, Activation::Linear),
            "Lambda" => Err(Stop::Unknown(LAMBDA.into())),
            class => {
                let input = site.one().map_err(|_| unknown(class))?;
                match self.layer_function(class, &fields, input)? {
                    Some(function) => self.function(site, input, &function),
                    None => Err(unknown(class)),
                }
            }
        }
    }
}

fn unknown(class: &str) -> Stop {
    Stop::Unknown(format!("is a layer of a class that is not known, {}", short(&class.into())))
}
