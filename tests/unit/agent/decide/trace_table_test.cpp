// SPDX-License-Identifier: Apache-2.0
#include "decide/trace_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

namespace spanring::agent {
namespace {

TEST(TraceTable, KeepsTheFirstValueOfAKey) {
    TraceTable<int> table;
    EXPECT_EQ(table.find({1, 2}), nullptr);
    EXPECT_TRUE(table.add({1, 2}, 5));
    EXPECT_FALSE(table.add({1, 2}, 6));
    EXPECT_TRUE(table.add({0, 0}, 7));
    ASSERT_NE(table.find({1, 2}), nullptr);
    EXPECT_EQ(*table.find({1, 2}), 5);
    EXPECT_EQ(*table.find({0, 0}), 7);
    EXPECT_EQ(table.find({2, 1}), nullptr);
    table.remove({2, 1});
    EXPECT_EQ(table.size(), 2u);
    table.remove({1, 2});
    EXPECT_EQ(table.find({1, 2}), nullptr);
    EXPECT_EQ(table.size(), 1u);
}

// Beside a map, which is right. Few keys that come and go, so that places are taken, given back and moved.
TEST(TraceTable, IsAMap) {
    std::minstd_rand random(3);
    for (const uint64_t keys : {20u, 33u, 400u, 5000u}) {
        TraceTable<uint64_t> table;
        std::map<std::pair<uint64_t, uint64_t>, uint64_t> map;
        for (uint64_t step = 0; step < 20 * keys; ++step) {
            const TraceKey key{random() % keys, 7};
            if (random() % 2 == 0) {
                EXPECT_EQ(table.add(key, step), map.emplace(std::pair(key.first, key.second), step).second);
            } else {
                table.remove(key);
                map.erase({key.first, key.second});
            }
            ASSERT_EQ(table.size(), map.size());
        }
        for (uint64_t first = 0; first < keys; ++first) {
            const auto known = map.find({first, 7});
            const uint64_t* const found = table.find({first, 7});
            ASSERT_EQ(found != nullptr, known != map.end()) << first;
            if (found != nullptr) {
                EXPECT_EQ(*found, known->second);
            }
        }
    }
}

}  // namespace
}  // namespace spanring::agent
