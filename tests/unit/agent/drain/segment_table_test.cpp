// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
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

class RestTest : public TableTest {
protected:
    using Time = SegmentTable::Time;
    using milliseconds = std::chrono::milliseconds;

    // It is to be looked at so long after the beginning, or an eighth of that earlier.
    void lay_down(ServedSegment& served, milliseconds pause) {
        served.pace.sleep(pause, Time{});
        served.may_rest = true;
        table.let_rest([](const ServedSegment&) { return true; });
    }
};

TEST_F(RestTest, IsPassedByUntilItIsDue) {
    add("awake");
    lay_down(add("resting"), milliseconds(800));
    EXPECT_EQ(turn(), (std::vector<std::string>{"awake"}));
    EXPECT_EQ(table.next_look(Time::max()), Time{} + milliseconds(800));
    table.rouse_due(Time{} + milliseconds(699));
    EXPECT_EQ(turn().size(), 1u);
    table.rouse_due(Time{} + milliseconds(700));
    EXPECT_EQ(turn().size(), 2u) << "an eighth early";
    EXPECT_EQ(table.next_look(Time::max()), Time::max());
}

TEST_F(RestTest, IsOnlyForWhatHasNothingElseToDo) {
    ServedSegment& busy = add("busy");
    table.let_rest([](const ServedSegment&) { return true; });
    EXPECT_FALSE(busy.rests) << "its look did not say that it may";
    busy.may_rest = true;
    table.let_rest([](const ServedSegment&) { return false; });
    EXPECT_FALSE(busy.rests);
    EXPECT_EQ(turn(), (std::vector<std::string>{"busy"}));
}

TEST_F(RestTest, EndsWhereSomethingComes) {
    ServedSegment& first = add("first");
    ServedSegment& second = add("second");
    lay_down(first, milliseconds(10));
    lay_down(second, milliseconds(20));
    EXPECT_TRUE(turn().empty());
    table.rouse(first);
    EXPECT_EQ(turn(), (std::vector<std::string>{"first"}));
    EXPECT_FALSE(first.may_rest) << "not before the next look";
    EXPECT_EQ(table.next_look(Time::max()), Time{} + milliseconds(20));
    table.rouse_all();
    EXPECT_EQ(turn().size(), 2u);
}

TEST_F(RestTest, CanBeTakenAway) {
    lay_down(add("one"), milliseconds(10));
    lay_down(add("two"), milliseconds(20));
    const ServedSegment taken = table.take(table.begin());
    EXPECT_FALSE(taken.rests) << "awake where it comes to";
    EXPECT_EQ(table.next_look(Time::max()), Time{} + milliseconds(20));
    table.rouse_all();
    EXPECT_EQ(turn(), (std::vector<std::string>{"two"}));
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
