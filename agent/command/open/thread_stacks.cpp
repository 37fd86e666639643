// SPDX-License-Identifier: Apache-2.0
#include "command/open/thread_stacks.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "command/open/confined_frames.hpp"
#include "command/proc.hpp"

namespace spanring::agent {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{2'000};        // with one thread
constexpr milliseconds kWholePatience{10'000};  // with all

void look(ThreadStack& stack, Clock::time_point until) {
    const ProcessIdentity& process = *stack.process;
    const auto pid = static_cast<pid_t>(process.pid);
    const auto thread = static_cast<pid_t>(stack.thread);
    const auto mappings = proc::mappings(pid);
    if (!mappings || !proc::maps_segment(*mappings, process.instance)) {
        stack.problem = "its process is in another pid namespace, is gone, or does not let this user look";
        return;
    }
    stack.state = thread_state(pid, thread);
    if (!stack.state.exists) {
        stack.problem = "it has ended, and its spans are open";
        return;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
    if (left.count() <= 0)
        stack.user.problem = "other threads took all the time that there is";
    else
        stack.user = confined_frames(pid, thread, process.uid, std::min(left, kPatience));
}

}  // namespace

std::vector<ThreadStack> stacks_of(const std::vector<OpenSpan>& spans) {
    std::vector<ThreadStack> stacks;
    std::map<std::pair<InstanceId, uint32_t>, size_t> places;
    for (const OpenSpan& open : spans) {
        const auto [place, first] = places.try_emplace({open.process->instance, open.thread}, stacks.size());
        if (first) {
            ThreadStack& stack = stacks.emplace_back();
            stack.process = open.process;
            stack.thread = open.thread;
        }
        stacks[place->second].spans.push_back(open.span.name);
    }
    const auto until = Clock::now() + kWholePatience;
    for (ThreadStack& stack : stacks) look(stack, until);
    return stacks;
}

}  // namespace spanring::agent
