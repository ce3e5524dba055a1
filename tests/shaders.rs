//! Every WGSL file validates without a GPU, and what it shares with Rust is the same.

use convscope::frame::PixelFormat;
use convscope::gpu::{Cover, Join, range_mode, shader_sources};
use convscope::inspect::PERCENTILES;
use convscope::model::InputColors;
use convscope::view::{FLAT_COLOR, Normalize};
use naga::valid::{Capabilities, ValidationFlags, Validator};

fn modules() -> Vec<(&'static str, naga::Module)> {
    let parse = |(name, source): (&'static str, String)| {
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&source)));
        (name, module)
    };
    shader_sources().into_iter().map(parse).collect()
}

#[test]
fn every_shader_validates() {
    for (name, module) in modules() {
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        validator.validate(&module).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[test]
fn settings_have_the_size_that_rust_writes() {
    let sizes = convscope::gpu::settings_sizes();
    let modules = modules();
    let mut seen = 0;
    for (name, module) in &modules {
        for (_, ty) in module.types.iter() {
            let naga::TypeInner::Struct { span, .. } = ty.inner else { continue };
            let Some(struct_name) = &ty.name else { continue };
            if let Some((_, size)) = sizes.iter().find(|(known, _)| known == struct_name) {
                assert_eq!(span as usize, *size, "{struct_name} in {name}");
                seen += 1;
            }
        }
    }
    // MapLayout is in nine shaders.
    assert_eq!(seen, sizes.len() + 8);
}

#[test]
fn constants_are_the_enums_of_rust() {
    let value = |wanted: &str| -> u32 {
        let sources = shader_sources();
        let line = sources.iter().flat_map(|(_, text)| text.lines()).find_map(|line| {
            line.strip_prefix("const ")?.strip_prefix(wanted)?.strip_prefix(": u32 = ")?.strip_suffix("u;")
        });
        line.unwrap_or_else(|| panic!("no constant {wanted}")).parse().unwrap()
    };
    assert_eq!(value("FORMAT_RGB8"), PixelFormat::Rgb8 as u32);
    assert_eq!(value("FORMAT_YUYV"), PixelFormat::Yuyv as u32);
    assert_eq!(value("FORMAT_NV12"), PixelFormat::Nv12 as u32);
    assert_eq!(value("COLORS_BGR"), InputColors::Bgr as u32);
    assert_eq!(value("COLORS_GREY"), InputColors::Grey as u32);
    assert_eq!(value("RANGE_MAP"), range_mode(Normalize::Map));
    assert_eq!(value("RANGE_LAYER"), range_mode(Normalize::Layer));
    assert_eq!(value("RANGE_FIXED"), range_mode(Normalize::Fixed { low: 0.0, high: 1.0 }));
    assert_eq!([value("PERCENT_LOW"), value("PERCENT_HIGH")], PERCENTILES.map(|percent| percent as u32));
    let joins = [Join::Sum, Join::Length, Join::Told].map(|join| join as u32);
    assert_eq!([value("JOIN_SUM"), value("JOIN_LENGTH"), value("JOIN_TOLD")], joins);
    let covers = [Cover::Even, Cover::Strong, Cover::Weak, Cover::Dark].map(|cover| cover as u32);
    assert_eq!(
        [value("COVER_EVEN"), value("COVER_STRONG"), value("COVER_WEAK"), value("COVER_DARK")],
        covers
    );
    let [r, g, b] = FLAT_COLOR;
    let color = format!("vec3<f32>({r}.0, {g}.0, {b}.0) / 255.0");
    assert!(shader_sources().iter().any(|(name, text)| *name == "tiles" && text.contains(&color)));
}
