//! How ffmpeg is to make pictures as we show them out of a video's frames: whole pictures of square pixels in sRGB. Pure.

use std::num::NonZeroU32;

use super::log::{Facts, PictureFacts};

/// Without these swscale's results are up to 3 levels dark, and colour stays in blocks of two pixels. It costs 18 ms a frame of
/// 1280×720 on one core of an EPYC, instead of 2.
const EXACT: &str = "flags=bicubic+accurate_rnd+full_chroma_int";

/// Luminance in cd/m² that becomes white: the reference white of ITU-R BT.2408.
const HDR_WHITE: u32 = 203;

/// A pixel's proportions beyond this are a mistake in the file.
const MOST_OBLONG: f64 = 5.0;

/// Shorter and smaller pictures are of standard definition: BT.601 where the file does not say.
const HD_WIDTH: u32 = 1280;
const SD_HEIGHT: u32 = 576;

/// What ffmpeg is told of one video, and what the user is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversion {
    /// What an ffmpeg may lack.
    special: Vec<Special>,
    /// Options of the step that gives frames their size and layout.
    scale: Vec<String>,
    alpha: bool,
    notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Special {
    /// In place of ffmpeg's own choice, for transparency.
    Decoder(&'static str),
    /// Before all others; what the user is told of it, and where it cannot be done.
    Step { filter: String, note: String, undone: &'static str },
}

impl Conversion {
    /// What a video needs of which this is known.
    pub fn of(facts: &Facts) -> Self {
        let mut conversion = Self::default();
        let Some(picture) = &facts.picture else { return conversion };
        conversion.fields(picture);
        conversion.transparency(facts, picture);
        conversion.colours(facts, picture);
        conversion.proportions(picture);
        conversion
    }

    /// True where something is asked that an ffmpeg may lack.
    pub fn is_special(&self) -> bool {
        !self.special.is_empty()
    }

    /// The same for an ffmpeg that lacks it, with a note.
    pub fn without_special(mut self, complaint: &str) -> Self {
        let undone = self.special.drain(..).map(|special| match special {
            Special::Decoder(_) => "laid over white where it is transparent",
            Special::Step { undone, .. } => undone,
        });
        let undone = undone.collect::<Vec<_>>().join(", nor ");
        self.notes.push(format!("the picture is not {undone}: this ffmpeg cannot do it ({complaint})"));
        self
    }

    /// What was done or assumed, each in a sentence.
    pub fn notes(&self) -> Vec<String> {
        let special = self.special.iter().filter_map(|special| match special {
            Special::Decoder(_) => None,
            Special::Step { note, .. } => Some(note.clone()),
        });
        special.chain(self.notes.iter().cloned()).collect()
    }

    /// The decoder, where it is not to be ffmpeg's own choice.
    pub fn decoder(&self) -> Option<&'static str> {
        self.special.iter().find_map(|special| match special {
            Special::Decoder(name) => Some(*name),
            Special::Step { .. } => None,
        })
    }

    /// The chain of filters, where of `every` frames one is wanted.
    pub fn filters(&self, every: NonZeroU32) -> String {
        let steps = self.special.iter().filter_map(|special| match special {
            Special::Step { filter, .. } => Some(filter.clone()),
            Special::Decoder(_) => None,
        });
        let select = (every.get() > 1).then(|| format!("select='not(mod(n,{every}))'"));
        let options: Vec<_> = self.scale.iter().map(String::as_str).chain([EXACT]).collect();
        let scale = format!("scale={}", options.join(":"));
        steps.chain(select).chain([scale]).collect::<Vec<_>>().join(",")
    }

    /// ffmpeg's name for how its pictures' samples lie.
    pub fn layout(&self) -> &'static str {
        if self.alpha || self.decoder().is_some() { "rgba" } else { "rgb24" }
    }

    fn fields(&mut self, picture: &PictureFacts) {
        if picture.interlaced {
            // One frame of each, so that every frame of the file is one.
            let filter = "bwdif=mode=send_frame:deint=interlaced".into();
            let note = "interlaced (the lines of a frame are of two moments): deinterlaced by ffmpeg".into();
            self.special.push(Special::Step { filter, note, undone: "deinterlaced" });
        }
    }

    fn transparency(&mut self, facts: &Facts, picture: &PictureFacts) {
        // Bytes beside the colours of an uncompressed AVI are rarely transparency, and often 0.
        let is_filler = facts.format.as_deref() == Some("avi") && facts.codec.as_deref() == Some("rawvideo");
        self.alpha = has_alpha(&picture.pixels) && !is_filler;
        let decoder = match facts.codec.as_deref() {
            Some("vp8") => "libvpx",
            Some("vp9") => "libvpx-vp9",
            _ => return,
        };
        if facts.alpha_beside && !self.alpha {
            self.special.push(Special::Decoder(decoder));
        }
    }

    fn colours(&mut self, facts: &Facts, picture: &PictureFacts) {
        let hdr = match &*picture.transfer {
            "smpte2084" => Some("PQ"),
            "arib-std-b67" => Some("HLG"),
            _ => None,
        };
        if let Some(name) = hdr {
            let given = |name: &str, value: &str, usual: &str| match value {
                "unknown" | "" => format!(":{name}={usual}"),
                _ => String::new(),
            };
            let filter = format!(
                "zscale=primaries=709:transfer=iec61966-2-1:matrix=gbr:range=full:npl={HDR_WHITE}{}{},format=gbrp",
                given("primariesin", &picture.primaries, "2020"),
                given("matrixin", &picture.matrix, if is_yuv(&picture.pixels) { "2020_ncl" } else { "gbr" }),
            );
            let note = format!(
                "HDR ({name}): converted to sRGB by ffmpeg, which makes white of {HDR_WHITE} cd/m² and all that is brighter"
            );
            self.special.push(Special::Step {
                filter,
                note,
                undone: "converted from HDR, so that its colours are pale",
            });
        } else if facts.dolby_vision {
            self.notes.push(
                "colours of Dolby Vision's own kind (profile 5), which are not converted: they look purple and green".into(),
            );
        } else if is_yuv(&picture.pixels) && matches!(&*picture.matrix, "unknown" | "") && is_hd(picture.size)
        {
            self.scale.push("in_color_matrix=bt709".into());
            self.notes.push(
                "the file does not say how its colours are coded: as of BT.709, which is usual in HD".into(),
            );
        } else if picture.primaries == "bt2020" {
            self.notes
                .push("its colours are those of BT.2020, shown as if they were sRGB's: a little pale".into());
        }
    }

    fn proportions(&mut self, picture: &PictureFacts) {
        let (across, down) = picture.aspect;
        let ratio = f64::from(across) / f64::from(down);
        if across == down || !(1.0 / MOST_OBLONG..=MOST_OBLONG).contains(&ratio) {
            return;
        }
        let (width, height) = picture.size;
        let shown = match ratio > 1.0 {
            true => ((f64::from(width) * ratio).round() as u32, height),
            false => (width, (f64::from(height) / ratio).round() as u32),
        };
        if shown == picture.size {
            return;
        }
        // Told as a rule, because the size may change within a video.
        self.scale.extend(["w='round(iw*max(sar,1))'".into(), "h='round(ih/min(sar,1))'".into()]);
        self.notes.push(format!(
            "its {width}×{height} pixels are not square ({across}:{down}): shown as {}×{}",
            shown.0, shown.1
        ));
    }
}

fn is_hd((width, height): (u32, u32)) -> bool {
    width.max(height) >= HD_WIDTH || width.min(height) > SD_HEIGHT
}

fn is_yuv(pixels: &str) -> bool {
    ["yuv", "nv", "p0", "p2", "p4", "y2", "uyvy", "uyyvyy", "yvyu", "xv", "vuy", "ayuv", "v30"]
        .iter()
        .any(|start| pixels.starts_with(start))
}

fn has_alpha(pixels: &str) -> bool {
    let starts = ["yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "yaf", "ayuv", "vuya"];
    starts.iter().any(|start| pixels.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pixels: &str, size: (u32, u32), colours: [&str; 3]) -> Facts {
        let [matrix, primaries, transfer] = colours.map(str::to_owned);
        let picture = PictureFacts {
            pixels: pixels.into(),
            size,
            aspect: (1, 1),
            interlaced: false,
            matrix,
            primaries,
            transfer,
        };
        Facts { picture: Some(picture), ..Facts::default() }
    }

    fn changed(mut facts: Facts, change: impl Fn(&mut PictureFacts)) -> Conversion {
        facts.picture.iter_mut().for_each(change);
        Conversion::of(&facts)
    }

    fn every(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_usual_video_needs_nothing_but_exactness() {
        for (pixels, size, matrix) in [
            ("yuv420p", (640, 480), "unknown"),
            ("yuv420p", (480, 640), "unknown"),
            ("yuv420p", (720, 576), "unknown"),
            ("yuv420p", (1920, 1080), "bt709"),
            ("gbrp", (1920, 1080), "unknown"),
            ("gray", (1920, 1080), "unknown"),
            ("pal8", (1920, 1080), "unknown"),
        ] {
            let conversion = Conversion::of(&facts(pixels, size, [matrix, "unknown", "unknown"]));
            assert_eq!(conversion, Conversion::default());
            assert_eq!(conversion.filters(every(1)), format!("scale={EXACT}"));
            assert_eq!(conversion.filters(every(3)), format!("select='not(mod(n,3))',scale={EXACT}"));
        }
    }

    #[test]
    fn what_a_file_does_not_say_is_assumed_and_told() {
        for size in [(1280, 720), (720, 1280), (1024, 768)] {
            let conversion = Conversion::of(&facts("yuv420p", size, ["unknown"; 3]));
            assert_eq!(conversion.filters(every(1)), format!("scale=in_color_matrix=bt709:{EXACT}"));
            assert!(conversion.notes[0].contains("BT.709") && conversion.notes.len() == 1);
        }
    }

    #[test]
    fn hdr_is_converted_and_told() {
        let conversion =
            Conversion::of(&facts("yuv420p10le", (480, 320), ["bt2020nc", "bt2020", "smpte2084"]));
        assert!(
            conversion.filters(every(1)).starts_with("zscale=")
                && conversion.filters(every(1)).contains("npl=203,format")
        );
        assert!(conversion.notes()[0].starts_with("HDR (PQ)"));
        let untold =
            Conversion::of(&facts("yuv420p10le", (480, 320), ["unknown", "unknown", "arib-std-b67"]));
        assert!(untold.filters(every(1)).contains(":primariesin=2020:matrixin=2020_ncl,"));
        let without = conversion.without_special("No such filter: 'zscale'");
        assert_eq!(without.filters(every(1)), format!("scale={EXACT}"));
        let note = without.notes().pop().unwrap();
        assert!(note.contains("not converted from HDR") && note.contains("'zscale'"), "{note}");
    }

    #[test]
    fn oblong_pixels_are_made_square() {
        let wide = changed(facts("yuv420p", (720, 576), ["unknown"; 3]), |picture| picture.aspect = (64, 45));
        assert!(wide.filters(every(1)).contains("w='round(iw*max(sar,1))'"));
        assert!(
            wide.notes[0].contains("720×576") && wide.notes[0].ends_with("shown as 1024×576"),
            "{:?}",
            wide.notes
        );
        for aspect in [(0, 1), (1, 0), (0, 0), (1, 1000), (4096, 4095)] {
            let conversion =
                changed(facts("yuv420p", (720, 576), ["unknown"; 3]), |picture| picture.aspect = aspect);
            assert_eq!(conversion, Conversion::default(), "{aspect:?}");
        }
    }

    #[test]
    fn transparency_is_read_where_it_is_some() {
        for (pixels, alpha) in
            [("yuva420p", true), ("rgba", true), ("gbrap12le", true), ("rgb0", false), ("gray", false)]
        {
            assert_eq!(Conversion::of(&facts(pixels, (9, 9), ["unknown"; 3])).alpha, alpha, "{pixels}");
        }
        let codec = |name: &str| Some(name.to_owned());
        let avi =
            Facts { format: codec("avi"), codec: codec("rawvideo"), ..facts("bgra", (9, 9), ["unknown"; 3]) };
        assert!(!Conversion::of(&avi).alpha);
        let beside =
            Facts { alpha_beside: true, codec: codec("vp9"), ..facts("yuv420p", (9, 9), ["unknown"; 3]) };
        let conversion = Conversion::of(&beside);
        assert_eq!((conversion.decoder(), conversion.layout()), (Some("libvpx-vp9"), "rgba"));
        let without = conversion.without_special("Unknown decoder");
        assert_eq!((without.decoder(), without.layout()), (None, "rgb24"));
    }

    #[test]
    fn fields_become_whole_pictures() {
        let conversion =
            changed(facts("yuv420p", (720, 576), ["unknown"; 3]), |picture| picture.interlaced = true);
        assert!(conversion.filters(every(2)).starts_with("bwdif=mode=send_frame:deint=interlaced,select="));
        assert!(conversion.notes()[0].contains("deinterlaced"));
    }
}
