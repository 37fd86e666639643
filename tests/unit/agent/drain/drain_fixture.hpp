// SPDX-License-Identifier: Apache-2.0
//
// The whole drain, step by step on this thread: segments made by hand, an exporter that answers when told.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "drain/drainer.hpp"
#include "support/fake_exporter.hpp"
#include "support/memory_ledger.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {

using ring::ChunkState;
using ring::ChunkWord;
using ring::Counter;
using ring::SlotState;
using test::FakeExporter;
using test::FileImage;
using test::MemoryLedger;
using test::TemporaryDirectory;

inline std::vector<uint64_t> upto(uint64_t count, uint64_t from = 0) {
    std::vector<uint64_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), from);
    return numbers;
}

class DrainTest : public ::testing::Test {
protected:
    DrainOptions options() {
        DrainOptions options;
        options.directories = {directory.path()};
        options.batch.age = std::chrono::milliseconds(0);  // every pass sends what it has
        options.pace = {std::chrono::microseconds(0), std::chrono::microseconds(0), std::chrono::microseconds(0)};
        options.pace.awake = std::chrono::hours(24 * 365);  // who wants it to sleep says so
        options.liveness_period = std::chrono::milliseconds(0);
        options.scan_period = std::chrono::milliseconds(0);
        options.temporary_age = std::chrono::seconds(0);
        return options;
    }
    void start() { start(options()); }
    void start(DrainOptions with) {
        drainer = std::make_unique<Drainer>(std::move(with), std::vector<Exporter*>{&exporter}, &ledger);
    }

    // All drain threads, one after the other.
    void work() {
        drainer->do_work();
        for (size_t thread = 1; thread < drainer->threads(); ++thread)
            drainer->share(thread).do_work(Drainer::Clock::now());
    }
    // As many passes as any one step needs to take its whole way.
    void pass(int count = 4) {
        for (int i = 0; i < count; ++i) work();
    }
    template <class Reached>
    void pass_until(Reached reached) {  // something that another thread does; the watchdog of the test ends it
        while (!reached()) {
            work();
            std::this_thread::yield();
        }
    }

    TemporaryDirectory directory;
    FakeExporter exporter;
    MemoryLedger ledger;
    std::unique_ptr<Drainer> drainer;
};

}  // namespace spanring::agent
