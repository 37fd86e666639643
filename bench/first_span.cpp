// SPDX-License-Identifier: Apache-2.0
//
// first_span: starts itself again and again, on core 0: each child makes the first span of its life.
//
//     first COUNT     us of it, start to end, in a process that has opened a provider: the median
//     forked COUNT    the same in a child of fork() whose parent has made one
//
// A child whose span was not started and ended ends the worker.
#include <spanring/spanring.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "core.hpp"
#include "worker.hpp"

namespace {

spr_tracer* open_tracer(spr_provider** provider) {
    spr_tracer* tracer;
    if (spr_provider_open(nullptr, provider) != 0 ||
        spr_tracer_get(*provider, "bench", SPR_NUL, "1", SPR_NUL, nullptr, 0, &tracer) != 0)
        bench::fail("the library does not open");
    return tracer;
}

uint64_t time_span(spr_tracer* tracer) {
    const uint64_t begin = bench::now();
    spr_span span;
    spr_span_start(tracer, "tool", SPR_NUL, &span);
    spr_span_set_string(&span, "process.command", SPR_NUL, "tool", SPR_NUL);
    spr_span_end(&span);
    return bench::now() - begin;
}

// Of a process that is about to end: how long its first span took, told on standard output.
int report(spr_provider* provider, spr_tracer* tracer) {
    const uint64_t took = time_span(tracer);
    spr_statistics statistics = SPR_STATISTICS_INIT;
    spr_provider_statistics(provider, &statistics);
    const bool made =
        statistics.started == 1 && statistics.ended == 1 && statistics.dropped_full + statistics.refused_data == 0;
    return made && write(STDOUT_FILENO, &took, sizeof took) == sizeof took ? 0 : 1;
}

int child(bool forked) {
    spr_provider* provider;
    spr_tracer* tracer = open_tracer(&provider);
    if (!forked) return report(provider, tracer);
    time_span(tracer);
    const pid_t pid = fork();
    if (pid == 0) _exit(report(provider, tracer));
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : 1;
}

double run(const char* program, const char* kind) {
    int ends[2];
    if (pipe(ends) != 0) bench::fail("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    char* words[] = {const_cast<char*>(program), const_cast<char*>(kind), nullptr};
    pid_t pid;
    const int failed = posix_spawn(&pid, program, &actions, nullptr, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    uint64_t took = 0;
    int status = 1;
    if (failed != 0 || read(ends[0], &took, sizeof took) != sizeof took || waitpid(pid, &status, 0) != pid ||
        status != 0)
        bench::fail("a child did not make its span");
    close(ends[0]);
    return static_cast<double>(took) / 1e3;
}

}  // namespace

int main(int count, char** words) {
    if (count > 1) return child(std::strcmp(words[1], "forked") == 0);
    bench::pin(0);
    const auto median_of = [&](const char* kind) {
        return [&, kind](const bench::Numbers& numbers) {
            std::vector<double> each;
            for (uint64_t i = 0; i < numbers[0]; ++i) each.push_back(run("/proc/self/exe", kind));
            return bench::Answer().add("us", bench::median(std::move(each)));
        };
    };
    bench::serve({{"first", median_of("first")}, {"forked", median_of("forked")}});
}
