// SPDX-License-Identifier: Apache-2.0
#include "metrics/thread_usage.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <system_error>

#include <unistd.h>

namespace spanring::agent {
namespace {

struct ThreadCpu {
    std::string name;
    double seconds = 0;
};

// proc(5), /proc/PID/task/TID/stat: the name stands in parentheses and may hold some itself; fields 14 and 15 are the
// ticks in user and in kernel mode. False: the thread has ended meanwhile.
bool read_thread(const std::filesystem::path& task, ThreadCpu& thread) {
    std::ifstream file(task / "stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t open = text.find('('), close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open) return false;
    const bool first = task.filename() == std::to_string(::getpid());  // its name is the program's
    thread.name = first ? "main" : text.substr(open + 1, close - open - 1);
    std::istringstream fields(text.substr(close + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0, kernel = 0;
    fields >> user >> kernel;
    thread.seconds = (user + kernel) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    return !fields.fail();
}

}  // namespace

void add_thread_usage(Exposition& page) {
    std::map<std::string, double> seconds;  // of all threads of a name
    std::error_code error;
    std::filesystem::directory_iterator tasks("/proc/self/task", error);
    for (; !error && tasks != std::filesystem::directory_iterator(); tasks.increment(error)) {
        ThreadCpu thread;
        if (read_thread(tasks->path(), thread)) seconds[thread.name] += thread.seconds;
    }
    for (const auto& [name, used] : seconds) {
        page.counter("spanring_agent_thread_cpu_seconds_total",
                     "CPU time of the threads of a name that are alive, in seconds.", {{"thread", name}}, used);
    }
}

}  // namespace spanring::agent
