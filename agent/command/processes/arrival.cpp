// SPDX-License-Identifier: Apache-2.0
#include "command/processes/arrival.hpp"

#include <algorithm>
#include <map>
#include <thread>

#include "accounts/process_accounts.hpp"
#include "command/processes/ledger_access.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kBetweenLooks{20};

bool is_store(const std::string& exporter) { return exporter == "store" || exporter.starts_with("store/"); }

// Not yet answered for by the store; a dead process's open spans come as well.
uint64_t missing(const ProcessAccount& process) {
    if (process.state == ProcessState::kQuarantined) return 0;
    uint64_t pending = 0;
    for (const ExporterAccount& exporter : process.exporters) {
        if (is_store(exporter.name) || exporter.name == kNoExporterYet) pending = std::max(pending, exporter.pending());
    }
    return pending + (process.state == ProcessState::kDead ? process.open : 0);
}

class Arrival {
public:
    explicit Arrival(const Site& site) : site_(site), ledger_(site) {
        for (const ProcessAccount& process : look()) {
            if (const uint64_t count = missing(process); count != 0)
                expected_[process.instance] = {process.ended() + process.unfinished, count};
        }
    }

    // Of those that were missing at first.
    uint64_t left() {
        if (expected_.empty()) return 0;
        std::map<InstanceId, Expected> still;
        for (const ProcessAccount& process : look()) {
            const auto known = expected_.find(process.instance);
            if (known == expected_.end()) continue;
            const uint64_t since = process.ended() + process.unfinished - known->second.ended;
            const uint64_t now = missing(process);
            const uint64_t old = std::min(known->second.count, now - std::min(now, since));
            if (old != 0) still[process.instance] = {known->second.ended, old};
        }
        uint64_t count = 0;
        for (const auto& [instance, expected] : still) count += expected.count;
        if (count == 0) expected_.clear();
        return count;
    }

private:
    struct Expected {
        uint64_t ended = 0;  // at first
        uint64_t count = 0;
    };

    // Processes whose segment is there: what became of any other is settled.
    std::vector<ProcessAccount> look() const { return survey(site_.directories, ledger_.get(), false).processes; }

    const Site& site_;
    const LedgerAccess ledger_;
    std::map<InstanceId, Expected> expected_;
};

}  // namespace

uint64_t wait_for_store(const Site& site, milliseconds patience) {
    if (!site.agent) return 0;
    const auto& exporters = site.agent->exporters;
    if (std::none_of(exporters.begin(), exporters.end(), is_store)) return 0;
    const auto deadline = steady_clock::now() + patience;
    Arrival arrival(site);
    for (;;) {
        const uint64_t left = arrival.left();
        if (left == 0 || steady_clock::now() >= deadline) return left;
        std::this_thread::sleep_for(kBetweenLooks);
    }
}

}  // namespace spanring::agent
