// SPDX-License-Identifier: Apache-2.0
//
// The log's lines on files that are not drained: the first of each folder by name, and then one in ten seconds with the
// number of the others. Drain thread only.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/log_pace.hpp"

namespace spanring::agent {

class RefusalLog {
public:
    static constexpr size_t kByName = 32;

    void tell(size_t folder, const std::string& path, const std::string& reason);

private:
    struct Told {
        size_t files = 0;
        LogPace pace;
    };

    std::map<size_t, Told> folders_;
};

}  // namespace spanring::agent
