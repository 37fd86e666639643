// SPDX-License-Identifier: Apache-2.0
//! What the service does, and the spans that tell of it.

use crate::http::{Request, Response};
use spanring::{Attribute, Context, Kind, Span, Status, Tracer};
use std::fmt;

pub struct Service {
    tracer: Tracer,
}

/// Why a card was not charged.
#[derive(Debug)]
enum Refusal {
    Declined,
    NoAmount,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Refusal::Declined => "card declined",
            Refusal::NoAmount => "amount is not a positive number of cents",
        })
    }
}

impl std::error::Error for Refusal {}

impl Service {
    pub fn new(tracer: Tracer) -> Self {
        Service { tracer }
    }

    pub fn answer(&self, request: &Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/health") => Response::new(200, "{}\n".into()),
            ("POST", "/charge") => self.charge(request),
            (_, "/charge" | "/health") => Response::new(405, "{}\n".into()),
            _ => Response::new(404, "{}\n".into()),
        }
    }

    fn charge(&self, request: &Request) -> Response {
        // The caller's span, in another process and another language, is the parent. Without one a new trace starts.
        let parent = request.header("traceparent").and_then(|text| Context::extract(text).ok()).unwrap_or_default();
        let span = self
            .tracer
            .span("POST /charge")
            .kind(Kind::Server)
            .parent(parent)
            .attributes(&[
                Attribute::new("http.request.method", "POST"),
                Attribute::new("http.route", "/charge"),
                Attribute::new("url.path", &*request.path),
            ])
            .start();
        // From here to the end of the function the spans of this thread are its children.
        let _current = span.attach();

        let mut response = match self.authorise(request) {
            Ok(code) => Response::new(200, format!("{{\"authorisation\":\"{code}\"}}\n")),
            Err(refusal) => {
                let status = match refusal {
                    Refusal::Declined => 402,
                    Refusal::NoAmount => 400,
                };
                Response::new(status, format!("{{\"error\":\"{refusal}\"}}\n"))
            }
        };
        // A refused card is no failure of this server: the status of a server span stays unset below 500.
        span.set_attribute("http.response.status_code", response.status);
        response.headers.push(("x-trace-id", span.context().trace_id().to_string()));
        response
    }

    fn authorise(&self, request: &Request) -> Result<String, Refusal> {
        let span = self.tracer.start("authorise");
        self.ask_the_bank(&span, request).map_err(|refusal| {
            span.record_error(&refusal).set_status(Status::Error(&refusal.to_string()));
            refusal
        })
    }

    fn ask_the_bank(&self, span: &Span, request: &Request) -> Result<String, Refusal> {
        let card = request.parameter("card").unwrap_or("");
        let amount: i64 = request.parameter("amount").and_then(|text| text.parse().ok()).unwrap_or(0);
        span.set_attribute("payment.amount", amount).set_attribute("payment.currency", "EUR");
        if amount <= 0 {
            return Err(Refusal::NoAmount);
        }
        span.set_attribute("payment.risk", risk(amount));
        if card == "declined" {
            return Err(Refusal::Declined);
        }
        let code = format!("A{:08x}", checksum(card, amount));
        span.add_event("authorised", &[Attribute::new("payment.authorisation", &code)]);
        span.set_status(Status::Ok);
        Ok(code)
    }
}

/// From 0 to 1: the more, the riskier.
fn risk(cents: i64) -> f64 {
    cents as f64 / (cents as f64 + 50_000.0)
}

/// A code that looks like a bank's and is the same for the same request (FNV-1a).
fn checksum(card: &str, amount: i64) -> u32 {
    card.bytes()
        .chain(amount.to_le_bytes())
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
