// SPDX-License-Identifier: Apache-2.0
#include "drain/work_window.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;
using Work = std::vector<WorkWindow::Nanoseconds>;
using Sources = std::vector<uint64_t>;

constexpr WorkWindow::Time kBegin{std::chrono::hours(1)};

std::optional<WorkWindow::Surplus> after(size_t self, const Work& work, milliseconds length = milliseconds(100)) {
    WorkWindow window;
    window.close(self, Work(work.size()), kBegin);
    return window.close(self, work, kBegin + length);
}

TEST(WorkWindowTest, GivesHalfOfWhatLiesBetween) {
    const auto surplus = after(0, {milliseconds(90), milliseconds(40), milliseconds(10)});
    ASSERT_TRUE(surplus);
    EXPECT_EQ(surplus->to, 2u) << "to the idlest";
    EXPECT_EQ(surplus->most, milliseconds(40));
}

TEST(WorkWindowTest, GivesNothingWhereItHasTimeOrOthersHaveNone) {
    EXPECT_FALSE(after(0, {milliseconds(45), milliseconds(0)})) << "what is due is looked at in time";
    EXPECT_FALSE(after(0, {milliseconds(90), milliseconds(80)}));
    EXPECT_FALSE(after(1, {milliseconds(90), milliseconds(0)})) << "the other one is to give";
}

TEST(WorkWindowTest, ComparesOneWindowAndNotAllTimes) {
    WorkWindow window;
    EXPECT_FALSE(window.close(0, {milliseconds(5000), milliseconds(0)}, kBegin)) << "no window was begun";
    EXPECT_FALSE(window.is_over(kBegin + milliseconds(99)));
    EXPECT_TRUE(window.is_over(kBegin + milliseconds(100)));
    EXPECT_FALSE(window.close(0, {milliseconds(5010), milliseconds(90)}, kBegin + milliseconds(100)));
    EXPECT_TRUE(window.close(0, {milliseconds(5110), milliseconds(90)}, kBegin + milliseconds(200)));
}

TEST(WorthGivingTest, LeavesOneThatIsTooLargeAndGivesTheOthers) {
    EXPECT_EQ(worth_giving({{1, milliseconds(80)}, {2, milliseconds(3)}, {3, milliseconds(7)}}, milliseconds(45)),
              (Sources{3, 2}));
    EXPECT_EQ(worth_giving({{1, milliseconds(45)}, {2, milliseconds(45)}}, milliseconds(45)), Sources{1});
    EXPECT_EQ(worth_giving({{1, milliseconds(90)}}, milliseconds(45)), Sources{}) << "it would only change the thread";
    EXPECT_EQ(worth_giving({{1, milliseconds(0)}}, milliseconds(45)), Sources{}) << "nothing is gained by it";
}

// One hot process and 99 others, half of them on its thread: in a few windows it has its thread for itself, and stays.
TEST(WorthGivingTest, FreesTheThreadOfAHotOneAndComesToRest) {
    std::vector<std::vector<SegmentWork>> threads(2);
    for (uint64_t source = 0; source < 100; ++source)
        threads[source % 2].push_back(
            {source, source == 0 ? milliseconds(70) : milliseconds(0) + std::chrono::microseconds(500)});
    const auto work = [](const std::vector<SegmentWork>& segments) {
        return std::accumulate(segments.begin(), segments.end(), WorkWindow::Nanoseconds(0),
                               [](auto sum, const SegmentWork& segment) { return sum + segment.spent; });
    };
    size_t moves = 0, last_moves = 1;
    for (int window = 0; window < 10 && last_moves != 0; ++window) {
        last_moves = 0;
        for (size_t self = 0; self < 2; ++self) {
            const auto surplus = after(self, {work(threads[0]), work(threads[1])});
            if (!surplus) continue;
            for (const uint64_t source : worth_giving(threads[self], surplus->most)) {
                const auto at = std::find_if(threads[self].begin(), threads[self].end(),
                                             [&](const SegmentWork& segment) { return segment.source == source; });
                threads[surplus->to].push_back(*at);
                threads[self].erase(at);
                ++last_moves;
            }
        }
        moves += last_moves;
    }
    EXPECT_EQ(last_moves, 0u);
    EXPECT_LE(moves, 49u);
    EXPECT_LT(work(threads[0]) - work(threads[1]), milliseconds(100) / WorkWindow::kLeastDistance + milliseconds(30))
        << "the hot one alone takes 70";
    EXPECT_EQ(threads[0].front().source, 0u) << "it did not move";
    EXPECT_LE(threads[0].size(), 2u);
}

}  // namespace
}  // namespace spanring::agent
