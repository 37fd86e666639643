// SPDX-License-Identifier: Apache-2.0
#include "batch/runs_by_owner.hpp"

#include <cstddef>
#include <unordered_map>

namespace spanring::agent {

std::vector<OwnerRuns> runs_by_owner(std::span<const Run> runs) {
    std::vector<OwnerRuns> owners;
    std::unordered_map<uid_t, size_t> places;
    for (const Run& run : runs) {
        const auto [place, is_new] = places.try_emplace(run.producer->uid, owners.size());
        if (is_new) owners.push_back({place->first, {}});
        owners[place->second].runs.push_back(run);
    }
    return owners;
}

}  // namespace spanring::agent
