// SPDX-License-Identifier: Apache-2.0
//! SPANRING_DISABLED=1: a process of its own, because the library reads the environment once.

use spanring::{Context, Provider};

#[test]
fn everything_works_and_nothing_is_recorded() {
    std::env::set_var("SPANRING_DISABLED", "1");
    let provider = Provider::builder().service_name("disabled").open().expect("it opens all the same");
    assert_eq!(provider.state().expect_err("off").code(), -125); // ECANCELED
    let tracer = provider.tracer("disabled", None).expect("a tracer all the same");
    assert!(!tracer.is_enabled());

    let parent = Context::extract("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let span = tracer.span("nothing").parent(parent).start();
    span.set_attribute("key", "value");
    assert!(!span.is_recording());
    assert_eq!(span.context().span_id(), parent.span_id(), "the parent's context goes on to the next service");
    span.end();
    assert_eq!(provider.statistics(), Default::default());
}
