// SPDX-License-Identifier: Apache-2.0
//
// What is said about a span between its start and its end.
#include <errno.h>
#include <string.h>

#include "trace/base/hot_path.hpp"
#include "trace/base/options.hpp"
#include "trace/process/entry.hpp"
#include "trace/span/calls.hpp"
#include "trace/span/clock.hpp"

namespace spanring::trace {

[[gnu::noinline]] int set_any(OpenSpan span, const spr_attribute& attribute) {
    spr_attribute measured = attribute;
    measured.key_size = text_size(attribute.key, attribute.key_size);
    if (attribute.type == SPR_TYPE_STRING)
        measured.value.string.size = text_size(attribute.value.string.data, attribute.value.string.size);
    return set_short<OpenSpan::Place::kBlock>(span, measured) || span.set_plain(measured) ? 0 : span.set(measured);
}

[[gnu::noinline]] int count_refusal(OpenSpan span, int error) {
    Entry entry;
    if (!entry.too_deep())
        Provider::level(span.thread(), entry.depth()).writer.count(ring::Counter::kRefusedData);
    else
        count_shared(span.life(), ring::Counter::kRefusedData);
    return error;
}

namespace {

// A span that has outgrown its slot, and the general way for what OpenSpan::set_short() does not take.
[[gnu::noinline]] int set_any_string(OpenSpan open, const char* key, size_t key_size, const char* value,
                                     size_t value_size) {
    if (open.set_short<OpenSpan::Place::kBlock>(key, key_size, value, value_size)) return 0;
    spr_attribute attribute{key, key_size, SPR_TYPE_STRING, 0, {}};
    attribute.value.string = {value, value_size};
    if (open.set_plain(attribute)) return 0;
    return refused(open, open.set(attribute));
}

[[gnu::noinline]] int set_any_scalar(OpenSpan open, const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    if (open.set_short<OpenSpan::Place::kBlock>(key, key_size, type, bits)) return 0;
    spr_attribute attribute{key, key_size, type, 0, {}};
    memcpy(&attribute.value, &bits, sizeof bits);
    return refused(open, open.set(attribute));
}

// Another span than the last is that from here on: more is said of it, most often. Apart, so that who names the last
// one saves no register for it. False: it is not open, or a handler's.
[[gnu::noinline]] bool go_back(const spr_span* span) {
    const uint64_t stamp = ring::ForkGuard::stamp();
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return false;
    const Entry entry;
    if (entry.depth() != 0) return false;
    SPR_HOT_PATH(kGoneBack);
    thread_local_state.last.set(span->handle, open.thread(), open.slot(), stamp);
    return true;
}

int set_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type, uint64_t bits);

// Of a span that is not the thread's last.
[[gnu::noinline]] int set_string_of_other(const spr_span* span, const char* key, size_t key_size, const char* value,
                                          size_t value_size) {
    if (go_back(span)) return spr_span_set_string(span, key, key_size, value, value_size);
    OpenSpan open;
    if (!OpenSpan::find(span, open)) [[unlikely]]
        return once_more<set_string_of_other>(span, key, key_size, value, value_size);
    return set_any_string(open, key, text_size(key, key_size), value, text_size(value, value_size));
}

[[gnu::noinline]] int set_measured_string(const spr_span* span, const char* key, size_t key_size, const char* value,
                                          size_t value_size) {
    OpenSpan open;
    if (!OpenSpan::last(span, open)) [[unlikely]]
        return set_string_of_other(span, key, key_size, value, value_size);
    return set_any_string(open, key, key_size, value, value_size);
}

// HOT as well: lengths that are still to be found out. Apart, so that what needs none of it saves no register for the
// calls.
[[gnu::noinline]] int set_string(const spr_span* span, const char* key, size_t key_size, const char* value,
                                 size_t value_size) {
    if (key_size != SPR_NUL && value_size != SPR_NUL) [[unlikely]]
        return set_measured_string(span, key, key_size, value, value_size);
    SPR_HOT_PATH(kTextToItsEnd);
    return spr_span_set_string(span, key, text_size(key, key_size), value, text_size(value, value_size));
}

[[gnu::noinline]] int set_scalar_of_other(const spr_span* span, const char* key, size_t key_size, uint32_t type,
                                          uint64_t bits) {
    if (go_back(span)) return set_scalar(span, key, key_size, type, bits);
    OpenSpan open;
    if (!OpenSpan::find(span, open)) [[unlikely]]
        return once_more<set_scalar_of_other>(span, key, key_size, type, bits);
    return set_any_scalar(open, key, text_size(key, key_size), type, bits);
}

[[gnu::noinline]] int set_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    key_size = text_size(key, key_size);
    OpenSpan open;
    if (!OpenSpan::last(span, open)) [[unlikely]]
        return set_scalar_of_other(span, key, key_size, type, bits);
    if (open.set_short(key, key_size, type, bits)) [[likely]]
        return 0;
    return set_any_scalar(open, key, key_size, type, bits);
}

[[gnu::always_inline]] inline int set_last_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type,
                                                  uint64_t bits) {
    OpenSpan open;
    if (OpenSpan::is_short(key_size) && OpenSpan::last(span, open)) [[likely]] {
        const spr_span* const volatile kept = span;  // as in spr_span_set_string()
        if (open.append(key, key_size, type, bits)) [[likely]] {
            SPR_HOT_PATH(kNumberInSlot);
            return 0;
        }
        return set_scalar(kept, key, key_size, type, bits);
    }
    return is_unrecorded(span) ? 0 : set_scalar(span, key, key_size, type, bits);
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_set_string(const spr_span* span, const char* key, size_t key_size, const char* value,
                        size_t value_size) noexcept {
    OpenSpan open;  // the sizes first: one that is to be found out needs nothing of the rest
    if (OpenSpan::are_short(key_size, value_size) && OpenSpan::last(span, open)) [[likely]] {
        // In memory, where it is if it is needed once more: a register for it would be one that has to be saved.
        const spr_span* const volatile kept = span;
        if (open.append(key, key_size, value, value_size)) [[likely]] {
            SPR_HOT_PATH(kTextInSlot);
            return 0;
        }
        return set_string(kept, key, key_size, value, value_size);
    }
    return is_unrecorded(span) ? 0 : set_string(span, key, key_size, value, value_size);
}

int spr_span_set_bool(const spr_span* span, const char* key, size_t key_size, int value) noexcept {
    return set_last_scalar(span, key, key_size, SPR_TYPE_BOOL, value != 0);
}

int spr_span_set_int64(const spr_span* span, const char* key, size_t key_size, int64_t value) noexcept {
    return set_last_scalar(span, key, key_size, SPR_TYPE_INT64, static_cast<uint64_t>(value));
}

int spr_span_set_double(const spr_span* span, const char* key, size_t key_size, double value) noexcept {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return set_last_scalar(span, key, key_size, SPR_TYPE_DOUBLE, bits);
}

int spr_span_set_attributes(const spr_span* span, const spr_attribute* attributes, size_t attribute_count) noexcept {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open))
        return once_more<spr_span_set_attributes>(span, attributes, attribute_count);
    if (attributes == nullptr && attribute_count != 0) return -EINVAL;
    return set_all(open, attributes, attribute_count);
}

int spr_span_add_event(const spr_span* span, const spr_event* event) noexcept {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return once_more<spr_span_add_event>(span, event);
    if (event == nullptr) return -EINVAL;
    return refused(open, open.add(*event, event->time_ns != 0 ? 0 : now_of(open.slot())));
}

int spr_span_add_link(const spr_span* span, const spr_link* link) noexcept {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return once_more<spr_span_add_link>(span, link);
    if (link == nullptr) return -EINVAL;
    return refused(open, open.add(*link));
}

int spr_span_record_exception(const spr_span* span, const spr_exception* exception) noexcept {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return once_more<spr_span_record_exception>(span, exception);
    spr_exception space;
    int error = 0;
    const spr_exception* known = known_options(exception, space, error);
    if (known == nullptr) return error;
    if (known->type == nullptr && known->message == nullptr) return -EINVAL;
    if (known->attribute_count != 0 && known->attributes == nullptr) return -EINVAL;
    // Semantic conventions: exceptions/exceptions-spans.md.
    spr_attribute said[3];
    size_t count = 0;
    const auto say = [&](const char* key, const char* text, size_t size) {
        if (text == nullptr) return;
        said[count] = {key, SPR_NUL, SPR_TYPE_STRING, 0, {}};
        said[count++].value.string = {text, size};
    };
    say("exception.type", known->type, known->type_size);
    say("exception.message", known->message, known->message_size);
    say("exception.stacktrace", known->stacktrace, known->stacktrace_size);
    const spr_event event = {"exception",
                             SPR_NUL,
                             known->time_ns != 0 ? known->time_ns : now_of(open.slot()),
                             known->attributes,
                             known->attribute_count,
                             0,
                             0};
    return refused(open, open.add(event, event.time_ns, said, count));
}

int spr_span_set_status(const spr_span* span, int code, const char* message, size_t message_size) noexcept {
    OpenSpan open;
    return !OpenSpan::find(span, open) ? once_more<spr_span_set_status>(span, code, message, message_size)
                                       : open.set_status(code, message, message_size);
}

int spr_span_set_name(const spr_span* span, const char* name, size_t name_size) noexcept {
    OpenSpan open;
    return !OpenSpan::find(span, open) ? once_more<spr_span_set_name>(span, name, name_size)
                                       : open.set_name(name, name_size);
}

int spr_span_set_kind(const spr_span* span, int kind) noexcept {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return once_more<spr_span_set_kind>(span, kind);
    if (kind < SPR_KIND_INTERNAL || kind > SPR_KIND_CONSUMER) return -EINVAL;
    open.slot().kind = static_cast<uint8_t>(kind);
    return 0;
}

int spr_span_is_recording(const spr_span* span) noexcept {
    OpenSpan open;
    return OpenSpan::find(span, open) || once_more<spr_span_is_recording>(span) == 1;
}

}  // extern "C"
