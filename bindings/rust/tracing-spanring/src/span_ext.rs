// SPDX-License-Identifier: Apache-2.0

use crate::layer::SpanringLayer;
use crate::open_spans::OpenSpan;
use spanring::{Context, HeadersMut, Value};

/// What a [`tracing::Span`] is to OpenTelemetry. Nothing happens where the layer does not have the span: it is not
/// installed, or a filter left it out.
pub trait SpanExt {
    /// Its ids, for a log or a link. Invalid where there are none.
    fn spanring_context(&self) -> Context;

    /// Writes the headers of an outgoing call that the span makes.
    fn inject<H: HeadersMut>(&self, headers: &mut H);

    /// An attribute whose key is not a field of the span.
    fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>);

    /// A link to a span of elsewhere; of this process `follows_from` says it.
    fn add_link(&self, context: &Context);
}

fn with<R>(span: &tracing::Span, function: impl FnOnce(&mut OpenSpan) -> R) -> Option<R> {
    span.with_subscriber(|(id, dispatch)| dispatch.downcast_ref::<SpanringLayer>()?.spans().with(id, function))?
}

impl SpanExt for tracing::Span {
    fn spanring_context(&self) -> Context {
        with(self, |open| open.span.context()).unwrap_or_default()
    }

    fn inject<H: HeadersMut>(&self, headers: &mut H) {
        // Into memory first: headers are code of the application, and not called under a lock.
        let mut written = Written::default();
        with(self, |open| open.span.inject(&mut written));
        for (key, value) in &written.0 {
            match value {
                Some(value) => headers.set(key, value),
                None => headers.remove(key),
            }
        }
    }

    fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>) {
        let value = value.into();
        with(self, |open| {
            open.span.set_attribute(key, value);
        });
    }

    fn add_link(&self, context: &Context) {
        with(self, |open| open.link(context));
    }
}

/// What is set, or removed.
#[derive(Default)]
struct Written(Vec<(String, Option<String>)>);

impl HeadersMut for Written {
    fn set(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), Some(value.to_owned())));
    }
    fn remove(&mut self, key: &str) {
        self.0.push((key.to_owned(), None));
    }
}
