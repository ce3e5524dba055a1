//! What ffmpeg writes on its standard error: what it says of the file, and what it complains about. Pure.

/// What was gathered of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// What the file is.
    pub facts: Facts,
    /// From before ffmpeg knew what the file is: of looking into it, which is repeated where it matters.
    opening: Complaints,
    /// Of reading it.
    reading: Complaints,
}

/// What ffmpeg says of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// ffmpeg's name of its format (`mov,mp4,m4a,3gp,3g2,mj2`), once it was opened.
    pub format: Option<String>,
    /// True where a video stream was found that is no cover picture.
    pub has_video: bool,
    /// ffmpeg's name of how it is coded (`vp9`).
    pub codec: Option<String>,
    /// Frames a second as ffmpeg writes them (`29.97`).
    pub fps: Option<String>,
    /// How long it plays, in seconds, as its head says.
    pub seconds: Option<f64>,
    /// VP8 and VP9 keep transparency beside the stream, where ffmpeg's own decoders do not look.
    pub alpha_beside: bool,
    /// Colours of Dolby Vision's own kind (profile 5).
    pub dolby_vision: bool,
    /// Of the first frame; `None` where none was looked at.
    pub picture: Option<PictureFacts>,
}

impl Facts {
    /// How many frames its head announces, roughly.
    pub fn frames(&self) -> Option<u64> {
        let fps: f64 = self.fps.as_ref()?.parse().ok()?;
        Some((self.seconds? * fps).round() as u64).filter(|&frames| frames > 0)
    }
}

/// What ffmpeg's filter `showinfo` says of a frame; names are ffmpeg's, `unknown` where the file does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PictureFacts {
    /// Layout of its samples: `yuv420p10le`.
    pub pixels: String,
    /// Width and height in pixels, upright.
    pub size: (u32, u32),
    /// A pixel's width over its height, as a fraction; `(0, 1)`: not said.
    pub aspect: (u32, u32),
    /// Lines of two moments.
    pub interlaced: bool,
    /// How Y, Cb and Cr were made of red, green and blue.
    pub matrix: String,
    /// Which red, green and blue.
    pub primaries: String,
    /// How light became values.
    pub transfer: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Complaints {
    first: Option<String>,
    last: Option<String>,
    cut_off: bool,
}

impl Complaints {
    fn add(&mut self, text: &str) {
        self.last = Some(text.into());
        self.first.get_or_insert_with(|| text.into());
        self.cut_off |= says_cut_off(text);
    }

    fn text(&self) -> Option<String> {
        let (first, last) = (self.first.as_ref()?, self.last.as_ref()?);
        Some(if first == last { first.clone() } else { format!("{first}; {last}") })
    }
}

/// Words of ffmpeg's readers where a file ends too early.
fn says_cut_off(complaint: &str) -> bool {
    let complaint = complaint.to_ascii_lowercase();
    ["partial file", "ended prematurely", "truncat", "end of file"]
        .iter()
        .any(|words| complaint.contains(words))
}

impl Log {
    /// Takes a line as it was written.
    pub fn add(&mut self, line: &str) {
        let complaint = ["[error] ", "[fatal] ", "[panic] "]
            .into_iter()
            .find_map(|level| line.split_once(level))
            .map(|(_component, text)| text.trim())
            // Such as where a recording begins between two whole pictures: nothing is shown wrong.
            .filter(|text| !text.is_empty() && !text.starts_with("mmco:"));
        if let Some(complaint) = complaint {
            let known = self.facts.format.is_some();
            if known { &mut self.reading } else { &mut self.opening }.add(complaint);
        } else if line.starts_with("[Parsed_showinfo") {
            self.add_picture(line);
        } else {
            self.add_fact(line);
        }
    }

    fn add_fact(&mut self, line: &str) {
        let facts = &mut self.facts;
        if let Some((_, rest)) = line.split_once("Input #0, ") {
            let format = rest.split_once(", from ").map(|(format, _)| format.to_owned());
            facts.format = facts.format.take().or(format);
        } else if line.contains(" Stream #0:") && line.contains(": Video: ") {
            if !facts.has_video && !line.contains("(attached pic)") {
                facts.has_video = true;
                let codec = line.split_once(": Video: ").and_then(|(_, rest)| rest.split([' ', ',']).next());
                facts.codec = codec.map(str::to_owned);
                let fps = line.split(", ").find_map(|part| part.trim().strip_suffix(" fps"));
                facts.fps = fps.filter(|fps| fps.parse::<f64>().is_ok_and(f64::is_normal)).map(str::to_owned);
            }
        } else if let Some(rest) = line.strip_prefix("[info]   Duration: ") {
            facts.seconds = facts.seconds.or_else(|| rest.split(',').next().and_then(seconds));
        } else if let Some(rest) = line.trim_start_matches("[info]").trim_start().strip_prefix("alpha_mode") {
            facts.alpha_beside |= rest.trim_start_matches([' ', ':']).trim() == "1";
        } else if line.contains("DOVI configuration record") {
            facts.dolby_vision |= line.contains("profile: 5,");
        }
    }

    fn add_picture(&mut self, line: &str) {
        let value = |name: &str| {
            line.split_ascii_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix(':'))
        };
        let pair = |text: Option<&str>, between| {
            let (a, b) = text?.split_once(between)?;
            Some((a.parse().ok()?, b.parse().ok()?))
        };
        if let (Some(pixels), Some(size)) = (value("fmt"), pair(value("s"), 'x')) {
            self.facts.picture.get_or_insert_with(|| PictureFacts {
                pixels: pixels.into(),
                size,
                aspect: pair(value("sar"), '/').unwrap_or((0, 1)),
                interlaced: matches!(value("i"), Some("T" | "B")),
                ..PictureFacts::default()
            });
        } else if let (Some(picture), Some(matrix)) = (&mut self.facts.picture, value("color_space"))
            && picture.matrix.is_empty()
        {
            picture.matrix = matrix.into();
            picture.primaries = value("color_primaries").unwrap_or_default().into();
            picture.transfer = value("color_trc").unwrap_or_default().into();
        }
    }

    /// What it complained about once it knew the file: something that was read is wrong.
    pub fn damage(&self) -> Option<String> {
        self.reading.text()
    }

    /// What it complained about at all, in one line: the first complaint, which is often the cause, and the last.
    pub fn complaint(&self) -> Option<String> {
        let all = Complaints {
            first: self.opening.first.clone().or_else(|| self.reading.first.clone()),
            last: self.reading.last.clone().or_else(|| self.opening.last.clone()),
            cut_off: false,
        };
        all.text()
    }

    /// True where the file ends before its end.
    pub fn is_cut_off(&self) -> bool {
        self.opening.cut_off || self.reading.cut_off
    }
}

/// `00:01:02.50`
fn seconds(text: &str) -> Option<f64> {
    text.trim().split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[&str]) -> Log {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.add(line));
        log
    }

    #[test]
    fn complaints_and_rate_are_found_among_the_rest() {
        let mut log = log(&[
            "[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:clip.mp4':",
            "[info]     comment         : 12 fps",
            "[info]   Duration: 00:01:02.50, start: 0.000000, bitrate: 172 kb/s",
            "[info]   Stream #0:0: Video: mjpeg, yuvj420p(pc), 600x600, 90k tbr (attached pic)",
            "[info]   Stream #0:1[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p, 640x360 [SAR 1:1 DAR 16:9], 9 kb/s, 29.97 fps, 30 tbr (default)",
            "[info]   Stream #0:0(und): Video: pam, rgb24(pc), 640x360, q=2-31, 200 kb/s, 5 fps, 5 tbn",
            "[image2pipe @ 0x5602cf672a00] [warning] Timestamps are unset",
        ]);
        assert_eq!((log.facts.fps.as_deref(), log.complaint()), (Some("29.97"), None));
        assert_eq!((log.facts.seconds, log.facts.frames()), (Some(62.5), Some(1873)));
        log.add("[mov,mp4 @ 0x55f764d57940] [error] moov atom not found");
        assert_eq!(log.damage().unwrap(), "moov atom not found");
        log.add("[error] file:clip.mp4: Invalid data found");
        log.add("[fatal] Conversion failed!");
        assert_eq!(log.damage().unwrap(), "moov atom not found; Conversion failed!");
        assert!(!log.is_cut_off());
        log.add("[matroska,webm @ 0x55cf8f0ca9c0] [error] File ended prematurely");
        assert!(log.is_cut_off());
    }

    #[test]
    fn a_recording_that_begins_between_two_whole_pictures_is_not_damaged() {
        let log = log(&[
            "[h264 @ 0x560b81e8a800] [error] non-existing PPS 0 referenced",
            "[info] Input #0, mpegts, from 'file:mid.ts':",
            "[h264 @ 0x560b81ed0e00] [error] mmco: unref short failure",
        ]);
        assert_eq!((log.damage(), log.complaint().is_some()), (None, true));
    }

    #[test]
    fn what_the_first_frame_is() {
        let log = log(&[
            "[info]       title     : [Parsed_showinfo s:9x9 fmt:rgb24",
            "[info]       alpha_mode      : 1",
            "[Parsed_showinfo_0 @ 0x5] [info] config in time_base: 1/10240, frame_rate: 10/1",
            "[Parsed_showinfo_0 @ 0x5] [info] n:   0 pts:      0 pos:       44 fmt:yuv420p10le sar:16/15 s:480x320 i:B iskey:1 type:I ",
            "[Parsed_showinfo_0 @ 0x5] [info] color_range:tv color_space:bt2020nc color_primaries:bt2020 color_trc:arib-std-b67",
            "[Parsed_showinfo_0 @ 0x5] [info] n:   1 pts:      0 pos:       44 fmt:rgb24 sar:0/1 s:1x1 i:P iskey:1 type:I ",
            "[Parsed_showinfo_0 @ 0x5] [info] color_range:tv color_space:bt709 color_primaries:unknown color_trc:unknown",
        ]);
        let picture = log.facts.picture.unwrap();
        assert_eq!((&*picture.pixels, picture.size, picture.aspect), ("yuv420p10le", (480, 320), (16, 15)));
        assert_eq!((&*picture.matrix, &*picture.primaries), ("bt2020nc", "bt2020"));
        assert!(picture.interlaced && picture.transfer == "arib-std-b67" && log.facts.alpha_beside);
    }
}
