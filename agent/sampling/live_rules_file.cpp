// SPDX-License-Identifier: Apache-2.0
#include "sampling/live_rules_file.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/replace_file.hpp"
#include "base/wall_clock.hpp"
#include "sampling/rules_text.hpp"

namespace spanring::agent {
namespace {

// With somebody who was stopped while it had the lock. The agent may take half a minute to say whether it takes over
// what was written: it may be reloading.
constexpr std::chrono::seconds kPatience{40};
constexpr std::chrono::milliseconds kLook{5};

// Until what is returned goes.
Descriptor lock(const std::string& name) {
    Descriptor directory(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= deadline)
            throw std::runtime_error("cannot lock " + name + ": " + error_text(errno));
        std::this_thread::sleep_for(kLook);
    }
    return directory;
}

}  // namespace

std::string LiveRulesFile::text() const { return rules_text(path()); }

std::vector<LiveRule> LiveRulesFile::parse(const std::string& text) const {
    if (text.empty()) return {};
    try {
        return parse_rules(text);
    } catch (const std::invalid_argument& error) {
        throw std::runtime_error(path() + ": " + error.what());
    }
}

std::vector<LiveRule> LiveRulesFile::read() const { return parse(text()); }

bool LiveRulesFile::change(const Change& change, const std::function<bool()>& holds) const {
    const Descriptor locked = lock(directory_);
    std::vector<LiveRule> rules = read();
    const std::vector<LiveRule> before = rules;
    std::erase_if(rules, [now = unix_nano()](const LiveRule& rule) { return rule.expired(now); });
    change(rules);
    const std::string text = text_of_rules(rules);
    static_cast<void>(parse(text));  // as the agent will
    replace_file(path(), text);
    if (holds()) return true;
    replace_file(path(), text_of_rules(before));
    return false;
}

void LiveRulesFile::replace(const std::vector<LiveRule>& rules) const {
    const Descriptor locked = lock(directory_);
    replace_file(path(), text_of_rules(rules));
}

}  // namespace spanring::agent
