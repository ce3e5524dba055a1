//! One connection: what it asks for, and whether it may have it.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::head::{self, Head};
use super::hub::Hub;
use super::socket;

/// Who takes nothing for so long is given up.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

const PAGE: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/style.css");

/// Nothing from elsewhere, in no frame of another page; the link with the token is told to nobody.
const GUARDED: &str = "Content-Security-Policy: default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'\r\n\
                       X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\
                       Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n";

/// Answers one request; a page's socket until it is closed.
pub fn serve(mut stream: TcpStream, hub: &Arc<Hub>) {
    let served = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_write_timeout(Some(WRITE_PATIENCE)))
        .and_then(|()| head::read(&mut stream))
        .and_then(|head| answer(stream, &head, hub));
    if let Err(error) = served {
        hub.log(&format!("a connection was closed: {error}"));
    }
}

fn answer(mut stream: TcpStream, head: &Head, hub: &Arc<Hub>) -> io::Result<()> {
    let host = head.header("host");
    if !hub.guard.knows_host(host) {
        hub.log("a request by a name that is not this machine's was refused (--host NAME allows one)");
        return refuse(
            stream,
            "421 Misdirected Request",
            "This name is not this machine's: ask by its address.",
        );
    }
    if head.method != "GET" {
        return refuse(stream, "405 Method Not Allowed", "Only pages are given here.");
    }
    let (kind, body) = match &*head.path {
        "/page.js" => ("text/javascript", SCRIPT),
        "/style.css" => ("text/css", STYLE),
        _ if !hub.guard.knows_token(&head.query) => {
            hub.log("a request without the right token was refused");
            return refuse(
                stream,
                "403 Forbidden",
                "The link is not whole: open the one that convscope printed, with its token.",
            );
        }
        "/" => ("text/html", PAGE),
        "/live" if !hub.guard.is_own_page(head.header("origin"), host) => {
            hub.log("a page of elsewhere was refused");
            return refuse(stream, "403 Forbidden", "Only the page of this server may ask for that.");
        }
        "/live" => return socket::serve(stream, head, hub),
        path => match path.strip_prefix("/files/").and_then(|rest| file(hub, rest)) {
            Some(path) => return send_file(stream, &path),
            None => return refuse(stream, "404 Not Found", "There is nothing of this name."),
        },
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n{GUARDED}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// The file of `3/view.png`.
fn file(hub: &Hub, rest: &str) -> Option<std::path::PathBuf> {
    let (number, name) = rest.split_once('/')?;
    let name = percent_encoding::percent_decode_str(name).decode_utf8().ok()?;
    hub.file(number.parse().ok()?, &name)
}

fn send_file(mut stream: TcpStream, path: &std::path::Path) -> io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment\r\n\
         Content-Length: {length}\r\n{GUARDED}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    io::copy(&mut file, &mut stream).map(drop)
}

fn refuse(mut stream: TcpStream, status: &str, sentence: &str) -> io::Result<()> {
    let body = format!("{sentence}\n");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{GUARDED}\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes())
}
