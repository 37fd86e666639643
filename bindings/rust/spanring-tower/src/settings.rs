// SPDX-License-Identifier: Apache-2.0

use http::Extensions;
use spanring::Tracer;
use std::borrow::Cow;

/// The template of the path that answers a request, `/orders/{id}`: in the extensions of the request, by a layer further out, or
/// of the response, by whoever answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRoute(pub Cow<'static, str>);

pub(crate) fn route_in(extensions: &Extensions) -> Option<&str> {
    extensions.get::<HttpRoute>().map(|route| &*route.0)
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) tracer: Tracer,
    pub(crate) route: Option<fn(&Extensions) -> Option<&str>>,
    pub(crate) scheme: &'static str,
    pub(crate) query: bool,
}
