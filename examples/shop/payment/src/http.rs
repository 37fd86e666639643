// SPDX-License-Identifier: Apache-2.0
//! As much of HTTP/1.1 as the shop speaks: one request at a time on a connection that stays open, small bodies.

use std::io::{self, BufRead, Read, Write};

/// What a peer may make us keep: enough for any request of the shop.
const MAX_HEAD: u64 = 16 * 1024;
const MAX_BODY: u64 = 64 * 1024;

pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    headers: Vec<(String, String)>,
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Request {
    /// The next request; `None` where the peer has closed in good order.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
        let mut head = stream.take(MAX_HEAD);
        let line = match read_line(&mut head)? {
            None => return Ok(None),
            Some(line) => line,
        };
        let mut words = line.split(' ');
        let (method, target) = match (words.next(), words.next(), words.next(), words.next()) {
            (Some(method), Some(target), Some("HTTP/1.1"), None) => (method, target),
            _ => return Err(malformed("not an HTTP/1.1 request line")),
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));

        let mut headers = Vec::new();
        loop {
            let line = read_line(&mut head)?.ok_or_else(|| malformed("the head ends early"))?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header without a colon"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let request = Request { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers };

        // No request of the shop says anything in its body; what comes is read, so that the next request starts right.
        if request.header("transfer-encoding").is_some() {
            return Err(malformed("transfer-encoding is not spoken here"));
        }
        let length: u64 = match request.header("content-length") {
            None => 0,
            Some(text) => text.parse().map_err(|_| malformed("content-length is not a number"))?,
        };
        if length > MAX_BODY {
            return Err(malformed("the body is too large"));
        }
        let body = io::copy(&mut stream.take(length), &mut io::sink())?;
        if body < length {
            return Err(malformed("the body ends early"));
        }
        Ok(Some(request))
    }

    /// The value of a header, named in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn wants_close(&self) -> bool {
        self.header("connection").map_or(false, |value| value.eq_ignore_ascii_case("close"))
    }

    /// A parameter of the query. The shop's own values need no percent-decoding.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

fn read_line(head: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    match line.strip_suffix('\n') {
        Some(text) => Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned())),
        None => Err(malformed("the head is too long or ends early")),
    }
}

impl Response {
    pub fn new(status: u16, body: String) -> Self {
        Response { status, headers: Vec::new(), body }
    }

    pub fn write(&self, stream: &mut impl Write, close: bool) -> io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            402 => "Payment Required",
            404 => "Not Found",
            405 => "Method Not Allowed",
            _ => "Status",
        };
        let mut text = format!("HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\n", self.status);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if close {
            text += "connection: close\r\n";
        }
        text += &format!("content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        stream.write_all(text.as_bytes())?;
        stream.flush()
    }
}
