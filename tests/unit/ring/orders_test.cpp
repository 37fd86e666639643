// SPDX-License-Identifier: Apache-2.0
//
// Every order of the ring core, weakened one at a time: an acquire or release becomes relaxed, a fence for the compiler
// nothing. As the code is, the scenarios hold. Each order that they meet is in the table below: weakened, one of them
// must break, or the table says why nothing does. An order that is not in the table fails the test, and so does a row
// of which no order is left.
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/ring/life_scenarios.hpp"
#include "unit/ring/supply_scenarios.hpp"
#include "unit/ring/waiting_scenarios.hpp"

namespace spanring::test {
namespace {

struct Row {
    const char* order;  // function, half, and which of several in the function
    const char* spare;  // why nothing breaks without it; nullptr: something must
};

constexpr Row kTable[] = {
    // Commit, seal, park; claim, adopt; the agent's look, its FREE, its count.
    {"ChunkWriter::commit release", nullptr},
    {"ChunkWriter::leave release", nullptr},
    {"ChunkWriter::take acquire", nullptr},  // that the chunk's extent was taken
    {"ChunkWriter::take acquire 2", nullptr},
    {"ChunkWriter::claim acquire", nullptr},  // that there is memory
    {"ChunkReader::committed acquire", nullptr},
    {"ChunkReader::release release",
     "of the mark's reset: FREE, which is a release, comes after it, and the mark is read after "
     "the journal's or the word's acquire"},
    {"ChunkReader::release release 2", nullptr},  // FREE
    {"ChunkReader::release release 3", nullptr},  // the count of freed chunks
    {"Segment::freed_mark acquire", nullptr},
    {"Segment::freed_mark acquire 2", nullptr},  // of what was parked
    {"Segment::freed_mark acquire 3", nullptr},  // of what became something else
    {"Segment::note_parked release", nullptr},
    {"Segment::note_unused release", nullptr},
    {"ChunkReader::mark acquire",
     "the totals come before it (journal), and the word of the chunk as well: both acquire"},
    // Overwriting.
    {"ChunkReader::take acquire",
     "committed() saw the same word with an acquire; one that became FULL again has the same bytes"},
    {"ChunkReader::unchanged acquire", "nothing that follows reads the chunk: the copy is private"},
    {"ChunkReader::unchanged release", nullptr},
    {"ChunkWriter::overwrite acquire", nullptr},
    {"ChunkWriter::overwrite release", nullptr},    // the line
    {"ChunkWriter::overwrite release 2", nullptr},  // the number
    {"ChunkWriter::overwrite release 3",
     "armed too early it names a generation that is not there yet: the exchange comes after"},
    {"ChunkWriter::overwrite release 4", nullptr},  // the next generation
    // Slots and counters.
    {"LevelWriter::publish_start release", nullptr},    // the number of the start
    {"LevelWriter::publish_start release 2", nullptr},  // OPEN
    {"LevelWriter::commit_end release", nullptr},
    {"LevelWriter::publish_drop release", nullptr},
    {"LevelWriter::publish_wait release", nullptr},    // the intent
    {"LevelWriter::publish_wait release 2", nullptr},  // WAITING
    {"Segment::note_waiting acquire", "as Segment::attach_chunk() has it"},
    {"Segment::note_waiting release", nullptr},
    {"Segment::take_done acquire", nullptr},  // the count
    {"Segment::take_done acquire 2", nullptr},
    {"LevelWriter::clear_slot release", nullptr},
    {"LevelWriter::note_count compiler", nullptr},
    {"SlotWriter::publish release", nullptr},
    // Recovery of the dead, and of a thread that vanished.
    {"Recovery::run acquire", nullptr},
    {"Recovery::settle_slot acquire", nullptr},
    {"Settlement::store release", nullptr},
    {"Settlement::is_committed acquire", "both callers have looked at the chunk's word before, with an acquire"},
    {"LevelWriter::settle acquire", nullptr},    // the lines that are there
    {"LevelWriter::settle acquire 2", nullptr},  // the slot's word
    {"LevelWriter::settle acquire 3", nullptr},  // the number of the start
    {"ChunkWriter::resume acquire", nullptr},
    // The journal of acknowledgements.
    {"AckBook::store release", nullptr},
    {"AckBook::open acquire", nullptr},
    {"AckBook::finish_wait acquire", nullptr},
    {"AckBook::finish_wait release", nullptr},
    // Growth.
    {"Segment::attach_chunk acquire", "the agent that lies down is above the ring; tests/model/bell.pml has the two"},
    {"Segment::attach_chunk release", "only the agent's AttachedSegment looks by that count, which is above the ring"},
    {"Segment::take_extent release",  // its use
     "whoever counts an extent has populated it as well, and the count is a release"},
    {"Segment::take_extent release 2", nullptr},  // its count
    {"Segment::extents acquire", nullptr},
    {"Segment::turn_extent acquire", nullptr},  // that its memory went
    {"Segment::turn_extent release", "the slots that it clears are plain memory, which the scenario does not watch"},
    {"Segment::turn_extent release 2", nullptr},  // that it is turned
    {"ExtentMap::update acquire", nullptr},       // that one was
    {"ExtentMap::update acquire 2", nullptr},     // how many there are
    {"ExtentMap::update acquire 3", nullptr},     // which huge places
    {"ExtentMap::update acquire 4",               // what they are used for
     "whoever counts an extent has populated it as well, and the count is acquired"},
    {"ExtentGiver::move_on release", nullptr},
    {"ExtentGiver::leave release", nullptr},
    {"ExtentGiver::leave release 2", nullptr},  // the count
    {"ExtentGiver::take_unused acquire", nullptr},
    {"Segment::close_extent release", nullptr},
    {"Segment::populate_again acquire", "as above, of the call that brings it again"},
    {"Segment::populate_again release", nullptr},
    // Huge places.
    {"Segment::begin_huge release", nullptr},
    {"Segment::is_huge acquire",
     "whoever takes one holds it, and has acquired what its last holder did; an heir looks at chunk lines, of which no "
     "scenario says who populated them"},
    {"Segment::hold_huge acquire", nullptr},
    {"Segment::let_go_huge release", nullptr},
    {"Segment::make_huge_whole acquire", nullptr},
    {"Segment::make_huge_whole release", "whoever claims it holds it, and has acquired what its last holder did"},
    {"Segment::give_huge_blocks release", nullptr},
    {"ExtentMap::update_huge acquire", "whoever sets the bit has populated it as well, and the bit is acquired"},
    {"ExtentParts::kind acquire",
     "whoever searches has acquired the count, which comes later, and chunks need nothing that a turn does"},
    {"ExtentParts::is acquire", nullptr},
    {"ExtentParts::begin release", nullptr},
    {"ExtentParts::take acquire", nullptr},
    {"ExtentParts::take_some acquire", nullptr},
    {"ExtentParts::give release", nullptr},
    {"ExtentParts::turn acquire", nullptr},
    {"ExtentParts::hold acquire", nullptr},
    {"ExtentParts::hold_untaken acquire", "whoever looks at an extent has acquired its word, or a chunk's, as well"},
    {"ExtentParts::let_go release", nullptr},
    {"ExtentParts::finish_turn release", nullptr},
    {"ExtentParts::close release", nullptr},
    {"ExtentParts::begin_lending acquire", nullptr},
    {"ExtentParts::lend release", "what it publishes is a number, of which no scenario knows what it has to be"},
    {"ExtentParts::take_back acquire", "as above"},
    {"Segment::counter_line release", nullptr},
    {"Segment::counter_line acquire", nullptr},
    {"sum_counters acquire", nullptr},  // the lines that are there
    {"sum_counters acquire 2", "it has no partner: counters are relaxed, and a sum of a living process is a guess"},
    {"sum_counters acquire 3", "as above, of the shared line"},
    // The pool.
    {"IndexPool::push release", nullptr},
    {"IndexPool::pop acquire", nullptr},  // the head
    {"IndexPool::pop acquire 2",
     "of the exchange: the head that it takes was loaded with one, and is the same by its count"},
    {"IndexPool::pop acquire 3", nullptr},  // the head, again
};

struct Named {
    const char* name;
    Scenario scenario;
    Bounds bounds{};
};

const std::vector<Named>& scenarios() {
    static SegmentInMemory segment(2), with_blocks(3), with_huge(SegmentInMemory::kWithHugePlaces);
    static SegmentMemory memory;
    const auto over = [](SegmentInMemory& where, void (*scenario)(SegmentInMemory&, Stepper&, Choices&)) {
        return [&where, scenario](Stepper& stepper, Choices& choices) { scenario(where, stepper, choices); };
    };
    constexpr Bounds kBound{3, 3};
    static const std::vector<Named> all = {
        {"claim", two_writers_claim<StdAtomics>, kBound},
        {"park and adopt", park_and_adopt<StdAtomics>, kBound},
        {"commit and read", commit_and_read<StdAtomics>, kBound},
        {"free and claim", [](Stepper& s, Choices& c) { free_and_claim<StdAtomics>(memory, s, c); }, kBound},
        {"overwrite and take", overwrite_and_take<StdAtomics>, kBound},
        {"overwrite after a round", [](Stepper& s, Choices& c) { overwrite_after_a_whole_round(memory, s, c); },
         kBound},
        {"overwrite under a copy", overwrite_under_a_copy<StdAtomics>, kBound},
        {"pool of two", pool_of_two, kBound},
        {"pool given back", pool_given_back, kBound},
        {"part of two", part_of_two, kBound},
        {"turned extent", turned_extent, kBound},
        {"closed extent", closed_extent, kBound},
        {"held extent", held_extent, kBound},
        {"turning", over(segment, turning), {2, 2}},
        {"freed count", over(segment, freed_count), kBound},
        {"parked count", over(segment, parked_count), kBound},
        {"given back count", over(segment, given_back_count), {2, 2}},
        {"given back", over(segment, given_back), {2, 1}},
        {"given block", over(with_blocks, given_block), {2, 1}},
        {"given huge block", over(with_huge, given_huge_block), {2, 1}},
        {"first huge chunk", over(with_huge, first_huge_chunk), {2, 1}},
        {"given huge chunk", over(with_huge, given_huge_chunk), {2, 1}},
        {"lent", over(with_huge, lent), {2, 2}},
        {"restored for two", over(segment, restored_for_two), {2, 1}},
        {"turned for two", over(segment, turned_for_two), {2, 1}},
        {"held for two", over(segment, held_for_two), {2, 1}},
        {"growth", over(segment, growth), {2, 2}},
        {"growth for a slot", over(segment, growth_for_a_slot), {2, 2}},
        {"growth of counter lines", over(segment, growth_of_counter_lines), {2, 1}},
        {"killed between start and end", over(segment, killed_between_start_and_end), kBound},
        {"killed while a field is set", over(segment, killed_while_a_field_is_set), kBound},
        {"killed while growing", over(with_blocks, killed_while_growing), kBound},
        {"killed while dropping", over(segment, killed_while_dropping), kBound},
        {"killed while waiting", over(segment, killed_while_waiting), kBound},
        {"killed while overwriting", over(segment, killed_while_overwriting), kBound},
        {"agent killed while acknowledging", over(segment, agent_killed_while_acknowledging), kBound},
        {"agent killed while closing a slot", over(segment, agent_killed_while_closing_a_slot), kBound},
        {"agent killed while closing a waiting slot", over(segment, agent_killed_while_closing_a_waiting_slot), {1, 1}},
        {"waiting and done", over(segment, waiting_and_done), {2, 1}},
        {"agent killed while recovering", over(segment, agent_killed_while_recovering), kBound},
        {"heir beside a thread that ends", over(segment, heir_beside_a_living_thread<false>), {2, 2}},
        {"heir beside a thread that drops", over(segment, heir_beside_a_living_thread<true>), {2, 2}},
        {"heir beside a hand-over", over(segment, heir_beside_a_hand_over), {2, 2}},
        {"heir of a thread in a span", over(segment, heir_of_a_thread_in_a_span), kBound},
        {"heir of a thread in a span that waits", over(segment, heir_of_a_thread_in_a_span_that_waits), {2, 2}},
    };
    return all;
}

// "ChunkWriter::commit release"; the second one in a function is "... release 2".
std::string function_of(const Order& order) {
    std::string text(order.function);
    text = text.substr(0, text.find(" [with "));
    text = text.substr(0, text.find('('));
    for (size_t open; (open = text.find('<')) != std::string::npos;) text.erase(open, text.find('>', open) - open + 1);
    text = text.substr(text.rfind(' ') + 1);
    for (const char* space : {"spanring::ring::", "spanring::test::"})
        if (text.starts_with(space)) text = text.substr(strlen(space));
    return text;
}

std::map<std::string, Order> names_of(const std::set<Order>& orders) {
    constexpr const char* halves[] = {" acquire", " release", " compiler"};
    std::map<std::string, Order> named;
    for (const Order& order : orders) {
        if (order.file.find("/tests/") != std::string_view::npos || order.file.find("tests/") == 0) continue;
        const std::string name = function_of(order) + halves[static_cast<int>(order.half)];
        std::string numbered = name;
        for (int i = 2; named.contains(numbered); ++i) numbered = name + " " + std::to_string(i);
        named.emplace(numbered, order);
    }
    return named;
}

// What the scenarios meet as the code is, and that they hold.
struct Met {
    std::map<std::string, Order> orders;
    std::vector<std::set<Order>> by_scenario;
    uint64_t executions = 0;
};

const Met& met() {
    static const Met found = [] {
        Met met;
        std::set<Order> all;
        for (const Named& scenario : scenarios()) {
            std::set<Order>& seen = met.by_scenario.emplace_back();
            Orders::seen = &seen;
            const Exploration result = explore_all(scenario.scenario, scenario.bounds);
            Orders::seen = nullptr;
            EXPECT_EQ(result.broken, "") << scenario.name;
            std::printf("%9llu executions  %s\n", static_cast<unsigned long long>(result.executions), scenario.name);
            met.executions += result.executions;
            all.insert(seen.begin(), seen.end());
        }
        met.orders = names_of(all);
        return met;
    }();
    return found;
}

// What breaks, and in which scenario; empty: nothing.
std::string break_without(const Order& order, uint64_t& executions) {
    Orders::weakened = order;
    std::string broken;
    for (size_t i = 0; i < scenarios().size() && broken.empty(); ++i) {
        if (!met().by_scenario[i].contains(order)) continue;
        const Exploration result = explore_all(scenarios()[i].scenario, scenarios()[i].bounds);
        executions += result.executions;
        if (!result.broken.empty()) broken = std::string(scenarios()[i].name) + ": " + result.broken;
    }
    Orders::weakened.reset();
    return broken;
}

TEST(OrdersTest, HoldTheScenarios) {
    EXPECT_GT(met().executions, 50'000u);
    std::printf("%9llu executions\n", static_cast<unsigned long long>(met().executions));
}

TEST(OrdersTest, AreAllInTheTable) {
    std::set<std::string> rows;
    for (const Row& row : kTable) {
        EXPECT_TRUE(rows.insert(row.order).second) << row.order << " is in the table twice";
        EXPECT_TRUE(met().orders.contains(row.order)) << row.order << ": no scenario meets it";
    }
    for (const auto& [name, order] : met().orders)
        EXPECT_TRUE(rows.contains(name)) << name << " (" << order.file << ":" << order.line << ") is not in the table";
}

TEST(OrdersTest, AreNeeded) {
    uint64_t executions = 0;
    uint32_t caught = 0, spare = 0;
    for (const Row& row : kTable) {
        const auto order = met().orders.find(row.order);
        if (order == met().orders.end()) continue;
        const std::string broken = break_without(order->second, executions);
        if (row.spare == nullptr) {
            EXPECT_NE(broken, "") << row.order << ": weakened, nothing breaks";
        } else {
            EXPECT_EQ(broken, "") << row.order << ": the table says that nothing breaks";
        }
        ++(row.spare == nullptr ? caught : spare);
        std::printf("%-38s %s\n", row.order,
                    row.spare == nullptr ? broken.substr(0, broken.find(" (")).c_str() : "spare");
    }
    std::printf("%u orders needed, %u spare, %llu executions\n", caught, spare,
                static_cast<unsigned long long>(executions));
}

}  // namespace
}  // namespace spanring::test
