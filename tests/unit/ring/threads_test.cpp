// SPDX-License-Identifier: Apache-2.0
//
// Writers and a reader at once, all in one mapping, so that TSan follows every access. The reader does what the agent
// does: copies what is committed, frees what is full.
#include <atomic>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "ring/ack_book.hpp"
#include "ring/counter_sums.hpp"
#include "ring/level_writer.hpp"
#include "support/open_segment.hpp"

namespace spanring::ring {
namespace {

constexpr uint32_t kRecord = 64;

// One span: its thread, its number and its size, and bytes that follow from the first two.
void write_record(uint8_t* to, uint32_t thread, uint32_t number, uint32_t size = kRecord) {
    to[0] = kSpanRecord;
    memcpy(to + 1, &thread, 4);
    memcpy(to + 5, &number, 4);
    memcpy(to + 9, &size, 4);
    memset(to + 13, static_cast<uint8_t>(thread * 31 + number), size - 13);
}
// Of at most so many bytes.
bool read_record(const uint8_t* from, uint32_t most, uint32_t& thread, uint32_t& number, uint32_t& size) {
    memcpy(&thread, from + 1, 4);
    memcpy(&number, from + 5, 4);
    memcpy(&size, from + 9, 4);
    if (from[0] != kSpanRecord || size < kRecord || size > most) return false;
    for (uint32_t i = 13; i < size; ++i)
        if (from[i] != static_cast<uint8_t>(thread * 31 + number)) return false;
    return true;
}

class Drain {
public:
    explicit Drain(test::OpenSegment& segment) : segment_(segment) {}

    // One pass over all chunks. Returns how many spans were new.
    uint64_t pass() {
        uint64_t found = 0;
        const ExtentMap extents = test::extents_of(segment_.view());
        extents.each_chunk([&](uint32_t chunk) {
            const ChunkWord word = segment_.word(chunk);
            Seen& seen = seen_[chunk];
            if (seen.generation != word.generation) seen = {word.generation, 0};
            const uint8_t* bytes = segment_.view().chunk_bytes(chunk, extents.chunk_capacity(chunk));
            while (seen.length < word.length) {
                if (bytes[seen.length] == kControlRecord) {
                    seen.length += kScopeRecordSize;
                    continue;
                }
                uint32_t thread, number, size;
                if (!read_record(bytes + seen.length, word.length - seen.length, thread, number, size)) {
                    ++torn_;
                    size = word.length - seen.length;
                }
                ++spans_[thread][number];
                seen.length += size;
                ++found;
            }
            if (word.state == ChunkState::kFull) segment_.release(chunk);
        });
        return found;
    }

    uint64_t torn() const { return torn_; }
    const std::map<uint32_t, std::map<uint32_t, uint32_t>>& spans() const { return spans_; }

private:
    struct Seen {
        uint32_t generation = 0;
        uint32_t length = 0;
    };
    test::OpenSegment& segment_;
    std::map<uint32_t, Seen> seen_;
    std::map<uint32_t, std::map<uint32_t, uint32_t>> spans_;
    uint64_t torn_ = 0;
};

constexpr uint32_t small(uint32_t) { return kRecord; }
// Of a few kinds in turn, and now and then a small one.
constexpr uint32_t mixed(uint32_t number) {
    constexpr uint32_t kSizes[] = {33'000, 22'000, 10'000, 50'000};
    return number % 5 == 0 ? kRecord : kSizes[number / 100 % 4];
}

// As a thread of an application: every span committed or counted as dropped.
uint32_t write_spans(test::OpenSegment& segment, uint32_t thread, uint32_t count, uint32_t size_of(uint32_t) = small) {
    LevelWriter writer;
    writer.open(*segment, thread);
    uint32_t committed = 0;
    for (uint32_t number = 0; number < count; ++number) {
        const auto [held, index] = writer.take_slot(*segment);
        if (held == nullptr) continue;
        Slot& slot = *held;
        slot.scope = 1 + number % 2;
        const SlotWord word{SlotState::kOpen, 0, 0};
        writer.publish_start(slot, word);
        const uint32_t size = size_of(number);
        if (writer.make_room(*segment, size)) {
            write_record(writer.place(slot.scope), thread, number, size);
            writer.publish_end(*segment, slot, index, word, size);
            ++committed;
        } else {
            writer.publish_drop(*segment, slot, index, word, Counter::kDroppedFull);
            std::this_thread::yield();  // two processors, and the reader needs one
        }
    }
    writer.leave(*segment);
    return committed;
}

uint64_t total(test::OpenSegment& segment, Counter counter) {
    uint64_t sum = 0;
    for (uint32_t line = 0; line < kCounterLinesPerPage; ++line)
        sum += segment.view().counter_line(line).values[static_cast<uint32_t>(counter)];
    return sum;
}

void lose_nothing(test::OpenSegment& segment, uint32_t spans, uint32_t size_of(uint32_t)) {
    constexpr uint32_t kThreads = 3;
    Drain drain(segment);
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done) {
            if (drain.pass() == 0) std::this_thread::yield();
        }
        drain.pass();
    });
    uint32_t committed[kThreads] = {};
    std::vector<std::thread> writers;
    for (uint32_t thread = 0; thread < kThreads; ++thread)
        writers.emplace_back([&, thread] { committed[thread] = write_spans(segment, thread, spans, size_of); });
    for (std::thread& writer : writers) writer.join();
    done = true;
    reader.join();

    EXPECT_EQ(drain.torn(), 0u);
    uint64_t all = 0;
    for (uint32_t thread = 0; thread < kThreads; ++thread) {
        all += committed[thread];
        const auto found = drain.spans().find(thread);
        ASSERT_NE(found, drain.spans().end());
        EXPECT_EQ(found->second.size(), committed[thread]);
        for (const auto& [number, times] : found->second)
            ASSERT_EQ(times, 1u) << "span " << number << " of thread " << thread;
    }
    EXPECT_EQ(total(segment, Counter::kStarted), uint64_t{kThreads} * spans);
    EXPECT_EQ(total(segment, Counter::kEnded), uint64_t{kThreads} * spans);
    EXPECT_EQ(total(segment, Counter::kDroppedFull), uint64_t{kThreads} * spans - all);
    EXPECT_GT(all, 0u);
}

TEST(WritersAndAReaderTest, LoseNothingAndSeeNothingTwice) {
    test::OpenSegment segment(3);
    lose_nothing(segment, 8000, small);
}

TEST(WritersAndAReaderTest, LoseNothingInHugePlacesThatTheyShare) {
    SegmentRequest request{256, 0, nullptr, 0};
    request.huge = true;
    test::OpenSegment segment(request);
    lose_nothing(segment, 2000, mixed);
    EXPECT_NE(StdAtomics::load(segment.view().writer().huge, std::memory_order_relaxed), 0u);
}

TEST(WritersAndAReaderTest, ShareWhatThreadsLeaveBehind) {
    constexpr uint32_t kGenerations = 150;
    constexpr uint32_t kSpans = 5;
    test::OpenSegment segment(3);
    Drain drain(segment);
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done)
            if (drain.pass() == 0) std::this_thread::yield();
        drain.pass();
    });
    uint64_t committed = 0;
    for (uint32_t generation = 0; generation < kGenerations; ++generation) {
        uint32_t mine = 0, theirs = 0;
        std::thread other([&] { theirs = write_spans(segment, 2 * generation, kSpans); });
        std::thread another([&] { mine = write_spans(segment, 2 * generation + 1, kSpans); });
        other.join();
        another.join();
        committed += mine + theirs;
    }
    done = true;
    reader.join();
    EXPECT_EQ(committed, 2u * kGenerations * kSpans) << "the ring is never full here";
    EXPECT_EQ(drain.torn(), 0u);
    uint64_t found = 0;
    for (const auto& [thread, spans] : drain.spans()) found += spans.size();
    EXPECT_EQ(found, committed);
    EXPECT_LE(segment.chunks_in(ChunkState::kParked) + segment.chunks_in(ChunkState::kOpen), 2u);
    EXPECT_LE(total(segment, Counter::kStarted), committed);
    EXPECT_EQ(total(segment, Counter::kStarted), total(segment, Counter::kEnded));
}

// An heir settles what threads left that ended with a span open, and looks at the slots of the living for it.
TEST(WritersAndAReaderTest, GoOnWhileSomebodySettlesForTheVanished) {
    constexpr uint32_t kVanished = 40;
    test::OpenSegment segment(3);
    Drain drain(segment);
    std::atomic<bool> done{false};
    std::atomic<uint64_t> committed{0};
    std::thread reader([&] {
        while (!done)
            if (drain.pass() == 0) std::this_thread::yield();
    });
    std::vector<std::thread> writers;
    for (uint32_t thread = 0; thread < 2; ++thread)
        writers.emplace_back([&, thread] {
            while (!done) committed += write_spans(segment, thread, 50);
        });
    for (uint32_t vanished = 0; vanished < kVanished; ++vanished) {
        LevelWriter writer;
        std::thread([&] {
            writer.open(*segment, 100 + vanished);
            for (uint32_t number = 0; number < 2; ++number) {
                const auto [held, index] = writer.take_slot(*segment);
                ASSERT_NE(held, nullptr);
                Slot& slot = *held;
                slot.scope = 1;
                writer.publish_start(slot, {SlotState::kOpen, 0, 0});
                if (number == 1) return;  // stays open
                if (!writer.make_room(*segment, kRecord)) {
                    writer.publish_drop(*segment, slot, index, {SlotState::kOpen, 0, 0}, Counter::kDroppedFull);
                    continue;
                }
                write_record(writer.place(slot.scope), 100 + vanished, number);
                writer.publish_end(*segment, slot, index, {SlotState::kOpen, 0, 0}, kRecord);
                ++committed;
            }
        }).join();
        writer.settle(*segment);
        writer.leave(*segment);
    }
    done = true;
    for (std::thread& writer : writers) writer.join();
    reader.join();
    drain.pass();
    EXPECT_EQ(drain.torn(), 0u);
    EXPECT_EQ(total(segment, Counter::kStarted), total(segment, Counter::kEnded) + kVanished);
    EXPECT_EQ(total(segment, Counter::kEnded), committed + total(segment, Counter::kDroppedFull));
}

// More than there are slots: each is used many times, by any thread.
TEST(WritersAndAReaderTest, LetSpansWaitAndUseTheirSlotsAgain) {
    constexpr uint32_t kThreads = 4, kSpans = 500;
    test::OpenSegment segment(2);
    std::vector<std::thread> writers;
    for (uint32_t thread = 0; thread < kThreads; ++thread)
        writers.emplace_back([&, thread] {
            LevelWriter writer;
            writer.open(*segment, thread);
            for (uint32_t number = 0; number < kSpans; ++number) {
                HeldSlot held;
                while (!(held = writer.take_slot(*segment))) std::this_thread::yield();
                Slot& slot = *held.slot;
                StdAtomics::store(slot.generation, slot.generation + 1, std::memory_order_relaxed);
                write_record(slot.data, thread, number);
                writer.publish_start(slot, {SlotState::kOpen, 0, kRecord});
                while (!writer.publish_wait(*segment, slot, {SlotState::kOpen, 0, kRecord}, number))
                    std::this_thread::yield();
            }
            writer.leave(*segment);
        });
    const SegmentView view = segment.view();
    AckBook<> book;
    ExtentMap extents(view.header());
    ASSERT_TRUE(extents.update(view));
    ASSERT_TRUE(book.open(view, extents));
    Totals totals{};
    std::map<uint32_t, std::map<uint32_t, uint32_t>> spans;
    uint32_t torn = 0, uncounted = 0;
    while (totals.acknowledged < kThreads * kSpans) {
        ASSERT_TRUE(extents.update(view));
        extents.each_slot([&](uint32_t slot) {
            const Slot& place = view.slot(slot);
            if (SlotWord::unpack(StdAtomics::load(place.word, std::memory_order_acquire)).state != SlotState::kWaiting)
                return;
            uint32_t thread, number, size;
            torn += !read_record(place.data, kRecord, thread, number, size) || place.intent_word != number;
            ++spans[thread][number];
            ++totals.acknowledged;
            uncounted += sum_counters(view)[static_cast<size_t>(Counter::kEnded)] < totals.acknowledged;
            book.close_waiting_slot(slot, place.generation, totals);
        });
        std::this_thread::yield();
    }
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(torn, 0u);
    EXPECT_EQ(uncounted, 0u);
    uint64_t found = 0;
    for (const auto& [thread, numbers] : spans) found += numbers.size();
    EXPECT_EQ(found, kThreads * kSpans) << "each of them once";
    EXPECT_EQ(total(segment, Counter::kEnded), kThreads * kSpans);
    EXPECT_EQ(view.writer().waits, kThreads * kSpans);
    uint32_t slots = 0;
    while (segment->take_slot() != Segment::kNone) ++slots;
    EXPECT_EQ(slots, 2 * kSlotsPerExtent) << "all of them are free again";
}

TEST(WritersAndAReaderTest, GrowTheSegmentTogether) {
    constexpr uint32_t kThreads = 4;
    constexpr uint32_t kExtents = 4;
    test::OpenSegment segment(kExtents);
    std::atomic<uint32_t> slots{0};
    std::vector<std::thread> threads;
    std::vector<std::vector<uint32_t>> held(kThreads);
    for (uint32_t me = 0; me < kThreads; ++me)
        threads.emplace_back([&, me] {
            for (uint32_t slot; (slot = segment->take_slot()) != Segment::kNone; ++slots) {
                segment.view().slot(slot).start_ticks = me;  // plain: nobody else may have it
                held[me].push_back(slot);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(segment.extents(), kExtents);
    EXPECT_EQ(slots, kExtents * kSlotsPerExtent);
    for (uint32_t me = 0; me < kThreads; ++me)
        for (const uint32_t slot : held[me]) EXPECT_EQ(segment.view().slot(slot).start_ticks, me);
}

}  // namespace
}  // namespace spanring::ring
