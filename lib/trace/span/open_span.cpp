// SPDX-License-Identifier: Apache-2.0
#include "trace/span/open_span.hpp"

#include <errno.h>
#include <string.h>

#include "trace/base/attribute.hpp"
#include "trace/base/hot_path.hpp"
#include "trace/base/plain_attributes.hpp"
#include "trace/process/visit.hpp"
#include "trace/span/text_cut.hpp"

namespace spanring::trace {

using ring::Slot;
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

// A length of at most four bytes' worth, before `end`. False: there is none.
bool read_length(const uint8_t*& at, const uint8_t* end, uint32_t& ret_length) {
    ret_length = 0;
    for (int shift = 0; shift < 28 && at < end; shift += 7) {
        const uint8_t byte = *at++;
        ret_length |= uint32_t{byte & 0x7fu} << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

}  // namespace

int OpenSpan::why_not(const spr_span* span) {
    if (span == nullptr) return -EINVAL;
    Provider::check_fork();
    if ((span->handle & SpanHandle::kRecorded) == 0) return span->handle == 0 ? 0 : -ESTALE;
    Provider& provider = Provider::at(SpanHandle::unpack(span->handle).provider);
    const Visit inside(provider);
    Life* const life = inside ? provider.life() : nullptr;
    OpenSpan open;
    const bool is_open = life != nullptr && life->lives(span->handle) && find_in(*life, *span, open);
    return is_open && Provider::thread(span->handle) == nullptr ? -EBUSY : -ESTALE;
}

bool OpenSpan::find_in(Life& life, const spr_span& span, OpenSpan& ret) {
    const uint32_t index = SpanHandle::unpack(span.handle).slot;
    if (!life.segment.has_slot(index)) return false;
    Slot& slot = life.segment.view().slot(index);
    if (!is_open(slot, span.handle)) return false;
    ret = OpenSpan(life, nullptr, slot, index);
    return true;
}

// Each whole field. All are whole unless the span was used by several threads at once, against the rules.
template <class Visit>
void OpenSpan::each_field(SlotWord word, Visit&& visit) const {
    const uint8_t* at = ring::data_of(segment().view(), *slot_, word);
    if (at == nullptr) return;
    const uint8_t* const end = at + word.length;
    while (at < end) {
        const uint8_t* const begin = at;
        const uint8_t field = *at++;
        uint32_t size = 8;
        if (field != kStartTime && !read_length(at, end, size)) return;
        if (size > static_cast<size_t>(end - at)) return;
        if (!visit(field, begin, at, at + size)) return;
        at += size;
    }
}

void OpenSpan::supersede(uint32_t position) {
    const SlotWord word = this->word();
    uint8_t* const data = ring::data_of(segment().view(), *slot_, word);
    if (data == nullptr || position >= word.length) return;  // against the rules
    data[position] = ring::kSuperseded;
    ++slot_->superseded;
}

// Whether the span may have an attribute of that key. As long as all have tags these decide. Then the filter does, into
// which they come first, where there are any.
bool OpenSpan::may_have(KeyHash key) {
    const size_t tags_left = this->tags_left();
    if (tags_left != 0) return slot_->key_tags[tags_left] != key.tag() && is_tagged(key.tag(), tags_left);
    if (slot_->key_filter == 0) {
        const uint32_t tagged = slot_->attributes == 0 ? 0 : life_->settings.limits.short_attributes;
        for (uint32_t place = tagged; place != 0; --place)
            slot_->key_filter = KeyHash::tag_added_to(slot_->key_filter, slot_->key_tags[place]);
    }
    return key.is_in(slot_->key_filter);
}

void OpenSpan::count_key(KeyHash key) {
    const size_t tags_left = this->tags_left();
    if (tags_left == 0) {
        slot_->key_filter = key.added_to(slot_->key_filter);
        ++slot_->attributes;
        return;
    }
    if (slot_->key_tags[tags_left] != key.tag()) {
        if (is_tagged(key.tag(), tags_left))
            put_second_tag(slot_->key_tags, tags_left, key.tag());
        else
            put_tag(slot_->key_tags, tags_left, key.tag());
    }
    count_tagged();
}

bool OpenSpan::find_key(const char* key, uint32_t size, uint32_t& ret_position) const {
    bool found = false;
    uint32_t position = 0;
    each_field(word(), [&](uint8_t field, const uint8_t* begin, const uint8_t* body, const uint8_t* end) {
        ret_position = position;
        position += static_cast<uint32_t>(end - begin);
        if (field != kAttributeField || body == end) return true;
        ++body;  // tag of the key
        uint32_t key_size;
        if (!read_length(body, end, key_size) || key_size != size || size > static_cast<size_t>(end - body) ||
            memcmp(body, key, size) != 0)
            return true;
        found = true;
        return false;
    });
    return found;
}

bool OpenSpan::set_plain(const spr_attribute& from) {
    const PlainAttribute attribute(from);
    const uint32_t limit = life_->settings.limits.value_length;
    const uint32_t most = attribute.most(limit < PlainAttribute::kMostText ? limit : PlainAttribute::kMostText);
    if (tags_left() == 0 || most == PlainAttribute::kOther) return false;
    const KeyHash hash = attribute.hash();
    if (may_have(hash)) return false;
    const uint64_t word = packed_word();
    uint8_t* const field = place<Place::kBlock>(word, most);
    if (field == nullptr) return grow_for(attribute, most, hash);
    uint8_t* const end = attribute.write(field, kAttributeField);
    if (end == nullptr) return false;
    SPR_HOT_PATH(kPlain);
    publish(word, static_cast<uint32_t>(end - field));
    count_key(hash);
    return true;
}

// In a larger block, if there is one. None is taken in vain: a huge one stays taken, and set() would take another.
bool OpenSpan::grow_for(const PlainAttribute& attribute, uint32_t most, KeyHash hash) {
    SlotWriter writer(segment(), *slot_, word());
    if (!attribute.has_ascii_key() || !writer.reserve(most)) return false;
    uint8_t* const end = attribute.write(writer.next(), kAttributeField);
    if (end == nullptr) return false;  // its key has changed meanwhile, against the rules
    SPR_HOT_PATH(kGrown);
    writer.advance(static_cast<uint32_t>(end - writer.next()));
    writer.publish();
    count_key(hash);
    return true;
}

int OpenSpan::set(const spr_attribute& from) {
    Attribute attribute;
    if (!Attribute::check(from, attribute, {life_->settings.limits.value_length})) {
        ++slot_->dropped_attributes;
        return -EINVAL;
    }
    const KeyHash hash(attribute.key, attribute.key_size);
    uint32_t old = 0;
    const bool replaces = may_have(hash) && find_key(attribute.key, attribute.key_size, old);
    if (!replaces && slot_->attributes >= life_->settings.limits.attributes) {
        ++slot_->dropped_attributes;
        return -EDQUOT;
    }
    SlotWriter writer(segment(), *slot_, word());
    const auto measure = [&](uint32_t bytes) {
        Attribute::check(from, attribute, {life_->settings.limits.value_length, bytes});
        return attribute.field_size();
    };
    if (!writer.reserve(attribute.field_size()) && !reserve_cut(*life_, writer, measure)) {
        ++slot_->dropped_attributes;
        return -ENOBUFS;
    }
    attribute.write(writer, kAttributeField);
    writer.publish();
    // The new value is published before the old one goes: a kill in between leaves both, and recovery keeps the last.
    if (replaces)
        supersede(old);
    else
        count_key(hash);
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
    if (!writer.reserve(measure(kMaxText)) && !reserve_cut(*life_, writer, measure)) return -ENOBUFS;
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
    if (!writer.reserve(static_cast<uint32_t>(1 + varint_size(size) + size))) return -ENOBUFS;
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
    if (!writer.reserve(measure(kMaxText)) && !reserve_cut(*life_, writer, measure)) return -ENOBUFS;
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

uint32_t OpenSpan::live_size_of_rest(uint64_t word) const {
    uint32_t size = 0;
    each_field(SlotWord::unpack(word), [&](uint8_t field, const uint8_t* begin, const uint8_t*, const uint8_t* end) {
        if (field != ring::kSuperseded) size += static_cast<uint32_t>(end - begin);
        return true;
    });
    return size;
}

void OpenSpan::copy_rest(uint64_t packed, uint8_t* to, uint32_t size) const {
    const SlotWord word = SlotWord::unpack(packed);
    const uint8_t* const data = ring::data_of(segment().view(), *slot_, word);
    if (size == word.length && data != nullptr) {
        memcpy(to, data, size);
        return;
    }
    each_field(word, [&](uint8_t field, const uint8_t* begin, const uint8_t*, const uint8_t* end) {
        if (field == ring::kSuperseded) return true;
        const auto bytes = static_cast<uint32_t>(end - begin);
        if (bytes > size) return false;
        memcpy(to, begin, bytes);
        to += bytes;
        size -= bytes;
        return true;
    });
    memset(to, 0, size);  // none, unless against the rules: no span then, and the agent says so
}

}  // namespace spanring::trace
