// SPDX-License-Identifier: Apache-2.0
//
// The columns are varints (otlp/wire.hpp), in this order: the version; how many texts, pairs, resources, origins,
// spans, and pairs of spans; the lengths of the texts; pairs; resources; origins; then of all spans the trace, the
// start (as the difference to the one before), the duration, the marks, the name, the origin, how many pairs; all pairs
// of spans; and the texts themselves.
//
// A resource is a service and its pairs, and an origin two numbers: of its resource, and one more than that of its
// scope's pair, or 0. So a resource of many scopes is there once.
#include "store/batch_index.hpp"

#include <algorithm>
#include <cstring>

#include "otlp/span_decoder.hpp"
#include "otlp/wire_append.hpp"
#include "ring/unfinished_span.hpp"
#include "search/word.hpp"

namespace spanring::agent {
namespace {

using Bytes = std::span<const uint8_t>;
using namespace wire::tags;

constexpr uint64_t kVersion = 2;

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// Numbers of what was seen, by its bytes, which stay where they are. Whoever makes texts that collide gets more of the
// same text in the dictionary, not more time: the search for a place is bounded.
class Numbers {
public:
    // Returns the number that was given with the same bytes before, else `fresh`, and then remembers that.
    uint32_t find_or_keep(std::string_view bytes, uint32_t fresh) {
        if (2 * (count_ + 1) > places_.size()) grow();
        const uint64_t hash = std::hash<std::string_view>{}(bytes);
        const auto tag = static_cast<uint32_t>(hash >> 32);
        const size_t mask = places_.size() - 1;
        for (size_t probe = 0; probe < kMostProbes; ++probe) {
            Place& place = places_[(static_cast<size_t>(hash) + probe) & mask];
            if (place.number == kFree) {
                place = {bytes, tag, fresh};
                ++count_;
                return fresh;
            }
            if (place.tag == tag && place.bytes == bytes) return place.number;
        }
        return fresh;
    }

private:
    static constexpr uint32_t kFree = UINT32_MAX;
    static constexpr size_t kMostProbes = 32;
    struct Place {
        std::string_view bytes;
        uint32_t tag = 0;
        uint32_t number = kFree;
    };

    void grow() {
        std::vector<Place> before(places_.empty() ? 256 : 2 * places_.size());
        before.swap(places_);
        count_ = 0;
        for (const Place& place : before) {
            if (place.number != kFree) find_or_keep(place.bytes, place.number);
        }
    }

    std::vector<Place> places_;
    size_t count_ = 0;
};

class Column {
public:
    void put(uint64_t value) {
        if (value < 0x80) {
            bytes_.push_back(static_cast<char>(value));
            return;
        }
        wire::append_varint(bytes_, value);
    }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

// Of a difference the sign is the lowest bit, so that small ones of both signs are short.
uint64_t zigzag(uint64_t difference) {
    const auto with_sign = static_cast<int64_t>(difference);
    return difference << 1 ^ static_cast<uint64_t>(with_sign >> 63);
}
uint64_t unzigzag(uint64_t value) { return value >> 1 ^ (0 - (value & 1)); }

uint8_t marks_of(const IndexedSpan& span) {
    return static_cast<uint8_t>((span.root ? 1 : 0) | (span.unfinished ? 2 : 0) | span.status << 2 | span.kind << 4);
}

class Builder {
public:
    void add_request(Bytes request) {
        wire::each_field(request, [&](const wire::Field& field) {
            if (field.tag() == bytes(1)) resource_spans(field.bytes);
        });
    }

    void add_span(Bytes span_bytes) {
        IndexedSpan span;
        span.root = true;
        uint64_t end = 0;
        Bytes trace;
        std::string_view name;
        pending_.clear();
        wire::Cursor cursor(span_bytes);
        for (wire::Field field; wire::next(cursor, field);) {
            switch (field.tag()) {  // of trace.v1.Span
                case bytes(1): trace = field.bytes; break;
                case bytes(4): span.root = field.bytes.empty(); break;
                case bytes(5): name = field.text(); break;
                case varint(6): span.kind = field.value < 6 ? static_cast<uint8_t>(field.value) : 0; break;
                case fixed64(7): span.start = field.value; break;
                case fixed64(8): end = field.value; break;
                case bytes(9): pending_.push_back(pair(field.bytes, span.unfinished)); break;
                case bytes(11): event(field.bytes); break;
                case bytes(15): status(field.bytes, span); break;
                default: break;
            }
        }
        if (!cursor.done() || trace.size() != sizeof(TraceId)) return;
        const uint32_t number = trace_numbers_.find_or_keep(as_text(trace), trace_count_);
        if (number == trace_count_) {
            ++trace_count_;
            traces_ += as_text(trace);
        }
        put(span, number, end, name);
    }

    IndexBytes take() {
        IndexBytes index;
        index.traces = std::move(traces_);
        Column head;
        for (const uint64_t count : {kVersion, uint64_t{text_count_}, uint64_t{pair_count_}, uint64_t{resource_count_},
                                     uint64_t{origin_count_}, uint64_t{spans_}, uint64_t{pairs_of_spans_count_}}) {
            head.put(count);
        }
        const std::string* const parts[] = {&head.bytes(),
                                            &lengths_.bytes(),
                                            &pairs_.bytes(),
                                            &resources_.bytes(),
                                            &origins_.bytes(),
                                            &numbers_.bytes(),
                                            &starts_.bytes(),
                                            &durations_.bytes(),
                                            &marks_,
                                            &names_.bytes(),
                                            &origins_of_spans_.bytes(),
                                            &counts_.bytes(),
                                            &pairs_of_spans_.bytes(),
                                            &texts_};
        size_t size = 0;
        for (const std::string* part : parts) size += part->size();
        index.spans.reserve(size);
        for (const std::string* part : parts) index.spans += *part;
        return index;
    }

private:
    void put(const IndexedSpan& span, uint32_t trace, uint64_t end, std::string_view name) {
        numbers_.put(trace);
        starts_.put(zigzag(span.start - last_start_));
        last_start_ = span.start;
        durations_.put(std::max(end, span.start) - span.start);
        marks_.push_back(static_cast<char>(marks_of(span)));
        names_.put(text(name));
        origins_of_spans_.put(origin_count_ - 1);
        counts_.put(pending_.size());
        for (const uint32_t each : pending_) pairs_of_spans_.put(each);
        pairs_of_spans_count_ += static_cast<uint32_t>(pending_.size());
        ++spans_;
    }

    uint32_t text(std::string_view bytes) {
        const std::string_view kept = bytes.substr(0, kMostIndexedBytes);
        const uint32_t number = text_numbers_.find_or_keep(kept, text_count_);
        return number == text_count_ ? add_text(kept) : number;
    }
    uint32_t add_text(std::string_view bytes) {
        lengths_.put(bytes.size());
        texts_ += bytes;
        return text_count_++;
    }
    uint32_t add_pair(uint32_t key, uint32_t value) {
        pairs_.put(key);
        pairs_.put(value);
        return pair_count_++;
    }

    // By the bytes of the KeyValue: of those that came before nothing is decoded.
    uint32_t pair(Bytes key_value, bool& unfinished) {
        const uint32_t number = pair_numbers_.find_or_keep(as_text(key_value), pair_count_);
        if (number != pair_count_) {
            unfinished |= number == unfinished_pair_;
            return number;
        }
        std::string_view key;
        Bytes value;
        wire::each_field(key_value, [&](const wire::Field& field) {
            if (field.tag() == bytes(1)) key = field.text();
            if (field.tag() == bytes(2)) value = field.bytes;
        });
        if (key == ring::kUnfinishedKey) {
            unfinished = true;
            unfinished_pair_ = number;
        }
        return add_pair(text(key), value_text(key_value, value));
    }

    uint32_t value_text(Bytes key_value, Bytes value) {
        wire::Cursor cursor(value);
        wire::Field field;
        if (wire::next(cursor, field) && cursor.done()) {  // a value of one field, as they all are
            if (field.tag() == bytes(1)) return text(field.text());
            if (field.tag() == varint(3)) return own_text(std::to_string(static_cast<int64_t>(field.value)));
        }
        // As it is shown elsewhere: as the attribute of a resource that has no other.
        std::string wrapped;
        wire::append_bytes(wrapped, 1, as_text(key_value));
        DecodedResource resource;
        decode_resource(as_bytes(wrapped), resource);
        return own_text(resource.attributes.empty() ? std::string() : resource.attributes.front().second.text);
    }
    // Of bytes that do not stay: not to be found again by them.
    uint32_t own_text(std::string_view text) { return add_text(text.substr(0, kMostIndexedBytes)); }

    void add_text_pair(std::string_view key, std::string_view value) {
        pending_.push_back(add_pair(text(key), text(value)));
    }

    void event(Bytes body) {
        bool ignored = false;
        wire::each_field(body, [&](const wire::Field& field) {
            if (field.tag() == bytes(2)) pending_.push_back(named(event_numbers_, search::kEventKey, field.text()));
            if (field.tag() == bytes(3)) pending_.push_back(pair(field.bytes, ignored));
        });
    }

    void status(Bytes body, IndexedSpan& span) {
        span.status = 0;
        wire::each_field(body, [&](const wire::Field& field) {
            if (field.tag() == varint(3)) span.status = field.value <= 2 ? static_cast<uint8_t>(field.value) : 3;
            if (field.tag() == bytes(2) && !field.bytes.empty())
                pending_.push_back(named(message_numbers_, search::kMessageKey, field.text()));
        });
    }

    // A pair whose key is none of an attribute.
    uint32_t named(Numbers& numbers, std::string_view key, std::string_view value) {
        const uint32_t number = numbers.find_or_keep(value, pair_count_);
        return number == pair_count_ ? add_pair(text(key), text(value)) : number;
    }

    // Resource and scope may come after what they hold, so they are read first.
    void resource_spans(Bytes body) {
        DecodedResource resource;
        wire::each_field(body, [&](const wire::Field& field) {
            if (field.tag() == bytes(1)) decode_resource(field.bytes, resource);
        });
        add_resource(resource);
        wire::each_field(body, [&](const wire::Field& field) {
            if (field.tag() == bytes(2)) scope_spans(field.bytes);
        });
    }
    void scope_spans(Bytes body) {
        DecodedScope scope;
        wire::each_field(body, [&](const wire::Field& field) {
            if (field.tag() == bytes(1)) decode_scope(field.bytes, scope);
        });
        begin_origin(scope);
        wire::each_field(body, [&](const wire::Field& field) {
            if (field.tag() == bytes(2)) add_span(field.bytes);
        });
    }

    void add_resource(const DecodedResource& resource) {
        resources_.put(own_text(resource.service_name));
        resources_.put(resource.attributes.size());
        for (const auto& [key, value] : resource.attributes) {
            const uint32_t key_text = own_text(key);
            resources_.put(add_pair(key_text, own_text(value.text)));
        }
        ++resource_count_;
    }
    void begin_origin(const DecodedScope& scope) {
        origins_.put(resource_count_ - 1);
        origins_.put(scope.name.empty() ? 0 : add_pair(text(search::kScopeKey), own_text(scope.name)) + 1);
        ++origin_count_;
    }

    Numbers trace_numbers_, text_numbers_, pair_numbers_, event_numbers_, message_numbers_;
    std::vector<uint32_t> pending_;  // of the span that is read
    uint32_t unfinished_pair_ = UINT32_MAX;
    uint32_t text_count_ = 0, pair_count_ = 0, resource_count_ = 0, origin_count_ = 0, trace_count_ = 0;
    uint32_t spans_ = 0, pairs_of_spans_count_ = 0;
    uint64_t last_start_ = 0;
    std::string traces_, texts_, marks_;
    Column lengths_, pairs_, resources_, origins_, numbers_, starts_, durations_, names_, origins_of_spans_, counts_,
        pairs_of_spans_;
};

// Varints, one after another; of what is none, and of a number that is not below its bound, it says so once, at the
// end.
class Reading {
public:
    explicit Reading(Bytes bytes) : cursor_(bytes) {}

    uint64_t number() {
        const uint8_t* const at = cursor_.at;
        if (cursor_.left() >= 2 && at[0] >= 0x80 && at[1] < 0x80) {  // most are of one byte or two
            cursor_.at += 2;
            return (at[0] & 0x7fu) | uint64_t{at[1]} << 7;
        }
        uint64_t value = 0;
        sound_ &= wire::read_varint(cursor_, value) == wire::Fault::kNone;
        return sound_ ? value : 0;
    }
    uint32_t below(size_t bound) {
        const uint64_t value = number();
        sound_ &= value < bound;
        return sound_ ? static_cast<uint32_t>(value) : 0;
    }
    // How many there are of what takes a byte at least.
    size_t count() {
        const uint64_t value = number();
        sound_ &= value <= cursor_.left();
        return sound_ ? static_cast<size_t>(value) : 0;
    }
    uint8_t byte() {
        sound_ &= !cursor_.done();
        return sound_ ? *cursor_.at++ : uint8_t{0};
    }
    void skip_to_last(size_t bytes) {
        sound_ &= bytes <= cursor_.left();
        if (sound_) cursor_.at = cursor_.end - bytes;
    }
    std::string_view rest() const { return {reinterpret_cast<const char*>(cursor_.at), cursor_.left()}; }
    bool sound() const { return sound_; }

private:
    wire::Cursor cursor_;
    bool sound_ = true;
};

}  // namespace

TraceId BatchIndex::trace(size_t which) const {
    TraceId id;
    std::memcpy(id.data(), traces.data() + which * id.size(), id.size());
    return id;
}

std::span<const uint32_t> BatchIndex::pairs_of(size_t span) const {
    if (pairs_of_spans.empty()) return {};
    const size_t end = span + 1 < spans.size() ? spans[span + 1].first_pair : pairs_of_spans.size();
    return std::span(pairs_of_spans).subspan(spans[span].first_pair, end - spans[span].first_pair);
}

IndexBytes index_request(Bytes request) {
    Builder builder;
    builder.add_request(request);
    return builder.take();
}

bool read_index(Bytes traces, Bytes bytes, IndexPart part, BatchIndex& index) {
    Reading read(bytes);
    if (read.number() != kVersion || traces.size() % sizeof(TraceId) != 0) return false;
    index.traces = traces;
    const size_t texts = read.count(), pairs = read.count(), resources = read.count(), origins = read.count(),
                 spans = read.count(), pairs_of_spans = read.count();
    if (!read.sound()) return false;
    index.texts.resize(texts);
    std::vector<size_t> lengths(texts);
    size_t all_texts = 0;
    for (size_t& length : lengths) {
        length = read.count();
        all_texts += length;
    }
    index.pairs.resize(pairs);
    for (BatchIndex::Pair& pair : index.pairs) {
        pair.key = read.below(texts);
        pair.value = read.below(texts);
    }
    index.resources.resize(resources);
    for (BatchIndex::Resource& resource : index.resources) {
        resource.service = read.below(texts);
        resource.pairs.resize(read.count());
        for (uint32_t& pair : resource.pairs) pair = read.below(pairs);
    }
    index.origins.resize(origins);
    for (BatchIndex::Origin& origin : index.origins) {
        origin.resource = read.below(resources);
        const uint32_t scope = read.below(pairs + 1);
        origin.scope = scope == 0 ? BatchIndex::kNoScope : scope - 1;
    }
    index.spans.resize(spans);
    const size_t trace_count = index.trace_count();
    for (IndexedSpan& span : index.spans) span.trace = read.below(trace_count);
    uint64_t start = 0;
    for (IndexedSpan& span : index.spans) span.start = start += unzigzag(read.number());
    for (IndexedSpan& span : index.spans) span.duration = read.number();
    for (IndexedSpan& span : index.spans) {
        const uint8_t marks = read.byte();
        span.root = (marks & 1) != 0;
        span.unfinished = (marks & 2) != 0;
        span.status = marks >> 2 & 3;
        span.kind = marks >> 4 & 7;
    }
    for (IndexedSpan& span : index.spans) span.name = read.below(texts);
    for (IndexedSpan& span : index.spans) span.origin = read.below(origins);
    uint64_t first = 0;
    for (IndexedSpan& span : index.spans) {
        span.first_pair = static_cast<uint32_t>(std::min<uint64_t>(first, pairs_of_spans));
        first += read.count();
    }
    if (!read.sound() || first != pairs_of_spans) return false;
    index.pairs_of_spans.clear();
    if (part == IndexPart::kAll) {
        index.pairs_of_spans.resize(pairs_of_spans);
        for (uint32_t& pair : index.pairs_of_spans) pair = read.below(pairs);
    } else {
        read.skip_to_last(all_texts);
    }
    std::string_view rest = read.rest();
    for (size_t i = 0; i < texts; ++i) {
        if (lengths[i] > rest.size()) return false;
        index.texts[i] = rest.substr(0, lengths[i]);
        rest.remove_prefix(lengths[i]);
    }
    return read.sound() && rest.empty();
}

}  // namespace spanring::agent
