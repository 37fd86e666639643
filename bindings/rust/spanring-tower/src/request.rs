// SPDX-License-Identifier: Apache-2.0
//! What the semantic conventions for HTTP say of a request.

use http::header::{HOST, USER_AGENT};
use http::{Request, Version};
use spanring::{Attribute, Value};
use std::cell::Cell;

/// As many as there are below.
const MOST: usize = 10;

pub(crate) struct RequestAttributes<'a> {
    list: [Attribute<'a>; MOST],
    count: usize,
}

impl<'a> RequestAttributes<'a> {
    /// The scheme is that of a request that does not say its own, as those of HTTP/1.1 do not.
    pub(crate) fn of<B>(request: &'a Request<B>, scheme: &'static str, query: bool, route: Option<&'a str>) -> Self {
        let mut said = RequestAttributes { list: [Attribute::new("", 0); MOST], count: 0 };
        let uri = request.uri();
        let method = request.method().as_str();
        said.push("http.request.method", known_method(method).unwrap_or("_OTHER"));
        if known_method(method).is_none() {
            said.push("http.request.method_original", method);
        }
        said.push("url.path", uri.path());
        said.push("url.scheme", uri.scheme_str().unwrap_or(scheme));
        if let (true, Some(query)) = (query, uri.query()) {
            said.push("url.query", query);
        }
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(authority) = uri.authority().map(|authority| authority.as_str()).or_else(|| header(HOST)) {
            let (address, port) = address_of(authority);
            said.push("server.address", address);
            if let Some(port) = port {
                said.push("server.port", port);
            }
        }
        if let Some(version) = version_of(request.version()) {
            said.push("network.protocol.version", version);
        }
        if let Some(agent) = header(USER_AGENT) {
            said.push("user_agent.original", agent);
        }
        if let Some(route) = route {
            said.push("http.route", route);
        }
        said
    }

    fn push(&mut self, key: &'a str, value: impl Into<Value<'a>>) {
        self.list[self.count] = Attribute::new(key, value);
        self.count += 1;
    }

    pub(crate) fn list(&self) -> &[Attribute<'a>] {
        &self.list[..self.count]
    }
}

/// Method and route, as far as they are known. The memory for it is the thread's.
pub(crate) fn with_name<R>(method: &str, route: Option<&str>, function: impl FnOnce(&str) -> R) -> R {
    thread_local! {
        static SPARE: Cell<String> = const { Cell::new(String::new()) };
    }
    let method = known_method(method).unwrap_or("HTTP");
    let route = match route {
        Some(route) => route,
        None => return function(method),
    };
    let mut name = SPARE.try_with(Cell::take).unwrap_or_default();
    name.clear();
    name.extend([method, " ", route]);
    let result = function(&name);
    let _ = SPARE.try_with(|spare| spare.set(name));
    result
}

/// Of RFC 9110, PATCH (RFC 5789) and QUERY; methods are case-sensitive.
pub(crate) fn known_method(method: &str) -> Option<&'static str> {
    const KNOWN: [&str; 10] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"];
    KNOWN.into_iter().find(|known| *known == method)
}

fn version_of(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// Without user information; the brackets of IPv6 are no part of the address.
fn address_of(authority: &str) -> (&str, Option<u16>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_or_none() {
        assert_eq!(address_of("shop.test"), ("shop.test", None));
        assert_eq!(address_of("shop.test:8080"), ("shop.test", Some(8080)));
        assert_eq!(address_of("me:secret@shop.test:80"), ("shop.test", Some(80)));
        assert_eq!(address_of("[::1]:80"), ("::1", Some(80)));
        assert_eq!(address_of("[::1]"), ("::1", None));
    }

    #[test]
    fn a_request_may_say_everything() {
        let request = Request::builder()
            .method("BREW")
            .uri("https://me@shop.test:443/pot?milk=1")
            .version(Version::HTTP_2)
            .header(USER_AGENT, "test");
        let request = request.body(()).unwrap();
        let said = RequestAttributes::of(&request, "http", true, Some("/pot"));
        assert_eq!(said.list().len(), MOST);
    }
}
