// SPDX-License-Identifier: Apache-2.0
//
// Reads a segment from the outside: by its file, with read() and no mapping, and every run of records through a
// protobuf parser that knows no more fields than a span has. Depends on the layout's numbers and on nothing else of the
// library.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "otlp.pb.h"
#include "ring/chunk_word.hpp"
#include "ring/extent_word.hpp"
#include "ring/layout.hpp"
#include "support/known_fields.hpp"

namespace spanring::test {

struct WrittenSpan {
    otlp::Span span;
    uint32_t scope;
    uint32_t chunk;
};

class SegmentSpans {
public:
    // Everything committed in the file at this moment. A broken rule is a failure of the running test.
    explicit SegmentSpans(const std::string& path) {
        const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        EXPECT_GE(fd, 0) << path;
        get(fd, ring::kHeaderOffset, &header_, sizeof header_);
        EXPECT_EQ(header_.magic, ring::kMagic);
        EXPECT_EQ(header_.ready, ring::kReady);
        read_resource(fd);
        ring::WriterPage page;
        get(fd, ring::kWriterOffset, &page, sizeof page);
        EXPECT_LE(page.extents, header_.extent_limit);
        read_scopes(fd, page.scopes);
        for (uint32_t extent = 0; extent < page.extents && !testing::Test::HasFatalFailure(); ++extent)
            read_extent(fd, extent);
        for (uint32_t place = 0; place < ring::kHugePlaces && !testing::Test::HasFatalFailure(); ++place)
            if ((page.huge >> place & 1) != 0) read_huge(fd, place);
        close(fd);
    }

    const ring::Header& header() const { return header_; }
    const otlp::Resource& resource() const { return resource_; }
    const std::vector<WrittenSpan>& spans() const { return spans_; }
    uint32_t chunks_in(ring::ChunkState state) const {
        uint32_t count = 0;
        for (const ring::ChunkWord& word : words_) count += word.state == state;
        return count;
    }
    // Slots whose span is open.
    const std::vector<ring::Slot>& open_slots() const { return open_slots_; }

    // Scope and schema URL of a span; `index` is what its chunk's control record says.
    const otlp::ScopeSpans& scope(uint32_t index) const {
        static const otlp::ScopeSpans kEmpty;
        if (index == 0) return kEmpty;
        EXPECT_LE(index, scopes_.size());
        return index <= scopes_.size() ? scopes_[index - 1] : kEmpty;
    }

    // The only span of this name; a failure and an empty span otherwise.
    const otlp::Span& named(const std::string& name) const {
        static const otlp::Span kNone;
        const otlp::Span* found = nullptr;
        for (const WrittenSpan& written : spans_) {
            if (written.span.name() != name) continue;
            EXPECT_EQ(found, nullptr) << "two spans are named " << name;
            found = &written.span;
        }
        EXPECT_NE(found, nullptr) << "no span is named " << name;
        return found != nullptr ? *found : kNone;
    }
    bool has(const std::string& name) const {
        for (const WrittenSpan& written : spans_)
            if (written.span.name() == name) return true;
        return false;
    }

private:
    static void get(int fd, uint64_t offset, void* to, size_t size) {
        ASSERT_EQ(pread(fd, to, size, static_cast<off_t>(offset)), static_cast<ssize_t>(size)) << "at " << offset;
    }

    void read_resource(int fd) {
        ASSERT_LE(header_.resource_size, ring::kResourceSize);
        std::vector<uint8_t> bytes(header_.resource_size);
        get(fd, ring::kResourceOffset, bytes.data(), bytes.size());
        EXPECT_TRUE(parse_strictly(bytes.data(), bytes.size(), resource_)) << "the resource does not parse";
    }

    void read_scopes(int fd, uint32_t count) {
        ASSERT_LE(count, ring::kScopeEntries);
        scopes_.resize(count);
        for (uint32_t i = 0; i < count; ++i) {
            ring::ScopeEntry entry;
            get(fd, ring::scope_entry_offset(i), &entry, sizeof entry);
            if (entry.ready == 0) continue;  // made, but no span of it has started yet
            std::vector<uint8_t> bytes(entry.scope_size + entry.schema_size);
            ASSERT_TRUE(ring::is_scope_place(entry.offset, bytes.size()));
            get(fd, ring::kScopesOffset + entry.offset, bytes.data(), bytes.size());
            EXPECT_TRUE(parse_strictly(bytes.data(), bytes.size(), scopes_[i])) << "scope " << i + 1;
        }
    }

    void read_extent(int fd, uint32_t extent) {
        uint64_t word;
        get(fd, ring::extent_word_offset(extent), &word, sizeof word);
        ASSERT_TRUE(ring::ExtentWord::is_sound(word, extent));
        const ring::ExtentKind kind = ring::ExtentWord::unpack(word).kind;
        if (ring::holds_chunks(kind))
            for (uint32_t place = 0; place < ring::parts_of(kind); ++place)
                read_chunk(fd, extent * ring::kChunksPerExtent + place, ring::part_size(kind),
                           ring::chunk_offset(extent * ring::kChunksPerExtent + place, ring::part_size(kind)));
        if (kind != ring::ExtentKind::kSlots) return;
        for (uint32_t i = 0; i < ring::kSlotsPerExtent; ++i) {
            ring::Slot slot;
            get(fd, ring::slot_offset(extent * ring::kSlotNumbers + i), &slot, sizeof slot);
            if (ring::SlotWord::unpack(slot.word).state != ring::SlotState::kFree) open_slots_.push_back(slot);
        }
    }

    void read_huge(int fd, uint32_t place) {
        const uint32_t extent = ring::kFirstHuge + place;
        uint64_t word;
        get(fd, ring::extent_word_offset(extent), &word, sizeof word);
        ASSERT_TRUE(ring::ExtentWord::is_sound(word, extent));
        if (place >= ring::kHugeBlocks)
            read_chunk(fd, extent * ring::kChunksPerExtent, ring::huge_size(place),
                       ring::segment_size(header_.extent_limit) + ring::huge_offset(place));
    }

    void read_chunk(int fd, uint32_t chunk, uint32_t capacity, uint64_t offset) {
        ring::ChunkLine line;
        get(fd, ring::chunk_line_offset(chunk), &line, sizeof line);
        const ring::ChunkWord word = ring::ChunkWord::unpack(line.word);
        words_.push_back(word);
        ASSERT_LE(word.length, capacity);
        std::vector<uint8_t> bytes(word.length);
        get(fd, offset, bytes.data(), bytes.size());

        uint32_t scope = ~uint32_t{0};
        uint32_t spans = 0;
        size_t run = 0;  // where the run of spans of this scope begins
        for (size_t at = 0; at < bytes.size();) {
            if (bytes[at] == ring::kControlRecord) {
                ASSERT_LE(at + ring::kScopeRecordSize, bytes.size());
                ASSERT_EQ(bytes[at + 1], ring::kControlScope);
                spans += add_run(bytes.data() + run, at - run, scope, chunk);
                memcpy(&scope, bytes.data() + at + 2, sizeof scope);
                at += ring::kScopeRecordSize;
                run = at;
                continue;
            }
            ASSERT_EQ(bytes[at], ring::kSpanRecord) << "chunk " << chunk << " at " << at;
            ASSERT_NE(scope, ~uint32_t{0}) << "the first record of a chunk names the scope";
            size_t size = 0, head = 1;
            for (int shift = 0;; shift += 7) {
                ASSERT_LT(at + head, bytes.size());
                size |= static_cast<size_t>(bytes[at + head] & 0x7f) << shift;
                if ((bytes[at + head++] & 0x80) == 0) break;
                ASSERT_LT(shift, 28);
            }
            at += head + size;
            ASSERT_LE(at, bytes.size()) << "a record that ends outside of what is committed";
        }
        spans += add_run(bytes.data() + run, bytes.size() - run, scope, chunk);
        EXPECT_EQ(spans, word.spans) << "the word of chunk " << chunk << " counts its spans wrongly";
    }

    // A run of records of one scope is the inside of a ScopeSpans, as it lies there. Returns how many spans it has.
    uint32_t add_run(const uint8_t* bytes, size_t size, uint32_t scope, uint32_t chunk) {
        otlp::ScopeSpans run;
        EXPECT_TRUE(parse_strictly(bytes, size, run)) << "a run in chunk " << chunk << " does not parse";
        EXPECT_FALSE(run.has_scope());
        for (otlp::Span& span : *run.mutable_spans()) spans_.push_back({std::move(span), scope, chunk});
        return static_cast<uint32_t>(run.spans_size());
    }

    ring::Header header_{};
    otlp::Resource resource_;
    std::vector<otlp::ScopeSpans> scopes_;
    std::vector<WrittenSpan> spans_;
    std::vector<ring::ChunkWord> words_;
    std::vector<ring::Slot> open_slots_;
};

// The value of an attribute, as text that tells its type: "string:x", "bool:true", "int:1", "double:0.5"; "" if
// "string:text", "array:[int:1,none]", "pairs:{key=bool:true}".
inline std::string to_text(const otlp::AnyValue& value) {
    switch (value.value_case()) {
        case otlp::AnyValue::kStringValue: return "string:" + value.string_value();
        case otlp::AnyValue::kBoolValue: return value.bool_value() ? "bool:true" : "bool:false";
        case otlp::AnyValue::kIntValue: return "int:" + std::to_string(value.int_value());
        case otlp::AnyValue::kDoubleValue: {
            char text[64];
            snprintf(text, sizeof text, "double:%.17g", value.double_value());
            return text;
        }
        case otlp::AnyValue::kBytesValue: return "bytes:" + value.bytes_value();
        case otlp::AnyValue::kArrayValue: {
            std::string text;
            for (const otlp::AnyValue& element : value.array_value().values())
                text += (text.empty() ? "" : ",") + to_text(element);
            return "array:[" + text + "]";
        }
        case otlp::AnyValue::kKvlistValue: {
            std::string text;
            for (const otlp::KeyValue& pair : value.kvlist_value().values())
                text += (text.empty() ? "" : ",") + pair.key() + "=" + to_text(pair.value());
            return "pairs:{" + text + "}";
        }
        default: return "none";
    }
}

// missing.
template <class Owner>
std::string attribute(const Owner& owner, const std::string& key) {
    std::string found;
    for (const otlp::KeyValue& pair : owner.attributes()) {
        if (pair.key() != key) continue;
        EXPECT_EQ(found, "") << "attribute " << key << " is there twice";
        found = to_text(pair.value());
    }
    return found;
}

}  // namespace spanring::test
