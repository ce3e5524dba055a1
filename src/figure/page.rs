//! A report as one HTML file that needs nothing else: pictures are inside it.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A page under construction.
pub struct Page {
    title: String,
    body: String,
}

/// A map on the page.
pub struct Worst {
    /// The map as a PNG file, one pixel a value.
    pub png: Vec<u8>,
    /// What is said of it.
    pub caption: String,
}

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--quiet:#777}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:0}
.quiet{color:var(--quiet)}.note{border-left:4px solid #e69f00;padding:.2rem .8rem;margin:.8rem 0}
section{border-top:1px solid var(--line);padding:1rem 0}
.maps{display:flex;flex-wrap:wrap;gap:.8rem;margin-top:.6rem}
figure{margin:0;width:8.5rem}figcaption{font-size:.85rem;line-height:1.25}
.maps img{width:8.5rem;image-rendering:pixelated;display:block}";

impl Page {
    /// `picture` is a PNG file, shown at the head.
    pub fn new(title: &str, subtitle: &str, picture: &[u8]) -> Self {
        let mut page = Self { title: title.into(), body: String::new() };
        let (title, subtitle, picture) = (escape(title), escape(subtitle), STANDARD.encode(picture));
        page.write(format_args!(
            "<h1>{title}</h1>\n<p class=\"quiet\">{subtitle}</p>\n<img alt=\"the picture as the network sees it\" \
             src=\"data:image/png;base64,{picture}\">\n"
        ));
        page
    }

    /// Something to keep in mind.
    pub fn note(&mut self, text: &str) {
        self.write(format_args!("<p class=\"note\">{}</p>\n", escape(text)));
    }

    /// A layer: what is said of it, and its worst maps; `more` of them are not shown.
    pub fn layer(&mut self, title: &str, sentence: &str, worst: Vec<Worst>, more: usize) {
        let (title, sentence) = (escape(title), escape(sentence));
        self.write(format_args!("<section><h2>{title}</h2>\n<p>{sentence}</p>\n"));
        if !worst.is_empty() {
            self.write(format_args!("<div class=\"maps\">"));
            for Worst { png, caption } in worst {
                let (data, caption) = (STANDARD.encode(png), escape(&caption));
                self.write(format_args!(
                    "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{data}\">\
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
        let mut page = Page::new("a & b", "<script>", b"png");
        page.note("\"<b>\"");
        page.layer("layer", "1 < 2", vec![Worst { png: vec![1], caption: "<i>".into() }], 3);
        let html = page.to_html();
        for part in
            ["<title>a &amp; b</title>", "&lt;script&gt;", "&quot;&lt;b&gt;&quot;", "1 &lt; 2", "and 3 more"]
        {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains("<script>") && !html.contains("<i>"));
    }
}
