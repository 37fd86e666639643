// SPDX-License-Identifier: Apache-2.0
//! Two spans in Rust: a checkout, and the payment inside it.

use spanring::{Attribute, Kind, Provider, Status, Tracer};

fn pay(tracer: &Tracer, cents: i64) {
    let span = tracer.start("pay"); // its parent is what is attached to this thread: the checkout
    span.set_attribute("payment.cents", cents);
    span.add_event("authorised", &[Attribute::new("bank", "First Bank"), Attribute::new("attempts", 1)]);
    span.set_status(Status::Ok);
} // the span ends here

fn main() -> Result<(), spanring::Error> {
    let provider = Provider::builder().service_name("hello-rust").open()?;
    let tracer = provider.tracer("hello", Some("1.0"))?;

    let span = tracer.span("checkout").kind(Kind::Server).start();
    span.set_attribute("item", "book");
    span.context().with(|| pay(&tracer, 1999)); // spans that start inside are its children
    let context = span.context();
    span.end();

    // Both spans are outside this process: nothing has to be flushed or closed.
    match context.inject() {
        Some(traceparent) => println!("{traceparent}"),
        None => println!("tracing is off: {:?}", provider.state()),
    }
    Ok(())
}
