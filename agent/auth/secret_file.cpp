// SPDX-License-Identifier: Apache-2.0
#include "auth/secret_file.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/file_beginning.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMost = size_t{64} << 10;  // of the first line; no backend takes a header of that size

// `ret_fault` where there is none.
std::string read_first_line(const std::string& path, std::string& ret_fault) {
    std::string line = read_beginning(path, kMost + 1, ret_fault);
    line.resize(std::min(line.size(), line.find('\n')));
    if (line.size() > kMost) ret_fault = "the first line of " + path + " is longer than a header can be";
    return line;
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

WatchedSecret::WatchedSecret(const Secret& secret)
    : file_(secret.file), read_(FileStamp::of(file_)), text_(secret.text) {
    if (file_.empty()) return;
    text_ = read_secret(file_, fault_);
    if (!fault_.empty()) throw std::runtime_error(fault_);
}

bool WatchedSecret::refresh(Time now, bool at_once) {
    if (file_.empty() || (now < next_look_ && !at_once)) return false;
    next_look_ = now + kPause;
    const FileStamp seen = FileStamp::of(file_);
    if (seen == read_ && fault_.empty()) return false;
    std::string fault;
    std::string text = read_secret(file_, fault);
    fault_ = std::move(fault);
    if (!fault_.empty()) return false;
    read_ = seen;
    return std::exchange(text_, text) != text;
}

}  // namespace spanring::agent
