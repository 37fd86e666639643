// SPDX-License-Identifier: Apache-2.0
#include "base/set_aside.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/descriptor.hpp"
#include "base/directory.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kKept = 3;  // of each name: a disk that damages files must not be filled by them
constexpr char kMark[] = ".damaged-";
constexpr char kLog[] = "-wal";  // goes with its database, and with no other

std::atomic<uint64_t> count{0};

// In the order of their names the oldest comes first.
std::string new_name(const std::string& path) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    ::gmtime_r(&now.tv_sec, &parts);
    char day[32], text[64];
    std::strftime(day, sizeof day, "%Y%m%dT%H%M%S", &parts);
    std::snprintf(text, sizeof text, "%s%s.%09ldZ", kMark, day, now.tv_nsec);
    return path + text;
}

void remove_oldest(const std::string& path) {
    const std::filesystem::path whole(path);
    const std::string beginning = whole.filename().string() + kMark;
    const Descriptor directory(::open(whole.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (name.starts_with(beginning) && !name.ends_with(kLog)) names.push_back(name);
    };
    if (!directory || !each_name(directory.get(), add) || names.size() <= kKept) return;
    std::sort(names.begin(), names.end());
    names.resize(names.size() - kKept);
    for (const std::string& name : names) {
        ::unlinkat(directory.get(), (name + kLog).c_str(), 0);
        if (::unlinkat(directory.get(), name.c_str(), 0) == 0) continue;
        ::unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR);  // a folder with something in it stays
    }
}

}  // namespace

std::string set_aside(const std::string& path, const std::string& why) {
    std::string name = new_name(path);
    if (::rename(path.c_str(), name.c_str()) != 0) {
        throw std::system_error(errno, std::generic_category(), path + ": " + why + ", and cannot be set aside");
    }
    // relaxed: a number for people.
    count.fetch_add(1, std::memory_order_relaxed);
    spdlog::error("{}: set aside as {}: {}", path, std::filesystem::path(name).filename().string(), why);
    remove_oldest(path);
    return name;
}

uint64_t files_set_aside() { return count.load(std::memory_order_relaxed); }  // relaxed: as above

}  // namespace spanring::agent
