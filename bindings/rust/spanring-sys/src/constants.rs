// SPDX-License-Identifier: Apache-2.0
//! The header's numbers.

/// Of the header that these declarations follow.
pub const SPR_VERSION_MAJOR: u32 = 0;
/// Of the header that these declarations follow.
pub const SPR_VERSION_MINOR: u32 = 2;
/// Of the header that these declarations follow.
pub const SPR_VERSION_PATCH: u32 = 0;

/// The length of a string that ends at its NUL.
pub const SPR_NUL: usize = usize::MAX;

/// Bit of `spr_context::trace_flags`: the trace is recorded.
pub const SPR_TRACE_FLAG_SAMPLED: u8 = 0x01;
/// Bit of `spr_context::trace_flags`: the low 56 bits of the trace id are random.
pub const SPR_TRACE_FLAG_RANDOM: u8 = 0x02;

/// An operation inside of an application.
pub const SPR_KIND_INTERNAL: u8 = 1;
/// The handling of a request that came from elsewhere.
pub const SPR_KIND_SERVER: u8 = 2;
/// A request to elsewhere, until its answer.
pub const SPR_KIND_CLIENT: u8 = 3;
/// The handing over of a message, or a job, that is worked on later.
pub const SPR_KIND_PRODUCER: u8 = 4;
/// The work on a message or a job.
pub const SPR_KIND_CONSUMER: u8 = 5;

/// Nothing was said of how the operation went.
pub const SPR_STATUS_UNSET: u8 = 0;
/// The application says that it went well: final.
pub const SPR_STATUS_OK: u8 = 1;
/// It failed.
pub const SPR_STATUS_ERROR: u8 = 2;

/// Member `string`: text in UTF-8.
pub const SPR_TYPE_STRING: u32 = 1;
/// Member `boolean`.
pub const SPR_TYPE_BOOL: u32 = 2;
/// Member `int64`.
pub const SPR_TYPE_INT64: u32 = 3;
/// Member `float64`.
pub const SPR_TYPE_DOUBLE: u32 = 4;
/// Member `array`: values of any types.
pub const SPR_TYPE_ARRAY: u32 = 5;
/// Member `key_values`: pairs of a key and a value.
pub const SPR_TYPE_KEY_VALUES: u32 = 6;
/// Member `bytes`: not text, so not checked and not repaired.
pub const SPR_TYPE_BYTES: u32 = 7;
/// No value: what a language's null becomes.
pub const SPR_TYPE_EMPTY: u32 = 100;
/// The bits of `int64` without a sign; above `i64::MAX` it becomes decimal digits, a string.
pub const SPR_TYPE_UINT64: u32 = 101;
/// Lists in lists; as messages in one another are bounded as well, a list below the 46th array or the 31st key-value list
/// becomes `SPR_TYPE_EMPTY`.
pub const SPR_VALUE_DEPTH: u32 = 64;

/// The span that does not fit is refused and counted.
pub const SPR_FULL_DROP_NEWEST: u32 = 0;
/// Flight recorder: the oldest finished chunk gives way, and is counted.
pub const SPR_FULL_OVERWRITE_OLDEST: u32 = 1;
/// The end of a span waits for room, up to `full_wait_ns`; then the span is dropped and counted.
pub const SPR_FULL_WAIT: u32 = 2;

/// The segment is made at the first span, and takes memory as it grows.
pub const SPR_MEMORY_AS_NEEDED: u32 = 0;
/// `spr_provider_open` makes it, with all of its memory; no span makes a system call afterwards.
pub const SPR_MEMORY_AT_OPEN: u32 = 1;

/// No limit: 65,535 of a kind in a span, values of any length.
pub const SPR_LIMIT_NONE: u32 = 0xffffffff;
/// Not one; texts of no length.
pub const SPR_LIMIT_ZERO: u32 = 0xfffffffe;

/// The context attached to this thread, else a new trace.
pub const SPR_PARENT_CURRENT: u8 = 0;
/// `spr_start_options::parent`; one that is all zero starts a new trace.
pub const SPR_PARENT_EXPLICIT: u8 = 1;
/// A new trace.
pub const SPR_PARENT_ROOT: u8 = 2;

/// `spr_start_options::sampling`: the sampler decides, or the agent's rule in its place.
pub const SPR_SAMPLING_ASK: u32 = 0;
/// It is recorded, whatever sampler and parent say.
pub const SPR_SAMPLING_RECORD: u32 = 1;
/// It is not recorded, and counts as not sampled.
pub const SPR_SAMPLING_DROP: u32 = 2;

/// Digits of a trace id with their NUL.
pub const SPR_TRACE_ID_HEX_SIZE: usize = 33;
/// Digits of a span id with their NUL.
pub const SPR_SPAN_ID_HEX_SIZE: usize = 17;
/// Bytes of a traceparent with its NUL.
pub const SPR_TRACEPARENT_SIZE: usize = 56;

/// B3's debug flag.
pub const SPR_PROPAGATED_DEBUG: u32 = 0x01;

/// What W3C Trace Context asks to be propagated at least.
pub const SPR_TRACESTATE_SIZE: usize = 512;
/// What W3C Trace Context allows.
pub const SPR_TRACESTATE_MEMBERS: usize = 32;

/// What W3C Baggage asks to be propagated.
pub const SPR_BAGGAGE_SIZE: usize = 8192;
/// What W3C Baggage asks to be propagated.
pub const SPR_BAGGAGE_MEMBERS: usize = 180;

/// Bytes of a b3 header with its NUL.
pub const SPR_B3_SIZE: usize = 52;
