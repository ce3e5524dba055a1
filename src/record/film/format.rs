//! What a film is written as, by the ending of its name, and what ffmpeg is told for it. Pure.

use std::path::Path;

/// Milliseconds of a film that a kill may cost.
const PIECE_MS: u32 = 500;

/// A kind of film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// H.264, for everything that plays films.
    Mp4,
    /// VP9, for browsers.
    Webm,
    /// H.264 in Matroska.
    Mkv,
    /// For places that take pictures only: 256 colours, large files.
    Gif,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mp4, Self::Webm, Self::Mkv, Self::Gif];

    /// By the ending of the file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|format| ending.eq_ignore_ascii_case(format.ending()))
    }

    /// The ending, without its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
            Self::Mkv => "mkv",
            Self::Gif => "gif",
        }
    }

    /// ffmpeg's encoders that can write it, the best first.
    pub fn encoders(self) -> &'static [&'static str] {
        match self {
            Self::Mp4 | Self::Mkv => &["libx264", "libopenh264", "h264_videotoolbox", "mpeg4"],
            Self::Webm => &["libvpx-vp9"],
            Self::Gif => &["gif"],
        }
    }

    /// Milliseconds from one picture to the next, at least.
    pub fn shortest_ms(self) -> u64 {
        match self {
            Self::Gif => 80,
            _ => 16,
        }
    }

    /// ffmpeg's options from its input to its output. `vfr`: what makes it keep the times of pictures; `threads`: for the
    /// encoder.
    pub fn options(self, encoder: &str, vfr: &str, threads: usize) -> Vec<String> {
        let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
        // Otherwise times are rounded to a rate that ffmpeg guesses.
        let tick = if self == Self::Gif { "1:100" } else { "1:1000" };
        let mut all = words(&format!("-an {vfr} vfr -enc_time_base {tick} -c:v {encoder}"));
        if self == Self::Gif {
            // A palette of its own for each picture: one for all would have to wait for the last.
            all.extend(words("-vf scale='min(960,iw)':-1,split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none"));
        } else {
            // Sides are even where colours have half the pixels, which is what everything plays.
            all.extend(words(
                "-vf pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p \
                 -color_primaries bt709 -color_trc bt709 -colorspace bt709 -force_key_frames expr:gte(t,n_forced*2)",
            ));
            all.extend(words(&format!("-threads {threads}")));
        }
        all.extend(words(match encoder {
            "libx264" => "-preset ultrafast -tune zerolatency -crf 18",
            "libvpx-vp9" => "-deadline realtime -cpu-used 8 -row-mt 1 -lag-in-frames 0 -crf 24 -b:v 0",
            "gif" => "-loop 0",
            _ => "-b:v 8M",
        }));
        // Whole by itself every half second, so that what was written so far plays whatever comes next.
        match self {
            Self::Mp4 => all.extend(words(&format!(
                "-movflags +empty_moov+default_base_moof+frag_keyframe -frag_duration {}",
                PIECE_MS * 1000
            ))),
            Self::Webm | Self::Mkv => all.extend(words(&format!("-cluster_time_limit {PIECE_MS}"))),
            Self::Gif => {}
        }
        all.extend(words("-flush_packets 1 -f"));
        all.push(if self == Self::Mkv { "matroska" } else { self.ending() }.into());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_is_what_its_name_ends_in() {
        let of = |name: &str| Format::of(Path::new(name));
        assert_eq!((of("a/b.MP4"), of("c.webm")), (Some(Format::Mp4), Some(Format::Webm)));
        assert_eq!((of("mp4"), of("a.avi")), (None, None));
        for format in Format::ALL {
            assert!(format.options(format.encoders()[0], "-vsync", 1).iter().all(|word| !word.is_empty()));
        }
    }
}
