// SPDX-License-Identifier: Apache-2.0
//! The scenario of `tests/bindings/arrival_test.py`: the same spans in every language, which checks each field that
//! arrives.
//!
//!     scenario TRACEPARENT TIME_NS
//!
//! Prints "ready TRACEPARENT" (the context that the child sends on), then waits to be killed with one span open.

use spanring::{Attribute, Context, Kind, Link, Provider, Status};
use std::io::{self, Read};
use std::time::{Duration, UNIX_EPOCH};

#[derive(Debug)]
struct OutOfPaper;

impl std::fmt::Display for OutOfPaper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("out of paper")
    }
}

impl std::error::Error for OutOfPaper {}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (remote, begin) = match &arguments[..] {
        [traceparent, time] => (Context::extract(traceparent)?, UNIX_EPOCH + Duration::from_nanos(time.parse()?)),
        _ => return Err("usage: scenario TRACEPARENT TIME_NS".into()),
    };

    let provider = Provider::builder()
        .service_name("scenario")
        .resource_attributes(&[Attribute::new("scenario.language", "rust"), Attribute::new("scenario.number", 7)])
        .memory_limit(1024 * 1024)
        .open()?;
    let tracer = provider.tracer("bindings.scenario", Some("2.5"))?;

    let parent = tracer
        .span("parent")
        .kind(Kind::Server)
        .parent(remote)
        .start_time(begin)
        .attributes(&[
            Attribute::new("text", "über"),
            Attribute::new("empty", ""),
            Attribute::new("yes", true),
            Attribute::new("no", false),
            Attribute::new("least", i64::MIN),
            Attribute::new("half", 0.5),
        ])
        .links(&[Link::new(&remote, &[Attribute::new("why", "because"), Attribute::new("weight", 3)])])
        .trace_state("vendor=1")
        .start();
    parent.set_attribute("later", &String::from("set later"));
    parent.set_attribute("again", 1).set_attribute("again", 2_u32);
    parent.set_attributes(&[Attribute::new("several", true), Attribute::new("quarter", 0.25_f32)]);
    parent.set_name("renamed");
    let first = [Attribute::new("index", 1), Attribute::new("of", "two")];
    parent.add_event_at("first", &first, begin + Duration::from_millis(100));
    parent.record_error(&OutOfPaper);
    parent.set_status(Status::Error("it broke"));
    let context = parent.context();

    let traceparent = {
        let _current = parent.attach();
        let child = tracer.span("child").kind(Kind::Client).start();
        child.set_status(Status::Ok);

        let elsewhere = tracer.start("elsewhere");
        std::thread::spawn(move || elsewhere.set_attribute("thread", "another").is_recording())
            .join()
            .expect("the thread ends the span");
        child.context().inject().expect("a valid context")
    };
    parent.end_at(begin + Duration::from_millis(1500));

    let _open = tracer.span("open").parent(context).attributes(&[Attribute::new("at.start", "kept")]).start();
    println!("ready {traceparent}");
    // Nothing comes: the test kills this process.
    let read = io::stdin().read(&mut [0])?;
    Err(format!("not killed, but {read} bytes came").into())
}
