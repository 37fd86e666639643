// SPDX-License-Identifier: Apache-2.0
//
// How long operations usually take: of each service's spans of a name, what 95 of 100 did not take longer than, by the
// newest spans of the local store. An operation of which there are few is not known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace spanring::agent {

class UsualDurations {
public:
    static constexpr size_t kFewest = 20;

    void add(const std::string& service, const std::string& name, uint64_t duration_nano);
    void settle();  // after the last one

    uint64_t of(const std::string& service, const std::string& name) const;  // 0: not known

private:
    struct Durations {
        std::vector<uint64_t> all;  // until it is settled
        uint64_t usual = 0;
    };
    std::map<std::pair<std::string, std::string>, Durations> operations_;
};

}  // namespace spanring::agent
