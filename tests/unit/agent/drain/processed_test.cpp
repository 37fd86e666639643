// SPDX-License-Identifier: Apache-2.0
//
// Spans that processors make longer, or leave out, on their way into batches.
#include <gtest/gtest.h>

#include <algorithm>

#include "processors/processor_chain.hpp"
#include "processors/processor_options.hpp"
#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

ProcessorOptions inserting(size_t bytes) {
    ProcessorOptions options;
    AttributeAction action;
    action.action = "insert";
    action.key = "more";
    action.value = std::string(bytes, 'm');
    action.has_value = true;
    options.attributes.actions = {action};
    return options;
}

ProcessorOptions leaving_out(const std::string& name) {
    ProcessorOptions options;
    options.type = ProcessorType::kFilter;
    options.filter.spans.emplace_back().names = {name};
    return options;
}

class ProcessedDrainTest : public DrainTest {
protected:
    void start_with(std::vector<ProcessorOptions> processors, size_t batch_bytes, ZeroCopy zero_copy = ZeroCopy::kOff) {
        chain_ = std::make_unique<ProcessorChain>(processors);
        DrainOptions with = options();
        with.batch.bytes = batch_bytes;
        with.zero_copy = zero_copy;
        with.processors = {chain_.get()};
        start(with);
    }
    static constexpr uint32_t kLarge = test::kFirstLarge;

private:
    std::unique_ptr<ProcessorChain> chain_;
};

TEST_F(ProcessedDrainTest, BatchesKeepTheirLimitsThoughSpansGrow) {
    constexpr size_t kBatchBytes = 64 << 10;
    for (const ZeroCopy zero_copy : {ZeroCopy::kOff, ZeroCopy::kSameUser}) {
        exporter.spans.clear();
        exporter.byte_sizes.clear();
        FileImage image(directory);
        image->claim(kLarge);
        for (uint64_t i = 0; i < 200; ++i) image->commit(kLarge, i, i % 3 == 0 ? "none" : "work");
        image->seal(kLarge);
        start_with({leaving_out("none"), inserting(1000)}, kBatchBytes, zero_copy);
        pass();
        EXPECT_EQ(exporter.spans.size(), 133u);
        EXPECT_TRUE(std::is_sorted(exporter.spans.begin(), exporter.spans.end(),
                                   [](const auto& one, const auto& other) { return one.number < other.number; }));
        for (const auto& span : exporter.spans) EXPECT_GT(span.bytes.size(), 1000u);
        EXPECT_GE(exporter.byte_sizes.size(), 3u);
        for (const size_t bytes : exporter.byte_sizes) EXPECT_LE(bytes, kBatchBytes);
        image.die();
        pass_until([&] { return !directory.has(image.name()); });
        const ring::Totals& totals = ledger.of(image.instance()).agent;
        EXPECT_EQ(totals.exporters[0].filtered, 67u);
        EXPECT_EQ(totals.exporters[0].exported, 133u);
        drainer.reset();
    }
}

// Likewise those that a process leaves open.
TEST_F(ProcessedDrainTest, UnfinishedSpansGrowAsWell) {
    constexpr size_t kBatchBytes = 2300;
    FileImage image(directory);
    for (uint32_t i = 0; i < 20; ++i) image->open_slot(i, test::span_start(i, "work"));
    image.die();
    start_with({inserting(500)}, kBatchBytes);
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(20));
    for (const size_t bytes : exporter.byte_sizes) EXPECT_LE(bytes, kBatchBytes);
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 20u);
}

// And of those most may be left out: a batch of them has little to send, and much memory.
TEST_F(ProcessedDrainTest, WhatIsLeftOutTakesNoMoreMemoryThanABatch) {
    constexpr uint32_t kSpans = 40;
    constexpr size_t kBatchBytes = 1000;
    exporter.answers = false;
    FileImage image(directory);
    for (uint32_t i = 0; i < kSpans; ++i) image->open_slot(i, test::span_start(i, i % 20 == 0 ? "work" : "none"));
    image.die();
    start_with({leaving_out("none")}, kBatchBytes);
    pass();
    EXPECT_EQ(exporter.spans.size(), 2u);
    ASSERT_FALSE(exporter.waiting.empty());
    for (const auto& batch : exporter.waiting) EXPECT_LE(batch->memory, kBatchBytes);
    while (!exporter.waiting.empty()) exporter.answer(0);
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.exporters[0].filtered, 38u);
}

}  // namespace
}  // namespace spanring::agent
