// SPDX-License-Identifier: Apache-2.0
//
// Hears what the agent hears when a process rings: files of a directory that were open for writing and are closed.
#pragma once

#include <cstddef>
#include <string>

#include <sys/inotify.h>
#include <unistd.h>

namespace spanring::test {

class BellListener {
public:
    explicit BellListener(const std::string& directory) : file_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
        inotify_add_watch(file_, directory.c_str(), IN_CLOSE_WRITE);
    }
    ~BellListener() { close(file_); }
    BellListener(const BellListener&) = delete;
    BellListener& operator=(const BellListener&) = delete;

    // Rings since the last call. (The kernel makes one of equal events that follow each other: to be asked after each.)
    int rings() {
        alignas(inotify_event) char buffer[4096];
        int count = 0;
        const ssize_t size = read(file_, buffer, sizeof buffer);
        for (ssize_t at = 0; at < size; ++count)
            at += static_cast<ssize_t>(sizeof(inotify_event) + reinterpret_cast<inotify_event*>(buffer + at)->len);
        return count;
    }

private:
    const int file_;
};

}  // namespace spanring::test
