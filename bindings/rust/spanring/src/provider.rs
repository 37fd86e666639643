// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list, Attribute};
use crate::error::{check, Error};
use crate::limits::SpanLimits;
use crate::time::nanoseconds;
use crate::tracer::{Tracer, TracerBuilder};
use spanring_sys as sys;
use std::ptr;
use std::time::Duration;

/// What happens to a span that ends while the ring is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullPolicy {
    /// It is dropped and counted.
    DropNewest,
    /// The oldest finished chunk gives way, and what was in it is counted.
    OverwriteOldest,
    /// The end waits for room, at most this long, then drops and counts.
    Wait(Duration),
}

/// What this process is, and the way to its tracers. The library keeps what was opened for the life of the process:
/// dropping this value closes nothing, and nothing needs closing before exit.
#[derive(Clone, Copy, Debug)]
pub struct Provider(*mut sys::spr_provider);

// SAFETY: the C header allows many threads at once to use a provider.
unsafe impl Send for Provider {}
unsafe impl Sync for Provider {}

/// How to open a [`Provider`].
#[must_use = "nothing opens before open()"]
#[derive(Clone, Copy)]
pub struct ProviderBuilder<'a> {
    service_name: Option<&'a str>,
    resource_attributes: &'a [Attribute<'a>],
    memory_limit: u64,
    full_policy: FullPolicy,
    limits: SpanLimits,
    resource_schema_url: &'a str,
    memory_at_open: bool,
}

impl<'a> ProviderBuilder<'a> {
    /// In place of `OTEL_SERVICE_NAME`.
    pub fn service_name(mut self, name: &'a str) -> Self {
        self.service_name = Some(name);
        self
    }

    /// Beside `OTEL_RESOURCE_ATTRIBUTES`; these win.
    pub fn resource_attributes(mut self, attributes: &'a [Attribute<'a>]) -> Self {
        self.resource_attributes = attributes;
        self
    }

    /// Bytes of shared memory at most; in place of `SPANRING_MEMORY_LIMIT`.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// What happens to a span that ends while the ring is full; [`FullPolicy::DropNewest`] where nothing is said.
    pub fn full_policy(mut self, policy: FullPolicy) -> Self {
        self.full_policy = policy;
        self
    }

    /// In place of the `OTEL_*_LIMIT` variables.
    pub fn span_limits(mut self, limits: SpanLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The conventions that the resource attributes follow.
    pub fn resource_schema_url(mut self, url: &'a str) -> Self {
        self.resource_schema_url = url;
        self
    }

    /// All of the memory limit is taken at once, and no span makes a system call afterwards: for programs that install a
    /// filter of system calls.
    pub fn memory_at_open(mut self) -> Self {
        self.memory_at_open = true;
        self
    }

    /// Succeeds where tracing is off, too: [`Provider::state`] says why.
    pub fn open(self) -> Result<Provider, Error> {
        let (full_policy, full_wait_ns) = match self.full_policy {
            FullPolicy::DropNewest => (sys::SPR_FULL_DROP_NEWEST, 0),
            FullPolicy::OverwriteOldest => (sys::SPR_FULL_OVERWRITE_OLDEST, 0),
            FullPolicy::Wait(time) => (sys::SPR_FULL_WAIT, nanoseconds(time)),
        };
        let mut resource = Vec::with_capacity(1 + self.resource_attributes.len());
        resource.push(Attribute::new("telemetry.sdk.language", "rust"));
        resource.extend_from_slice(self.resource_attributes);
        let options = sys::spr_provider_options {
            struct_size: std::mem::size_of::<sys::spr_provider_options>() as u32,
            full_policy,
            service_name: self.service_name.map_or(ptr::null(), |name| name.as_ptr().cast()),
            service_name_size: self.service_name.map_or(0, str::len),
            resource_attributes: raw_list(&resource),
            resource_attribute_count: resource.len(),
            memory_limit: self.memory_limit,
            full_wait_ns,
            attribute_count_limit: self.limits.attribute_count.raw(),
            attribute_value_length_limit: self.limits.attribute_value_length.raw(),
            event_count_limit: self.limits.event_count.raw(),
            link_count_limit: self.limits.link_count.raw(),
            event_attribute_count_limit: self.limits.event_attribute_count.raw(),
            link_attribute_count_limit: self.limits.link_attribute_count.raw(),
            resource_schema_url: self.resource_schema_url.as_ptr().cast(),
            resource_schema_url_size: self.resource_schema_url.len(),
            memory: if self.memory_at_open { sys::SPR_MEMORY_AT_OPEN } else { sys::SPR_MEMORY_AS_NEEDED },
            reserved: 0,
        };
        let mut raw = ptr::null_mut();
        // SAFETY: all that is borrowed lives until the call returns, and C copies it.
        check(unsafe { sys::spr_provider_open(&options, &mut raw) })?;
        Ok(Provider(raw))
    }
}

impl Provider {
    /// A builder that leaves everything to the environment.
    pub fn builder<'a>() -> ProviderBuilder<'a> {
        ProviderBuilder {
            service_name: None,
            resource_attributes: &[],
            memory_limit: 0,
            full_policy: FullPolicy::DropNewest,
            limits: SpanLimits::default(),
            resource_schema_url: "",
            memory_at_open: false,
        }
    }

    /// The tracer of an instrumentation scope. The same arguments give the same tracer.
    pub fn tracer(&self, name: &str, version: Option<&str>) -> Result<Tracer, Error> {
        self.tracer_builder(name).version(version.unwrap_or("")).build()
    }

    /// The same, with all that identifies a scope.
    pub fn tracer_builder<'a>(&self, name: &'a str) -> TracerBuilder<'a> {
        TracerBuilder::new(self.0, name)
    }

    /// Whether the segment exists (the first span makes it), or why tracing is off.
    pub fn state(&self) -> Result<bool, Error> {
        // SAFETY: the provider is valid for the life of the process; so in the methods below.
        check(unsafe { sys::spr_provider_state(self.0) }).map(|state| state == 1)
    }

    /// Waits until the agent has taken over every span that ended before the call.
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        check(unsafe { sys::spr_provider_flush(self.0, nanoseconds(timeout)) }).map(drop)
    }

    /// Flushes, then refuses every later call. It is shut down in every case.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        check(unsafe { sys::spr_provider_shutdown(self.0, nanoseconds(timeout)) }).map(drop)
    }

    /// What was counted since the process began.
    pub fn statistics(&self) -> Statistics {
        let mut raw = sys::spr_statistics {
            struct_size: std::mem::size_of::<sys::spr_statistics>() as u32,
            ..Default::default()
        };
        unsafe { sys::spr_provider_statistics(self.0, &mut raw) };
        Statistics {
            started: raw.started,
            ended: raw.ended,
            unsampled: raw.unsampled,
            not_started: raw.not_started_slot + raw.not_started_nested,
            dropped_full: raw.dropped_full,
            dropped_too_big: raw.dropped_too_big,
            dropped_nested: raw.dropped_nested,
            dropped_overwritten: raw.dropped_overwritten,
            refused_data: raw.refused_data,
            acknowledged: raw.acknowledged,
            cut_texts: raw.cut_texts,
            misread_variables: raw.misread_variables,
            given_back_bytes: raw.given_back_bytes,
        }
    }
}

/// Sums over all threads of this process; exact while no thread is inside a call. `spr_statistics` of the C header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Recorded spans.
    pub started: u64,
    /// Committed or dropped.
    pub ended: u64,
    /// Not started: the sampler said no.
    pub unsampled: u64,
    /// Not started: no slot was free, or signal handlers were nested too deep.
    pub not_started: u64,
    /// Ended, but no chunk was free.
    pub dropped_full: u64,
    /// 0: what a span has no room for is refused as it is set.
    pub dropped_too_big: u64,
    /// Ended in a signal handler nested too deep.
    pub dropped_nested: u64,
    /// Committed, then overwritten before the agent took it.
    pub dropped_overwritten: u64,
    /// Attributes, events and links refused, each also counted in its span.
    pub refused_data: u64,
    /// Taken over by the agent: delivered, spooled, or refused for good and counted there.
    pub acknowledged: u64,
    /// Attributes, events, links, names and messages whose texts were cut for want of room.
    pub cut_texts: u64,
    /// Variables of the environment that were not understood and count as unset.
    pub misread_variables: u64,
    /// Of the segment's memory, by this process, which does it where no agent runs.
    pub given_back_bytes: u64,
}

impl Statistics {
    /// Spans that ended and were lost, of all causes.
    pub fn dropped(&self) -> u64 {
        self.dropped_full + self.dropped_too_big + self.dropped_nested + self.dropped_overwritten
    }
}
