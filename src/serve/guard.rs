//! Who is let in: by the name that was asked for, by the page that asks, and by the token in the link. Pure.

use std::net::IpAddr;

/// What is asked of each request.
#[derive(Clone, Debug)]
pub struct Guard {
    token: String,
    /// Names that this machine is asked by, beside addresses and `localhost`.
    hosts: Vec<String>,
}

impl Guard {
    /// Lets in who has this token.
    pub fn new(token: String, hosts: Vec<String>) -> Self {
        Self { token, hosts }
    }

    /// What stands behind `token=` in the link.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// False of names that are not this machine's: a page of elsewhere whose name was made to lead here (DNS rebinding) has such a
    /// one. An address leads nobody astray.
    pub fn knows_host(&self, host: Option<&str>) -> bool {
        let Some(name) = host.map(name_of) else { return false };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// True where a page of this very server asks.
    pub fn is_own_page(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        let asks = origin.and_then(|origin| origin.split_once("://")).map(|(_, asks)| asks);
        asks.is_some() && asks == host
    }

    /// True where the query of an address has the token.
    pub fn knows_token(&self, query: &str) -> bool {
        let given = query.split('&').find_map(|part| part.strip_prefix("token="));
        given.is_some_and(|given| is_same(given.as_bytes(), self.token.as_bytes()))
    }
}

/// In a time that does not depend on how much of it is right.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

fn name_of(host: &str) -> &str {
    let end = host.rfind(':').filter(|colon| !host[*colon..].contains(']'));
    &host[..end.unwrap_or(host.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_pages_and_tokens_of_elsewhere_are_refused() {
        let guard = Guard::new("secret".into(), vec!["lab.example".into()]);
        for host in
            ["127.0.0.1:7878", "localhost", "LOCALHOST:1", "[::1]:7878", "10.0.0.5:80", "lab.example:7878"]
        {
            assert!(guard.knows_host(Some(host)), "{host}");
        }
        for host in
            ["evil.example", "evil.example:7878", "localhost.evil.example", "127.0.0.1.evil.example", ""]
        {
            assert!(!guard.knows_host(Some(host)), "{host}");
        }
        assert!(!guard.knows_host(None));
        let host = Some("localhost:7878");
        assert!(guard.is_own_page(Some("http://localhost:7878"), host));
        for origin in [None, Some("null"), Some("http://localhost"), Some("http://evil.example"), Some("")] {
            assert!(!guard.is_own_page(origin, host), "{origin:?}");
        }
        assert!(guard.knows_token("token=secret") && guard.knows_token("a=b&token=secret"));
        for query in ["", "token=", "token=secre", "token=secrets", "token=Secret", "Token=secret"] {
            assert!(!guard.knows_token(query), "{query}");
        }
    }
}
