// SPDX-License-Identifier: Apache-2.0
//
// Which rule has which slot, and how long one stays a rule's after that went.
#include "decide/rule_slots.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

constexpr uint64_t kRest = 1000;

LiveRule a_rule(const std::string& name, double probability = 0) {
    LiveRule rule;
    rule.name = name;
    if (probability != 0) rule.action = RuleAction::kProbability;
    rule.value = probability;
    return rule;
}

TEST(RuleSlots, OneThatSaysTheSameKeepsItsSlot) {
    RuleSlots slots;
    EXPECT_THAT(assign_slots({a_rule("a"), a_rule("b", 0.5)}, slots, 1, kRest, kRuleSlots),
                Optional(ElementsAre(0, 1)));
    EXPECT_EQ(slots[0].threshold, std::nullopt);
    EXPECT_EQ(slots[1].threshold, uint64_t{1} << 55);
    EXPECT_THAT(assign_slots({a_rule("b", 0.5), a_rule("a")}, slots, 2, kRest, kRuleSlots),
                Optional(ElementsAre(1, 0)));
    EXPECT_THAT(assign_slots({a_rule("b", 0.25)}, slots, 3, kRest, kRuleSlots), Optional(ElementsAre(2)));
    EXPECT_EQ(slots[0].free_since, 3u);
    EXPECT_EQ(slots[1].free_since, 3u);
    EXPECT_EQ(slots[2].name, "b");
    EXPECT_THAT(assign_slots({a_rule("b", 0.5)}, slots, 4, kRest, kRuleSlots), Optional(ElementsAre(1)))
        << "it comes again";
    EXPECT_EQ(slots[1].free_since, 0u);
    EXPECT_EQ(slots[2].free_since, 4u);
}

TEST(RuleSlots, OneThatIsFreeRestsBeforeItIsAnothers) {
    RuleSlots slots;
    for (uint64_t i = 0; i < kRuleSlots; ++i)
        ASSERT_THAT(assign_slots({a_rule("rule " + std::to_string(i))}, slots, i + 1, kRest, kRuleSlots),
                    Optional(ElementsAre(i)));
    const RuleSlots before = slots;
    EXPECT_EQ(assign_slots({a_rule("more")}, slots, 2 + kRest - 1, kRest, kRuleSlots), std::nullopt);
    EXPECT_EQ(slots, before) << "nothing has changed";
    EXPECT_THAT(assign_slots({a_rule("more")}, slots, 2 + kRest, kRest, kRuleSlots), Optional(ElementsAre(0)));
    EXPECT_THAT(assign_slots({a_rule("more"), a_rule("again")}, slots, 3 + kRest, kRest, kRuleSlots),
                Optional(ElementsAre(0, 1)))
        << "the one that is free for longest";
}

TEST(RuleSlots, NoMoreThanThereIsRoomFor) {
    RuleSlots slots;
    EXPECT_THAT(assign_slots({a_rule("a"), a_rule("b")}, slots, 1, kRest, 2), Optional(ElementsAre(0, 1)));
    EXPECT_EQ(assign_slots({a_rule("a"), a_rule("b"), a_rule("c")}, slots, 1, kRest, 2), std::nullopt);
    EXPECT_EQ(assign_slots({a_rule("a")}, slots, 1, kRest, 0), std::nullopt) << "that of an agent with fewer policies";
    EXPECT_EQ(rule_slots_beside(1), 31u);
    EXPECT_EQ(rule_slots_beside(62), 1u);
    EXPECT_EQ(rule_slots_beside(63), 0u);
    EXPECT_EQ(rule_slots_beside(64), 0u);
}

TEST(RuleSlots, AreReadAsTheyWereWritten) {
    RuleSlots slots;
    ASSERT_TRUE(assign_slots({a_rule("a"), a_rule("b", 0.5)}, slots, 1, kRest, kRuleSlots));
    ASSERT_TRUE(assign_slots({a_rule("b", 0.5)}, slots, 2, kRest, kRuleSlots));
    EXPECT_EQ(read_slots(text_of_slots(slots)), slots);
    for (const char* wrong : {"", "{}", "[]", "[{\"name\": 7}]", "null", "7"})
        EXPECT_EQ(read_slots(wrong), RuleSlots()) << wrong;
}

}  // namespace
}  // namespace spanring::agent
