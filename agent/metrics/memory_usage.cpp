// SPDX-License-Identifier: Apache-2.0
#include "metrics/memory_usage.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/database.hpp"
#include "drain/drain_status.hpp"

namespace spanring::agent {
namespace {

struct Resident {
    double anonymous = 0, file = 0, shared = 0;  // bytes
};

// proc(5), /proc/PID/status: lines "RssAnon:   1234 kB".
Resident resident() {
    Resident found;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        const auto take = [&line](const char* name, double& bytes) {
            if (line.starts_with(name)) bytes = std::stod(line.substr(std::string(name).size())) * 1024;
        };
        take("RssAnon:", found.anonymous);
        take("RssFile:", found.file);
        take("RssShmem:", found.shared);
    }
    return found;
}

}  // namespace

void add_memory_usage(Exposition& page, const DrainStatus& status) {
    const auto bytes_of = [](size_t buffers) { return static_cast<double>(buffers * BufferPool::kSize); };
    const double in_flight = bytes_of(status.buffers.out);
    const double pool = bytes_of(status.buffers.kept);
    const auto databases = static_cast<double>(Database::memory_used());
    const Resident memory = resident();
    const auto gauge = [&](const char* purpose, double bytes) {
        page.gauge("spanring_agent_memory_bytes", "Memory of the agent, by what it is for.", {{"purpose", purpose}},
                   bytes);
    };
    gauge("in_flight", in_flight);
    gauge("pool", pool);
    gauge("databases", databases);
    gauge("other", std::max(0.0, memory.anonymous - in_flight - pool - databases));
    gauge("libraries", memory.file);
    gauge("segments", memory.shared);
    const auto taken = [&](const char* from, uint64_t count) {
        page.counter("spanring_agent_buffers_taken_total", "Buffers of batches, by where they were taken from.",
                     {{"from", from}}, static_cast<double>(count));
    };
    taken("pool", status.buffers.hits);
    taken("kernel", status.buffers.misses);
}

}  // namespace spanring::agent
