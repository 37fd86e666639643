// SPDX-License-Identifier: Apache-2.0
//
// A thread that has a name from its first instruction on: for ps, top and debuggers, and for what the agent tells of
// the CPU of its threads. The kernel keeps 15 bytes of it. Threads that it starts have its name until they take
// another.
//
// Header bill: std::thread.
#pragma once

#include <string>
#include <thread>
#include <utility>

namespace spanring::agent {

void name_this_thread(const std::string& name);

template <class Run>
std::thread named_thread(std::string name, Run run) {
    return std::thread([name = std::move(name), run = std::move(run)]() mutable {
        name_this_thread(name);
        run();
    });
}

}  // namespace spanring::agent
