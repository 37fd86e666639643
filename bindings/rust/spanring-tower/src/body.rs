// SPDX-License-Identifier: Apache-2.0

use crate::open_request::OpenRequest;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::any::type_name;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The body of a response: with its end the request's span ends.
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        open: Option<OpenRequest>,
    }
}

impl<B> TracedBody<B> {
    /// Of a request whose span has ended, where there is none.
    pub(crate) fn new(inner: B, open: Option<OpenRequest>) -> Self {
        TracedBody { inner, open }
    }
}

impl<B: Body> Body for TracedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let open = match this.open {
            Some(open) => open,
            None => return this.inner.poll_frame(context),
        };
        let polled = open.inside(|| this.inner.as_mut().poll_frame(context));
        match &polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(_))) if !this.inner.is_end_stream() => return polled,
            Poll::Ready(Some(Err(_))) => open.fail(type_name::<B::Error>()),
            Poll::Ready(_) => {}
        }
        if let Some(open) = this.open.take() {
            open.finish();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
