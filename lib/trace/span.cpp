// SPDX-License-Identifier: Apache-2.0
//
// The C functions of a span's life. The hot path, in order: which thread, which context, is it sampled, a slot, its bytes;
// and at the end: room in the chunk, one copy, one commit.
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "trace/context.hpp"
#include "trace/open_span.hpp"
#include "trace/options.hpp"
#include "trace/provider.hpp"

namespace spanring::trace {
namespace {

using ring::Counter;
using ring::Slot;
using ring::SlotState;
using ring::SlotWord;
using ring::StdAtomics;

constexpr uint64_t kFullPause = 50'000;  // nanoseconds between two looks at a full ring, when the application waits
constexpr uint64_t kNoTicks = 0;          // Slot::start_ticks: the start was given, by another clock

// One call at its signal level. A handler that interrupts it runs one level up, on other state.
class Entry {
public:
    Entry() : depth_(thread_local_state.depth) {
        thread_local_state.depth = depth_ + 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees the level taken
    }
    ~Entry() {
        std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing of the call moves behind its end
        thread_local_state.depth = depth_;
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    bool too_deep() const { return depth_ >= kSignalLevels; }
    uint32_t depth() const { return depth_; }

private:
    const uint32_t depth_;
};

void count_shared(Life& life, Counter counter) {
    // relaxed: a sum.
    StdAtomics::fetch_add(life.segment.view().writer().shared_line[static_cast<uint32_t>(counter)], uint64_t{1}, std::memory_order_relaxed);
}

void pass_through(const spr_context* parent, spr_span* ret_span) {
    ret_span->handle = 0;
    if (parent != nullptr)
        ret_span->context = *parent;
    else
        memset(&ret_span->context, 0, sizeof ret_span->context);
}

// Of a context in this process: not remote, nothing reserved. One store for all of them.
void set_flags(spr_context& context, uint8_t flags) {
    static_assert(offsetof(spr_context, trace_flags) == 24 && sizeof(spr_context) == 32);
    const uint64_t bytes = flags;
    memcpy(reinterpret_cast<uint8_t*>(&context) + offsetof(spr_context, trace_flags), &bytes, sizeof bytes);
}

// What is known about the parent before the start.
const spr_context* choose_parent(const spr_start_options& options) {
    switch (options.parent_mode) {
        case SPR_PARENT_CURRENT: {
            const spr_token* top = thread_local_state.top;
            return top != nullptr ? &top->context : nullptr;
        }
        case SPR_PARENT_EXPLICIT: return options.parent != nullptr && is_valid(*options.parent) ? options.parent : nullptr;
        default: return nullptr;
    }
}

// Bytes of a new span: trace id, span id, parent, start time. Returns their number; at most 47.
uint32_t write_identity(uint8_t* to, const spr_context& context, const spr_context* parent, uint64_t start) {
    uint8_t* at = to;
    *at++ = tag(1, kBytes);
    *at++ = 16;
    memcpy(at, context.trace_id, 16);
    at += 16;
    *at++ = tag(2, kBytes);
    *at++ = 8;
    memcpy(at, context.span_id, 8);
    at += 8;
    if (parent != nullptr) {
        *at++ = tag(4, kBytes);
        *at++ = 8;
        memcpy(at, parent->span_id, 8);
        at += 8;
    }
    *at++ = tag(7, kFixed64);
    return static_cast<uint32_t>(put_fixed64(at, start) - to);
}

// HOT. An attribute of a list, where it is a short one. By value, so that the caller's span stays in registers.
[[gnu::always_inline]] inline bool set_short(OpenSpan span, const spr_attribute& attribute) {
    if (attribute.type == SPR_TYPE_STRING)
        return span.set_short(attribute.key, attribute.key_size, attribute.value.string.data, attribute.value.string.size);
    uint64_t bits;
    memcpy(&bits, &attribute.value, sizeof bits);
    if (attribute.type == SPR_TYPE_BOOL) bits = bits != 0;
    return attribute.type - SPR_TYPE_BOOL <= SPR_TYPE_DOUBLE - SPR_TYPE_BOOL &&
           span.set_short(attribute.key, attribute.key_size, attribute.type, bits);
}

// Any attribute, its texts' sizes still to be found out. 0 or what OpenSpan::set() says.
[[gnu::noinline]] int set_any(OpenSpan span, const spr_attribute& attribute) {
    spr_attribute measured = attribute;
    measured.key_size = text_size(attribute.key, attribute.key_size);
    if (attribute.type == SPR_TYPE_STRING)
        measured.value.string.size = text_size(attribute.value.string.data, attribute.value.string.size);
    return set_short(span, measured) ? 0 : span.set(measured);
}

[[gnu::noinline]] uint32_t write_any_name(uint8_t* to, const char* name, size_t given_size) {
    const size_t size = text_size(name, given_size);
    if (size > ring::kSlotInlineData - 64 || !is_utf8(name, size)) return 0;
    to[0] = tag(5, kBytes);
    uint8_t* const text = put_varint(to + 1, size);
    if (size != 0) memcpy(text, name, size);
    return static_cast<uint32_t>(text + size - to);
}

// The name as a field where it fits into the slot itself, as nearly all do. Returns its bytes; 0: it does not fit, or is
// not UTF-8.
[[gnu::always_inline]] inline uint32_t write_name(uint8_t* to, const char* name, size_t size) {
    if (size <= kShortText && name != nullptr) [[likely]] {
        to[0] = tag(5, kBytes);
        to[1] = static_cast<uint8_t>(size);
        if (copy_short(to + 2, name, size)) [[likely]] return static_cast<uint32_t>(2 + size);
    }
    return write_any_name(to, name, size);
}

// What the first publication of a span had no room for. Refusals are counted.
[[gnu::noinline]] void add_rest(OpenSpan span, Level& level, const char* name, size_t name_size, const spr_start_options& options) {
    uint32_t refused = 0;
    if (span.slot().name == 0 && span.set_name(name, name_size) != 0) ++refused;
    if (options.trace_state != nullptr && span.set_trace_state(options.trace_state, options.trace_state_size) != 0) ++refused;
    for (size_t i = 0; i < options.attribute_count; ++i)
        if (!set_short(span, options.attributes[i]) && set_any(span, options.attributes[i]) != 0) ++refused;
    for (size_t i = 0; i < options.link_count; ++i)
        if (span.add(options.links[i]) != 0) ++refused;
    if (refused != 0) level.writer.count(Counter::kRefusedData, refused);
}

// A provider that is off or shut down, in a child as in its parent.
[[gnu::noinline]] int start_off(const Provider& provider, const spr_context* parent, spr_span* ret_span) {
    pass_through(parent, ret_span);
    return provider.state() == Provider::kShutDown ? -ESHUTDOWN : provider.error();
}

int refuse_start(const Provider& provider, const spr_context* parent, spr_span* ret_span) {
    pass_through(parent, ret_span);
    if (provider.state() == Provider::kOff) return provider.error();
    if (Life* life = provider.life()) count_shared(*life, Counter::kNotStartedNested);
    return -EBUSY;
}

// The context of a new span but for its flags. Returns those that do not depend on sampling.
uint8_t make_ids(Random& random, const spr_context* parent, spr_context& ret_context) {
    uint8_t flags = SPR_TRACE_FLAG_RANDOM;
    if (parent != nullptr) {
        memcpy(ret_context.trace_id, parent->trace_id, sizeof ret_context.trace_id);
        flags &= parent->trace_flags;
    } else {
        random.trace_id(ret_context.trace_id);
    }
    random.span_id(ret_context.span_id);
    return flags;
}

int unsampled(Level& level, spr_context& context, uint8_t flags, spr_span* ret_span) {
    set_flags(context, flags);
    ret_span->handle = 0;
    ret_span->context = context;
    level.writer.count(Counter::kUnsampled);
    return 0;
}

// The sampler refused before there was a trace id. Apart from start_recorded() because it needs so much less.
[[gnu::noinline]] int start_unsampled(Provider& provider, const spr_context* parent, spr_span* ret_span) {
    Provider::check_fork();
    ThreadState* thread = provider.thread();
    Entry entry;
    if (thread == nullptr || entry.too_deep()) [[unlikely]] return refuse_start(provider, parent, ret_span);
    Level& level = Provider::level(*thread, entry.depth());
    spr_context context;
    const uint8_t flags = make_ids(level.random, parent, context);
    return unsampled(level, context, flags, ret_span);
}

// With kPlain the options are the defaults, which the compiler then knows.
constexpr spr_start_options kDefaults = SPR_START_OPTIONS_INIT;
template <bool kPlain>
[[gnu::noinline]] int start_recorded(spr_tracer* tracer, const char* name, size_t name_size, const spr_context* parent,
                                     spr_span* ret_span, const spr_start_options& given) {
    const spr_start_options& options = kPlain ? kDefaults : given;
    Provider& provider = *tracer->provider;
    Provider::check_fork();
    ThreadState* thread = provider.thread();
    Entry entry;
    if (thread == nullptr || entry.too_deep()) [[unlikely]] return refuse_start(provider, parent, ret_span);
    ring::Segment& segment = thread->life->segment;
    Level& level = Provider::level(*thread, entry.depth());

    spr_context context;
    uint8_t flags = make_ids(level.random, parent, context);
    // relaxed: a switch; the next start sees it.
    const uint64_t policy = StdAtomics::load(segment.view().control().policy, std::memory_order_relaxed);
    if (policy != 0 || !provider.sampler().sample(parent, context.trace_id)) [[unlikely]]
        return unsampled(level, context, flags, ret_span);
    flags |= SPR_TRACE_FLAG_SAMPLED;
    set_flags(context, flags);

    // acquire: the scope is in the segment. Pairs with the release in ScopeTable::publish(), which says what breaks.
    if (StdAtomics::load(tracer->published, std::memory_order_acquire) != thread->life->number) [[unlikely]]
        provider.scopes().publish(*tracer, segment.view(), thread->life->number);

    uint32_t index = level.writer.take_slot(segment);
    if (index == ring::Segment::kNone && thread->life->reap()) index = level.writer.take_slot(segment);
    if (index == ring::Segment::kNone) [[unlikely]] {
        level.writer.count(Counter::kNotStartedSlot);
        pass_through(parent, ret_span);
        return -ENOBUFS;
    }
    Slot& slot = segment.view().slot(index);
    ring::Clock& clock = Provider::clock();
    if (options.start_time_ns == 0) [[likely]] {
        slot.start_ticks = clock.ticks();
        slot.start_unix_nano = clock.unix_nano(level.anchor, slot.start_ticks);
    } else {
        slot.start_ticks = kNoTicks;  // it began at another time than this: a later "now" does not count from here
        slot.start_unix_nano = options.start_time_ns;
    }
    // relaxed: published with the word, by publish_start(). Pairs with the acquire in OpenSpan::find().
    StdAtomics::store(slot.generation, slot.generation + 1, std::memory_order_relaxed);
    slot.scope = tracer->scope;
    slot.thread = thread->thread;
    slot.dropped_attributes = slot.dropped_events = slot.dropped_links = 0;
    slot.status = 0;
    slot.kind = options.kind != 0 ? options.kind : SPR_KIND_INTERNAL;
    slot.status_code = SPR_STATUS_UNSET;
    slot.trace_flags = flags;
    slot.parent_flags = static_cast<uint8_t>(parent == nullptr ? 0 : parent->is_remote != 0 ? 3 : 1);
    slot.attributes = slot.events = slot.links = slot.superseded = 0;
    slot.key_filter = 0;
    uint32_t length = write_identity(slot.data, context, parent, slot.start_unix_nano);

    // A name that fits is part of the first publication; a longer one follows.
    const uint32_t name_bytes = write_name(slot.data + length, name, name_size);
    slot.name = name_bytes != 0 ? length : 0;
    length += name_bytes;
    level.writer.publish_start(slot, SlotWord{SlotState::kOpen, 0, length});

    ret_span->handle = provider.handle(index, slot.generation);
    ret_span->context = context;
    if (entry.depth() == 0) thread_local_state.last.set(ret_span->handle, provider, slot);
    if (name_bytes == 0 || options.trace_state != nullptr || options.attribute_count != 0 || options.link_count != 0) [[unlikely]]
        add_rest(OpenSpan(provider, slot, index), level, name, name_size, options);
    return 1;
}

// What can be decided with nothing saved and nothing called.
template <bool kPlain>
[[gnu::always_inline]] inline int start(spr_tracer* tracer, const char* name, size_t name_size, const spr_start_options& options,
                                        spr_span* ret_span) {
    const spr_context* parent = choose_parent(options);
    if (parent != nullptr && !is_valid(*parent)) parent = nullptr;
    Provider& provider = *tracer->provider;
    const Provider::State state = provider.state();
    if (state == Provider::kOff || state == Provider::kShutDown) [[unlikely]] return start_off(provider, parent, ret_span);
    if (provider.sampler().refuses(parent)) return start_unsampled(provider, parent, ret_span);
    return start_recorded<kPlain>(tracer, name, name_size, parent, ret_span, options);
}

// What a span carries behind its data: end time, kind, flags, counts of what was refused (rarely any).
struct Tail {
    explicit Tail(const Slot& slot) : slot(slot), refused((slot.dropped_attributes | slot.dropped_events | slot.dropped_links) != 0) {}

    uint32_t size() const {
        uint32_t size = 9 + 2 + 6;
        if (refused) [[unlikely]]
            for (const uint32_t count : {slot.dropped_attributes, slot.dropped_events, slot.dropped_links})
                if (count != 0) size += 1 + varint_size(count);
        return size;
    }
    void write(uint8_t* at, uint64_t end_unix_nano) const {
        *at++ = tag(8, kFixed64);
        at = put_fixed64(at, end_unix_nano);
        *at++ = tag(6, kVarint);
        *at++ = slot.kind;
        *at++ = 0x85;  // field 16, fixed32: a tag of two bytes
        *at++ = 0x01;
        // SpanFlags: 0x100 says that 0x200 (the parent is remote) is known.
        at = put_fixed32(at, uint32_t{slot.trace_flags} | 0x100 | ((slot.parent_flags & 2) != 0 ? 0x200 : 0));
        if (!refused) [[likely]] return;
        const auto put_count = [&](uint32_t field, uint32_t count) {
            if (count == 0) return;
            *at++ = tag(field, kVarint);
            at = put_varint(at, count);
        };
        put_count(10, slot.dropped_attributes);
        put_count(12, slot.dropped_events);
        put_count(14, slot.dropped_links);
    }

    const Slot& slot;
    const bool refused;
};

// Drops a span without a writer. A kill in the middle of this, and only of this, leaves the counters one short: what is
// counted by read-modify-writes of several threads has no intent to be corrected by.
[[gnu::noinline]] void give_up(OpenSpan span) {
    Slot& slot = span.slot();
    const SlotWord word = span.word();
    // relaxed: published with the state. Atomic for LevelWriter::settle(), which looks at slots of living threads as well.
    StdAtomics::store(slot.intent_line, ring::LevelWriter::kSharedLine, std::memory_order_relaxed);
    // release: the line before the state that makes recovery look at it. Pairs with the acquire in Recovery::resolve() and
    // in LevelWriter::settle(). Without it the drop could be settled in the line of the slot's last user.
    StdAtomics::store(slot.word, SlotWord{SlotState::kDropping, word.blocks, word.length}.pack(), std::memory_order_release);
    if (Life* life = span.provider().life()) {
        count_shared(*life, Counter::kDroppedNested);
        count_shared(*life, Counter::kEnded);
    }
    // release: the counts before the slot is free. Pairs with the acquire in Recovery::resolve(). Without it recovery could
    // find the slot free and the end uncounted.
    StdAtomics::store(slot.word, uint64_t{0}, std::memory_order_release);
    for (uint32_t i = 0; i < word.blocks; ++i) span.segment().give_block(slot.blocks[i]);
    span.segment().give_slot(span.index());
}

bool wait_for_room(Provider& provider, ring::Segment& segment, Level& level, uint32_t bytes) {
    const uint64_t deadline = ring::Clock::read(CLOCK_MONOTONIC) + provider.full_wait();
    const int error = errno;
    bool room = false;
    while (!room && ring::Clock::read(CLOCK_MONOTONIC) < deadline) {
        const timespec pause{0, kFullPause};
        nanosleep(&pause, nullptr);
        room = level.writer.make_room(segment, bytes);
    }
    errno = error;
    return room;
}

// The present, in the span's own time: its start and what passed since; the wall clock where the start was given.
[[gnu::always_inline]] inline uint64_t now_of(const Slot& slot) {
    if (slot.start_ticks == kNoTicks) [[unlikely]] return ring::Clock::read(CLOCK_REALTIME);
    const uint64_t ticks = Provider::clock().ticks() - slot.start_ticks;
    return slot.start_unix_nano + (static_cast<int64_t>(ticks) > 0 ? Provider::clock().duration(ticks) : 0);
}

[[gnu::always_inline]] inline int end(OpenSpan span, uint64_t end_time_ns) {
    Provider& provider = span.provider();
    ThreadState* thread = provider.thread();
    Entry entry;
    if (thread == nullptr || entry.too_deep()) [[unlikely]] {
        // No writer may be used here: shared counters and the pools, which take calls at any signal level.
        give_up(span);
        return -EBUSY;
    }
    ring::Segment& segment = span.segment();
    Slot& slot = span.slot();
    Level& level = Provider::level(*thread, entry.depth());

    uint64_t end_unix_nano = end_time_ns != 0 ? end_time_ns : now_of(slot);
    if (end_unix_nano < slot.start_unix_nano) end_unix_nano = slot.start_unix_nano;

    const Tail tail(slot);
    const uint32_t data_size = span.live_size();
    const uint32_t body = data_size + tail.size();
    const bool is_short = body < kShortLength;
    const uint32_t record = 1 + (is_short ? short_length_size(body) : varint_size(body)) + body;
    const SlotWord word = span.word();
    if (record > ring::kJumboChunk - ring::kScopeRecordSize) [[unlikely]] {
        level.writer.publish_drop(segment, slot, span.index(), word, Counter::kDroppedTooBig);
        return -EMSGSIZE;
    }
    if (!level.writer.make_room(segment, record)) [[unlikely]] {
        const bool room = (thread->life->reap() && level.writer.make_room(segment, record)) ||
                          (provider.full_wait() != 0 && wait_for_room(provider, segment, level, record));
        if (!room) {
            level.writer.publish_drop(segment, slot, span.index(), word, Counter::kDroppedFull);
            return -ENOBUFS;
        }
    }
    uint8_t* at = level.writer.place(slot.scope);
    *at++ = ring::kSpanRecord;
    at = is_short ? put_short_length(at, body) : put_varint(at, body);
    span.copy_live(at, data_size);
    tail.write(at + data_size, end_unix_nano);
    level.writer.publish_end(segment, slot, span.index(), word, record);
    return 0;
}

[[gnu::noinline]] int end_recorded(const spr_span* span) {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) [[unlikely]] return OpenSpan::why_not(span);
    return end(open, 0);
}

// Counts what a call could not add. COLD: only on a refusal.
[[gnu::noinline]] int count_refusal(OpenSpan span, int error) {
    ThreadState* thread = span.provider().thread();
    Entry entry;
    if (thread != nullptr && !entry.too_deep())
        Provider::level(*thread, entry.depth()).writer.count(Counter::kRefusedData);
    else if (Life* life = span.provider().life())
        count_shared(*life, Counter::kRefusedData);
    return error;
}

int refused(OpenSpan span, int error) { return error >= 0 ? error : count_refusal(span, error); }

// Sets a list of attributes; returns how many were refused.
[[gnu::always_inline]] inline int set_all(OpenSpan span, const spr_attribute* attributes, size_t count) {
    int refusals = 0;
    for (size_t i = 0; i < count; ++i)
        if (!set_short(span, attributes[i]) && refused(span, set_any(span, attributes[i])) != 0) ++refusals;
    return refusals;
}

// What is said of a span at its end, apart from its attributes.
[[gnu::noinline]] void add_last(OpenSpan span, const spr_end_options& options) {
    if (options.name != nullptr) refused(span, span.set_name(options.name, options.name_size));
    for (size_t i = 0; i < options.event_count; ++i)
        refused(span, span.add(options.events[i], options.events[i].time_ns != 0 ? 0 : now_of(span.slot())));
    // A message that is refused takes no status with it.
    if (options.status != SPR_STATUS_UNSET &&
        refused(span, span.set_status(options.status, options.status_message, options.status_message_size)) < 0)
        span.set_status(options.status, nullptr, 0);
}

// HOT where nothing is sampled: known without looking any further.
bool is_unrecorded(const spr_span* span) { return span != nullptr && span->handle == 0; }

// The general way, for what OpenSpan::set_short() does not take.
int set(const spr_span* span, const spr_attribute& attribute) {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return OpenSpan::why_not(span);
    return refused(open, set_any(open, attribute));
}

[[gnu::noinline]] int set_any_string(const spr_span* span, const char* key, size_t key_size, const char* value, size_t value_size) {
    spr_attribute attribute{key, key_size, SPR_TYPE_STRING, 0, {}};
    attribute.value.string = {value, value_size};
    return set(span, attribute);
}

[[gnu::noinline]] int set_any_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    spr_attribute attribute{key, key_size, type, 0, {}};
    memcpy(&attribute.value, &bits, sizeof bits);
    return set(span, attribute);
}

[[gnu::always_inline]] inline int set_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    OpenSpan open;
    if (OpenSpan::last(span, open) && open.set_short(key, key_size, type, bits)) [[likely]] return 0;
    if (is_unrecorded(span)) return 0;
    return set_any_scalar(span, key, key_size, type, bits);
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_start(spr_tracer* tracer, const char* name, size_t name_size, spr_span* ret_span) noexcept {
    if (ret_span == nullptr) [[unlikely]] return -EINVAL;
    if (tracer == nullptr) [[unlikely]] {
        *ret_span = spr_span{};
        return -EINVAL;
    }
    return start<true>(tracer, name, name_size, kDefaults, ret_span);
}

int spr_span_start_with(spr_tracer* tracer, const char* name, size_t name_size, const spr_start_options* options,
                        spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    spr_start_options space;
    int error = 0;
    const spr_start_options* known = known_options(options, space, error);
    if (tracer == nullptr) error = -EINVAL;
    if (error == 0 && (known->kind > SPR_KIND_CONSUMER || known->parent_mode > SPR_PARENT_ROOT ||
                       (known->attribute_count != 0 && known->attributes == nullptr) ||
                       (known->link_count != 0 && known->links == nullptr)))
        error = -EINVAL;
    if (error != 0) {
        *ret_span = spr_span{};
        return error;
    }
    return start<false>(tracer, name, name_size, *known, ret_span);
}

int spr_span_set_string(const spr_span* span, const char* key, size_t key_size, const char* value, size_t value_size) noexcept {
    OpenSpan open;
    if (OpenSpan::last(span, open) && open.set_short(key, key_size, value, value_size)) [[likely]] return 0;
    if (is_unrecorded(span)) return 0;
    return set_any_string(span, key, key_size, value, value_size);
}

int spr_span_set_bool(const spr_span* span, const char* key, size_t key_size, int value) noexcept {
    return set_scalar(span, key, key_size, SPR_TYPE_BOOL, value != 0);
}

int spr_span_set_int64(const spr_span* span, const char* key, size_t key_size, int64_t value) noexcept {
    return set_scalar(span, key, key_size, SPR_TYPE_INT64, static_cast<uint64_t>(value));
}

int spr_span_set_double(const spr_span* span, const char* key, size_t key_size, double value) noexcept {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return set_scalar(span, key, key_size, SPR_TYPE_DOUBLE, bits);
}

int spr_span_set_attributes(const spr_span* span, const spr_attribute* attributes, size_t attribute_count) noexcept {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return OpenSpan::why_not(span);
    if (attributes == nullptr && attribute_count != 0) return -EINVAL;
    return set_all(open, attributes, attribute_count);
}

int spr_span_add_event(const spr_span* span, const spr_event* event) noexcept {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return OpenSpan::why_not(span);
    if (event == nullptr) return -EINVAL;
    return refused(open, open.add(*event, event->time_ns != 0 ? 0 : now_of(open.slot())));
}

int spr_span_add_link(const spr_span* span, const spr_link* link) noexcept {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return OpenSpan::why_not(span);
    if (link == nullptr) return -EINVAL;
    return refused(open, open.add(*link));
}

int spr_span_set_status(const spr_span* span, int code, const char* message, size_t message_size) noexcept {
    OpenSpan open;
    return !OpenSpan::find(span, open) ? OpenSpan::why_not(span) : open.set_status(code, message, message_size);
}

int spr_span_set_name(const spr_span* span, const char* name, size_t name_size) noexcept {
    OpenSpan open;
    return !OpenSpan::find(span, open) ? OpenSpan::why_not(span) : open.set_name(name, name_size);
}

int spr_span_set_kind(const spr_span* span, int kind) noexcept {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return OpenSpan::why_not(span);
    if (kind < SPR_KIND_INTERNAL || kind > SPR_KIND_CONSUMER) return -EINVAL;
    open.slot().kind = static_cast<uint8_t>(kind);
    return 0;
}

int spr_span_is_recording(const spr_span* span) noexcept {
    OpenSpan open;
    return OpenSpan::find(span, open) ? 1 : (OpenSpan::why_not(span), 0);
}

int spr_span_end(const spr_span* span) noexcept {
    return is_unrecorded(span) ? 0 : end_recorded(span);
}

int spr_span_end_with(const spr_span* span, const spr_end_options* options) noexcept {
    spr_end_options space;
    int error = 0;
    const spr_end_options* known = known_options(options, space, error);
    if (known == nullptr) return error;
    if (known->status > SPR_STATUS_ERROR || (known->attribute_count != 0 && known->attributes == nullptr) ||
        (known->event_count != 0 && known->events == nullptr))
        return -EINVAL;
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return OpenSpan::why_not(span);
    set_all(open, known->attributes, known->attribute_count);
    if (known->name != nullptr || known->event_count != 0 || known->status != SPR_STATUS_UNSET) add_last(open, *known);
    return end(open, known->end_time_ns);
}

}  // extern "C"
