// SPDX-License-Identifier: Apache-2.0
#include "base/patient_stream.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <stdexcept>
#include <string>

#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kLongestMessage = 16384;  // the longest line of the log, with its colours

}  // namespace

// A descriptor that does not block would be so for everybody who has it: the shell, the terminal's other programs. Of a
// pipe that can take anything poll() promises PIPE_BUF bytes.
std::string_view write_for(int fd, std::string_view text, int milliseconds) {
    while (!text.empty()) {
        pollfd ready = {fd, POLLOUT, 0};
        const int found = ::poll(&ready, 1, milliseconds);
        if (found < 0 && errno == EINTR) continue;
        if (found == 0) return text;
        const ssize_t size = ::write(fd, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return text;
        if (size < 0) return {};  // there is no reader, and there never will be one
        text.remove_prefix(static_cast<size_t>(size));
    }
    return text;
}

PatientStream::PatientStream(int fd) : fd_(fd) {
    cookie_io_functions_t functions{};
    functions.write = [](void* stream, const char* text, size_t size) {
        static_cast<PatientStream*>(stream)->put({text, size});
        return static_cast<ssize_t>(size);
    };
    file_ = ::fopencookie(this, "w", functions);
    if (file_ == nullptr) throw std::runtime_error("the log: " + error_text(errno));
    std::setvbuf(file_, nullptr, _IOFBF, kLongestMessage);
}

PatientStream::~PatientStream() { std::fclose(file_); }

void PatientStream::put(std::string_view message) {
    if (lost_ != 0 &&
        write_now("(" + std::to_string(lost_) + " messages are missing here: the log's reader did not read)\n")) {
        lost_ = 0;
    }
    if (lost_ != 0 || !write_now(message)) ++lost_;
}

bool PatientStream::write_now(std::string_view text) { return write_for(fd_, text, 0).empty(); }

}  // namespace spanring::agent
