// SPDX-License-Identifier: Apache-2.0
//
// The C functions of a span's life. The hot path, in order: which thread, which context, is it sampled, a slot, its bytes;
// and at the end: room in the chunk, one copy, one commit.
#include <errno.h>
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
    explicit Entry(ThreadLocal& local) : local_(local), depth_(local.depth) {
        local.depth = depth_ + 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees the level taken
    }
    ~Entry() {
        std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing of the call moves behind its end
        local_.depth = depth_;
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    bool too_deep() const { return depth_ >= kSignalLevels; }
    uint32_t depth() const { return depth_; }

private:
    ThreadLocal& local_;
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

int start(spr_tracer* tracer, const char* name, size_t given_name_size, const spr_start_options& options, spr_span* ret_span) {
    Provider::check_fork();
    const spr_context* parent = choose_parent(options);
    if (parent != nullptr && !is_valid(*parent)) parent = nullptr;
    Provider& provider = *tracer->provider;
    const Provider::State state = provider.state();
    if (state == Provider::kOff || state == Provider::kShutDown) [[unlikely]] {
        pass_through(parent, ret_span);
        return state == Provider::kShutDown ? -ESHUTDOWN : provider.error();
    }
    ThreadState* thread = provider.thread();
    Entry entry(thread_local_state);
    if (thread == nullptr || entry.too_deep()) [[unlikely]] {
        pass_through(parent, ret_span);
        if (provider.state() == Provider::kOff) return provider.error();
        if (Life* life = provider.life()) count_shared(*life, Counter::kNotStartedNested);
        return -EBUSY;
    }
    ring::Segment& segment = thread->life->segment;
    Level& level = Provider::level(*thread, entry.depth());

    spr_context context;
    if (parent != nullptr) {
        memcpy(context.trace_id, parent->trace_id, sizeof context.trace_id);
        context.trace_flags = parent->trace_flags & SPR_TRACE_FLAG_RANDOM;
    } else {
        level.random.trace_id(context.trace_id);
        context.trace_flags = SPR_TRACE_FLAG_RANDOM;
    }
    level.random.span_id(context.span_id);
    context.is_remote = 0;
    memset(context.reserved, 0, sizeof context.reserved);

    // relaxed: a switch; the next start sees it.
    const uint64_t policy = StdAtomics::load(segment.view().control().policy, std::memory_order_relaxed);
    if (!provider.sampler().sample(parent, context.trace_id) || policy != 0) [[unlikely]] {
        ret_span->handle = 0;
        ret_span->context = context;
        level.writer.count(Counter::kUnsampled);
        return 0;
    }
    context.trace_flags |= SPR_TRACE_FLAG_SAMPLED;

    // acquire: the scope is in the segment. Pairs with the release in ScopeTable::publish().
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
    slot.trace_flags = context.trace_flags;
    slot.parent_flags = static_cast<uint8_t>(parent == nullptr ? 0 : parent->is_remote != 0 ? 3 : 1);
    slot.attributes = slot.events = slot.links = slot.superseded = 0;
    slot.key_filter = 0;
    uint32_t length = write_identity(slot.data, context, parent, slot.start_unix_nano);

    // A name that fits inline, as nearly all do, is part of the first publication; a longer one follows.
    const size_t name_size = text_size(name, given_name_size);
    slot.name = 0;
    const bool short_name = name_size <= ring::kSlotInlineData - 64 && is_utf8(name, name_size);
    if (short_name) [[likely]] {
        slot.name = length;
        uint8_t* at = slot.data + length;
        *at++ = tag(5, kBytes);
        at = put_varint(at, name_size);
        if (name_size != 0) memcpy(at, name, name_size);
        length = static_cast<uint32_t>(at + name_size - slot.data);
    }
    level.writer.publish_start(slot, SlotWord{SlotState::kOpen, 0, length});

    ret_span->handle = SpanHandle{provider.index(), Provider::fork_generation(), index, slot.generation}.pack();
    ret_span->context = context;
    OpenSpan span(provider, segment, slot, index);
    if (!short_name && span.set_name(name, name_size) != 0) [[unlikely]] level.writer.count(Counter::kRefusedData);
    if (options.trace_state != nullptr && span.set_trace_state(options.trace_state, options.trace_state_size) != 0)
        level.writer.count(Counter::kRefusedData);
    for (size_t i = 0; i < options.attribute_count; ++i)
        if (span.set(options.attributes[i]) != 0) level.writer.count(Counter::kRefusedData);
    for (size_t i = 0; i < options.link_count; ++i)
        if (span.add(options.links[i]) != 0) level.writer.count(Counter::kRefusedData);
    return 1;
}

// What a span carries behind its data: end time, kind, flags, counts of what was refused. Returns their number of bytes.
constexpr uint32_t kTailMax = 9 + 2 + 7 + 3 * 7;
uint32_t write_tail(uint8_t* to, const Slot& slot, uint64_t end_unix_nano) {
    uint8_t* at = to;
    *at++ = tag(8, kFixed64);
    at = put_fixed64(at, end_unix_nano);
    *at++ = tag(6, kVarint);
    *at++ = slot.kind;
    *at++ = 0x85;  // field 16, fixed32: a tag of two bytes
    *at++ = 0x01;
    // SpanFlags: 0x100 says that 0x200 (the parent is remote) is known.
    at = put_fixed32(at, uint32_t{slot.trace_flags} | 0x100 | ((slot.parent_flags & 2) != 0 ? 0x200 : 0));
    const auto put_count = [&](uint32_t field, uint32_t count) {
        if (count == 0) return;
        *at++ = tag(field, kVarint);
        at = put_varint(at, count);
    };
    put_count(10, slot.dropped_attributes);
    put_count(12, slot.dropped_events);
    put_count(14, slot.dropped_links);
    return static_cast<uint32_t>(at - to);
}

// Drops a span without a writer. A kill in the middle of this, and only of this, leaves the counters one short: what is
// counted by read-modify-writes of several threads has no intent to be corrected by.
void give_up(OpenSpan& span) {
    Slot& slot = span.slot();
    const SlotWord word = span.word();
    slot.intent_line = ring::LevelWriter::kSharedLine;
    // release: the line before the state that makes recovery look at it. Pairs with the acquire in recovery.
    StdAtomics::store(slot.word, SlotWord{SlotState::kDropping, word.blocks, word.length}.pack(), std::memory_order_release);
    if (Life* life = span.provider().life()) {
        count_shared(*life, Counter::kDroppedNested);
        count_shared(*life, Counter::kEnded);
    }
    // release: the counts before the slot is free.
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
uint64_t now_of(const Slot& slot) {
    if (slot.start_ticks == kNoTicks) [[unlikely]] return ring::Clock::read(CLOCK_REALTIME);
    const uint64_t ticks = Provider::clock().ticks() - slot.start_ticks;
    return slot.start_unix_nano + (static_cast<int64_t>(ticks) > 0 ? Provider::clock().duration(ticks) : 0);
}

int end(OpenSpan& span, uint64_t end_time_ns) {
    Provider& provider = span.provider();
    ThreadState* thread = provider.thread();
    Entry entry(thread_local_state);
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

    uint8_t tail[kTailMax];
    const uint32_t tail_size = write_tail(tail, slot, end_unix_nano);
    const uint32_t data_size = span.live_size();
    const uint32_t body = data_size + tail_size;
    const uint32_t record = 1 + varint_size(body) + body;
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
    at = put_varint(at, body);
    span.copy_live(at);
    memcpy(at + data_size, tail, tail_size);
    level.writer.publish_end(segment, slot, span.index(), word, record);
    return 0;
}

// Counts what a call could not add. COLD: only on a refusal.
int refused(const OpenSpan& span, int error) {
    if (error >= 0) return error;
    ThreadState* thread = span.provider().thread();
    Entry entry(thread_local_state);
    if (thread != nullptr && !entry.too_deep())
        Provider::level(*thread, entry.depth()).writer.count(Counter::kRefusedData);
    else if (Life* life = span.provider().life())
        count_shared(*life, Counter::kRefusedData);
    return error;
}

int set(const spr_span* span, const spr_attribute& attribute) {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    if (found <= 0) return found;
    const int error = open.set(attribute);
    return error == 0 ? 0 : refused(open, error);
}

spr_attribute attribute_of(const char* key, size_t key_size, uint32_t type) {
    spr_attribute attribute;
    attribute.key = key;
    attribute.key_size = key_size;
    attribute.type = type;
    attribute.reserved = 0;
    return attribute;
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_start(spr_tracer* tracer, const char* name, size_t name_size, spr_span* ret_span) noexcept {
    static constexpr spr_start_options kDefaults = SPR_START_OPTIONS_INIT;
    if (ret_span == nullptr) return -EINVAL;
    if (tracer == nullptr) {
        *ret_span = spr_span{};
        return -EINVAL;
    }
    return start(tracer, name, name_size, kDefaults, ret_span);
}

int spr_span_start_with(spr_tracer* tracer, const char* name, size_t name_size, const spr_start_options* options,
                        spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    *ret_span = spr_span{};
    spr_start_options known;
    const int error = read_options(options, known);
    if (tracer == nullptr || error == -EINVAL) return -EINVAL;
    if (error != 0) return error;
    if (known.kind > SPR_KIND_CONSUMER || known.parent_mode > SPR_PARENT_ROOT || (known.attribute_count != 0 && known.attributes == nullptr) ||
        (known.link_count != 0 && known.links == nullptr))
        return -EINVAL;
    return start(tracer, name, name_size, known, ret_span);
}

int spr_span_set_string(const spr_span* span, const char* key, size_t key_size, const char* value, size_t value_size) noexcept {
    spr_attribute attribute = attribute_of(key, key_size, SPR_TYPE_STRING);
    attribute.value.string.data = value;
    attribute.value.string.size = value_size;
    return set(span, attribute);
}

int spr_span_set_bool(const spr_span* span, const char* key, size_t key_size, int value) noexcept {
    spr_attribute attribute = attribute_of(key, key_size, SPR_TYPE_BOOL);
    attribute.value.boolean = value != 0;
    return set(span, attribute);
}

int spr_span_set_int64(const spr_span* span, const char* key, size_t key_size, int64_t value) noexcept {
    spr_attribute attribute = attribute_of(key, key_size, SPR_TYPE_INT64);
    attribute.value.int64 = value;
    return set(span, attribute);
}

int spr_span_set_double(const spr_span* span, const char* key, size_t key_size, double value) noexcept {
    spr_attribute attribute = attribute_of(key, key_size, SPR_TYPE_DOUBLE);
    attribute.value.float64 = value;
    return set(span, attribute);
}

int spr_span_set_attributes(const spr_span* span, const spr_attribute* attributes, size_t attribute_count) noexcept {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    if (found <= 0) return found;
    if (attributes == nullptr && attribute_count != 0) return -EINVAL;
    int count = 0;
    for (size_t i = 0; i < attribute_count; ++i)
        if (refused(open, open.set(attributes[i])) != 0) ++count;
    return count;
}

int spr_span_add_event(const spr_span* span, const spr_event* event) noexcept {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    if (found <= 0) return found;
    if (event == nullptr) return -EINVAL;
    return refused(open, open.add(*event, event->time_ns != 0 ? 0 : now_of(open.slot())));
}

int spr_span_add_link(const spr_span* span, const spr_link* link) noexcept {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    if (found <= 0) return found;
    if (link == nullptr) return -EINVAL;
    return refused(open, open.add(*link));
}

int spr_span_set_status(const spr_span* span, int code, const char* message, size_t message_size) noexcept {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    return found <= 0 ? found : open.set_status(code, message, message_size);
}

int spr_span_set_name(const spr_span* span, const char* name, size_t name_size) noexcept {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    return found <= 0 ? found : open.set_name(name, name_size);
}

int spr_span_set_kind(const spr_span* span, int kind) noexcept {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    if (found <= 0) return found;
    if (kind < SPR_KIND_INTERNAL || kind > SPR_KIND_CONSUMER) return -EINVAL;
    open.slot().kind = static_cast<uint8_t>(kind);
    return 0;
}

int spr_span_is_recording(const spr_span* span) noexcept {
    OpenSpan open;
    return OpenSpan::find(span, open) == 1;
}

int spr_span_end(const spr_span* span) noexcept {
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    return found <= 0 ? found : end(open, 0);
}

int spr_span_end_with(const spr_span* span, const spr_end_options* options) noexcept {
    spr_end_options known;
    const int error = read_options(options, known);
    if (error != 0) return error;
    if (known.status > SPR_STATUS_ERROR || (known.attribute_count != 0 && known.attributes == nullptr) ||
        (known.event_count != 0 && known.events == nullptr))
        return -EINVAL;
    OpenSpan open;
    const int found = OpenSpan::find(span, open);
    if (found <= 0) return found;
    if (known.name != nullptr) refused(open, open.set_name(known.name, known.name_size));
    for (size_t i = 0; i < known.attribute_count; ++i) refused(open, open.set(known.attributes[i]));
    for (size_t i = 0; i < known.event_count; ++i)
        refused(open, open.add(known.events[i], known.events[i].time_ns != 0 ? 0 : now_of(open.slot())));
    // A message that is refused takes no status with it.
    if (known.status != SPR_STATUS_UNSET &&
        refused(open, open.set_status(known.status, known.status_message, known.status_message_size)) < 0)
        open.set_status(known.status, nullptr, 0);
    return end(open, known.end_time_ns);
}

}  // extern "C"
