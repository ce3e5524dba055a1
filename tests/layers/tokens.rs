//! Rust text as tokens: names, numbers and signs, without comments, literals and what is compiled for tests alone.

/// The tokens of a file. `::` and `..` are one token each.
pub fn tokens(mut text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let (length, is_token) = first(text);
        let (token, rest) = text.split_at(length);
        if is_token {
            found.push(token);
        }
        text = rest;
    }
    without_tests(&found)
}

/// The length of what stands first, and whether it is a token.
fn first(text: &str) -> (usize, bool) {
    let up_to =
        |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    let next = text.chars().next().unwrap_or_default();
    if text.starts_with("//") {
        return (up_to(0, "\n"), false);
    }
    if text.starts_with("/*") {
        return (up_to(0, "*/"), false);
    }
    if text.starts_with("::") || text.starts_with("..") {
        return (2, true);
    }
    if next == '"' {
        return (quoted(text, '"'), false);
    }
    if next == '\'' {
        // `'a'` and `'\n'` are characters, `'a` is a lifetime.
        let mut following = text[1..].chars();
        let is_character = following.next() == Some('\\') || following.next() == Some('\'');
        return (if is_character { quoted(text, '\'') } else { 1 + name(&text[1..]) }, false);
    }
    if let Some(rest) = ["r", "br", "cr"].iter().find_map(|start| text.strip_prefix(start))
        && let behind = rest.trim_start_matches('#')
        && behind.starts_with('"')
    {
        let hashes = &rest[..rest.len() - behind.len()];
        return (up_to(text.len() - behind.len() + 1, &format!("\"{hashes}")), false);
    }
    (name(text).max(next.len_utf8()), !next.is_whitespace())
}

/// The length of a name or number, 0 where there is none.
fn name(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// The length of a literal with its marks, of which escaped ones do not end it.
fn quoted(text: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if character == mark && !is_escaped {
            return at + 1;
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    text.len()
}

/// Without the items that `#[cfg(test)]` stands before.
fn without_tests<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].starts_with(&MARK) {
            at += MARK.len();
            at += item(&tokens[at..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The number of tokens of the first item: up to its block or its semicolon.
fn item(tokens: &[&str]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth += match *token {
            "{" | "(" | "[" => 1,
            "}" | ")" | "]" => -1,
            _ => 0,
        };
        assert!(depth >= 0, "`#[cfg(test)]` stands before something that is no item");
        if depth == 0 && matches!(*token, "}" | ";") {
            return at + 1;
        }
    }
    tokens.len()
}

#[test]
fn comments_literals_and_tests_are_left_out() {
    let text = r##"
        // crate::a
        /* crate::b
           crate::c */
        const A: &str = "crate::d \" \\"; const B: [char; 3] = ['"', '\'', 'a']; // "
        const C: &str = r#"crate::e " \"#; const D: &[u8] = br"\"; fn f<'a>(r: &'a u8) -> u8 { r }
        #[cfg(test)]
        fn g(a: [u8; 3]) -> super::G { crate::h() }
        #[cfg(test)]
        #[path = "i.rs"]
        mod tests;
        type J = super::super::J;
    "##;
    let expected = "const A : & str = ; const B : [ char ; 3 ] = [ , , ] ; const C : & str = ; const D : & [ u8 ] = ; \
        fn f < > ( r : & u8 ) -> u8 { r } type J = super :: super :: J ;";
    assert_eq!(tokens(text).join(" "), expected.replace("->", "- >"));
    assert_eq!(tokens("0..crate::N"), ["0", "..", "crate", "::", "N"]);
}
