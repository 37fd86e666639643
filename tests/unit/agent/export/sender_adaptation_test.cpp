// SPDX-License-Identifier: Apache-2.0
//
// A sender that adapts to its backend: one that answers later the more it has to do at a time, and then is slower.
#include <algorithm>
#include <atomic>
#include <thread>

#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

class SenderAdaptationTest : public OtlpHttpExporterTest {
protected:
    // Each request takes so long for each one that is there.
    void answer_by_load() {
        backend_.answer_with([this](const HttpReceived& received) {
            const int there = ++there_;
            std::this_thread::sleep_for(each_.load() * there +
                                        per_megabyte_.load() * received.bytes.size() / (1 << 20));
            --there_;
            return HttpReply{};
        });
    }
    // Keeps it busy until that is so, or the watchdog comes.
    template <class Predicate>
    bool busy_until(Predicate there) {
        const auto end = watchdog();
        while (!there() && std::chrono::steady_clock::now() < end) {
            if (exporter_->status().queued_spans < 4000) {
                for (int i = 0; i < 20; ++i) exporter_->submit(batch(spans_ += spans_each_, spans_each_));
            }
            std::this_thread::sleep_for(1ms);
        }
        return there();
    }

    std::atomic<int> there_{0};
    std::atomic<std::chrono::microseconds> each_{0us}, per_megabyte_{0us};
    uint64_t spans_ = 0;
    uint32_t spans_each_ = 20;
};

TEST_F(SenderAdaptationTest, ConcurrencyFollowsTheBackend) {
    options_.concurrency.enabled = true;
    options_.concurrency.initial = 2;
    options_.concurrency.maximum = 16;  // at which the slow backend still answers within the timeout
    options_.concurrency.target = 400ms;
    answer_by_load();
    start_and_make();
    EXPECT_EQ(exporter_->status().concurrency.value, 2u);
    ASSERT_TRUE(busy_until([&] { return exporter_->status().concurrency.value >= 5; })) << "it is quick";
    each_ = 500ms;
    const AdaptedStatus quick = exporter_->status().concurrency;
    ASSERT_TRUE(busy_until([&] { return exporter_->status().concurrency.value == 1; })) << "it is too slow for two";
    const AdaptedStatus slow = exporter_->status().concurrency;
    EXPECT_GT(slow.lowered, quick.lowered);
    EXPECT_LE(there_, 8);
    each_ = 0us;
    ASSERT_TRUE(busy_until([&] { return exporter_->status().concurrency.value >= 3; })) << "and quick again";
    EXPECT_GT(exporter_->status().concurrency.raised, slow.raised);
    EXPECT_TRUE(exporter_->flush(watchdog()));
    EXPECT_EQ(exporter_->status().exported, batches_.size() * spans_each_);
}

TEST_F(SenderAdaptationTest, RequestsGetSmallerForABackendThatTakesLongForLargeOnes) {
    options_.request_size.enabled = true;
    options_.request_size.target = 300ms;
    options_.request_size.initial = 512 << 10;
    options_.request_size.minimum = 64 << 10;
    answer_by_load();
    spans_each_ = 2000;  // 360 KB
    per_megabyte_ = 8'000'000us;
    start_and_make();
    ASSERT_TRUE(busy_until([&] { return exporter_->status().request_bytes.value < 128 << 10; }));
    per_megabyte_ = 0us;
    EXPECT_TRUE(exporter_->flush(watchdog()));
    EXPECT_GT(exporter_->status().request_bytes.lowered, 0u);
    const auto received = backend_.received();
    EXPECT_TRUE(std::any_of(received.begin(), received.end(),
                            [](const HttpReceived& each) { return each.bytes.size() <= 128 << 10; }));
    std::multiset<std::string> seen;
    for (const HttpReceived& each : received)
        for (const std::string& id : each.span_ids()) seen.insert(id);
    EXPECT_EQ(seen.size(), batches_.size() * spans_each_) << "each span once";
    for (const auto& each : batches_) EXPECT_EQ(each->resolutions[1].outcome, Outcome::kExported);
}

TEST_F(SenderAdaptationTest, WithoutItNothingIsSaid) {
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(exporter_->status().concurrency, AdaptedStatus{});
    EXPECT_EQ(exporter_->status().request_bytes, AdaptedStatus{});
}

}  // namespace
}  // namespace spanring::agent::test
