// SPDX-License-Identifier: Apache-2.0
//
// A program under a profiler's eyes (profiled.c), that does what it is told, and its memory as one sees it from
// outside.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support/child_process.hpp"
#include "support/private_directory.hpp"

namespace spanring::test {

// One line of /proc/PID/maps.
struct Mapping {
    uint64_t begin, end, offset;
    std::string name;
};

inline std::vector<Mapping> mappings_of(pid_t process) {
    std::vector<Mapping> mappings;
    std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0, end = 0, offset = 0;
        int name = 0;
        EXPECT_EQ(sscanf(line.c_str(), "%lx-%lx %*s %lx %*s %*s %n", &begin, &end, &offset, &name), 3) << line;
        mappings.push_back({begin, end, offset, line.substr(static_cast<size_t>(name))});
    }
    return mappings;
}

// False: some of it is not there.
inline bool read_memory(pid_t process, uint64_t address, void* to, size_t size) {
    iovec here{to, size}, there{reinterpret_cast<void*>(address), size};
    return process_vm_readv(process, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
}
template <class Value>
bool read_memory(pid_t process, uint64_t address, Value& ret) {
    return read_memory(process, address, &ret, sizeof ret);
}

class ProfiledProcess {
public:
    ProfiledProcess() {
        int commands[2], answers[2];
        if (pipe(commands) != 0 || pipe(answers) != 0) abort();
        process_ = fork();
        if (process_ == 0) {
            dup2(commands[0], STDIN_FILENO);
            dup2(answers[1], STDOUT_FILENO);
            for (int end : {commands[0], commands[1], answers[0], answers[1]}) close(end);
            alarm(kChildWatchdog);
            execl(getenv("SPANRING_TEST_PROFILED"), "profiled", nullptr);
            _exit(127);
        }
        close(commands[0]);
        close(answers[1]);
        commands_ = fdopen(commands[1], "w");
        answers_ = fdopen(answers[0], "r");
    }
    ~ProfiledProcess() {
        kill(process_, SIGKILL);
        wait_status(process_);
        fclose(commands_);
        fclose(answers_);
    }
    ProfiledProcess(const ProfiledProcess&) = delete;
    ProfiledProcess& operator=(const ProfiledProcess&) = delete;

    // The number of the first program; children tell theirs when they are made.
    pid_t id() const { return process_; }

    void say(const std::string& command) {
        fprintf(commands_, "%s\n", command.c_str());
        fflush(commands_);
    }
    std::string answer() {
        char line[128] = "";
        EXPECT_NE(fgets(line, sizeof line, answers_), nullptr) << "the program is gone";
        return line;
    }
    int ask(const std::string& command) {
        say(command);
        return atoi(answer().c_str());
    }
    // The path of its segment, where there is one.
    std::string segment() const { return directory_.path() + "/" + directory_.files().at(0); }
    // The child that was asked for by "fork" or "clone" ends, and its parent goes on.
    void end_child() {
        say("exit");
        answer();
    }

private:
    PrivateDirectory directory_;
    pid_t process_;
    FILE* commands_;
    FILE* answers_;
};

}  // namespace spanring::test
