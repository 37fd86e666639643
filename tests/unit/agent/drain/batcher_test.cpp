// SPDX-License-Identifier: Apache-2.0
//
// Limits of batches, and how runs are cut out of what was copied from a chunk.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "drain/batcher.hpp"
#include "drain/run_cutter.hpp"
#include "span_metrics/span_metrics.hpp"
#include "support/fake_exporter.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using test::BufferImage;
using test::Bytes;
using test::FakeExporter;
using namespace std::chrono_literals;

struct NoPins final : PinSource {
    std::shared_ptr<Pin> pin() override { return nullptr; }
};

struct Cutting {
    explicit Cutting(BatchLimits limits) : batcher(limits, {&exporter}) {
        scope = image->add_scope("tests");
        producer->service = "shop";
        cutter.measure_by(&metrics.add_recorder());
        batcher.begin_pass(Batcher::Clock::time_point(1h));
    }

    // Cuts records as if they had just been committed in chunk 0.
    CutReport cut(const Bytes& records, uint32_t spans) {
        Batcher::Lane& lane = batcher.shared();
        Portion portion;
        portion.begin = at;
        portion.size = static_cast<uint32_t>(records.size());
        portion.spans = spans;
        portion.scope = in_force;
        portion.data = batcher.allocate(lane, records.size());
        portion.in_lane = true;
        memcpy(portion.data, records.data(), records.size());
        NoPins pins;
        const CutReport report = cutter.cut(batcher, lane, portion, place, pins);
        at += portion.size;
        in_force = portion.scope;
        return report;
    }

    Bytes some(uint32_t from, uint32_t count, bool with_scope = true) {
        Bytes records = with_scope ? test::scope_record(scope) : Bytes();
        for (uint32_t i = from; i < from + count; ++i) {
            const Bytes record = test::record_of(test::make_span(i));
            test::put(records, record.data(), record.size());
        }
        return records;
    }

    BufferImage image;
    uint32_t scope = 0, at = 0, in_force = kNoScope;
    FakeExporter exporter;
    Batcher batcher;
    std::shared_ptr<Producer> producer = std::make_shared<Producer>();
    SpanMetrics metrics{SpanMetricsOptions(), {}};
    RunCutter cutter{1, producer, image.view()};
    ReceiptPlace place;
};

TEST(BatcherTest, ClosesABatchAtItsNumberOfSpans) {
    Cutting cutting({.spans = 10, .bytes = 1 << 20});
    EXPECT_EQ(cutting.cut(cutting.some(0, 35), 35).fault, nullptr);
    EXPECT_EQ(cutting.exporter.sizes, (std::vector<uint32_t>{10, 10, 10}));
    cutting.batcher.submit(cutting.batcher.shared());
    EXPECT_EQ(cutting.exporter.sizes.back(), 5u);
    std::vector<uint64_t> wanted(35);
    std::iota(wanted.begin(), wanted.end(), 0);
    EXPECT_EQ(cutting.exporter.numbers(), wanted);
}

TEST(BatcherTest, ClosesABatchAtItsBytes) {
    const size_t record = test::record_of(test::make_span(0)).size();
    Cutting cutting({.spans = 1000, .bytes = 4 * record + record / 2});
    cutting.cut(cutting.some(0, 20), 20);
    cutting.batcher.submit(cutting.batcher.shared());
    EXPECT_EQ(cutting.exporter.sizes, (std::vector<uint32_t>{4, 4, 4, 4, 4}));
    for (const size_t size : cutting.exporter.byte_sizes) EXPECT_EQ(size, 4 * record);
}

TEST(BatcherTest, CountsWhyEachBatchWasClosed) {
    const auto closed = [](const Cutting& cutting, CloseCause cause) {
        return cutting.batcher.closed()[static_cast<size_t>(cause)];
    };
    Cutting by_spans({.spans = 10, .bytes = 1 << 20});
    by_spans.cut(by_spans.some(0, 35), 35);
    EXPECT_EQ(closed(by_spans, CloseCause::kSpans), 3u);
    by_spans.batcher.submit(by_spans.batcher.shared(), CloseCause::kAsked);
    EXPECT_EQ(closed(by_spans, CloseCause::kAsked), 1u);
    by_spans.batcher.submit(by_spans.batcher.shared(), CloseCause::kAsked);
    EXPECT_EQ(closed(by_spans, CloseCause::kAsked), 1u) << "there was none";

    const size_t record = test::record_of(test::make_span(0)).size();
    Cutting by_bytes({.spans = 1000, .bytes = 4 * record + record / 2});
    by_bytes.cut(by_bytes.some(0, 20), 20);
    EXPECT_EQ(closed(by_bytes, CloseCause::kBytes), 4u);
    EXPECT_EQ(closed(by_bytes, CloseCause::kSpans), 0u);

    Cutting by_age({.age = 200ms});
    by_age.cut(by_age.some(0, 3), 3);
    by_age.batcher.begin_pass(Batcher::Clock::time_point(1h) + 200ms);
    by_age.batcher.submit_if_old(by_age.batcher.shared());
    EXPECT_EQ(closed(by_age, CloseCause::kAge), 1u);
}

TEST(BatcherTest, SendsASpanThatAloneIsOverTheLimit) {
    Cutting cutting({.spans = 10, .bytes = 8});
    cutting.cut(cutting.some(0, 3), 3);
    cutting.batcher.submit(cutting.batcher.shared());
    EXPECT_EQ(cutting.exporter.sizes, (std::vector<uint32_t>{1, 1, 1}));
}

TEST(BatcherTest, BoundsTheMemoryOfABatchWhateverIsInIt) {
    Batcher batcher({.bytes = 1 << 20}, {});
    Batcher::Lane& lane = batcher.shared();
    EXPECT_TRUE(batcher.has_room(lane, 2 << 20)) << "a portion is never too large for an empty batch";
    batcher.allocate(lane, 600 << 10);
    EXPECT_EQ(lane.batch()->memory, 600u << 10) << "though no run refers to it";
    EXPECT_TRUE(batcher.has_room(lane, 400 << 10));
    EXPECT_FALSE(batcher.has_room(lane, 500 << 10));
    batcher.submit(lane);
    EXPECT_TRUE(batcher.has_room(lane, 500 << 10));
}

TEST(BatcherTest, ClosesABatchByAge) {
    Cutting cutting({.age = 200ms});
    const Batcher::Clock::time_point begin(1h);
    cutting.cut(cutting.some(0, 3), 3);
    cutting.batcher.begin_pass(begin + 187ms);  // a little early counts
    cutting.batcher.submit_if_old(cutting.batcher.shared());
    EXPECT_TRUE(cutting.exporter.sizes.empty());
    cutting.batcher.begin_pass(begin + 188ms);
    cutting.batcher.submit_if_old(cutting.batcher.shared());
    EXPECT_EQ(cutting.exporter.sizes, std::vector<uint32_t>{3});
}

TEST(BatcherTest, IsAsOldAsWhatWasFoundLastMayBe) {
    Cutting cutting({.age = 200ms});
    const Batcher::Clock::time_point begin(1h);
    cutting.cut(cutting.some(0, 3), 3);
    cutting.batcher.begin_pass(begin + 10ms);
    cutting.batcher.found_since(begin - 150ms);
    cutting.cut(cutting.some(3, 3, false), 3);
    cutting.batcher.found_since(begin + 10ms);
    EXPECT_EQ(cutting.batcher.due(cutting.batcher.shared()), begin + 50ms);
    cutting.batcher.submit_if_old(cutting.batcher.shared());
    EXPECT_TRUE(cutting.exporter.sizes.empty());
    cutting.batcher.begin_pass(begin + 38ms);
    cutting.batcher.submit_if_old(cutting.batcher.shared());
    EXPECT_EQ(cutting.exporter.sizes, std::vector<uint32_t>{6});
}

TEST(BatcherTest, DoesNotWakeForItsAgeAloneOnceItHasWaitedForHalfOfThat) {
    const Batcher::Clock::time_point begin(1h), late = begin + 300ms;
    for (const bool half : {false, true}) {
        Cutting cutting({.age = 200ms});
        cutting.cut(cutting.some(0, 3), 3);
        cutting.batcher.begin_pass(begin + (half ? 100ms : 90ms));
        cutting.batcher.submit_if_old(cutting.batcher.shared(), begin + 200ms);
        EXPECT_TRUE(cutting.exporter.sizes.empty()) << "a look comes in time";
        cutting.batcher.submit_if_old(cutting.batcher.shared(), late);
        EXPECT_EQ(cutting.exporter.sizes.size(), half ? 1u : 0u);
    }
}

TEST(BatcherTest, CoversEveryByteWithReceiptsOnce) {
    Cutting cutting({.spans = 7, .bytes = 1 << 20});
    cutting.exporter.answers = false;
    uint32_t spans = 0;
    for (uint32_t portion = 0; portion < 5; ++portion, spans += 9) cutting.cut(cutting.some(spans, 9, portion == 0), 9);
    cutting.batcher.submit(cutting.batcher.shared());
    uint32_t at = 0, counted = 0;
    for (const auto& batch : cutting.exporter.waiting) {
        EXPECT_EQ(batch->receipts.size(), 1u) << "portions of one chunk join in a batch";
        for (const Receipt& receipt : batch->receipts) {
            EXPECT_EQ(receipt.begin, at);
            at = receipt.end;
            counted += receipt.spans;
        }
    }
    EXPECT_EQ(at, cutting.at);
    EXPECT_EQ(counted, 45u);
}

TEST(BatcherTest, IsResolvedByTheRequiredExportersAlone) {
    FakeExporter required(0), second(1), console(2, false);
    for (FakeExporter* exporter : {&required, &second, &console}) exporter->answers = false;
    Batcher batcher({}, {&required, &second, &console});
    uint8_t byte = 0;
    batcher.add_run(batcher.shared(), {std::make_shared<Producer>(), std::make_shared<Scope>(), {&byte, 0}, 0});
    batcher.submit(batcher.shared());
    EXPECT_EQ(batcher.outstanding(), 1u);
    required.answer(0);
    EXPECT_TRUE(batcher.take_resolved().empty());
    second.answer(0);
    const auto resolved = batcher.take_resolved();
    ASSERT_EQ(resolved.size(), 1u) << "the console never delays an acknowledgement";
    batcher.finish(*resolved[0]);
    EXPECT_EQ(batcher.outstanding(), 0u);
}

TEST(RunCutterTest, CutsMalformedSpansOutAndCountsThem) {
    Cutting cutting({});
    Bytes records = cutting.some(0, 2);
    Bytes bad = test::make_span(2);
    bad[1] = 15;  // a trace id of 15 bytes
    const Bytes record = test::record_of(bad), rest = cutting.some(3, 2, false);
    test::put(records, record.data(), record.size());
    test::put(records, rest.data(), rest.size());
    const CutReport report = cutting.cut(records, 5);
    EXPECT_EQ(report.fault, nullptr);
    EXPECT_EQ(report.invalid, 1u);
    EXPECT_NE(report.defect, SpanDefect::kNone);
    cutting.exporter.answers = false;
    cutting.batcher.submit(cutting.batcher.shared());
    EXPECT_EQ(cutting.exporter.numbers(), (std::vector<uint64_t>{0, 1, 3, 4}));
    const Receipt& receipt = cutting.exporter.waiting[0]->receipts[0];
    EXPECT_EQ(receipt.spans, 5u);
    EXPECT_EQ(receipt.invalid, 1u);
}

TEST(RunCutterTest, HasWhatEndedMeasuredAndNothingThatGoesOn) {
    Cutting cutting({.spans = 2});
    Bytes records = cutting.some(0, 4);
    Bytes bad = test::make_span(4);
    bad[1] = 15;  // a trace id of 15 bytes
    const Bytes record = test::record_of(bad), sound = test::record_of(test::make_span(5));
    test::put(records, record.data(), record.size());
    cutting.cut(records, 5);
    cutting.cutter.add_of_slot(cutting.batcher, cutting.batcher.shared(), {.chunk = 0, .spans = 1, .unfinished = true},
                               cutting.scope, sound);
    cutting.cutter.add_of_slot(cutting.batcher, cutting.batcher.shared(), {.chunk = 1, .spans = 1, .unfinished = true},
                               cutting.scope, {});  // makes no sense
    Batcher::Lane partial;
    cutting.cutter.add_partial(cutting.batcher, partial, cutting.scope, sound);
    uint64_t calls = 0;
    for (const auto& [labels, series] : cutting.metrics.measured()) calls += series.calls();
    EXPECT_EQ(calls, 5u);
}

TEST(RunCutterTest, HasEachSpanMeasuredOnceWhoeverMeasures) {
    Cutting cutting({});
    cutting.cut(cutting.some(0, 2), 2);
    cutting.cutter.measure_by(&cutting.metrics.add_recorder());  // another thread drains it from now on
    cutting.cut(cutting.some(2, 3, false), 3);
    const auto measured = cutting.metrics.measured();
    ASSERT_EQ(measured.size(), 1u);
    EXPECT_EQ(measured.begin()->second.calls(), 5u);
}

TEST(RunCutterTest, StartsARunWhereTheScopeChanges) {
    Cutting cutting({});
    const uint32_t other = cutting.image->add_scope("other");
    Bytes records = cutting.some(0, 2);
    const Bytes change = test::scope_record(other), rest = cutting.some(2, 1, false);
    test::put(records, change.data(), change.size());
    test::put(records, rest.data(), rest.size());
    cutting.cut(records, 3);
    cutting.cut(cutting.some(3, 1, false), 1);  // the next portion goes on in the scope in force
    cutting.batcher.submit(cutting.batcher.shared());
    ASSERT_EQ(cutting.exporter.spans.size(), 4u);
    EXPECT_NE(cutting.exporter.spans[1].scope.find("tests"), std::string::npos);
    EXPECT_NE(cutting.exporter.spans[2].scope.find("other"), std::string::npos);
    EXPECT_NE(cutting.exporter.spans[3].scope.find("other"), std::string::npos);
}

TEST(RunCutterTest, NamesEachRuleThatRecordsBreak) {
    const auto fault = [](auto make, uint32_t spans) {
        Cutting cutting({});
        return std::string(cutting.cut(make(cutting), spans).fault);
    };
    EXPECT_EQ(fault(
                  [](Cutting& cutting) {
                      Bytes records = cutting.some(0, 2);
                      records.pop_back();
                      return records;
                  },
                  2),
              "the length of a span runs past what is committed");
    EXPECT_EQ(fault([](Cutting&) { return Bytes{0x55, 1, 2}; }, 0), "a record is neither a span nor a control record");
    EXPECT_EQ(fault([](Cutting&) { return Bytes{ring::kControlRecord, 9, 0, 0, 0, 0}; }, 0),
              "an unknown control record");
    EXPECT_EQ(fault(
                  [](Cutting&) {
                      return Bytes{ring::kControlRecord, ring::kControlScope, 0};
                  },
                  0),
              "an unknown control record");
    EXPECT_EQ(fault([](Cutting& cutting) { return cutting.some(0, 1, false); }, 1),
              "a span comes before any instrumentation scope");
    EXPECT_EQ(fault([](Cutting&) { return test::scope_record(5); }, 0),
              "spans name an instrumentation scope that is missing or malformed");
    EXPECT_EQ(fault([](Cutting&) { return test::scope_record(~0u); }, 0),
              "spans name an instrumentation scope that is missing or malformed");
    EXPECT_EQ(fault([](Cutting& cutting) { return cutting.some(0, 3); }, 2),
              "a chunk does not hold as many spans as it counts");
}

TEST(ScopeReaderTest, RefusesEntriesThatPointOutOfTheirRegion) {
    for (const auto& [offset, size] : {std::pair{ring::kScopeBytesOffset - 1, 8u},
                                       {uint32_t{ring::kScopesSize} - 4, 8u},
                                       {ring::kMoreScopeBytes - 1, 8u},
                                       {ring::kScopeBytesEnd - 4, 8u},
                                       {~0u, ~0u}}) {
        BufferImage image;
        image->add_scope("tests");
        image.view().scope(0).offset = offset;
        image.view().scope(0).scope_size = size;
        EXPECT_EQ(ScopeReader(image.view()).find(1), nullptr);
    }
    BufferImage image;
    image->add_scope("tests");
    EXPECT_NE(ScopeReader(image.view()).find(1), nullptr);
    image.view().scope_bytes(image.view().scope(0).offset)[1] += 1;  // a length past the end
    EXPECT_EQ(ScopeReader(image.view()).find(1), nullptr);
    image.view().scope(0).ready = 0;
    EXPECT_EQ(ScopeReader(image.view()).find(1), nullptr);
}

TEST(ScopeReaderTest, ReadsThoseOfTheSecondRegion) {
    BufferImage image;
    image->add_scope("first");
    const ring::ScopeEntry first = image.view().scope(0);
    const auto copy_to = [&](uint32_t index, uint32_t offset) {
        std::memcpy(image.view().scope_bytes(offset), image.view().scope_bytes(first.offset), first.scope_size);
        image.view().scope(index) = {offset, first.scope_size, first.schema_size, 1};
    };
    copy_to(ring::kFirstScopes, ring::kMoreScopeBytes);
    copy_to(ring::kScopeEntries - 1, ring::kScopeBytesEnd - first.scope_size);
    copy_to(ring::kFirstScopes + 1, ring::kScopeBytesOffset + 1000);  // there was room left
    ScopeReader reader(image.view());
    for (const uint32_t index : {ring::kScopeEntries - 1, ring::kFirstScopes + 1, ring::kFirstScopes, 0u}) {
        const std::shared_ptr<const Scope> scope = reader.find(index + 1);
        ASSERT_NE(scope, nullptr) << index;
        EXPECT_EQ(scope->scope, reader.find(1)->scope);
    }
    EXPECT_EQ(reader.find(ring::kFirstScopes), nullptr) << "nobody made it";
    EXPECT_EQ(reader.find(ring::kScopeEntries + 1), nullptr);
    EXPECT_EQ(reader.find(~0u), nullptr);
}

}  // namespace
}  // namespace spanring::agent
