// SPDX-License-Identifier: Apache-2.0

use crate::request::{with_name, RequestAttributes};
use crate::settings::{route_in, Settings};
use http::{Method, Request, Response, StatusCode};
use spanring::{Context, Kind, Propagated, Span, Status};

/// A request that is being answered. Where it is dropped before it was finished its span says so.
pub(crate) struct OpenRequest {
    span: Span,
    // What the span does not keep itself: baggage, and the trace state where it is not recorded. In a box, because it is large
    // and rare.
    propagated: Option<Box<Propagated>>,
    method: Method,
    is_inside: bool,
    is_finished: bool,
}

impl OpenRequest {
    pub(crate) fn start<B>(settings: &Settings, request: &Request<B>) -> Self {
        let mut came = Propagated::new(Context::default());
        came.extract(request.headers());
        let route = settings.route.and_then(|route| route(request.extensions()));
        let route = route.or_else(|| route_in(request.extensions()));
        let said = RequestAttributes::of(request, settings.scheme, settings.query, route);
        let span = with_name(request.method().as_str(), route, |name| {
            let start = settings.tracer.span(name).kind(Kind::Server).attributes(said.list());
            if came.context().is_valid() {
                start.parent(came.context()).trace_state(came.trace_state()).start()
            } else {
                start.start() // below what is attached here, if anything is
            }
        });
        let keeps = !came.baggage().is_empty() || (!span.is_recording() && !came.trace_state().is_empty());
        let method = request.method().clone();
        OpenRequest { span, propagated: keeps.then(|| Box::new(came)), method, is_inside: false, is_finished: false }
    }

    /// Runs a function with the span, and all that came with the request, attached to this thread.
    pub(crate) fn inside<R>(&mut self, function: impl FnOnce() -> R) -> R {
        self.is_inside = true; // and it stays so where the function panics
        let span = &self.span;
        let result = match &self.propagated {
            Some(propagated) => propagated.with(|| span.with(function)),
            None => span.with(function),
        };
        self.is_inside = false;
        result
    }

    /// The head of the response is known. True where no body follows it, whatever is in it.
    pub(crate) fn answer<B>(&mut self, response: &Response<B>) -> bool {
        let status = response.status();
        self.span.set_attribute("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.fail(status.as_str());
        }
        if let Some(route) = route_in(response.extensions()) {
            self.span.set_attribute("http.route", route);
            with_name(self.method.as_str(), Some(route), |name| {
                self.span.set_name(name);
            });
        }
        let bodiless =
            [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status) || status.is_informational();
        bodiless || self.method == Method::HEAD || (self.method == Method::CONNECT && status.is_success())
    }

    pub(crate) fn fail(&self, error_type: &str) {
        self.span.set_attribute("error.type", error_type).set_status(Status::Error(""));
    }

    /// Nothing is left to do: the span ends.
    pub(crate) fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        if self.is_inside {
            self.fail("panic");
        } else {
            self.span.set_attribute("spanring.cancelled", true);
        }
    }
}
