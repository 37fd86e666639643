// SPDX-License-Identifier: Apache-2.0
//! The test kit, over the library alone.

use spanring::test_kit::{RecordedStatus, RecordedValue, TestKit};
use spanring::{Attribute, Kind, Link, Provider, SpanId, Status, TraceId, Tracer, Value};
use std::sync::Mutex;
use std::time::SystemTime;

fn begin() -> (TestKit, Tracer) {
    let kit = TestKit::begin().expect("before the first span");
    static TRACER: Mutex<Option<Tracer>> = Mutex::new(None);
    let tracer = *TRACER.lock().unwrap().get_or_insert_with(|| {
        let provider = Provider::builder().service_name("shop").open().expect("opened");
        provider.tracer("shop.checkout", Some("1.0")).expect("a tracer")
    });
    (kit, tracer)
}

#[test]
fn what_was_set_is_read() {
    let (kit, tracer) = begin();
    let before = SystemTime::now();
    let sizes = [Value::from(1), "two".into(), Value::EMPTY];
    let user = [Attribute::new("id", 7), Attribute::new("vip", true)];
    let other = spanring::Context::new(TraceId([1; 16]), SpanId([2; 8]), true);
    {
        let span = tracer.span("checkout").kind(Kind::Server).links(&[Link::new(&other, &[])]).start();
        span.set_attribute("item", "book").set_attribute("price", 1.5).set_attribute("body", b"\x00\xff");
        span.set_attribute("sizes", &sizes).set_attribute("user", &user);
        span.add_event("paid", &[Attribute::new("currency", "EUR")]);
        span.set_status(Status::Error("out of paper"));
    }
    let spans = kit.spans().unwrap();
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = &spans[0];
    assert_eq!((span.name.as_str(), span.kind, span.is_open), ("checkout", Kind::Server, false));
    assert_eq!(span.status, RecordedStatus::Error("out of paper".to_owned()));
    assert_eq!((span.scope.name.as_str(), span.scope.version.as_str()), ("shop.checkout", "1.0"));
    assert_eq!(span.attribute("item"), Some(&"book".into()));
    assert_eq!(span.attribute("price"), Some(&1.5.into()));
    assert_eq!(span.attribute("body"), Some(&RecordedValue::Bytes(vec![0, 255])));
    let array = vec![1.into(), "two".into(), RecordedValue::Empty];
    assert_eq!(span.attribute("sizes"), Some(&RecordedValue::Array(array)));
    let pairs = vec![("id".to_owned(), 7.into()), ("vip".to_owned(), true.into())];
    assert_eq!(span.attribute("user"), Some(&RecordedValue::KeyValues(pairs)));
    assert_eq!(span.attribute("other"), None);
    assert_eq!(span.event("paid").unwrap().attribute("currency"), Some(&"EUR".into()));
    assert_eq!((span.links.len(), span.links[0].context.span_id()), (1, SpanId([2; 8])));
    assert!(span.is_root() && span.start_time >= before - std::time::Duration::from_secs(1));
    assert!(span.end_time.unwrap() >= span.start_time);
    assert!(span.resource.contains(&("service.name".to_owned(), "shop".into())));
    assert_eq!(kit.lost().unwrap(), 0);
}

#[test]
fn an_open_span_is_seen_until_it_ends_and_stays_when_the_others_are_forgotten() {
    let (kit, tracer) = begin();
    let outer = tracer.span("outer").start();
    drop(tracer.span("inner").parent(outer.context()).start());
    let spans = kit.spans().unwrap();
    let open = spans.iter().find(|span| span.name == "outer").unwrap();
    assert!(open.is_open && open.end_time.is_none() && spans[0].is_child_of(open) && !spans[0].is_open);
    kit.clear().unwrap();
    assert_eq!(kit.spans().unwrap().len(), 1);
    drop(outer);
    assert!(!kit.spans().unwrap()[0].is_open);
    assert_eq!(kit.all_spans().unwrap().len(), 1);
}

#[test]
fn a_test_that_failed_keeps_nobody_from_the_next_turn() {
    let failed = std::thread::spawn(|| {
        let _turn = begin();
        panic!("as a test that fails");
    });
    assert!(failed.join().is_err());
    let (kit, _) = begin();
    assert!(kit.spans().unwrap().is_empty());
}
