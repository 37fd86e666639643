// SPDX-License-Identifier: Apache-2.0

use crate::attributes::with_attributes;
use crate::tracer::SpanringTracer;
use opentelemetry::{InstrumentationScope, KeyValue};
use spanring::{Error, Provider, Tracer};
use std::sync::OnceLock;
use std::time::Duration;

/// As long as the SDK waits, where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The provider that the environment describes (`OTEL_SERVICE_NAME` and the like): each call gives the same one. Where tracing
/// is off, its spans do nothing.
pub fn provider() -> SpanringTracerProvider {
    static PROVIDER: OnceLock<Option<Provider>> = OnceLock::new();
    SpanringTracerProvider::over(*PROVIDER.get_or_init(|| Provider::builder().open().ok()))
}

/// What [`opentelemetry::global::set_tracer_provider`] takes.
#[derive(Clone, Debug)]
pub struct SpanringTracerProvider {
    provider: Option<Provider>,
    fallback: Tracer,
}

impl SpanringTracerProvider {
    /// Over a provider that was opened with more than the environment says.
    pub fn new(provider: Provider) -> Self {
        Self::over(Some(provider))
    }

    fn over(provider: Option<Provider>) -> Self {
        #[cfg(feature = "one-context")]
        crate::mirror::begin();
        let own = |provider: Provider| provider.tracer(env!("CARGO_PKG_NAME"), Some(env!("CARGO_PKG_VERSION"))).ok();
        SpanringTracerProvider { provider, fallback: provider.and_then(own).unwrap_or_else(Tracer::disabled) }
    }

    /// Waits until the agent has taken over all spans that ended before, at most 5 s. What it has not stays in shared memory
    /// and is not lost; nobody needs to call this before an exit.
    pub fn force_flush(&self) -> Result<(), Error> {
        self.force_flush_with_timeout(TIMEOUT)
    }

    /// The same, at most so long.
    pub fn force_flush_with_timeout(&self, timeout: Duration) -> Result<(), Error> {
        self.provider.map_or(Ok(()), |provider| provider.flush(timeout))
    }

    /// Flushes, at most 5 s; spans that start afterwards do nothing, and those that are open arrive as unfinished.
    pub fn shutdown(&self) -> Result<(), Error> {
        self.shutdown_with_timeout(TIMEOUT)
    }

    /// The same, at most so long. It is shut down in every case.
    pub fn shutdown_with_timeout(&self, timeout: Duration) -> Result<(), Error> {
        self.provider.map_or(Ok(()), |provider| provider.shutdown(timeout))
    }
}

impl opentelemetry::trace::TracerProvider for SpanringTracerProvider {
    type Tracer = SpanringTracer;

    /// A scope that the library refuses is tried without its attributes. Where there is no room for one more (126), its spans are
    /// those of the scope `opentelemetry-spanring`.
    fn tracer_with_scope(&self, scope: InstrumentationScope) -> SpanringTracer {
        let attributes: Vec<KeyValue> = scope.attributes().cloned().collect();
        let tracer = self.provider.and_then(|provider| {
            let builder = provider
                .tracer_builder(scope.name())
                .version(scope.version().unwrap_or_default())
                .schema_url(scope.schema_url().unwrap_or_default());
            with_attributes(&attributes, |list| builder.attributes(list).build()).or_else(|_| builder.build()).ok()
        });
        SpanringTracer::new(tracer.unwrap_or(self.fallback))
    }
}
