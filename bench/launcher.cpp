// SPDX-License-Identifier: Apache-2.0
//
// launcher PROGRAM [ARGUMENT ...]: starts PROGRAM again and again on core 0, one after the other.
//
//     launch COUNT    us of a process, from its start until it was reaped
#include <spawn.h>
#include <sys/wait.h>

#include "core.hpp"
#include "worker.hpp"

int main(int count, char** words) {
    if (count < 2) bench::fail("needs a program");
    bench::pin(0);
    bench::serve({{"launch", [&](const bench::Numbers& numbers) {
                       const uint64_t begin = bench::now();
                       for (uint64_t i = 0; i < numbers[0]; ++i) {
                           pid_t child;
                           int status = 0;
                           if (posix_spawn(&child, words[1], nullptr, nullptr, words + 1, environ) != 0 ||
                               waitpid(child, &status, 0) != child || status != 0)
                               bench::fail(std::string(words[1]) + " does not run");
                       }
                       const double us = static_cast<double>(bench::now() - begin) / 1e3;
                       return bench::Answer().add("us", us / static_cast<double>(std::max<uint64_t>(numbers[0], 1)));
                   }}});
}
