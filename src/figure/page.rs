//! A report as one HTML file that needs nothing else: pictures are inside it.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A page under construction.
pub struct Page {
    title: String,
    body: String,
}

/// A map or patch on the page.
pub struct Captioned {
    /// A PNG file, whose pixels are then seen (of a map, one a value), or a JPEG file.
    pub file: Vec<u8>,
    /// What is said of it, line by line.
    pub caption: String,
    /// True where it has so many values that it needs half of the page.
    pub is_wide: bool,
}

/// What a JPEG file begins with.
const JPEG: &[u8] = &[0xff, 0xd8];

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--quiet:#777}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:0}
.quiet{color:var(--quiet)}.note{border-left:4px solid #e69f00;padding:.2rem .8rem;margin:.8rem 0}
section{border-top:1px solid var(--line);padding:1rem 0}
.maps{display:flex;flex-wrap:wrap;gap:.8rem;margin-top:.6rem}
figure{margin:0;width:8.5rem}figcaption{font-size:.85rem;line-height:1.25;overflow-wrap:anywhere;white-space:pre-line}
.maps img{width:8.5rem;display:block}.maps img[src^=\"data:image/png\"]{image-rendering:pixelated}
figure.wide{width:min(34rem,100%)}.maps .wide img{width:100%}";

impl Page {
    /// With its title and what stands under it.
    pub fn new(title: &str, subtitle: &str) -> Self {
        let mut page = Self { title: title.into(), body: String::new() };
        let (title, subtitle) = (escape(title), escape(subtitle));
        page.write(format_args!("<h1>{title}</h1>\n<p class=\"quiet\">{subtitle}</p>\n"));
        page
    }

    /// A picture as a PNG file, as wide as the page at most; `words` stand for it where it is not seen.
    pub fn picture(&mut self, png: &[u8], words: &str) {
        let (words, data) = (escape(words), STANDARD.encode(png));
        self.write(format_args!("<img alt=\"{words}\" src=\"data:image/png;base64,{data}\">\n"));
    }

    /// Something to keep in mind.
    pub fn note(&mut self, text: &str) {
        self.write(format_args!("<p class=\"note\">{}</p>\n", escape(text)));
    }

    /// A layer or channel: what is said of it, and its worst maps or best patches; `more` of them are not shown.
    pub fn section(&mut self, title: &str, sentence: &str, shown: Vec<Captioned>, more: usize) {
        let (title, sentence) = (escape(title), escape(sentence));
        self.write(format_args!("<section><h2>{title}</h2>\n<p>{sentence}</p>\n"));
        if !shown.is_empty() {
            self.write(format_args!("<div class=\"maps\">"));
            for Captioned { file, caption, is_wide } in shown {
                let kind = if file.starts_with(JPEG) { "jpeg" } else { "png" };
                let class = if is_wide { " class=\"wide\"" } else { "" };
                let (data, caption) = (STANDARD.encode(file), escape(&caption));
                self.write(format_args!(
                    "<figure{class}><img loading=\"lazy\" alt=\"{caption}\" src=\"data:image/{kind};base64,{data}\">\
                     <figcaption>{caption}</figcaption></figure>\n"
                ));
            }
            self.write(format_args!("</div>"));
        }
        if more > 0 {
            self.write(format_args!("<p class=\"quiet\">and {more} more maps like these</p>"));
        }
        self.write(format_args!("</section>\n"));
    }

    /// The file.
    pub fn to_html(&self) -> String {
        let (title, body) = (escape(&self.title), &self.body);
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\n\
             <style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n"
        )
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = self.body.write_fmt(text);
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_markup() {
        let mut page = Page::new("a & b", "<script>");
        page.picture(b"png", "<i>");
        page.note("\"<b>\"");
        page.section(
            "layer",
            "1 < 2",
            vec![Captioned { file: vec![1], caption: "<i>".into(), is_wide: false }],
            3,
        );
        let html = page.to_html();
        for part in
            ["<title>a &amp; b</title>", "&lt;script&gt;", "&quot;&lt;b&gt;&quot;", "1 &lt; 2", "and 3 more"]
        {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains("<script>") && !html.contains("<i>"));
    }
}
