// SPDX-License-Identifier: Apache-2.0
#include "command/live/account_watch.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "base/descriptor.hpp"
#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "ring/runtime_directory.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostSegments = 2'000;  // of a directory; `ps` has them all

}  // namespace

void AccountWatch::follow(Sites sites) {
    sites_ = std::move(sites);
    senders_ = true;
    ledgers_.clear();
    for (const Site& site : sites_.all) ledgers_.emplace_back(site);
}

Survey AccountWatch::look() {
    Survey survey;
    Glances kept;
    for (size_t i = 0; i < sites_.all.size(); ++i) {
        for (const std::string& directory : sites_.all[i].directories)
            look_into(directory, ledgers_[i].get(), kept, survey);
    }
    glances_ = std::move(kept);  // those of files that are gone go
    // All that a ledger knows is read for them.
    for (const LedgerAccess& ledger : ledgers_) {
        if (!senders_ || ledger.get() == nullptr) continue;
        try {
            std::vector<ProcessAccount> senders = sender_accounts(*ledger.get());
            std::move(senders.begin(), senders.end(), std::back_inserter(survey.senders));
        } catch (const std::runtime_error& error) {
            survey.problems.push_back(error.what());
        }
    }
    senders_ = !survey.senders.empty();
    return survey;
}

void AccountWatch::look_into(const std::string& path, const Ledger* ledger, Glances& ret_kept, Survey& ret_survey) {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<std::string> names;
    size_t others = 0;
    const bool listed = directory && each_name(directory.get(), [&](const char* name) {
                            if (!ring::parse_segment_name(name, nullptr)) return;
                            if (names.size() < kMostSegments)
                                names.emplace_back(name);
                            else
                                ++others;
                        });
    if (!listed && errno != ENOENT) ret_survey.problems.push_back(path + ": " + error_text(errno));
    if (others != 0) ret_survey.problems.push_back(path + ": " + std::to_string(others) + " more segments");
    for (const std::string& name : names) {
        const std::string file = path + "/" + name;
        auto known = glances_.extract(file);
        const auto place =
            known.empty() ? ret_kept.try_emplace(file, name).first : ret_kept.insert(std::move(known)).position;
        SegmentGlance& glance = place->second;
        if (glance.look(directory.get()))
            ret_survey.processes.push_back(account_of(glance.snapshot(), file, ledger));
        else if (!glance.problem().empty())
            ret_survey.problems.push_back(file + ": " + glance.problem());
    }
    for (ProcessAccount& process : ret_survey.processes)
        if (process.state == ProcessState::kQuarantined) process.credible = false;  // nothing in it counts
}

}  // namespace spanring::agent
