// SPDX-License-Identifier: Apache-2.0
#include "command/open/usual_durations.hpp"

#include <algorithm>

namespace spanring::agent {

void UsualDurations::add(const std::string& service, const std::string& name, uint64_t duration_nano) {
    operations_[{service, name}].all.push_back(duration_nano);
}

void UsualDurations::settle() {
    for (auto& [operation, durations] : operations_) {
        std::vector<uint64_t>& all = durations.all;
        if (all.size() >= kFewest) {
            const auto place = all.begin() + static_cast<std::ptrdiff_t>((all.size() * 95 + 99) / 100 - 1);
            std::nth_element(all.begin(), place, all.end());
            durations.usual = std::max<uint64_t>(*place, 1);
        }
        all.clear();
        all.shrink_to_fit();
    }
}

uint64_t UsualDurations::of(const std::string& service, const std::string& name) const {
    const auto found = operations_.find({service, name});
    return found == operations_.end() ? 0 : found->second.usual;
}

}  // namespace spanring::agent
