// SPDX-License-Identifier: Apache-2.0
#include "drain/sampling_directives.hpp"

#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include "drain/attached_segment.hpp"
#include "sampling/sampling_file.hpp"

namespace spanring::agent {

SamplingDirectives::SamplingDirectives(std::string state_directory, DirectoryWatch& watch)
    : state_directory_(std::move(state_directory)) {
    if (state_directory_.empty()) return;
    watch.watch_file(state_directory_, SamplingFile::kName);
    read();
}

bool SamplingDirectives::read() {
    if (state_directory_.empty()) return false;
    try {
        rules_ = std::make_shared<SamplingRules>(SamplingFile(state_directory_).read());
        return true;
    } catch (const std::exception& error) {
        spdlog::warn("{}; sampling stays as it is", error.what());
        return false;
    }
}

void give_directive(const SamplingRules& rules, AttachedSegment& segment) {
    const SamplingRule* rule = rule_for(rules, segment.producer().service);
    if (rule != nullptr)
        segment.direct_sampling(rule->directive(), rule->enabled());
    else
        segment.direct_sampling({}, true);
}

}  // namespace spanring::agent
