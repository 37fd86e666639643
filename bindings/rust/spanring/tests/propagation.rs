// SPDX-License-Identifier: Apache-2.0
//! What goes with a request, through the safe crate alone: no provider, no agent.

#[cfg(feature = "http")]
use http::HeaderMap;
use spanring::{inject, propagation_fields, Context, Headers, HeadersMut, Propagated};
use std::thread;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Default, Debug, PartialEq)]
struct List(Vec<(String, String)>);

impl List {
    fn of(headers: &[(&str, &str)]) -> List {
        List(headers.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }
}

impl Headers for List {
    fn get(&self, key: &str, index: usize) -> Option<&[u8]> {
        self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)).nth(index).map(|(_, value)| value.as_bytes())
    }
}

impl HeadersMut for List {
    fn set(&mut self, key: &str, value: &str) {
        self.remove(key);
        self.0.push((key.to_owned(), value.to_owned()));
    }
    fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| !name.eq_ignore_ascii_case(key));
    }
}

fn request() -> Propagated {
    let mut request = Propagated::new(Context::extract(TRACEPARENT).expect("a traceparent"));
    request.set_baggage("k", "v w").expect("baggage");
    request.set_trace_state("a", "1").expect("a trace state");
    request
}

#[test]
fn a_span_that_does_nothing_is_injected_as_nothing() {
    let mut headers = List::of(&[("traceparent", "old")]);
    spanring::Tracer::disabled().start("nothing").inject(&mut headers);
    assert_eq!(headers, List::default());
}

#[test]
fn it_comes_out_of_headers_and_goes_into_others() {
    let headers =
        List::of(&[("Traceparent", TRACEPARENT), ("Tracestate", "a=1"), ("tracestate", "b=2"), ("Baggage", "k=v%20w")]);
    let mut propagated = Propagated::new(Context::default());
    assert!(propagated.extract(&headers));
    assert_eq!(&*propagated.context().inject().expect("valid"), TRACEPARENT);
    assert_eq!(propagated.trace_state(), "a=1,b=2");
    assert_eq!(propagated.baggage_value("k").as_deref(), Some("v w"));
    assert_eq!(propagated.baggage_value("other"), None);

    let mut out = List::of(&[("baggage", "stale=1"), ("other", "stays")]);
    propagated.clear_baggage();
    propagated.inject(&mut out);
    assert_eq!(out, List::of(&[("other", "stays"), ("traceparent", TRACEPARENT), ("tracestate", "a=1,b=2")]));
    assert!(!propagated.extract(&List::default()));
    assert_eq!(propagated.trace_state(), "a=1,b=2", "what is not there leaves what was");
}

#[test]
fn it_is_changed() {
    let mut propagated = request();
    propagated.set_trace_state("b", "2").expect("valid");
    assert_eq!(propagated.trace_state(), "b=2,a=1");
    assert!(propagated.set_trace_state("B", "2").is_err());
    assert!(propagated.set_baggage("not a token", "1").is_err());
    propagated.set_baggage("l", "é").expect("valid");
    assert_eq!(propagated.baggage(), "k=v%20w,l=%C3%A9");
    assert!(propagated.remove_baggage("k"));
    assert!(!propagated.remove_baggage("k"));
    assert_eq!(propagated.clone().baggage(), "l=%C3%A9");
}

#[test]
fn it_goes_with_the_thread() {
    let request = request();
    request.with(|| {
        let mut child = request.context();
        let current = Propagated::current();
        assert_eq!(current.context(), child);
        assert_eq!(current.trace_state(), "a=1");
        assert_eq!(current.baggage(), "k=v%20w");
        child.with(|| assert_eq!(Propagated::current().trace_state(), "a=1"));
        child = Context::extract("00-ffffffffffffffffffffffffffffffff-b7ad6b7169203331-00").expect("another trace");
        let mut out = List::default();
        inject(child, &mut out);
        assert_eq!(
            out,
            List::of(&[
                ("traceparent", "00-ffffffffffffffffffffffffffffffff-b7ad6b7169203331-00"),
                ("baggage", "k=v%20w")
            ])
        );
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(Propagated::current().baggage(), "");
                request.with(|| assert_eq!(Propagated::current().baggage(), "k=v%20w"));
            });
        });
    });
    assert_eq!(Propagated::current().baggage(), "");
    assert!(!Propagated::current().context().is_valid());
}

#[test]
fn baggage_may_have_properties() {
    let mut propagated = request();
    propagated.set_baggage_with_properties("k", "v", "p=1;q").expect("valid");
    assert_eq!(propagated.baggage(), "k=v;p=1;q");
    assert!(propagated.set_baggage_with_properties("k", "v", "not, valid").is_err());
}

#[test]
fn the_keys_that_are_written_are_known() {
    assert_eq!(propagation_fields().collect::<Vec<_>>(), ["traceparent", "tracestate", "baggage"]);
}

#[cfg(feature = "http")]
#[test]
fn the_headers_of_http_are_headers() {
    let mut headers = HeaderMap::new();
    request().inject(&mut headers);
    headers.append("tracestate", "b=2".parse().unwrap());
    assert_eq!(headers["traceparent"], TRACEPARENT);
    let mut propagated = Propagated::new(Context::default());
    assert!(propagated.extract(&headers));
    assert_eq!(propagated.trace_state(), "a=1,b=2");
    assert_eq!(propagated.baggage(), "k=v%20w");
    propagated.clear_baggage();
    propagated.inject(&mut headers);
    assert_eq!(headers.get("baggage"), None);
    assert_eq!(headers.get_all("tracestate").iter().collect::<Vec<_>>(), ["a=1,b=2"]);
}
