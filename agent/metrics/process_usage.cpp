// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_usage.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace spanring::agent {
namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// proc(5): /proc/stat has a line "btime SECONDS"; field 22 of /proc/self/stat is in ticks since then.
double start_time() {
    std::ifstream host("/proc/stat");
    double boot = 0;
    for (std::string word; host >> word;) {
        if (word == "btime") {
            host >> boot;
            break;
        }
    }
    std::ifstream stat("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(stat), {}};
    size_t at = text.rfind(')');  // a program's name may hold anything
    for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
    if (boot == 0 || at == std::string::npos) return 0;
    return boot + std::strtod(text.c_str() + at, nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

void add_process_usage(Exposition& page) {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    page.counter("process_cpu_seconds_total", "CPU time of the agent, user and system, in seconds.", {},
                 seconds(usage.ru_utime) + seconds(usage.ru_stime));
    const auto page_size = static_cast<double>(::sysconf(_SC_PAGESIZE));
    double total = 0;
    double resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    page.gauge("process_resident_memory_bytes", "Resident memory of the agent, mapped segments included.", {},
               resident * page_size);
    page.gauge("process_virtual_memory_bytes", "Virtual memory of the agent.", {}, total * page_size);
    static const double started = start_time();
    page.gauge("process_start_time_seconds", "When the agent was started, in seconds since the epoch.", {}, started);
    std::error_code error;
    const std::filesystem::directory_iterator files("/proc/self/fd", error);
    if (!error) {
        page.gauge("process_open_fds", "Open file descriptors of the agent.", {},
                   static_cast<double>(std::distance(begin(files), end(files)) - 1));  // without the one that looks
    }
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    page.gauge("process_max_fds", "The most file descriptors that the agent may have.", {},
               static_cast<double>(limit.rlim_cur));
}

}  // namespace spanring::agent
