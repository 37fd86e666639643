// SPDX-License-Identifier: Apache-2.0
#include "trace/propagation/attached_span.hpp"

#include <errno.h>

#include "ring/slot_data.hpp"
#include "trace/base/wire.hpp"
#include "trace/process/provider.hpp"
#include "trace/propagation/context_tail.hpp"
#include "trace/propagation/thread_context.hpp"

namespace spanring::trace {
namespace {

using ring::StdAtomics;

// Fields of opentelemetry.proto.trace.v1.Span, as they lie in a slot.
constexpr uint8_t kTraceStateTag = tag(3, kBytes);
constexpr uint8_t kStartTimeTag = tag(7, kFixed64);

const spr_span& span_of(const spr_token& token) { return reinterpret_cast<const spr_span_token&>(token).span; }

bool is_same_span(const spr_context& a, const spr_context& b) {
    return is_same_trace(a, b) && memcmp(a.span_id, b.span_id, sizeof a.span_id) == 0;
}

// The first part of a list that ends between two members.
std::string_view whole_members(std::string_view list, size_t size) {
    if (size <= list.size()) return {list.data(), size};
    size_t end = list.size();
    while (end != 0 && list[end - 1] != ',') --end;
    return {list.data(), end == 0 ? 0 : end - 1};
}

ring::Slot* open_slot(uint64_t handle, const ThreadState& thread) {
    const SpanHandle place = SpanHandle::unpack(handle);
    const Life& life = *thread.life;
    if (!life.lives(handle) || !life.segment.has_slot(place.slot)) return nullptr;
    ring::Slot& slot = life.segment.view().slot(place.slot);
    // acquire: the generation after the word. Pairs with the release in LevelWriter::publish_start(). The other way
    // round a spent handle could reach the span that reuses the slot, as OpenSpan::is_open() says.
    const uint64_t word = StdAtomics::load(slot.word, std::memory_order_acquire);
    return StdAtomics::load(slot.generation, std::memory_order_relaxed) == place.generation &&
                   ring::SlotWord::unpack(word).state == ring::SlotState::kOpen
               ? &slot
               : nullptr;
}

}  // namespace

const spr_span* attached_span(const spr_token* top) {
    for (const spr_token* at = top; at != nullptr && is_same_span(at->context, top->context); at = at->previous)
        if ((at->reserved & TokenBits::kSpan) != 0) return &span_of(*at);
    return nullptr;
}

std::string_view kept_trace_state(const spr_span& span, TraceStateRoom& room) {
    if ((ContextTail::read(span.context) & ContextTail::kKeepsTraceState) == 0 ||
        (span.handle & SpanHandle::kRecorded) == 0 || ring::ForkGuard::in_doubt())
        return {};
    const ThreadState* thread = Provider::thread(span.handle);
    if (thread == nullptr && Provider::join(span.handle)) thread = Provider::thread(span.handle);
    ring::Slot* const slot = thread != nullptr ? open_slot(span.handle, *thread) : nullptr;
    if (slot == nullptr) return {};
    const auto word = ring::SlotWord::unpack(StdAtomics::load(slot->word, std::memory_order_relaxed));
    const uint8_t* const data = ring::data_of(thread->life->segment.view(), *slot, word);
    const uint32_t end = data == nullptr ? 0 : word.length;
    uint32_t position = 0;
    while (position < end) {
        const uint8_t field = data[position++];
        uint32_t size = 8;
        if (field != kStartTimeTag) {
            size = 0;
            for (int shift = 0; shift < 32 && position < end; shift += 7) {
                const uint8_t byte = data[position++];
                size |= uint32_t{byte & 0x7fu} << shift;
                if ((byte & 0x80) == 0) break;
            }
        }
        if (size > end - position) break;
        if (field == kTraceStateTag) {
            const uint32_t copied = size < sizeof room ? size : static_cast<uint32_t>(sizeof room);
            memcpy(room, data + position, copied);
            // A span that another thread ended meanwhile, against the rules, has none.
            return open_slot(span.handle, *thread) == slot ? whole_members({room, copied}, size) : std::string_view();
        }
        position += size;
    }
    return {};
}

std::string_view kept_trace_state(const spr_token* top, const spr_context& of_trace, TraceStateRoom& room) {
    if (top == nullptr || (top->reserved & TokenBits::kKeepsTraceState) == 0) return {};
    for (const spr_token* at = top; at != nullptr; at = at->previous) {
        if ((at->reserved & TokenBits::kSpan) != 0 && is_same_trace(at->context, of_trace)) {
            const std::string_view kept = kept_trace_state(span_of(*at), room);
            if (!kept.empty()) return kept;
        }
        // What was attached with a trace state of its own inside of the span replaces the span's.
        const spr_propagated* const attached = attached_to(at);
        if (attached != attached_to(at->previous) && is_same_trace(attached->context, of_trace) &&
            !view_of(attached->trace_state).empty())
            return {};
    }
    return {};
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_attach(const spr_span* span, spr_span_token* token) noexcept {
    if (span == nullptr || token == nullptr) return -EINVAL;
    const spr_token* const top = thread_local_state.top;
    uint64_t handed_on = top != nullptr ? top->reserved & ~TokenBits::kSpan : 0;
    if ((ContextTail::read(span->context) & ContextTail::kKeepsTraceState) != 0)
        handed_on |= TokenBits::kKeepsTraceState;
    token->span = *span;
    token->token.context = span->context;
    token->token.previous = thread_local_state.top;
    token->token.reserved = handed_on | TokenBits::kSpan;
    ThreadContext::push(token->token);
    return 0;
}

int spr_span_current(spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    const spr_token* const top = thread_local_state.top;
    const spr_span* const attached = attached_span(top);
    *ret_span = attached != nullptr ? *attached : spr_span{0, top != nullptr ? top->context : spr_context{}};
    return attached != nullptr;
}

int spr_span_trace_state(const spr_span* span, spr_text* ret_trace_state) noexcept {
    if (span == nullptr || ret_trace_state == nullptr ||
        (ret_trace_state->data == nullptr && ret_trace_state->capacity != 0))
        return -EINVAL;
    TraceStateRoom room;
    const std::string_view kept = kept_trace_state(*span, room);
    if (kept.size() > ret_trace_state->capacity) return -ENOSPC;
    if (!kept.empty()) memcpy(ret_trace_state->data, kept.data(), kept.size());
    ret_trace_state->size = kept.size();
    return !kept.empty();
}

}  // extern "C"
