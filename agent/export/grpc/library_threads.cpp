// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/library_threads.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "base/quantity.hpp"

namespace spanring::agent {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kWorthALook = std::chrono::milliseconds(100);

nanoseconds of_the_process() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

bool is_grpcs(const std::string& name) {
    for (const char* beginning : {"default-executo", "resolver-execut", "grpc", "event_engine"}) {
        if (name.starts_with(beginning)) return true;
    }
    return false;
}

}  // namespace

nanoseconds LibraryThreads::used() {
    const nanoseconds process = of_the_process();
    if (process - std::exchange(process_, process) < kWorthALook) return nanoseconds(0);
    nanoseconds total(0);
    std::map<uint64_t, nanoseconds> now;
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
        std::string name;
        std::getline(std::ifstream(task.path() / "comm"), name);
        const auto number = parse_unsigned(task.path().filename().string());
        if (!number || !is_grpcs(name)) continue;
        int64_t nanos = 0;
        if (!(std::ifstream(task.path() / "schedstat") >> nanos)) continue;
        const auto before = threads_.find(*number);
        total += nanoseconds(nanos) - (before == threads_.end() ? nanoseconds(0) : before->second);
        now.emplace(*number, nanos);
    }
    threads_ = std::move(now);
    return total;
}

}  // namespace spanring::agent
