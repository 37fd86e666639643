// SPDX-License-Identifier: Apache-2.0
//
// A segment with huge places, and spans in them.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "ring/counter_sums.hpp"
#include "ring/level_writer.hpp"
#include "ring/slot_data.hpp"
#include "ring/unfinished_span.hpp"
#include "support/open_segment.hpp"

namespace spanring::ring::huge_test {

using test::OpenSegment;

inline constexpr uint32_t kExtents = 256;  // 16 MiB
inline constexpr uint64_t kMegabyte = 1 << 20;
inline constexpr uint64_t kLargest = huge_size(kHugeBlocks - 1);
// Of a segment, what is in no extent and no huge place.
inline constexpr uint64_t kBeside = 128 << 10;
inline constexpr uint64_t kMayKeep = kMegabyte;

inline SegmentRequest with_huge(uint32_t extents = kExtents, uint32_t full_policy = 0) {
    SegmentRequest request{extents, full_policy, nullptr, 0};
    request.huge = true;
    return request;
}

inline uint64_t held(const std::string& directory) {
    struct stat status {};
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        EXPECT_EQ(stat(entry.path().c_str(), &status), 0);
    return 512 * static_cast<uint64_t>(status.st_blocks);
}

class HugeTest : public testing::Test {
protected:
    explicit HugeTest(const SegmentRequest& request = with_huge()) : segment_(request) { writer_.open(*segment_, 1); }

    SegmentView view() const { return segment_.view(); }
    ExtentMap map() const { return test::extents_of(view()); }
    uint64_t held() const { return huge_test::held(segment_.directory().path()); }
    SlotWord word(const Slot& slot) const { return SlotWord::unpack(slot.word); }

    // A span with so many bytes of data, each of them `byte`; in several steps, so that it moves.
    HeldSlot open_span(uint32_t size, uint8_t byte, bool* ret_whole = nullptr) {
        const HeldSlot held = writer_.take_slot(*segment_);
        writer_.publish_start(*held.slot, SlotWord{SlotState::kOpen, 0, 0});
        bool whole = true;
        for (uint32_t step = 1000; whole && step < size; step *= 4) whole = grow(*held.slot, step, byte);
        whole = whole && grow(*held.slot, size, byte);
        if (ret_whole != nullptr)
            *ret_whole = whole;
        else
            EXPECT_TRUE(whole) << size;
        return held;
    }
    bool grow(Slot& slot, uint32_t size, uint8_t byte) {
        SlotWriter data(*segment_, slot, word(slot));
        const uint32_t more = size - word(slot).length;
        if (!data.reserve(more)) return false;
        memset(data.next(), byte, more);
        data.advance(more);
        data.publish();
        return true;
    }
    bool has_only(const uint8_t* bytes, uint32_t size, uint8_t byte) const {
        for (uint32_t i = 0; i < size; ++i)
            if (bytes[i] != byte) return false;
        return true;
    }
    // As spr_span_end() does. False: there was no room; it is dropped.
    bool end(const HeldSlot& held) {
        const SlotWord word = this->word(*held.slot);
        if (!writer_.make_room(*segment_, word.length)) {
            drop(held);
            return false;
        }
        memcpy(writer_.place(0), data_of(view(), *held.slot, word), word.length);
        writer_.publish_end(*segment_, *held.slot, held.index, word, word.length);
        if (word.length + kScopeRecordSize > kJumboChunk) writer_.seal(*segment_);
        return true;
    }
    void drop(const HeldSlot& held) {
        writer_.publish_drop(*segment_, *held.slot, held.index, word(*held.slot), Counter::kDroppedFull);
    }
    // What is FULL in huge places, by the bytes of its spans.
    std::vector<uint32_t> finished() const {
        std::vector<uint32_t> lengths;
        map().each_chunk([&](uint32_t chunk) {
            const ChunkWord word = segment_.word(chunk);
            if (chunk >= kFirstHugeChunk && word.state == ChunkState::kFull) lengths.push_back(word.length);
        });
        return lengths;
    }
    void take_steps() {
        for (int step = 0; step < 10; ++step) segment_->give_back_idle();
    }
    // Until there is no room, by chunks that stay. Returns how many extents they have.
    uint32_t fill_with_chunks() {
        uint32_t chunks = 0;
        for (;; ++chunks) {
            ChunkWriter<> writer;
            Loss loss;
            if (!segment_->attach_chunk(writer, kLargeChunk, false, 1, loss)) return chunks / 4;
            writer.seal(segment_->next_sequence());
        }
    }

    OpenSegment segment_;
    LevelWriter writer_;
};

}  // namespace spanring::ring::huge_test
