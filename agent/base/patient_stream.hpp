// SPDX-License-Identifier: Apache-2.0
//
// A stream for the log whose reader may not read: a pipe that is full, a terminal that is stopped. It costs lines and
// never the writer's time. They are counted, and the count comes before the next line that goes out. The log's sink
// has a lock of its own; nobody else writes to it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>

namespace spanring::agent {

class PatientStream {
public:
    explicit PatientStream(int fd);  // not owned
    ~PatientStream();
    PatientStream(const PatientStream&) = delete;
    PatientStream& operator=(const PatientStream&) = delete;

    std::FILE* file() const { return file_; }  // each flush is one message; it never fails

private:
    void put(std::string_view message);
    bool write_now(std::string_view text);

    const int fd_;
    uint64_t lost_ = 0;
    std::FILE* file_ = nullptr;
};

// As much of `text` as its reader takes within so many milliseconds (0: at once), from the front; what it did not take.
std::string_view write_for(int fd, std::string_view text, int milliseconds);

}  // namespace spanring::agent
