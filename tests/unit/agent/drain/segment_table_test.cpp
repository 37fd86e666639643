// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "drain/segment_roll.hpp"
#include "drain/segment_table.hpp"

namespace spanring::agent {
namespace {

class TableTest : public ::testing::Test {
protected:
    ServedSegment& add(const std::string& name) {
        ServedSegment served;
        served.source = ++sources;
        served.file = {0, name};
        served.path = "/folder/" + name;
        return table.add(std::move(served));
    }
    std::vector<std::string> turn() {
        std::vector<std::string> names;
        table.visit_in_turn([&](ServedSegment& served) { names.push_back(served.file.second); });
        return names;
    }

    SegmentTable table;
    uint64_t sources = 0;
};

TEST_F(TableTest, FindsASegmentByItsSource) {
    ServedSegment& one = add("one");
    EXPECT_EQ(table.find(one.source), &one);
    EXPECT_EQ(table.find(one.source + 1), nullptr);
    EXPECT_EQ(one.path, "/folder/one");
}

TEST_F(TableTest, GivesAwayWhatIsTaken) {
    add("one");
    ServedSegment taken = table.take(table.begin());
    EXPECT_EQ(taken.path, "/folder/one");
    EXPECT_EQ(table.find(taken.source), nullptr);
    EXPECT_EQ(table.size(), 0u);
}

TEST_F(TableTest, BeginsWithAnotherOneEachTime) {
    for (const char* name : {"a", "b", "c"}) add(name);
    EXPECT_EQ(turn(), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(turn(), (std::vector<std::string>{"b", "c", "a"}));
    EXPECT_EQ(turn(), (std::vector<std::string>{"c", "a", "b"}));
    EXPECT_EQ(turn(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(TableTest, GoesOnInTurnWhereTheNextOneIsGone) {
    for (const char* name : {"a", "b", "c"}) add(name);
    turn();
    table.take(std::next(table.begin()));
    EXPECT_EQ(turn(), (std::vector<std::string>{"c", "a"}));
    EXPECT_EQ(turn(), (std::vector<std::string>{"a", "c"}));
}

TEST(SegmentRollTest, KnowsAFileByItsFolderAndName) {
    SegmentRoll roll;
    const uint64_t source = roll.next_source();
    roll.add({0, "one"}, 0);
    EXPECT_NE(roll.next_source(), source);
    EXPECT_EQ(roll.source_of({0, "one"}), source);
    EXPECT_EQ(roll.source_of({1, "one"}), std::nullopt) << "another folder's";
}

TEST(SegmentRollTest, CountsThoseOfEachOwner) {
    SegmentRoll roll;
    roll.add({0, "one"}, 1);
    roll.add({0, "two"}, 2);
    roll.add({0, "three"}, 2);
    EXPECT_EQ(roll.count_of(1), 1u);
    EXPECT_EQ(roll.count_of(2), 2u);
    roll.remove({0, "one"}, 1);
    EXPECT_EQ(roll.count_of(1), 0u);
    EXPECT_EQ(roll.count_of(3), 0u);
    EXPECT_EQ(roll.size(), 2u);
}

TEST(SegmentRollTest, NeverGivesASourceTwice) {
    SegmentRoll roll;
    const uint64_t source = roll.next_source();
    roll.add({0, "one"}, 0);
    roll.remove({0, "one"}, 0);
    EXPECT_EQ(roll.source_of({0, "one"}), std::nullopt);
    roll.add({0, "one"}, 0);
    EXPECT_NE(roll.source_of({0, "one"}), source) << "an answer to the earlier attachment would be booked on it";
}

}  // namespace
}  // namespace spanring::agent
