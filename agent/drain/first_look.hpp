// SPDX-License-Identifier: Apache-2.0
//
// Whether every segment that lay in the served folders when the agent began is attached: what an agent before left of
// any other one is nobody's. A file that has to wait keeps its folder from that, and is asked for with the next
// listing. Drain thread only.
#pragma once

#include <cstddef>
#include <set>

#include "directory/served_folders.hpp"

namespace spanring::agent {

class FirstLook {
public:
    // A file there was not attached, and may be later.
    void put_off(size_t folder) { put_off_.insert(folder); }
    // All of its names were visited.
    void listed(size_t folder) {
        if (put_off_.erase(folder) == 0) looked_through_.insert(folder);
    }

    // One that another agent drains, or that cannot be opened, may have some.
    bool is_over(const ServedFolders& folders) const {
        if (folders.size() == 0) return false;  // they are looked for by name, and could not be listed
        for (size_t number = 0; number < folders.size(); ++number) {
            if (!looked_through_.contains(number) && !folders.is_missing(number)) return false;
        }
        return true;
    }

private:
    std::set<size_t> put_off_, looked_through_;
};

}  // namespace spanring::agent
