// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "drain/segment_table.hpp"

namespace spanring::agent {
namespace {

class TableTest : public ::testing::Test {
protected:
    ServedSegment& add(const std::string& name, uid_t owner = 0) {
        return table.add({0, name}, owner, "/folder/" + name, nullptr);
    }
    std::vector<std::string> turn() {
        std::vector<std::string> names;
        table.visit_in_turn([&](ServedSegment& served) { names.push_back(served.file.second); });
        return names;
    }

    SegmentTable table;
};

TEST_F(TableTest, FindsASegmentByItsFileAndByItsSource) {
    const uint64_t source = table.next_source();
    ServedSegment& one = add("one");
    EXPECT_NE(table.next_source(), source);
    EXPECT_EQ(table.find(FileKey(0, "one")), &one);
    EXPECT_EQ(table.find(FileKey(1, "one")), nullptr) << "another folder's";
    EXPECT_EQ(table.find(source), &one);
    EXPECT_EQ(table.find(source + 1), nullptr);
    EXPECT_EQ(one.path, "/folder/one");
}

TEST_F(TableTest, CountsThoseOfEachOwner) {
    add("one", 1);
    add("two", 2);
    add("three", 2);
    EXPECT_EQ(table.count_of(1), 1u);
    EXPECT_EQ(table.count_of(2), 2u);
    table.erase(table.begin());
    EXPECT_EQ(table.count_of(1), 0u);
    EXPECT_EQ(table.count_of(3), 0u);
}

TEST_F(TableTest, NeverGivesASourceTwice) {
    const uint64_t source = table.next_source();
    add("one");
    table.erase(table.begin());
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.find(FileKey(0, "one")), nullptr);
    add("one");
    EXPECT_EQ(table.find(source), nullptr) << "an answer to the earlier attachment";
    EXPECT_NE(table.find(FileKey(0, "one")), nullptr);
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
    table.erase(std::next(table.begin()));
    EXPECT_EQ(turn(), (std::vector<std::string>{"c", "a"}));
    EXPECT_EQ(turn(), (std::vector<std::string>{"a", "c"}));
}

}  // namespace
}  // namespace spanring::agent
