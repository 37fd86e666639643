// SPDX-License-Identifier: Apache-2.0
#include "trace/span/open_span.hpp"

#include <errno.h>
#include <string.h>

#include "trace/base/attribute.hpp"
#include "trace/span/text_cut.hpp"

namespace spanring::trace {

using ring::Slot;
using ring::SlotData;
using ring::SlotState;
using ring::SlotWord;
using ring::SlotWriter;
using ring::StdAtomics;

namespace {

// Fields of opentelemetry.proto.trace.v1.Span that lie in a slot. All have tags of one byte.
constexpr uint8_t kTraceState = tag(3, kBytes);
constexpr uint8_t kName = tag(5, kBytes);
constexpr uint8_t kStatus = tag(15, kBytes);
constexpr uint8_t kStartTime = tag(7, kFixed64);

uint32_t read_varint(const SlotData& data, uint32_t& position) {
    uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 7) {
        const uint8_t byte = data.byte(position++);
        value |= uint32_t{byte & 0x7fu} << shift;
        if ((byte & 0x80) == 0) break;
    }
    return value;
}

uint32_t read_varint(const uint8_t*& at) {
    uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 7) {
        const uint8_t byte = *at++;
        value |= uint32_t{byte & 0x7fu} << shift;
        if ((byte & 0x80) == 0) break;
    }
    return value;
}

// What has room reserved: in one piece where it fits into the rest of one, as nearly everything does.
template <class Write>
void write_together(SlotWriter& writer, uint32_t size, Write&& write) {
    uint32_t room;
    Memory memory{writer.at(writer.position(), room)};
    if (room < size) {
        write(writer);
        return;
    }
    write(memory);
    writer.advance(size);
}

}  // namespace

int OpenSpan::why_not(const spr_span* span) {
    if (span == nullptr) return -EINVAL;
    Provider::check_fork();
    return span->handle == 0 ? 0 : -ESTALE;
}

template <class Visit>
void OpenSpan::each_field(Visit&& visit) const {
    const SlotData data(segment().view(), *slot_);
    const uint32_t end = word().length;
    uint32_t position = 0;
    while (position < end) {
        const uint32_t begin = position;
        const uint8_t field = data.byte(position++);
        if (field == kStartTime)
            position += 8;
        else
            position += read_varint(data, position);
        if (!visit(data, field, begin, position)) return;
    }
}

void OpenSpan::supersede(uint32_t position) {
    uint32_t room;
    *SlotData(segment().view(), *slot_).at(position, room) = ring::kSuperseded;
    ++slot_->superseded;
}

// Two keys of twenty share a bit of the filter more often than not, so this is no rare way: fields are read where they
// lie, piece by piece; only the heads of one that lies across two pieces are put together first.
bool OpenSpan::find_key(const char* key, uint32_t size, uint32_t& ret_position) const {
    constexpr uint32_t kHeads = 12;  // tag, length, tag of the key, its length
    const SlotData data(segment().view(), *slot_);
    const uint32_t end = word().length;
    uint32_t position = 0;
    // One field, whose heads are at `at`; position moves past it. True: it is the key's.
    const auto is_key = [&](const uint8_t* at) {
        const uint32_t begin = position;
        const uint8_t* const first = at;
        const uint8_t field = *at++;
        if (field == kStartTime) {
            position += 9;
            return false;
        }
        const uint32_t length = read_varint(at);
        position += static_cast<uint32_t>(at - first) + length;
        if (field != kAttributeField) return false;
        ++at;  // tag of the key
        if (read_varint(at) != size || !data.equal(begin + static_cast<uint32_t>(at - first), key, size)) return false;
        ret_position = begin;
        return true;
    };
    while (position < end) {
        uint32_t room;
        const uint8_t* const piece = data.at(position, room);
        const uint32_t begin = position;
        if (room < kHeads) {
            uint8_t heads[kHeads] = {};
            data.copy(position, end - position < kHeads ? end - position : kHeads, heads);
            if (is_key(heads)) return true;
        }
        while (position < end && position - begin + kHeads <= room)
            if (is_key(piece + (position - begin))) return true;
    }
    return false;
}

int OpenSpan::set(const spr_attribute& from) {
    Attribute attribute;
    if (!Attribute::check(from, attribute, {provider_->limits().value_length})) {
        ++slot_->dropped_attributes;
        return -EINVAL;
    }
    const uint64_t bit = uint64_t{1} << key_bit(attribute.key, attribute.key_size);
    uint32_t old = 0;
    const bool replaces = (slot_->key_filter & bit) != 0 && find_key(attribute.key, attribute.key_size, old);
    if (!replaces && slot_->attributes >= provider_->limits().attributes) {
        ++slot_->dropped_attributes;
        return -EDQUOT;
    }
    SlotWriter writer(segment(), *slot_, word());
    const auto measure = [&](uint32_t bytes) {
        Attribute::check(from, attribute, {provider_->limits().value_length, bytes});
        return attribute.field_size();
    };
    if (!writer.reserve(attribute.field_size()) && !reserve_cut(*provider_, writer, measure)) {
        writer.keep_blocks();
        ++slot_->dropped_attributes;
        return -ENOBUFS;
    }
    write_together(writer, attribute.field_size(), [&](auto& sink) { attribute.write(sink, kAttributeField); });
    writer.publish();
    slot_->key_filter |= bit;
    // The new value is published before the old one goes: a kill in between leaves both, and recovery keeps the last.
    if (replaces)
        supersede(old);
    else
        ++slot_->attributes;
    return 0;
}

int OpenSpan::set_name(const char* name, size_t given_size) {
    const size_t whole = text_size(name, given_size);
    if (whole > PTRDIFF_MAX) return -EINVAL;
    uint32_t size;
    const auto measure = [&](uint32_t bytes) {
        size = LengthLimit{kNoLengthLimit, bytes}.of_text(name, whole);
        return 1 + varint_size(size) + size;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!writer.reserve(measure(kMaxText)) && !reserve_cut(*provider_, writer, measure)) {
        writer.keep_blocks();
        return -ENOBUFS;
    }
    const uint32_t position = writer.position();
    uint8_t head[8];
    head[0] = kName;
    uint8_t* end = put_varint(head + 1, size);
    writer.put(head, static_cast<uint32_t>(end - head));
    writer.put(name, size);
    writer.publish();
    if (slot_->name != 0) supersede(slot_->name);
    slot_->name = position;
    return 0;
}

int OpenSpan::set_trace_state(const char* text, size_t given_size) {
    const size_t size = text_size(text, given_size);
    if (size == 0) return 0;
    if (size > kMaxText || !is_utf8(text, size)) return -EINVAL;
    SlotWriter writer(segment(), *slot_, word());
    if (!writer.reserve(static_cast<uint32_t>(1 + varint_size(size) + size))) {
        writer.keep_blocks();
        return -ENOBUFS;
    }
    uint8_t head[8];
    head[0] = kTraceState;
    uint8_t* end = put_varint(head + 1, size);
    writer.put(head, static_cast<uint32_t>(end - head));
    writer.put(text, static_cast<uint32_t>(size));
    writer.publish();
    return 0;
}

int OpenSpan::set_status(int code, const char* message, size_t given_size) {
    if (code != SPR_STATUS_UNSET && code != SPR_STATUS_OK && code != SPR_STATUS_ERROR) return -EINVAL;
    const size_t whole = code == SPR_STATUS_ERROR ? text_size(message, given_size) : 0;
    if (whole > PTRDIFF_MAX) return -EINVAL;
    if (code == SPR_STATUS_UNSET || slot_->status_code == SPR_STATUS_OK) return 1;
    // Status: message 2, code 3. Written once in the end: a message field that occurs twice would be merged.
    uint32_t size, inside;
    const auto measure = [&](uint32_t bytes) {
        size = LengthLimit{kNoLengthLimit, bytes}.of_text(message, whole);
        inside = (size == 0 ? 0 : 1 + varint_size(size) + size) + 2;
        return 1 + varint_size(inside) + inside;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!writer.reserve(measure(kMaxText)) && !reserve_cut(*provider_, writer, measure)) {
        writer.keep_blocks();
        return -ENOBUFS;
    }
    const uint32_t position = writer.position();
    uint8_t head[16];
    head[0] = kStatus;
    uint8_t* end = put_varint(head + 1, inside);
    *end++ = tag(3, kVarint);
    *end++ = static_cast<uint8_t>(code);
    if (size != 0) {
        *end++ = tag(2, kBytes);
        end = put_varint(end, size);
    }
    writer.put(head, static_cast<uint32_t>(end - head));
    if (size != 0) writer.put(message, size);
    writer.publish();
    if (slot_->status != 0) supersede(slot_->status);
    slot_->status = position;
    slot_->status_code = static_cast<uint8_t>(code);
    return 0;
}

uint32_t OpenSpan::live_size_of_rest() const {
    uint32_t size = 0;
    each_field([&](const SlotData&, uint8_t field, uint32_t begin, uint32_t end) {
        if (field != ring::kSuperseded) size += end - begin;
        return true;
    });
    return size;
}

void OpenSpan::copy_rest(uint8_t* to) const {
    if (slot_->superseded == 0) {
        SlotData(segment().view(), *slot_).copy(0, word().length, to);
        return;
    }
    each_field([&](const SlotData& data, uint8_t field, uint32_t begin, uint32_t end) {
        if (field == ring::kSuperseded) return true;
        data.copy(begin, end - begin, to);
        to += end - begin;
        return true;
    });
}

}  // namespace spanring::trace
