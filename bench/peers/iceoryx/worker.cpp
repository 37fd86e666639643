// SPDX-License-Identifier: Apache-2.0
//
// iceoryx as a worker of the benchmark, in two processes.
//
//     iceoryx publish BYTES      burst BURSTS SPANS: ns of loan, two clock reads, copy, publish; the median over bursts
//                                between which the subscriber has read everything. flat SPANS: as fast as it goes
//     iceoryx subscribe BYTES    reads every 0.2 ms. count: the spans since the last count
//
// The subscriber's queue holds 256 at most (a constant of Debian's build); the oldest gives way.
#include <atomic>
#include <cstring>
#include <thread>

#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include "bursts.hpp"
#include "core.hpp"
#include "worker.hpp"

namespace {

const iox::capro::ServiceDescription kService{"Spanring", "Bench", "Span"};
constexpr uint64_t kReadEvery = 200'000;  // nanoseconds

void publish(uint32_t size) {
    iox::popo::UntypedPublisher publisher(kService);
    while (!publisher.hasSubscribers()) bench::sleep_until(bench::now() + 1'000'000);
    bench::pin(0);
    std::vector<uint8_t> record(size);
    const auto spans = [&](uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) {
            const uint64_t begin = bench::ticks();
            std::memcpy(record.data(), &begin, sizeof begin);
            const uint64_t end = bench::ticks();
            std::memcpy(record.data() + 8, &end, sizeof end);
            publisher.loan(size)
                .and_then([&](void* chunk) {
                    std::memcpy(chunk, record.data(), size);
                    publisher.publish(chunk);
                })
                .or_else([](const auto&) { bench::fail("iceoryx has no chunk to lend"); });
        }
    };
    bench::serve({{"burst",
                   [&](const bench::Numbers& numbers) {
                       const auto rest = [](uint64_t end) { bench::sleep_until(end + 5 * kReadEvery); };
                       return bench::Answer().add("ns", bench::burst_median(numbers, spans, rest));
                   }},
                  {"flat", [&](const bench::Numbers& numbers) {
                       const uint64_t begin = bench::now();
                       spans(numbers[0]);
                       const uint64_t end = bench::now();
                       bench::sleep_until(end + 5 * kReadEvery);
                       return bench::Answer().add("seconds", static_cast<double>(end - begin) / 1e9);
                   }}});
}

void subscribe(uint32_t size) {
    iox::popo::SubscriberOptions options;
    options.queueCapacity = 256;
    iox::popo::UntypedSubscriber subscriber(kService, options);
    std::atomic<uint64_t> spans{0};  // relaxed: a sum, read when the publisher is quiet
    std::atomic<bool> over{false};
    std::thread reader([&] {
        std::vector<uint8_t> copy(size);
        while (!over.load(std::memory_order_relaxed)) {
            bool more = true;
            while (more) {
                subscriber.take()
                    .and_then([&](const void* chunk) {
                        std::memcpy(copy.data(), chunk, size);
                        subscriber.release(chunk);
                        spans.fetch_add(1, std::memory_order_relaxed);
                    })
                    .or_else([&](const auto&) { more = false; });
            }
            bench::sleep_until(bench::now() + kReadEvery);
        }
    });
    bench::serve({{"count", [&](const bench::Numbers&) {
                       const uint64_t count = spans.exchange(0, std::memory_order_relaxed);
                       return bench::Answer().add("spans", static_cast<double>(count));
                   }}});
    over.store(true, std::memory_order_relaxed);
    reader.join();
}

}  // namespace

int main(int count, char** words) {
    if (count != 3) bench::fail("needs publish or subscribe, and a number of bytes");
    const std::string role = words[1];
    const auto size = static_cast<uint32_t>(std::strtoul(words[2], nullptr, 10));
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, "spanring-bench-" + role));
    role == "publish" ? publish(size) : subscribe(size);
}
