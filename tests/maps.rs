//! What is computed of feature maps and drawn of them in colour, on any adapter: known answers and CPU twins.

mod common;

use common::{draw, gpu, light, noise, read_map, read_statistics, read_values, tile_draw, upload_luminance};
use convscope::frame::{Frame, PixelFormat};
use convscope::gpu::{
    BasisBuffer, ChannelOrder, ComponentsPass, Cover, FeatureMapBuffer, Fit, FrameBuffer, GpuContext,
    HypercolumnPass, Join, LuminancePass, MapStatistics, PercentilesPass, PictureRenderer, Preprocessing,
    Preprocessor, Rect, Resize, RgbDraw, RgbRenderer, SaliencyPass, StatisticsPass, TileDraw, TilesRenderer,
    twin,
};
use convscope::inspect::{
    ChannelStatistics, Components, LayerOutput, Likeness, hypercolumn, likeness, percentiles, saliency,
};
use convscope::model::{InputColors, InputScale, Shape};
use convscope::view::{Colormap, colormap_table};

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// A map with channels innermost, behind 7 values that belong to nobody: any strides, any offset.
fn upload_innermost(gpu: &GpuContext, values: &[f32], shape: Shape) -> FeatureMapBuffer {
    let cells = shape.height * shape.width;
    let mut innermost = vec![f32::NAN; 7 + values.len()];
    for (i, value) in values.iter().enumerate() {
        innermost[7 + i % cells * shape.channels + i / cells] = *value;
    }
    let whole = Shape { channels: 1, height: 1, width: innermost.len() };
    let channels = shape.channels as u32;
    FeatureMapBuffer {
        offset: 7 * 4,
        shape,
        strides: [1, channels * shape.width as u32, channels],
        ..FeatureMapBuffer::upload(gpu, &innermost, whole)
    }
}

fn statistics_with(
    gpu: &GpuContext,
    values: &[f32],
    shape: Shape,
    luminance: &[f32],
) -> Vec<ChannelStatistics> {
    let map = upload_innermost(gpu, values, shape);
    let luminance = upload_luminance(gpu, luminance, shape);
    read_statistics(gpu, &StatisticsPass::new(gpu).run(gpu, &map, &luminance, None))
}

#[test]
fn luminance_weighs_colours_and_counts_whole_pixels() {
    // Five rows into two cells: rows 0 to 2 and 2 to 4. Red −1 everywhere, green by row, blue 1.
    let shape = Shape { channels: 3, height: 5, width: 4 };
    let mut values = vec![-1.0; shape.len()];
    values[20..40].iter_mut().enumerate().for_each(|(i, green)| *green = (i / 4) as f32 / 10.0);
    values[40..].fill(1.0);
    let target = Shape { channels: 9, height: 2, width: 3 };
    let (rest, scale) = (0.114 - 0.299, InputScale::MinusOneToOne);
    let expected = [[rest + 0.0587; 3], [rest + 3.0 * 0.0587; 3]].concat();
    let mut all = vec![convscope::inspect::luminance(&values, shape, scale, target)];
    if let Some(gpu) = gpu() {
        let input = upload_innermost(gpu, &values, shape);
        all.push(read_values(gpu, LuminancePass::new(gpu).run(gpu, &input, scale, target).buffer()));
    }
    for seen in all {
        assert_eq!(seen.len(), 6);
        let off = seen.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(off < 1e-6, "{seen:?} instead of {expected:?}");
    }
}

#[test]
fn luminance_equals_its_twin() {
    let Some(gpu) = gpu() else { return };
    let pass = LuminancePass::new(gpu);
    for (channels, scale) in [
        (3, InputScale::MinusOneToOne),
        (3, InputScale::Imagenet),
        (3, InputScale::Caffe),
        (1, InputScale::ZeroToOne),
    ] {
        let shape = Shape { channels, height: 75, width: 61 };
        let values = noise("luminance", shape.len());
        let input = upload_innermost(gpu, &values, shape);
        for (height, width) in [(75, 61), (37, 30), (17, 17), (8, 8), (1, 1), (1, 9), (100, 80)] {
            let target = Shape { channels: 1, height, width };
            let ours = read_values(gpu, pass.run(gpu, &input, scale, target).buffer());
            let expected = convscope::inspect::luminance(&values, shape, scale, target);
            assert_eq!(ours.len(), expected.len());
            let off = ours.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(off < 4e-6, "{} {height}×{width}: {off}", scale.name());
        }
    }
}

#[test]
fn statistics_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for shape in [
        Shape { channels: 70, height: 17, width: 13 },
        Shape { channels: 1, height: 1, width: 1 },
        Shape { channels: 200, height: 1, width: 1 },
    ] {
        // A far offset: naive sums of squares would lose the deviation.
        for offset in [0.0, 1000.0] {
            let mut values = noise("statistics", shape.len());
            values.iter_mut().for_each(|value| *value += offset);
            let ours = statistics_with(gpu, &values, shape, &light(shape));
            let expected = twin::statistics(&values, shape, &light(shape), None);
            assert_eq!(ours.len(), shape.channels + 1);
            for (a, b) in ours.iter().zip(&expected) {
                assert!(a.min == b.min && a.max == b.max, "{a:?} {b:?}");
                assert!((a.mean - b.mean).abs() <= 1e-5 * offset.max(1.0), "{a:?} {b:?}");
                assert!((a.std - b.std).abs() < 1e-3 && (a.zeros - b.zeros).abs() < 1e-6, "{a:?} {b:?}");
                assert!((a.brightness - b.brightness).abs() < 1e-3, "{a:?} {b:?}");
            }
        }
    }
    let shape = Shape { channels: 2, height: 1, width: 3 };
    let values = [f32::NAN, 1.0, f32::INFINITY, f32::NAN, f32::NAN, f32::NEG_INFINITY];
    let ours = statistics_with(gpu, &values, shape, &light(shape));
    let one = ChannelStatistics { min: 1.0, max: 1.0, mean: 1.0, finite: 1.0 / 3.0, ..Default::default() };
    assert_eq!(ours[..2], [one, ChannelStatistics::default()]);
    assert!((ours[2].finite - 1.0 / 6.0).abs() < 1e-6);
}

#[test]
fn change_is_measured_against_the_frame_before_whatever_its_layout() {
    let Some(gpu) = gpu() else { return };
    let shape = Shape { channels: 5, height: 9, width: 14 };
    let cells = shape.height * shape.width;
    let before = noise("before", shape.len());
    let mut now = before.clone();
    // A channel that stays, one a step up, one of noise, two with numbers missing now or before.
    now[cells..2 * cells].iter_mut().for_each(|value| *value += 0.5);
    now[2 * cells..3 * cells].copy_from_slice(&noise("after", cells));
    now[3 * cells..].iter_mut().for_each(|value| *value -= 0.25);
    now[3 * cells] = f32::NAN;
    let mut before = before;
    before[4 * cells] = f32::INFINITY;
    let luminance = upload_luminance(gpu, &light(shape), shape);
    let map = upload_innermost(gpu, &now, shape);
    let earlier = FeatureMapBuffer::upload(gpu, &before, shape);
    let pass = StatisticsPass::new(gpu);
    let ours = read_statistics(gpu, &pass.run(gpu, &map, &luminance, Some(&earlier)));
    let expected = twin::statistics(&now, shape, &light(shape), Some(&before));
    for (a, b) in ours.iter().zip(&expected) {
        assert!((a.change - b.change).abs() < 1e-5 && (a.finite - b.finite).abs() < 1e-6, "{a:?} {b:?}");
        assert_eq!((a.min, a.max), (b.min, b.max));
    }
    assert!(ours[0].change == 0.0 && (ours[1].change - 0.5).abs() < 1e-6 && ours[2].change > 1.0);
    let other = FeatureMapBuffer::upload(gpu, &before, Shape { channels: 5, height: 14, width: 9 });
    let unknown = read_statistics(gpu, &pass.run(gpu, &map, &luminance, Some(&other)));
    assert!(unknown.iter().all(|channel| channel.change == 0.0), "maps of another shape are not compared");
}

#[test]
fn brightness_and_zeros_are_what_they_are_called() {
    let shape = Shape { channels: 6, height: 4, width: 5 };
    let light = light(shape);
    let ramp = |slope: f32, offset: f32| light.iter().map(move |l| slope * l + offset);
    // As bright as the picture, the opposite, far away, constant, half a pattern of zeros, one value missing.
    let mut values: Vec<f32> = ramp(2.0, 5.0).chain(ramp(-0.1, 0.0)).chain(ramp(1.0, 100.0)).collect();
    values.extend([3.0; 20]);
    values.extend([-1.0, 0.0, 1.0, 2.0].repeat(5));
    values.extend(ramp(1.0, 0.0));
    values[103] = f32::NAN;
    let no_light = vec![0.25; 20];
    let mut all = vec![(
        twin::statistics(&values, shape, &light, None),
        twin::statistics(&values, shape, &no_light, None),
    )];
    if let Some(gpu) = gpu() {
        all.push((
            statistics_with(gpu, &values, shape, &light),
            statistics_with(gpu, &values, shape, &no_light),
        ));
    }
    for (seen, without_light) in all {
        for (channel, expected) in [(0, 1.0), (1, -1.0), (2, 1.0), (3, 0.0), (5, 1.0), (6, 0.0)] {
            let brightness = seen[channel].brightness;
            assert!((brightness - expected).abs() < 1e-4, "channel {channel}: {brightness}");
        }
        assert!(without_light.iter().all(|channel| channel.brightness == 0.0), "{without_light:?}");
        assert_eq!([0, 2, 3].map(|channel| seen[channel].zeros), [0.0; 3]);
        assert!((seen[4].zeros - 0.5).abs() < 1e-6);
        let dark = light.iter().filter(|l| -0.1 * **l <= 0.0).count() as f32 / 20.0;
        assert!((seen[1].zeros - dark).abs() < 1e-6 && dark > 0.0);
        let mean = seen[..6].iter().map(|channel| channel.zeros).sum::<f32>() / 6.0;
        assert!((seen[6].zeros - mean).abs() < 1e-6);
    }
}

fn outputs(maps: &[(&[f32], Shape)]) -> Vec<LayerOutput> {
    maps.iter()
        .map(|(values, shape)| LayerOutput { layer: 0, shape: *shape, values: values.to_vec() })
        .collect()
}

#[test]
fn a_hypercolumn_is_all_maps_between_their_cells() {
    // Cells 0 and 1, enlarged to four columns; and three channels that are 1 everywhere.
    let (ramp, ones) = ([0.0, 1.0], [1.0; 3]);
    let ramp_shape = Shape { channels: 1, height: 1, width: 2 };
    let ones_shape = Shape { channels: 3, height: 1, width: 1 };
    let maps = [(&ramp[..], ramp_shape), (&ones[..], ones_shape)];
    let mut all = vec![(
        hypercolumn::picture(&outputs(&maps), (1, 4)),
        hypercolumn::vector(&outputs(&maps), (1, 4), [1, 0]),
    )];
    if let Some(gpu) = gpu() {
        let pass = HypercolumnPass::new(gpu);
        let maps = maps.map(|(values, shape)| FeatureMapBuffer::upload(gpu, values, shape));
        let picture = pass.picture(gpu, &maps, [1, 4]);
        let vector = pass.vector(gpu, &maps, [1, 4], [1, 0]);
        all.push((read_map(gpu, &picture), read_values(gpu, &vector)));
    }
    for (picture, vector) in all {
        assert_eq!(picture, [0.75, 0.8125, 0.9375, 1.0]);
        assert_eq!(vector, [0.25, 1.0, 1.0, 1.0]);
    }
}

#[test]
fn hypercolumns_equal_their_twins_and_are_drawn() {
    let Some(gpu) = gpu() else { return };
    let pass = HypercolumnPass::new(gpu);
    let shapes = [(5, 31, 29), (70, 17, 13), (130, 8, 8), (11, 1, 1)]
        .map(|(channels, height, width)| Shape { channels, height, width });
    let values = shapes.map(|shape| noise(&format!("hypercolumn {shape}"), shape.len()));
    let uploaded: Vec<_> =
        shapes.iter().zip(&values).map(|(shape, values)| upload_innermost(gpu, values, *shape)).collect();
    let maps: Vec<_> = shapes.iter().zip(&values).map(|(shape, values)| (&values[..], *shape)).collect();
    let size = [67, 73];
    let picture = pass.picture(gpu, &uploaded, size);
    let seen = read_map(gpu, &picture);
    let expected = hypercolumn::picture(&outputs(&maps), (67, 73));
    assert_eq!(seen.len(), 67 * 73);
    let off = seen.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(off < 1e-5, "{off}");

    for at in [[0, 0], [72, 66], [31, 9], [500, 500]] {
        let vector = read_values(gpu, &pass.vector(gpu, &uploaded, size, at));
        let expected = hypercolumn::vector(&outputs(&maps), (67, 73), at.map(|side| side as usize));
        assert_eq!(vector.len(), 5 + 70 + 130 + 11);
        let off = vector.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(off < 1e-4, "{at:?}: {off}");
        if let [x @ 0..73, y @ 0..67] = at {
            let mean = vector.iter().sum::<f32>() / vector.len() as f32;
            assert!((mean - seen[(y * 73 + x) as usize]).abs() < 1e-5, "the picture is the vectors' mean");
        }
    }

    // A map like any other.
    let luminance = upload_luminance(gpu, &light(picture.shape), picture.shape);
    let statistics = StatisticsPass::new(gpu).run(gpu, &picture, &luminance, None);
    let order = ChannelOrder::upload(gpu, &[0]);
    let tiles = TileDraw { tile_size: [73.0, 67.0], ..tile_draw([73, 67], 1, 1, 1) };
    let renderer = TilesRenderer::new(gpu, FORMAT);
    let drawn =
        draw(gpu, [73, 67], |pass| renderer.draw(gpu, pass, &picture, &statistics, None, &order, &tiles));
    let of_seen = twin::statistics(&seen, picture.shape, &light(picture.shape), None);
    for (x, y, pixel) in drawn.enumerate_pixels() {
        let twin = twin::tile_pixel(&seen, picture.shape, [&of_seen; 2], &tiles, 0, [x, y]);
        assert_eq!(pixel.0, twin, "at {x}, {y}");
    }
}

#[test]
fn likeness_equals_its_twin_and_zeros_have_no_direction() {
    let Some(gpu) = gpu() else { return };
    let shapes = [Shape { channels: 9, height: 5, width: 7 }, Shape { channels: 4, height: 3, width: 3 }];
    let mut values = shapes.map(|shape| noise(&format!("alike {shape}"), shape.len()));
    // One cell of zeros, where one layer alone is compared.
    values[0].chunks_mut(35).for_each(|channel| channel[12] = 0.0);
    let pass = HypercolumnPass::new(gpu);
    for count in [1, 2] {
        let maps: Vec<_> = shapes.iter().zip(&values).take(count).map(|(s, v)| (&v[..], *s)).collect();
        let uploaded: Vec<_> = maps.iter().map(|(v, s)| upload_innermost(gpu, v, *s)).collect();
        for cell in [[2, 3], [1, 5]] {
            let [row, column] = cell;
            let vector = likeness::vector(&outputs(&maps), [5, 7], cell);
            let expected = Likeness::of(&outputs(&maps), [5, 7], &vector);
            let vector = pass.vector(gpu, &uploaded, [5, 7], [column as u32, row as u32]);
            let found = read_map(gpu, &pass.likeness(gpu, &uploaded, [5, 7], &vector));
            let (cosines, has_direction) = found.split_at(35);
            for (found, expected) in cosines.iter().zip(&expected.cosines) {
                assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
            }
            let has: Vec<bool> = has_direction.iter().map(|has| *has == 1.0).collect();
            assert_eq!(has, expected.has_direction);
            let zeros = match (count, cell) {
                (1, [1, 5]) => 35,
                (1, _) => 1,
                _ => 0,
            };
            assert_eq!(expected.without_direction(), zeros);
        }
    }
}

#[test]
fn cells_lie_along_components_as_in_host_memory() {
    let Some(gpu) = gpu() else { return };
    let shape = Shape { channels: 21, height: 6, width: 9 };
    // Far from zero, so that the mean has to be taken away before anything is added up.
    let values: Vec<f32> = noise("components", shape.len()).iter().map(|value| value + 100.0).collect();
    let output = &outputs(&[(&values[..], shape)])[0];
    let components = Components::of(output).unwrap();
    let pass = ComponentsPass::new(gpu);
    let basis = BasisBuffer::upload(gpu, &components);
    let found = pass.run(gpu, &upload_innermost(gpu, &values, shape), &basis).unwrap();
    let expected = components.project(output);
    for (found, expected) in read_map(gpu, &found).iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
    }
    let other = Shape { channels: 20, ..shape };
    assert!(pass.run(gpu, &upload_innermost(gpu, &values[..other.len()], other), &basis).is_none());
}

#[test]
fn the_networks_input_is_drawn_as_the_picture_it_is() {
    let Some(gpu) = gpu() else { return };
    let bytes: Vec<u8> =
        noise("picture", 24 * 24 * 3).into_iter().map(|value| ((value + 2.0) * 63.9) as u8).collect();
    let frame = Frame::new(0, (24, 24), PixelFormat::Rgb8, &bytes, "noise".into()).unwrap();
    let shape = Shape { channels: 3, height: 24, width: 24 };
    let input = FeatureMapBuffer::upload(gpu, &vec![7.0; shape.len()], shape);
    let uploaded = FrameBuffer::upload(gpu, frame).unwrap();
    let how = Preprocessing::new(Fit::Stretch, Resize::Nearest);
    Preprocessor::new(gpu).run(gpu, &uploaded, how, InputScale::default(), &input);
    let renderer = RgbRenderer::new(gpu, FORMAT);
    for mirror in [false, true] {
        let tiles = RgbDraw {
            target_size: [60, 50],
            origin: [5.0, 1.0],
            tile_size: [48.0; 2],
            pitch: [48.0; 2],
            columns: 1,
            first: 0,
            count: 1,
            colors: InputColors::Rgb,
            low: [-1.0; 3],
            high: [1.0; 3],
            mirror,
            smooth: false,
            opacity: 1.0,
        };
        let drawn = draw(gpu, [60, 50], |pass| renderer.draw(gpu, pass, &input, &tiles));
        for y in 0..48 {
            for x in 0..48 {
                let column = if mirror { 47 - x } else { x } / 2;
                let at = ((y / 2 * 24 + column) * 3) as usize;
                assert_eq!(drawn.get_pixel(5 + x, 1 + y).0, bytes[at..at + 3], "{mirror} at {x}, {y}");
            }
        }
        assert_eq!(drawn.get_pixel(4, 1).0, [0; 3]);
        assert_eq!(drawn.get_pixel(53, 1).0, [0; 3]);
    }
}

/// Blue first and with levels of its own, or in grey: the levels of the frame come back.
#[test]
fn an_input_in_other_colours_and_scales_is_drawn_as_the_picture_it_is() {
    let Some(gpu) = gpu() else { return };
    let bytes: Vec<u8> =
        noise("picture", 24 * 12 * 3).into_iter().map(|value| ((value + 2.0) * 63.9) as u8).collect();
    let frame = Frame::new(0, (24, 12), PixelFormat::Rgb8, &bytes, "noise".into()).unwrap();
    let uploaded = FrameBuffer::upload(gpu, frame.clone()).unwrap();
    let (preprocessor, renderer) = (Preprocessor::new(gpu), RgbRenderer::new(gpu, FORMAT));
    for (channels, scale) in [(3, InputScale::Caffe), (1, InputScale::Imagenet), (1, InputScale::Levels)] {
        let shape = Shape { channels, height: 12, width: 24 };
        let input = FeatureMapBuffer::upload(gpu, &vec![7.0; shape.len()], shape);
        let how = Preprocessing::new(Fit::Crop, Resize::Nearest);
        preprocessor.run(gpu, &uploaded, how, scale, &input);
        let (low, high) = scale.ends();
        let tiles = RgbDraw {
            target_size: [24, 12],
            origin: [0.0; 2],
            tile_size: [24.0, 12.0],
            pitch: [24.0, 12.0],
            columns: 1,
            first: 0,
            count: 1,
            colors: scale.colors(channels),
            low,
            high,
            mirror: false,
            smooth: false,
            opacity: 1.0,
        };
        let drawn = draw(gpu, [24, 12], |pass| renderer.draw(gpu, pass, &input, &tiles));
        let values = twin::preprocess(&frame, how, scale, shape);
        for (rgb, (x, y, pixel)) in bytes.chunks(3).zip(drawn.enumerate_pixels()) {
            let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
            let grey = ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16) as u8;
            let expected = if channels == 1 { [grey; 3] } else { [rgb[0], rgb[1], rgb[2]] };
            assert_eq!(pixel.0, expected, "{} at {x}, {y}", scale.name());
            assert_eq!(twin::rgb_pixel(&values, shape, &tiles, 0, [x, y]), expected);
        }
    }
}

#[test]
fn three_channels_at_a_time_become_tiles() {
    let Some(gpu) = gpu() else { return };
    let shape = Shape { channels: 3 * 9 + 1, height: 3, width: 3 };
    let mut values = noise("kernels", shape.len());
    values[4 * 27 + 3] = f32::NAN;
    values[5 * 27 + 20] = f32::INFINITY;
    let map = upload_innermost(gpu, &values, shape);
    let renderer = RgbRenderer::new(gpu, FORMAT);
    let tiles = RgbDraw {
        target_size: [70, 60],
        origin: [1.0, 2.0],
        tile_size: [13.0, 11.0],
        pitch: [14.0, 13.0],
        columns: 4,
        first: 2,
        count: 8,
        colors: InputColors::Rgb,
        low: [-1.5; 3],
        high: [1.0; 3],
        mirror: false,
        smooth: false,
        opacity: 1.0,
    };
    let drawn = draw(gpu, [70, 60], |pass| renderer.draw(gpu, pass, &map, &tiles));
    let mut errors = 0;
    for place in 0..8 {
        let [left, top] = [1 + place % 4 * 14, 2 + place / 4 * 13];
        for y in 0..11 {
            for x in 0..13 {
                let twin = twin::rgb_pixel(&values, shape, &tiles, 2 + place as usize, [x, y]);
                let seen = drawn.get_pixel(left + x, top + y).0;
                let off = seen.iter().zip(twin).map(|(a, b)| a.abs_diff(b)).max();
                assert!(off <= Some(1), "tile {place} at {x}, {y}: {seen:?} instead of {twin:?}");
                errors += u32::from(seen == [255, 0, 255]);
            }
        }
    }
    // A cell in two tiles, and the tenth tile, which has only one channel.
    assert!(errors > 13 * 11 && errors < 13 * 11 * 2, "{errors}");
    assert_eq!(drawn.get_pixel(14, 5).0, [0; 3], "the gap stays free");
}

#[test]
fn tiles_let_the_picture_show_through() {
    let Some(gpu) = gpu() else { return };
    let frame = Frame::new(0, (1, 1), PixelFormat::Rgb8, &[200, 100, 0], "plain".into()).unwrap();
    let picture = FrameBuffer::upload(gpu, frame).unwrap();
    let shape = Shape { channels: 1, height: 1, width: 3 };
    let map = FeatureMapBuffer::upload(gpu, &[0.0, 1.0, f32::NAN], shape);
    let luminance = upload_luminance(gpu, &light(shape), shape);
    let statistics = StatisticsPass::new(gpu).run(gpu, &map, &luminance, None);
    let order = ChannelOrder::upload(gpu, &[0]);
    let pictures = PictureRenderer::new(gpu, FORMAT);
    let renderer = TilesRenderer::new(gpu, FORMAT);
    let table = colormap_table(Colormap::Viridis);
    for opacity in [1.0, 0.999, 0.5, 0.25, 0.0] {
        let tiles = TileDraw { opacity, ..tile_draw([30, 30], 30, 1, 1) };
        let place = Rect { x: 0.0, y: 0.0, width: 30.0, height: 30.0 };
        let drawn = draw(gpu, [30, 30], |pass| {
            pictures.draw(gpu, pass, &picture, [30, 30], place, false);
            renderer.draw(gpu, pass, &map, &statistics, None, &order, &tiles);
        });
        for (x, color) in [(5, table[0]), (15, table[255]), (25, [255, 0, 255])] {
            let seen = drawn.get_pixel(x, 9).0;
            for ((seen, over), under) in seen.into_iter().zip(color).zip([200f32, 100.0, 0.0]) {
                let expected = f32::from(over) * opacity + under * (1.0 - opacity);
                let slack = if opacity == 1.0 || opacity == 0.0 { 0.01 } else { 1.01 };
                assert!((f32::from(seen) - expected).abs() < slack, "{opacity}: {seen}, not {expected}");
            }
        }
    }
}

#[test]
fn what_says_nothing_covers_nothing() {
    let Some(gpu) = gpu() else { return };
    let frame = Frame::new(0, (1, 1), PixelFormat::Rgb8, &[200, 100, 40], "plain".into()).unwrap();
    let picture = FrameBuffer::upload(gpu, frame).unwrap();
    let shape = Shape { channels: 2, height: 1, width: 5 };
    // The second channel is silent.
    let values = [-1.0, -0.25, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let map = FeatureMapBuffer::upload(gpu, &values, shape);
    let luminance = upload_luminance(gpu, &light(shape), shape);
    let statistics = StatisticsPass::new(gpu).run(gpu, &map, &luminance, None);
    let known = twin::statistics(&values, shape, &light(shape), None);
    let (pictures, renderer) = (PictureRenderer::new(gpu, FORMAT), TilesRenderer::new(gpu, FORMAT));
    for (colormap, cover) in [
        (Colormap::Diverging, Cover::Strong),
        (Colormap::Magma, Cover::Strong),
        (Colormap::Grey, Cover::Weak),
        (Colormap::Grey, Cover::Dark),
        (Colormap::Viridis, Cover::Even),
    ] {
        for channel in [0, 1] {
            let order = ChannelOrder::upload(gpu, &[channel as u32]);
            let tiles = TileDraw { colormap, cover, opacity: 0.8, ..tile_draw([50, 50], 50, 1, 1) };
            let place = Rect { x: 0.0, y: 0.0, width: 50.0, height: 50.0 };
            let drawn = draw(gpu, [50, 50], |pass| {
                pictures.draw(gpu, pass, &picture, [50, 50], place, false);
                renderer.draw(gpu, pass, &map, &statistics, None, &order, &tiles);
            });
            for x in [5, 15, 25, 35, 45] {
                let both: [&[ChannelStatistics]; 2] = [&known, &known];
                let part = 0.8 * twin::tile_cover(&values, shape, both, &tiles, channel, [x, 20]);
                let color = match cover {
                    Cover::Weak | Cover::Dark => [0; 3],
                    _ => twin::tile_pixel(&values, shape, both, &tiles, channel, [x, 20]),
                };
                let seen = drawn.get_pixel(x, 20).0;
                for ((seen, over), under) in seen.into_iter().zip(color).zip([200f32, 100.0, 40.0]) {
                    let expected = f32::from(over) * part + under * (1.0 - part);
                    assert!(
                        (f32::from(seen) - expected).abs() < 1.01,
                        "{cover:?} {x}: {seen}, not {expected}"
                    );
                }
            }
            if cover != Cover::Even && channel == 1 {
                assert_eq!(drawn.get_pixel(25, 20).0[..3], [200, 100, 40], "a silent map hides nothing");
            }
        }
    }
}

#[test]
fn a_gradient_becomes_one_map_as_in_host_memory() {
    let Some(gpu) = gpu() else { return };
    let pass = SaliencyPass::new(gpu);
    let largest = |values: &[f32]| values.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (channels, height, width) in [(3, 61, 47), (1, 1, 1), (5, 3, 130)] {
        let shape = Shape { channels, height, width };
        let values = noise("saliency", shape.len());
        let map = upload_innermost(gpu, &values, shape);
        let output = LayerOutput { layer: 0, shape, values };
        let same = |ours: &FeatureMapBuffer, expected: &[f32]| {
            let ours = read_map(gpu, ours);
            let off = ours.iter().zip(expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(ours.len() == expected.len() && off <= 1e-5 * largest(expected), "{shape}: {off}");
        };
        let sum = pass.join(gpu, &map, Join::Sum);
        same(&sum, &saliency::sum(&output));
        // Most of a map is zero where a unit sees little of the picture.
        let mut sparse = output.channel(0).to_vec();
        sparse.iter_mut().enumerate().filter(|(at, _)| at % 7 > 0).for_each(|(_, value)| *value = 0.0);
        let size = Shape { channels: 1, ..shape };
        let told = pass.join(gpu, &FeatureMapBuffer::upload(gpu, &sparse, size), Join::Told);
        let range = read_statistics(gpu, &MapStatistics::new(gpu).reach(gpu, &told))[0].ends();
        let expected = (0.0, saliency::reach(&sparse));
        assert!((range.1 - expected.1).abs() <= 1e-6 * expected.1 && range.0 == 0.0, "{range:?}");
        let length = pass.join(gpu, &map, Join::Length);
        let expected = saliency::length(&output);
        same(&length, &expected);
        for deviation in [0.4, 2.0, 5.0] {
            let blurred = saliency::blur(&expected, [height, width], deviation);
            same(&pass.blur(gpu, &length, deviation), &blurred);
        }
    }
}

#[test]
fn percentiles_are_their_twins_to_the_bit() {
    let Some(gpu) = gpu() else { return };
    let mut passes = (MapStatistics::new(gpu), PercentilesPass::new(gpu));
    for (height, width) in [(1, 1), (3, 5), (35, 35), (149, 149)] {
        let shape = Shape { channels: 6, height, width };
        let cells = height * width;
        let mut values = noise("percentiles", shape.len());
        // Zero nearly everywhere; one value; large beside small values; values that are no numbers; none that is.
        values[cells..2 * cells].iter_mut().skip(1).for_each(|value| *value = 0.0);
        values[2 * cells..3 * cells].fill(-3.5);
        values[3 * cells..4 * cells].iter_mut().enumerate().for_each(|(i, value)| {
            *value *= [1e-15, 1e15, -1e-15, 1.0][i % 4];
        });
        values[4 * cells..5 * cells].iter_mut().step_by(2).for_each(|value| *value = f32::NAN);
        values[5 * cells..].fill(f32::INFINITY);
        let map = FeatureMapBuffer::upload(gpu, &values, shape);
        let (statistics, ranges) = passes.0.run(gpu, &map, true);
        let of_map = read_statistics(gpu, &statistics);
        let found = read_statistics(gpu, &ranges.unwrap());
        let again = read_statistics(gpu, &passes.1.run(gpu, &map, &statistics));
        assert_eq!(found, again);
        for (channel, values) in values.chunks_exact(cells).enumerate() {
            let [low, high] = percentiles(values);
            assert_eq!(found[channel].ends(), (low, high), "{height}×{width}, channel {channel}");
            assert_eq!(found[channel].mean, of_map[channel].mean);
        }
        assert_eq!(found[6], of_map[6], "the layer's ends stay");
        assert!(passes.0.run(gpu, &map, false).1.is_none());
    }
}
