// SPDX-License-Identifier: Apache-2.0
#include "drain/trace_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

namespace spanring::agent {
namespace {

struct alignas(64) Trace {
    TraceKey key;
};

TEST(TraceIndex, FindsNothingWhereNothingIs) {
    TraceIndex<Trace> index;
    EXPECT_EQ(index.find({1, 2}), nullptr);
    index.expect({1, 2}, {3, 4}, [](const Trace*) { FAIL(); });
    Trace trace{{1, 2}};
    index.add(trace);
    EXPECT_EQ(index.find({1, 2}), &trace);
    EXPECT_EQ(index.find({2, 1}), nullptr);
    const Trace* expected = nullptr;
    index.expect({1, 2}, {3, 4}, [&](const Trace* touched) { expected = touched; });
    EXPECT_EQ(expected, &trace);
    index.remove(trace);
    EXPECT_EQ(index.find({1, 2}), nullptr);
    EXPECT_EQ(index.size(), 0u);
}

// Beside a map, which is right: traces that come and go, so that places are taken, given back and moved.
TEST(TraceIndex, IsAMap) {
    std::minstd_rand random(3);
    for (const uint64_t keys : {20u, 33u, 400u, 5000u, 100'000u}) {
        TraceIndex<Trace> index;
        std::map<uint64_t, std::unique_ptr<Trace>> map;
        for (uint64_t step = 0; step < 20 * keys && step < 500'000; ++step) {
            const uint64_t key = random() % keys;
            const auto found = map.find(key);
            if (found != map.end()) {
                index.remove(*found->second);
                map.erase(found);
            } else {
                auto trace = std::make_unique<Trace>();
                trace->key = {key, 7};
                index.add(*trace);
                map.emplace(key, std::move(trace));
            }
            ASSERT_EQ(index.size(), map.size());
        }
        for (uint64_t key = 0; key < keys; ++key) {
            const auto known = map.find(key);
            ASSERT_EQ(index.find({key, 7}), known == map.end() ? nullptr : known->second.get()) << key;
        }
        EXPECT_LE(index.memory(), std::max<size_t>(512, keys * 32));
    }
}

}  // namespace
}  // namespace spanring::agent
