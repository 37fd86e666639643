// SPDX-License-Identifier: Apache-2.0
#include "ring/unfinished_span.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/recovery.hpp"

namespace spanring::ring {

namespace {

// Tags of opentelemetry.proto.trace.v1.Span.
enum : uint8_t {
    kTraceId = 0x0a,
    kSpanId = 0x12,
    kTraceState = 0x1a,
    kParent = 0x22,
    kName = 0x2a,
    kKind = 0x30,
    kStart = 0x39,
    kEnd = 0x41,
    kAttribute = 0x4a,
    kDroppedAttributes = 0x50,
    kEvent = 0x5a,
    kDroppedEvents = 0x60,
    kLink = 0x6a,
    kDroppedLinks = 0x70,
    kStatus = 0x7a,
};
constexpr uint8_t kFlags[] = {0x85, 0x01};
constexpr uint32_t kFlagHasIsRemote = 0x100;  // the next one is known; set for every span, as at an ordinary end
constexpr uint32_t kFlagIsRemote = 0x200;     // the parent is
constexpr uint8_t kStatusError = 2;

struct Field {
    uint8_t tag = 0;
    std::string_view whole;  // tag and length included
    std::string_view body;
};

bool read_varint(std::string_view bytes, size_t& at, uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
        const auto byte = static_cast<uint8_t>(bytes[at++]);
        value |= uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

// One field of the writer's: a tag of one byte, then a length and a body, or eight bytes.
bool read_field(std::string_view data, size_t& at, Field& ret_field) {
    const size_t begin = at;
    ret_field.tag = static_cast<uint8_t>(data[at++]);
    const uint32_t type = ret_field.tag & 7;
    uint64_t length = 8;
    if (type == 2 || ret_field.tag == kSuperseded) {
        if (!read_varint(data, at, length)) return false;
    } else if (type != 1) {
        return false;
    }
    if (length > data.size() - at) return false;
    ret_field.body = data.substr(at, length);
    at += length;
    ret_field.whole = data.substr(begin, at - begin);
    return true;
}

// The key of a KeyValue, as the writer encodes it: first.
std::string_view attribute_key(std::string_view body) {
    size_t at = 1;
    uint64_t length = 0;
    if (body.empty() || body[0] != 0x0a || !read_varint(body, at, length) || length > body.size() - at) return {};
    return body.substr(at, length);
}

// Of a Status {message = 2, code = 3}.
bool is_error(std::string_view body) {
    for (size_t at = 0; at < body.size();) {
        const char tag = body[at++];
        uint64_t value = 0;
        if (!read_varint(body, at, value)) return false;
        if (tag == 0x18) return value == kStatusError;
        if (tag != 0x12 || value > body.size() - at) return false;
        at += value;
    }
    return false;
}

void put(std::vector<uint8_t>& to, std::string_view bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

void put_varint(std::vector<uint8_t>& to, uint64_t value) {
    for (; value >= 0x80; value >>= 7) to.push_back(static_cast<uint8_t>(value | 0x80));
    to.push_back(static_cast<uint8_t>(value));
}

template <class T>
void put_fixed(std::vector<uint8_t>& to, T value) {
    for (size_t i = 0; i < sizeof value; ++i) to.push_back(static_cast<uint8_t>(value >> 8 * i));
}

void put_count(std::vector<uint8_t>& to, uint8_t tag, uint32_t count) {
    if (count == 0) return;
    to.push_back(tag);
    put_varint(to, count);
}

void put_bytes(std::vector<uint8_t>& to, uint8_t tag, std::string_view bytes) {
    to.push_back(tag);
    put_varint(to, bytes.size());
    put(to, bytes);
}

}  // namespace

bool copy_slot(SegmentView segment, const ExtentMap& extents, uint32_t slot, SlotCopy& ret_copy) {
    memcpy(&ret_copy.slot, &segment.slot(slot), sizeof ret_copy.slot);
    const SlotWord word = SlotWord::unpack(ret_copy.slot.word);
    if (!fits_place(word)) return false;
    const uint8_t* data = ret_copy.slot.data;
    if (word.place > kBlockClasses) {
        const uint32_t place = word.place - kBlockClasses - 1;
        if (!extents.has_huge_block(place)) return false;
        data = segment.huge(place);
    } else if (word.place != 0) {
        const uint32_t block = ret_copy.slot.blocks[word.place - 1] - 1;
        if (!extents.has_block(block, word.place)) return false;
        data = segment.block(block);
    }
    ret_copy.data.assign(data, data + word.length);
    return true;
}

namespace {

// `mark`: the attribute that says what kind of an end it is; empty: an ordinary one. `died`: nobody ended it.
bool append_span(const SlotCopy& copy, uint64_t end_unix_nano, std::string_view mark, bool died,
                 std::vector<uint8_t>& to) {
    const std::string_view data(reinterpret_cast<const char*>(copy.data.data()), copy.data.size());
    std::vector<Field> fields;
    for (size_t at = 0; at < data.size();) {
        Field field;
        if (!read_field(data, at, field)) return false;
        if (field.tag != kSuperseded) fields.push_back(field);
    }

    // Backwards: a crash between a new field and the mark on the one it replaces leaves both, and the later one counts.
    std::unordered_set<std::string_view> keys;
    if (!mark.empty()) keys.insert(mark);
    std::array<bool, 256> seen{};
    std::string_view status;
    for (auto at = fields.rbegin(); at != fields.rend(); ++at) {
        Field& field = *at;
        bool again = seen[field.tag];
        if (field.tag == kAttribute) {
            again = !keys.insert(attribute_key(field.body)).second;
        } else if (field.tag != kEvent && field.tag != kLink) {
            seen[field.tag] = true;
        }
        if (field.tag == kStatus && !again) status = field.body;
        if (again || field.tag == kStatus) field.whole = {};  // the status is written below
    }

    std::vector<uint8_t> span;
    span.reserve(data.size() + 128);
    for (const Field& field : fields) put(span, field.whole);

    const Slot& slot = copy.slot;
    span.push_back(kEnd);
    put_fixed(span, std::max(end_unix_nano, slot.start_unix_nano));
    put_count(span, kKind, slot.kind);
    put_count(span, kDroppedAttributes, slot.dropped_attributes);
    put_count(span, kDroppedEvents, slot.dropped_events);
    put_count(span, kDroppedLinks, slot.dropped_links);
    span.insert(span.end(), std::begin(kFlags), std::end(kFlags));
    put_fixed(span, slot.trace_flags | kFlagHasIsRemote | ((slot.parent_flags & 2) != 0 ? kFlagIsRemote : 0u));

    if (!mark.empty()) {
        std::vector<uint8_t> attribute;  // KeyValue {key, AnyValue {bool_value: true}}
        put_bytes(attribute, 0x0a, mark);
        put(attribute, std::string_view("\x12\x02\x10\x01", 4));
        put_bytes(span, kAttribute, {reinterpret_cast<const char*>(attribute.data()), attribute.size()});
    }

    if (is_error(status) || (!died && !status.empty())) {
        put_bytes(span, kStatus, status);
    } else if (died) {
        std::vector<uint8_t> error;  // Status {message, code}
        put_bytes(error, 0x12, {kUnfinishedMessage, sizeof kUnfinishedMessage - 1});
        error.push_back(0x18);
        error.push_back(kStatusError);
        put_bytes(span, kStatus, {reinterpret_cast<const char*>(error.data()), error.size()});
    }

    to.push_back(kSpanRecord);
    put_varint(to, span.size());
    to.insert(to.end(), span.begin(), span.end());
    return true;
}

}  // namespace

bool append_unfinished_span(const SlotCopy& copy, uint64_t death_unix_nano, std::vector<uint8_t>& to) {
    return append_span(copy, death_unix_nano, {kUnfinishedKey, sizeof kUnfinishedKey - 1}, true, to);
}

bool append_ended_span(const SlotCopy& copy, std::vector<uint8_t>& to) {
    return append_span(copy, copy.slot.intent_word, {}, false, to);
}

bool append_partial_span(const SlotCopy& copy, uint64_t now_unix_nano, std::vector<uint8_t>& to) {
    return append_span(copy, now_unix_nano, {kPartialKey, sizeof kPartialKey - 1}, false, to);
}

}  // namespace spanring::ring
