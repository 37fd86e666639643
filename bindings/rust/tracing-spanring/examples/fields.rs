// SPDX-License-Identifier: Apache-2.0
//! The program of `tests/bindings/tracing_test.py`, which checks each field that arrives: all that `tracing` can say.
//!
//!     fields TRACEPARENT
//!
//! Prints "ready TRACEPARENT": what the span `everything` sends on. Then waits until it is killed, one span open.

use spanring::{Context, HeadersMut, Propagated, Provider};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::Read;
use tracing::{error, field, info, info_span, instrument, warn};
use tracing_spanring::{SpanExt, SpanringLayer};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

#[derive(Debug)]
struct Jam(Option<Box<Jam>>, &'static str);

impl fmt::Display for Jam {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.1)
    }
}

impl Error for Jam {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|jam| jam as _)
    }
}

fn jam() -> Jam {
    let paper = Jam(Some(Box::new(Jam(None, "wet"))), "paper is stuck");
    Jam(Some(Box::new(paper)), "cannot print")
}

#[derive(Default)]
struct Headers(BTreeMap<String, String>);

impl HeadersMut for Headers {
    fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.into(), value.into());
    }
    fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }
}

#[instrument(err)]
fn fails(copies: u32) -> Result<(), Jam> {
    Err(jam())
}

fn everything(earlier: &tracing::Span) -> tracing::Span {
    let span = info_span!(
        "everything",
        text = "über",
        yes = true,
        least = i64::MIN,
        fits = 7_u64,
        too_big = u64::MAX,
        wide = 1_u128 << 100,
        half = 0.5,
        bytes = &b"\x00\xff"[..],
        debug = ?Some(1),
        display = %jam(),
        later = field::Empty,
        otel.name = "GET /orders",
        otel.kind = "Server",
        otel.status_code = field::Empty,
    );
    span.record("later", "set later").record("otel.status_code", "OK");
    span.follows_from(earlier);
    span.set_attribute("not.a.field", 1);
    span.in_scope(|| {
        info!(index = 1, of = "two", "first {}", 1);
        warn!(name: "named", level_of_ink = 0.1);
        error!("its status stays: ok is final");
        log::warn!(target: "printer::tray", "by log");
    });
    span
}

fn errors() {
    info_span!("failed").in_scope(|| error!(error = &jam() as &dyn Error, tray = 2, "no paper"));
    info_span!("told", reason = &jam() as &dyn Error).in_scope(|| info!("no error"));
    info_span!("described", otel.status_code = "error", otel.status_description = "by hand")
        .in_scope(|| error!("later"));
    let _ = fails(3);
}

fn main() -> Result<(), Box<dyn Error>> {
    let traceparent = std::env::args().nth(1).ok_or("usage: fields TRACEPARENT")?;
    let provider = Provider::builder().service_name("fields").open()?;
    let layer =
        SpanringLayer::new(provider.tracer("tracing.fields", Some("2.5"))?).with_location(true).with_level(true);
    tracing_log::LogTracer::init()?;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO)))?;
    let mut sent = Headers::default();
    Propagated::new(Context::extract(&traceparent)?).with(|| {
        let earlier = info_span!("earlier");
        let span = everything(&earlier);
        span.inject(&mut sent);
        let child = span.in_scope(|| info_span!("child"));
        std::thread::spawn(move || child.in_scope(|| info!("moved"))).join().expect("no panic");
        span.in_scope(|| tracing::debug_span!("hidden").in_scope(|| info!("in the one around")));
        errors();
    });
    let open = Propagated::new(Context::extract(&traceparent)?).with(|| info_span!("open", at.start = "kept"));
    println!("ready {}", sent.0["traceparent"]);
    let _ = std::io::stdin().read(&mut [0]);
    drop(open);
    Ok(())
}
