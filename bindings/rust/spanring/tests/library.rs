// SPDX-License-Identifier: Apache-2.0
//! The safe crate over the library alone, without an agent.

use spanring::{
    Attribute, Context, Event, Exception, Kind, Link, Propagated, Provider, Sampling, Span, SpanId, Statistics, Status,
    TraceId, Tracer, Value,
};
use std::sync::{Mutex, MutexGuard, Once};
use std::time::{Duration, SystemTime};
use support::{allocations, own_directory};

#[path = "support"]
mod support {
    mod counting;
    mod directory;
    pub use counting::allocations;
    pub use directory::own_directory;
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static TURNS: Mutex<()> = Mutex::new(());

/// A provider whose counters only this test moves: tests that count take turns.
struct Library {
    provider: Provider,
    tracer: Tracer,
    before: Statistics,
    _turn: MutexGuard<'static, ()>,
}

impl Library {
    fn open() -> Library {
        static DIRECTORY: Once = Once::new();
        let turn = TURNS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        DIRECTORY.call_once(|| own_directory("segments"));
        static OPENED: Mutex<Option<Provider>> = Mutex::new(None);
        let mut opened = OPENED.lock().unwrap();
        let provider =
            *opened.get_or_insert_with(|| Provider::builder().service_name("library").open().expect("opened"));
        let tracer = provider.tracer("library", Some("1.0")).expect("a tracer");
        Library { provider, tracer, before: provider.statistics(), _turn: turn }
    }

    fn started(&self) -> u64 {
        self.provider.statistics().started - self.before.started
    }

    fn ended(&self) -> u64 {
        self.provider.statistics().ended - self.before.ended
    }

    fn refused(&self) -> u64 {
        self.provider.statistics().refused_data - self.before.refused_data
    }
}

fn assert_send<T: Send>() {}
fn assert_sync<T: Sync>() {}

#[test]
fn handles_may_cross_threads_as_the_header_says() {
    assert_send::<Span>();
    assert_send::<Tracer>();
    assert_sync::<Tracer>();
    assert_send::<Provider>();
    assert_sync::<Provider>();
    // That Span is not Sync and a guard is not Send: compile_fail examples in their documentation.
}

#[test]
fn a_span_ends_when_it_is_dropped() {
    let library = Library::open();
    {
        let span = library.tracer.start("dropped");
        assert!(span.is_recording());
        assert_eq!((library.started(), library.ended()), (1, 0));
    }
    assert_eq!(library.ended(), 1);
    assert_eq!(library.provider.state(), Ok(true));
}

#[test]
fn a_span_ends_once() {
    let library = Library::open();
    library.tracer.start("by hand").end();
    library.tracer.start("at a time").end_at(SystemTime::now() + Duration::from_secs(1));
    assert_eq!((library.started(), library.ended()), (2, 2));
}

#[test]
fn a_span_ends_on_another_thread() {
    let library = Library::open();
    let span = library.tracer.start("handed over");
    std::thread::spawn(move || drop(span)).join().unwrap();
    assert_eq!(library.ended(), 1);
}

#[test]
fn a_span_ends_when_its_thread_panics() {
    let library = Library::open();
    let tracer = library.tracer;
    let panicked = std::thread::spawn(move || {
        let span = tracer.start("panic");
        let _current = span.attach();
        span.context().with(|| panic!("on purpose"));
    });
    assert!(panicked.join().is_err());
    assert_eq!((library.started(), library.ended()), (1, 1));
}

#[test]
fn an_attached_context_is_the_parent_until_its_guard_is_dropped() {
    let library = Library::open();
    assert!(!Context::current().is_valid());
    let outer = library.tracer.start("outer");
    {
        let _outer = outer.attach();
        assert_eq!(Context::current(), outer.context());
        let inner = library.tracer.start("inner");
        assert_eq!(inner.context().trace_id(), outer.context().trace_id());
        inner.context().with(|| assert_eq!(Context::current(), inner.context()));
        assert_eq!(Context::current(), outer.context());
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(!Context::current().is_valid()));
        });
    }
    assert!(!Context::current().is_valid());
}

#[test]
fn guards_may_be_dropped_in_the_wrong_order_or_never() {
    let library = Library::open();
    let (first, second) = (library.tracer.start("first"), library.tracer.start("second"));
    let (outer, inner) = (first.attach(), second.attach());
    drop(outer);
    assert!(!Context::current().is_valid(), "those attached later are detached with it");
    drop(inner);
    assert!(!Context::current().is_valid());

    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::mem::forget(Context::extract(TRACEPARENT).unwrap().attach());
            assert!(Context::current().is_valid());
        });
    });
}

#[test]
fn a_parent_that_is_given_wins() {
    let library = Library::open();
    let here = library.tracer.start("here");
    let _current = here.attach();
    let remote = Context::extract(TRACEPARENT).unwrap();
    let child = library.tracer.span("child").parent(remote).start();
    assert_eq!(child.context().trace_id(), remote.trace_id());
    for root in
        [library.tracer.span("root").root().start(), library.tracer.span("root").parent(Context::default()).start()]
    {
        assert!(root.context().is_valid());
        assert_ne!(root.context().trace_id(), here.context().trace_id());
    }
}

#[test]
fn a_span_is_the_current_one_inside_of_its_function() {
    let library = Library::open();
    let span = library.tracer.start("current");
    assert!(!Span::with_current(|current| current.is_recording()));
    let child = span.with(|| {
        Span::with_current(|current| {
            assert_eq!(current.context(), span.context());
            current.set_attribute("key", 1);
        });
        library.tracer.start("child")
    });
    assert_eq!(child.context().trace_id(), span.context().trace_id());
    assert!(span.is_recording(), "neither function ended it");
    assert!(!Span::with_current(|current| current.is_recording()));
    assert_eq!(library.refused(), 0);
}

#[test]
fn ids_and_the_decision_may_be_said() {
    let library = Library::open();
    let (trace, id) = (TraceId([1; 16]), SpanId([2; 8]));
    let span = library.tracer.span("own").ids(trace, id).sampling(Sampling::Record).start();
    assert!(span.is_recording());
    assert_eq!((span.context().trace_id(), span.context().span_id()), (trace, id));
    assert!(span.context().is_sampled());
    let elsewhere = Context::new(TraceId([9; 16]), SpanId([9; 8]), true);
    let refused = library.tracer.span("of another trace").parent(elsewhere).ids(trace, id).start();
    assert!(!refused.context().is_valid());
    let below = library.tracer.span("below").parent(elsewhere).ids(TraceId([0; 16]), id).start();
    assert_eq!((below.context().trace_id(), below.context().span_id()), (elsewhere.trace_id(), id));
    let dropped = library.tracer.span("dropped").sampling(Sampling::Drop).start();
    assert!(!dropped.is_recording() && dropped.context().is_valid());
}

#[test]
fn a_traceparent_goes_in_and_comes_out() {
    let context = Context::extract(TRACEPARENT).unwrap();
    assert!(context.is_valid() && context.is_sampled() && context.is_remote());
    assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
    assert_eq!(&*context.inject().unwrap(), TRACEPARENT);
    assert!(Context::default().inject().is_none());
    for bad in ["", "00", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "über"] {
        let error = Context::extract(bad).expect_err(bad);
        assert!(error.code() < 0 && !error.to_string().is_empty());
    }
}

#[test]
fn what_is_refused_is_counted() {
    let library = Library::open();
    let span = library.tracer.start("refused");
    span.set_attribute("good", "value").set_attribute("", "an empty key");
    assert_eq!(library.refused(), 1);
    let link = Link::new(&span.context(), &[]);
    span.add_link(&link).add_event("event", &[Attribute::new("key", 1)]).set_status(Status::Ok).set_kind(Kind::Client);
    assert_eq!(library.refused(), 1);
}

#[test]
fn values_are_of_every_type() {
    let library = Library::open();
    let list = [Value::from("text"), true.into(), (-1).into(), 0.5.into(), b"\x00".into(), Value::EMPTY];
    let pairs = [Attribute::new("list", &list), Attribute::new("none", None::<&str>)];
    let both = [Value::array(&list), Value::key_values(&pairs)];
    let nested = Attribute::new("nested", &both);
    let text =
        r#"nested=[["text", true, -1, 0.5, [0], EMPTY], [list=["text", true, -1, 0.5, [0], EMPTY], none=EMPTY]]"#;
    assert_eq!(format!("{nested:?}"), text);

    let span = library.tracer.span("values").attributes(&pairs).start();
    span.set_attribute("list", &list).set_attribute("pairs", &pairs).set_attribute("bytes", &[1_u8, 2]);
    span.set_attribute("some", Some(1)).set_attributes(&[nested]);
    span.set_attribute("unsigned", u64::MAX).set_attribute("length", list.len());
    assert_eq!(format!("{:?}", Value::from(u64::MAX)), "18446744073709551615");
    assert_eq!(library.refused(), 0);

    fn nest(span: &Span, value: Value<'_>, levels: u32) {
        match levels {
            0 => drop(span.set_attribute("nested", value)),
            _ => nest(span, Value::array(&[value]), levels - 1),
        }
    }
    nest(&span, Value::from(1), 46);
    nest(&span, Value::from(1), 500);
    assert_eq!(library.refused(), 0, "deeper lists are empty values");
}

#[test]
fn errors_and_exceptions_are_recorded() {
    let library = Library::open();
    let span = library.tracer.start("errors");
    let boxed: Box<dyn std::error::Error> = Box::new(std::fmt::Error);
    span.record_error(&std::fmt::Error).record_error(&*boxed);
    span.record_exception(&Exception::new("type", "").stacktrace("here").attributes(&[Attribute::new("key", 1)]));
    assert_eq!(library.refused(), 0);
    span.record_exception(&Exception::new("", ""));
    assert_eq!(library.ended(), 0);
}

#[test]
fn a_span_is_recorded_whole() {
    let library = Library::open();
    let own = |sampled| Context::new(TraceId([1; 16]), SpanId([2; 8]), sampled);
    let made = library.tracer.whole_span("made").parent(own(true)).record().expect("recorded");
    assert!(made.is_valid() && made.trace_id() == TraceId([1; 16]) && made.span_id() != SpanId([2; 8]));
    assert_eq!(library.tracer.whole_span("own").context(own(true)).record(), Ok(own(true)));
    assert_eq!(library.ended(), 2);
    assert_eq!(library.tracer.whole_span("unsampled").context(own(false)).record(), Ok(own(false)));
    assert!(library.tracer.whole_span("none").context(Context::default()).record().is_err());
    assert_eq!(Tracer::disabled().whole_span("nothing").context(own(true)).record(), Ok(own(true)));
    assert_eq!((library.started(), library.ended()), (2, 2));
}

#[test]
fn other_attributes_are_another_scope() {
    let library = Library::open();
    let scope = |key| library.provider.tracer_builder("scope").attributes(&[Attribute::new(key, 1)]).build();
    let name = |tracer: Tracer| format!("{tracer:?}");
    assert_eq!(scope("key").map(name), scope("key").map(name));
    assert_ne!(scope("key").map(name), scope("other").map(name));
    assert_eq!(scope("").map(name).expect_err("an empty key").code(), -22); // EINVAL
}

#[test]
fn a_disabled_tracer_does_nothing() {
    let library = Library::open();
    let tracer = Tracer::disabled();
    assert!(!tracer.is_enabled());
    let span = tracer.span("nothing").kind(Kind::Server).start();
    span.set_attribute("key", 1).record_error(&std::fmt::Error);
    assert!(!span.is_recording() && !span.context().is_valid());
    drop(span);
    assert_eq!(library.started(), 0);
    assert!(library.tracer.is_enabled());
}

#[test]
fn nothing_is_allocated_between_start_and_end() {
    let library = Library::open();
    library.tracer.start("first of the thread").end();
    let count = allocations(|| {
        let span = library.tracer.span("free").kind(Kind::Server).attributes(&[Attribute::new("key", "value")]).start();
        span.context().with(|| {
            span.set_attribute("text", "a value").add_event("event", &[Attribute::new("index", 1)]);
            span.set_attribute("list", &[Value::from(1), "two".into()]);
            span.record_exception(&Exception::new("type", "message"));
            let event = [Event::new("event", &[])];
            library.tracer.whole_span("whole").events(&event).record().expect("recorded");
            span.set_status(Status::Error("message"));
            assert!(library.tracer.start("child").context().inject().is_some());
        });
        span.end();
    });
    assert_eq!(count, 0);
    assert_eq!(library.ended(), 4);
}

#[test]
fn guards_allocate_for_the_first_ones_of_a_thread_alone() {
    let context = Context::extract(TRACEPARENT).unwrap();
    let both = || drop((context.attach(), context.attach()));
    both();
    assert_eq!(allocations(both), 0);
}

#[test]
fn a_flush_without_an_agent_times_out() {
    let library = Library::open();
    library.tracer.start("waits for an agent").end();
    let error = library.provider.flush(Duration::from_millis(1)).expect_err("no agent");
    assert_eq!(error.code(), -110); // ETIMEDOUT
}

#[test]
fn a_guard_may_have_the_trace_state_of_its_context() {
    let library = Library::open();
    let caller = Context::extract(TRACEPARENT).unwrap();
    let mut request = Propagated::new(Context::default());
    request.set_baggage("k", "v").unwrap();
    request.with(|| {
        let guard = caller.attach_with_trace_state("vendor=1");
        let span = library.tracer.start("below");
        assert_eq!((span.context().trace_id(), span.trace_state()), (caller.trace_id(), "vendor=1".to_owned()));
        assert_eq!(Propagated::current().trace_state(), "vendor=1");
        assert_eq!(Propagated::current().baggage(), "k=v", "it stays");
        let other = Context::new(TraceId([1; 16]), SpanId([2; 8]), true).attach_with_trace_state("");
        assert_eq!(library.tracer.start("of another trace").trace_state(), "");
        drop(other);
        drop(guard);
        assert_eq!(Propagated::current().trace_state(), "");
    });
}

#[test]
fn the_parts_of_a_context_are_said_and_read() {
    let context = Context::new(TraceId([1; 16]), SpanId([2; 8]), true);
    assert_eq!((context.trace_flags(), context.is_remote()), (1, false));
    let other = context.with_trace_flags(2).with_remote(true);
    assert_eq!((other.trace_flags(), other.is_remote(), other.is_sampled()), (2, true, false));
    assert_eq!(other.trace_id(), context.trace_id());
}
