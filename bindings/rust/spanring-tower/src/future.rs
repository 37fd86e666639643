// SPDX-License-Identifier: Apache-2.0

use crate::body::TracedBody;
use crate::open_request::OpenRequest;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The service's future, with the request's span around each of its polls.
    pub struct TracedFuture<F> {
        #[pin]
        inner: F,
        open: Option<OpenRequest>,
    }
}

impl<F> TracedFuture<F> {
    pub(crate) fn new(inner: F, open: OpenRequest) -> Self {
        TracedFuture { inner, open: Some(open) }
    }
}

impl<F, B, E> Future for TracedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<TracedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let open = this.open.as_mut().expect("polled again after it was ready");
        let result = match open.inside(|| this.inner.poll(context)) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(result) => result,
        };
        let mut open = this.open.take().expect("it was there");
        Poll::Ready(match result {
            Ok(response) => {
                let open = if open.answer(&response) || response.body().is_end_stream() {
                    open.finish();
                    None
                } else {
                    Some(open)
                };
                Ok(response.map(|body| TracedBody::new(body, open)))
            }
            Err(error) => {
                open.fail(type_name::<E>());
                open.finish();
                Err(error)
            }
        })
    }
}
