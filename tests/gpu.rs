//! Shaders against their CPU twins, and Burn's memory through the bridge, on any adapter.

mod common;

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData, activation};
use common::{burn_device, draw, gpu, light, noise, read_map, read_statistics, tile_draw, upload_luminance};
use convscope::bridge;
use convscope::engine::{Engine, ModelOptions, OpenedModel, WeightsSpec};
use convscope::frame::{Frame, PixelFormat};
use convscope::gpu::{
    ChannelOrder, FeatureMapBuffer, Fit, FrameBuffer, GpuContext, PictureRenderer, Preprocessing,
    Preprocessor, Rect, Resize, StatisticsBuffer, StatisticsPass, TileDraw, TilesRenderer, new_instance,
    twin,
};
use convscope::inspect::{ChannelStatistics, LayerOutput};
use convscope::model::{InputScale, Precision, Shape};
use convscope::view::{Colormap, ERROR_COLOR, FLAT_COLOR, Normalize, Scale, colormap_table};

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

fn frame(size: (u32, u32), format: PixelFormat) -> Frame {
    let bytes: Vec<u8> = noise("frame", format.byte_len(size.0, size.1))
        .into_iter()
        .map(|value| ((value + 2.0) * 63.9) as u8)
        .collect();
    Frame::new(0, size, format, &bytes, "noise".into()).unwrap()
}

/// Statistics beside the luminance of [`light`].
fn statistics_of(gpu: &GpuContext, map: &FeatureMapBuffer) -> StatisticsBuffer {
    let luminance = upload_luminance(gpu, &light(map.shape), map.shape);
    StatisticsPass::new(gpu).run(gpu, map, &luminance, None)
}

fn expected_statistics(values: &[f32], shape: Shape) -> Vec<ChannelStatistics> {
    twin::statistics(values, shape, &light(shape), None)
}

fn close(a: f32, b: f32, scale: f32) -> bool {
    (a - b).abs() <= 1e-5 * scale.max(1.0)
}

#[test]
fn preprocessing_equals_its_twin() {
    let Some(gpu) = gpu() else { return };
    let preprocessor = Preprocessor::new(gpu);
    let square = Shape { channels: 3, height: 61, width: 61 };
    let (wide, grey) = (Shape { width: 83, ..square }, Shape { channels: 1, height: 70, ..square });
    for format in [PixelFormat::Rgb8, PixelFormat::Yuyv, PixelFormat::Nv12] {
        for size in [(98, 64), (40, 36), (40, 200)] {
            for fit in [Fit::Stretch, Fit::Crop, Fit::Center(90)] {
                for (resize, scale, shape) in [
                    (Resize::Bilinear, InputScale::MinusOneToOne, square),
                    (Resize::Bilinear, InputScale::Imagenet, wide),
                    (Resize::Antialias, InputScale::ZeroToOne, square),
                    (Resize::Nearest, InputScale::MinusOneToOne, wide),
                    (Resize::Bilinear, InputScale::Caffe, square),
                    (Resize::Antialias, InputScale::Levels, grey),
                    (Resize::Bicubic, InputScale::Imagenet, wide),
                    (Resize::Bilinear, InputScale::Imagenet, grey),
                ] {
                    let level = 1.0 / scale.divisor_and_offset().0[1];
                    let frame = frame(size, format);
                    let output = FeatureMapBuffer::upload(gpu, &vec![7.0; shape.len()], shape);
                    let buffer = FrameBuffer::upload(gpu, frame.clone()).unwrap();
                    let how = Preprocessing::new(fit, resize);
                    preprocessor.run(gpu, &buffer, how, scale, &output);
                    let ours = read_map(gpu, &output);
                    let expected = twin::preprocess(&frame, how, scale, shape);
                    // Half a level: a YUV pixel may be rounded the other way. With it, whole levels too; grey is rounded.
                    let levels = match (resize, format) {
                        (Resize::Bilinear, _) => {
                            if shape == grey {
                                1.03
                            } else {
                                0.5
                            }
                        }
                        (_, PixelFormat::Rgb8) => 1e-3,
                        _ => 1.03,
                    };
                    for (i, (a, b)) in ours.iter().zip(&expected).enumerate() {
                        assert!(
                            (a - b).abs() < levels * level,
                            "{format:?} {size:?} {fit:?} {resize:?} {scale:?} {shape} {i}: {a} {b}"
                        );
                    }
                    let mean = ours.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f32>();
                    // Of 127.5 levels.
                    let mean = mean / (ours.len() as f32) / level / 127.5;
                    assert!(mean < 1e-5, "{format:?} {resize:?} {scale:?} {shape}: {mean}");
                }
            }
        }
    }
}

#[test]
fn constant_bars_have_the_same_colours_in_every_format() {
    // 75 % bars: white, yellow, cyan, green, magenta, red, blue, black; RGB and BT.601 limited-range Y Cb Cr.
    let bars: [([u8; 3], [u8; 3]); 8] = [
        ([191, 191, 191], [180, 128, 128]),
        ([191, 191, 0], [162, 44, 142]),
        ([0, 191, 191], [131, 156, 44]),
        ([0, 191, 0], [112, 72, 58]),
        ([191, 0, 191], [84, 184, 198]),
        ([191, 0, 0], [65, 100, 212]),
        ([0, 0, 191], [35, 212, 114]),
        ([0, 0, 0], [16, 128, 128]),
    ];
    for (rgb, [y, cb, cr]) in bars {
        let yuyv = [y, cb, y, cr].repeat(8 * 16 / 2);
        let nv12 = [vec![y; 8 * 16], [cb, cr].repeat(8 * 16 / 4)].concat();
        for (format, bytes) in
            [(PixelFormat::Rgb8, rgb.repeat(8 * 16)), (PixelFormat::Yuyv, yuyv), (PixelFormat::Nv12, nv12)]
        {
            let frame = Frame::new(0, (8, 16), format, &bytes, "bar".into()).unwrap();
            let on_cpu = twin::rgb_bytes(&frame);
            let mut all = vec![("CPU", on_cpu[..3].to_vec()), ("CPU", on_cpu[on_cpu.len() - 3..].to_vec())];
            if let Some(gpu) = gpu() {
                let renderer = PictureRenderer::new(gpu, FORMAT);
                let buffer = FrameBuffer::upload(gpu, frame).unwrap();
                let place = Rect { x: 0.0, y: 0.0, width: 16.0, height: 16.0 };
                let picture =
                    draw(gpu, [16, 16], |pass| renderer.draw(gpu, pass, &buffer, [16, 16], place, false));
                all.push(("GPU", picture.get_pixel(3, 12).0.to_vec()));
            }
            for (who, seen) in all {
                let off = seen.iter().zip(rgb).map(|(a, b)| a.abs_diff(b)).max();
                assert!(off <= Some(2), "{format:?} on {who}: {seen:?} instead of {rgb:?}");
            }
        }
    }
}

#[test]
fn the_picture_is_upright_and_mirrors_on_demand() {
    let Some(gpu) = gpu() else { return };
    // Red, green / blue, white.
    let bytes = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]].concat();
    let frame = Frame::new(0, (2, 2), PixelFormat::Rgb8, &bytes, "corners".into()).unwrap();
    let buffer = FrameBuffer::upload(gpu, frame).unwrap();
    let renderer = PictureRenderer::new(gpu, FORMAT);
    for (mirror, top_left, top_right) in [(false, [255, 0, 0], [0, 255, 0]), (true, [0, 255, 0], [255, 0, 0])]
    {
        let place = Rect { x: 4.0, y: 2.0, width: 10.0, height: 10.0 };
        let picture = draw(gpu, [20, 20], |pass| renderer.draw(gpu, pass, &buffer, [20, 20], place, mirror));
        assert_eq!(picture.get_pixel(4, 2).0, top_left);
        assert_eq!(picture.get_pixel(13, 2).0, top_right);
        assert_eq!(picture.get_pixel(13, 11).0, if mirror { [0, 0, 255] } else { [255; 3] });
        assert_eq!(picture.get_pixel(3, 2).0, [0; 3]);
        assert_eq!(picture.get_pixel(14, 11).0, [0; 3]);
    }
}

/// Every kind of scale: with a gamma or boost, powers may be rounded another way.
fn scales() -> Vec<Scale> {
    let fixed = Normalize::Fixed { low: -0.5, high: 0.9 };
    let all = [Normalize::Map, Normalize::Layer, Normalize::Symmetric, fixed];
    let plain = all.map(Scale::of);
    let bent = all.map(|normalize| Scale { normalize, gamma: 0.5, boost: 0.3 });
    let boosted = Scale { boost: 1.0, ..Scale::of(Normalize::Layer) };
    [&plain[..], &bent[..], &[boosted]].concat()
}

#[test]
fn tiles_equal_their_twin_to_the_byte() {
    let Some(gpu) = gpu() else { return };
    let renderer = TilesRenderer::new(gpu, FORMAT);
    let shape = Shape { channels: 12, height: 9, width: 7 };
    let mut values = noise("tiles", shape.len());
    values[0] = f32::NAN;
    values[1] = f32::INFINITY;
    values[2] = f32::NEG_INFINITY;
    // A channel of a single value, one of zeros, one that is weak.
    values[63..126].fill(0.7);
    values[126..189].fill(0.0);
    values[189..252].iter_mut().for_each(|value| *value *= 0.05);
    // One that is constant but for rounding beside the layer's values, not beside those that were held.
    values[693..].iter_mut().enumerate().for_each(|(at, value)| *value = [0.01, 0.010_003][at % 2]);
    let map = FeatureMapBuffer::upload(gpu, &values, shape);
    let statistics = statistics_of(gpu, &map);
    let now = expected_statistics(&values, shape);
    // Ranges that were held on an earlier frame: half as wide.
    let earlier: Vec<f32> = noise("earlier", shape.len()).into_iter().map(|value| value * 0.5).collect();
    let held = expected_statistics(&earlier, shape);
    let held_buffer = StatisticsBuffer::upload(gpu, &held);
    let order = [5, 0, 1, 2, 11, 3];
    let uploaded = ChannelOrder::upload(gpu, &order);
    for colormap in Colormap::ALL {
        for (scale, is_held) in scales().into_iter().flat_map(|scale| [(scale, false), (scale, true)]) {
            let tiles = TileDraw {
                origin: [2.0, 3.0],
                tile_size: [23.0, 31.0],
                pitch: [24.0, 33.0],
                scale,
                colormap,
                hatch: 5,
                ..tile_draw([80, 80], 0, 3, 5)
            };
            let picture = draw(gpu, [80, 80], |pass| {
                let ranges = is_held.then_some(&held_buffer);
                let tiles = TileDraw { first: 1, ..tiles };
                renderer.draw(gpu, pass, &map, &statistics, ranges, &uploaded, &tiles);
            });
            let is_exact = scale.gamma == 1.0 && scale.boost == 0.0;
            let table = colormap_table(colormap);
            let ranges = if is_held { &held } else { &now };
            let mut inexact = 0;
            for place in 0..5u32 {
                let channel = order[1 + place as usize] as usize;
                let [left, top] = [2 + place % 3 * 24, 3 + place / 3 * 33];
                for y in 0..31 {
                    for x in 0..23 {
                        let twin = twin::tile_pixel(&values, shape, [&now, ranges], &tiles, channel, [x, y]);
                        let seen = picture.get_pixel(left + x, top + y).0;
                        let neighbours = |entry: usize| entry.saturating_sub(1)..=(entry + 1).min(255);
                        let is_near = || {
                            let entry = table.iter().position(|color| *color == twin);
                            entry.is_some_and(|entry| table[neighbours(entry)].contains(&seen))
                        };
                        inexact += usize::from(seen != twin);
                        assert!(
                            seen == twin || (!is_exact && is_near()),
                            "{colormap:?} {scale:?} held {is_held} channel {channel} at {x}, {y}: \
                             {seen:?} instead of {twin:?}"
                        );
                    }
                }
            }
            assert!(inexact <= 30, "{inexact} of 3565 pixels differ: {colormap:?} {scale:?}");
            assert_eq!(picture.get_pixel(25, 10).0, [0; 3], "the gap stays free");
            // NaN, both infinities, and zeros: whatever the scale.
            assert!([2, 5, 8].iter().all(|x| picture.get_pixel(2 + x, 4).0 == ERROR_COLOR));
            assert_eq!(picture.get_pixel(60, 10).0, FLAT_COLOR, "{scale:?}");
            let is_flat = scale.normalize == Normalize::Map;
            assert_eq!(picture.get_pixel(30, 10).0 == FLAT_COLOR, is_flat, "a constant: {scale:?}");
        }
    }
}

#[test]
fn smooth_tiles_interpolate_the_values_not_the_colours() {
    let Some(gpu) = gpu() else { return };
    let renderer = TilesRenderer::new(gpu, FORMAT);
    let shape = Shape { channels: 1, height: 1, width: 2 };
    let map = FeatureMapBuffer::upload(gpu, &[0.0, 1.0], shape);
    let statistics = statistics_of(gpu, &map);
    let order = ChannelOrder::upload(gpu, &[0]);
    let tiles = TileDraw { smooth: true, ..tile_draw([64, 64], 64, 1, 1) };
    let picture =
        draw(gpu, [64, 64], |pass| renderer.draw(gpu, pass, &map, &statistics, None, &order, &tiles));
    let table = colormap_table(Colormap::Viridis);
    assert_eq!(picture.get_pixel(3, 9).0, table[0], "held at the edge");
    assert_eq!(picture.get_pixel(60, 9).0, table[255]);
    // Pixel 32's centre lies 1/64 of a cell right of the middle: value 0.515625, entry 132.
    assert_eq!(picture.get_pixel(32, 9).0, table[132]);
}

#[test]
fn a_permuted_burn_tensor_is_drawn_from_its_own_memory() {
    if gpu().is_none() {
        return;
    }
    // A device of its own: other tests upload meanwhile, and bytes are counted here.
    let gpu = &GpuContext::open(new_instance(None), None, None).unwrap();
    let device = bridge::adopt(gpu).unwrap();
    let shape = Shape { channels: 5, height: 8, width: 6 };
    let values = noise("permuted", shape.len());
    // The same numbers as they lie with channels innermost, then seen through a permutation.
    let mut innermost = vec![0.0; shape.len()];
    for c in 0..5 {
        for y in 0..8 {
            for x in 0..6 {
                innermost[(y * 6 + x) * 5 + c] = values[(c * 8 + y) * 6 + x];
            }
        }
    }
    let tensor =
        Tensor::<4>::from_data(TensorData::new(innermost, [1, 8, 6, 5]), &device).permute([0, 3, 1, 2]);
    let before = gpu.traffic.uploaded();
    let map = bridge::feature_map(tensor).unwrap();
    assert_eq!(gpu.traffic.uploaded(), before, "nothing is copied");
    assert_eq!((map.shape, map.strides[0]), (shape, 1));
    assert_eq!(read_map(gpu, &map), values);

    let statistics = statistics_of(gpu, &map);
    let order = ChannelOrder::upload(gpu, &[0, 1, 2, 3, 4]);
    let renderer = TilesRenderer::new(gpu, FORMAT);
    let tiles = tile_draw([80, 16], 16, 5, 5);
    let picture =
        draw(gpu, [80, 16], |pass| renderer.draw(gpu, pass, &map, &statistics, None, &order, &tiles));
    let expected = expected_statistics(&values, shape);
    for (x, y, pixel) in picture.enumerate_pixels() {
        let channel = (x / 16) as usize;
        let twin = twin::tile_pixel(&values, shape, [&expected; 2], &tiles, channel, [x % 16, y]);
        assert_eq!(pixel.0, twin, "channel {channel} at {x}, {y}");
    }
}

#[test]
fn a_slice_with_an_offset_is_found() {
    let (Some(gpu), Some(device)) = (gpu(), burn_device()) else { return };
    let values = noise("offset", 7 * 3 * 5);
    let tensor = Tensor::<4>::from_data(TensorData::new(values.clone(), [1, 7, 3, 5]), &device);
    let map = bridge::feature_map(tensor).unwrap();
    let shape = Shape { channels: 4, height: 3, width: 5 };
    // Seen from its third channel on: 120 bytes, no multiple of any binding alignment.
    let part = FeatureMapBuffer { offset: map.offset + 2 * 15 * 4, shape, ..map };
    assert_eq!(read_map(gpu, &part), values[30..90]);
    let statistics = read_statistics(gpu, &statistics_of(gpu, &part));
    for (a, b) in statistics.iter().zip(expected_statistics(&values[30..90], shape)) {
        assert!(a.min == b.min && a.max == b.max && close(a.mean, b.mean, 1.0), "{a:?} {b:?}");
        assert!(
            (a.zeros - b.zeros).abs() < 1e-6 && (a.brightness - b.brightness).abs() < 1e-4,
            "{a:?} {b:?}"
        );
    }
}

/// Burn works in place where it may; a tap before a ReLU must not turn into the ReLU.
#[test]
fn a_tap_keeps_its_values_while_the_network_goes_on() {
    let (Some(gpu), Some(device)) = (gpu(), burn_device()) else { return };
    let values = noise("in place", 4 * 6 * 6);
    let normalized =
        Tensor::<4>::from_data(TensorData::new(values.clone(), [1, 4, 6, 6]), &device).mul_scalar(1.0);
    let tap = normalized.clone();
    let relu = activation::relu(normalized);
    let relu = bridge::feature_map(relu).unwrap();
    let map = bridge::feature_map(tap).unwrap();
    let more: Vec<_> = (0..8).map(|_| Tensor::<4>::ones([1, 4, 6, 6], &device)).collect();
    let more: Vec<_> = more.into_iter().map(|tensor| bridge::feature_map(tensor).unwrap()).collect();
    assert_eq!(read_map(gpu, &map), values);
    let positive: Vec<f32> = values.iter().map(|value| value.max(0.0)).collect();
    assert_eq!(read_map(gpu, &relu), positive);
    assert!(more.iter().all(|map| read_map(gpu, map).iter().all(|value| *value == 1.0)));
}

#[test]
fn the_way_in_writes_burns_own_memory() {
    let (Some(gpu), Some(device)) = (gpu(), burn_device()) else { return };
    let shape = Shape { channels: 3, height: 33, width: 33 };
    let frame = frame((64, 48), PixelFormat::Rgb8);
    let expected = twin::preprocess(&frame, Preprocessing::default(), InputScale::default(), shape);
    let (tensor, place) = bridge::allocate_input(shape, &device).unwrap();
    let buffer = FrameBuffer::upload(gpu, frame).unwrap();
    Preprocessor::new(gpu).run(gpu, &buffer, Preprocessing::default(), InputScale::default(), &place);
    let doubled = bridge::feature_map(tensor.mul_scalar(2.0)).unwrap();
    for (a, b) in read_map(gpu, &doubled).iter().zip(&expected) {
        assert!(close(*a, 2.0 * b, 1.0), "{a} {b}");
    }
    let _: Arc<dyn Send + Sync> = Arc::new(place);
}

/// Shorter numbers, and the same maps but for their rounding.
#[test]
fn half_precision_is_close_and_what_is_shown_is_f32() {
    let Some(gpu) = gpu() else { return };
    if !gpu.has_f16() {
        eprintln!("skipped: {} has no f16", gpu.summary().name);
        return;
    }
    // A convolution of its own, and one after the ReLU of another, folded.
    let layers = [1, 6];
    let run = |precision, gpu: Option<&GpuContext>| {
        let options = ModelOptions { width_multiplier: 0.05, precision, ..ModelOptions::default() };
        let opened = OpenedModel::open(&WeightsSpec::Untrained, &options, None).unwrap();
        let model = opened.load(Resize::default(), &mut |_| {}).unwrap();
        let mut engine = Engine::new(model, gpu.cloned()).map_err(|error| error.to_string())?;
        Ok(engine.run(&frame((64, 48), PixelFormat::Rgb8), Preprocessing::default(), &layers).unwrap())
    };
    let expected = run(Precision::F32, None).unwrap();
    for (ours, expected) in run(Precision::F16, Some(gpu)).unwrap().iter().zip(&expected) {
        let largest = expected.values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let differences = ours.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs() / largest);
        let worst = differences.fold(0f32, f32::max);
        assert!(worst < 0.01, "layer {}: {worst}", ours.layer);
        assert!(worst > 1e-5, "layer {}: {worst}: these are not f16", ours.layer);
    }
    let refusal: Result<Vec<LayerOutput>, String> = run(Precision::F16, None);
    assert!(refusal.unwrap_err().contains("--device gpu"));
}
