// SPDX-License-Identifier: Apache-2.0
#include "command/proc.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "base/descriptor.hpp"

namespace spanring::agent::proc {
namespace {

constexpr size_t kMostBytes = 16 << 20;

std::string path_of(pid_t pid, const std::string& name) { return "/proc/" + std::to_string(pid) + "/" + name; }

std::optional<std::string> content(pid_t pid, const std::string& name) {
    const Descriptor file(::open(path_of(pid, name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::string text;
    char part[16384];
    while (text.size() < kMostBytes) {
        const ssize_t size = ::read(file.get(), part, sizeof part);
        if (size < 0) return std::nullopt;
        if (size == 0) break;
        text.append(part, static_cast<size_t>(size));
    }
    return text;
}

// Texts, each with a zero byte behind it.
std::vector<std::string> texts(const std::string& bytes) {
    std::vector<std::string> found;
    for (size_t begin = 0; begin < bytes.size();) {
        const size_t end = std::min(bytes.find('\0', begin), bytes.size());
        found.push_back(bytes.substr(begin, end - begin));
        begin = end + 1;
    }
    return found;
}

}  // namespace

std::optional<Variables> variables(pid_t pid) {
    const auto bytes = content(pid, "environ");
    if (!bytes) return std::nullopt;
    Variables variables;
    for (const std::string& text : texts(*bytes)) {
        const size_t equals = text.find('=');
        // As getenv() finds them: of two of one name the first.
        if (equals != std::string::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

std::optional<std::vector<std::string>> arguments(pid_t pid) {
    const auto bytes = content(pid, "cmdline");
    if (!bytes) return std::nullopt;
    return texts(*bytes);
}

std::optional<std::string> mappings(pid_t pid) { return content(pid, "maps"); }

std::optional<std::string> link(pid_t pid, const std::string& name) {
    char target[PATH_MAX];
    const ssize_t size = ::readlink(path_of(pid, name).c_str(), target, sizeof target);
    if (size < 0) return std::nullopt;
    return std::string(target, static_cast<size_t>(size));
}

std::optional<std::string> of_thread(pid_t pid, pid_t thread, const std::string& name) {
    return content(pid, "task/" + std::to_string(thread) + "/" + name);
}

std::optional<Owner> owner(pid_t pid) {
    struct stat status {};
    if (::stat(path_of(pid, "").c_str(), &status) != 0) return std::nullopt;
    return Owner{status.st_uid, status.st_gid};
}

bool maps_segment(const std::string& mappings, const InstanceId& instance) {
    std::string name = "/";
    for (const uint8_t byte : instance) {
        constexpr char kDigits[] = "0123456789abcdef";
        name += kDigits[byte >> 4];
        name += kDigits[byte & 15];
    }
    return mappings.find(name + ".spr") != std::string::npos;
}

}  // namespace spanring::agent::proc
