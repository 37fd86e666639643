// SPDX-License-Identifier: Apache-2.0
#include "auth/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMost = size_t{64} << 10;  // of the first line; no backend takes a header of that size

// `ret_fault` where there is none. It is read while spans flow: what nobody writes into and what never ends must not
// keep the thread that asks.
std::string read_first_line(const std::string& path, std::string& ret_fault) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat found {};
    std::string line;
    if (!file || ::fstat(file.get(), &found) != 0) {
        ret_fault = "cannot read " + path + ": " + error_text(errno);
        return line;
    }
    if (!S_ISREG(found.st_mode)) {
        ret_fault = "cannot read " + path + ": is not a regular file";
        return line;
    }
    for (std::array<char, 4096> some;;) {
        const ssize_t got = ::read(file.get(), some.data(), some.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) ret_fault = "cannot read " + path + ": " + error_text(errno);
        if (got == 0 && line.empty()) ret_fault = "cannot read " + path + ", it is empty";
        if (got <= 0) return line;
        line.append(some.data(), static_cast<size_t>(got));
        const size_t end = line.find('\n');
        if (end != std::string::npos) line.resize(end);
        if (line.size() > kMost) ret_fault = "the first line of " + path + " is longer than a header can be";
        if (end != std::string::npos || !ret_fault.empty()) return line;
    }
}

}  // namespace

bool is_header_text(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string read_secret(const std::string& path, std::string& ret_fault) {
    std::string line = read_first_line(path, ret_fault);
    if (!ret_fault.empty()) return {};
    const size_t begin = line.find_first_not_of(" \t\r"), end = line.find_last_not_of(" \t\r");
    line = begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
    if (line.empty()) ret_fault = "the first line of " + path + " is empty";
    if (!is_header_text(line)) ret_fault = path + " contains characters that a header must not contain";
    return ret_fault.empty() ? line : std::string();
}

WatchedSecret::WatchedSecret(const Secret& secret) : file_(secret.file), read_(stamp()), text_(secret.text) {
    if (file_.empty()) return;
    text_ = read_secret(file_, fault_);
    if (!fault_.empty()) throw std::runtime_error(fault_);
}

// Taken before the file is read: what changes meanwhile is read once more.
WatchedSecret::Stamp WatchedSecret::stamp() const {
    struct stat found {};
    if (file_.empty() || ::stat(file_.c_str(), &found) != 0) return {};
    return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

bool WatchedSecret::refresh(Time now, bool at_once) {
    if (file_.empty() || (now < next_look_ && !at_once)) return false;
    next_look_ = now + kPause;
    const Stamp seen = stamp();
    if (seen == read_ && fault_.empty()) return false;
    std::string fault;
    std::string text = read_secret(file_, fault);
    fault_ = std::move(fault);
    if (!fault_.empty()) return false;
    read_ = seen;
    return std::exchange(text_, text) != text;
}

}  // namespace spanring::agent
