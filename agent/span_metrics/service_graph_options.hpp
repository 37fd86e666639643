// SPDX-License-Identifier: Apache-2.0
//
// The keys of the Collector's servicegraph connector, as far as they make sense here.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "span_metrics/bucket_list.hpp"

namespace spanring::agent {

struct Option;

struct ServiceGraphOptions {
    std::vector<std::string> buckets = default_buckets();
    std::vector<std::string> database_attributes = {"db.name"};
    std::chrono::milliseconds time_to_live{2000};
    uint32_t items = 1000;
    uint32_t services = 1000;
    uint32_t series = 10'000;

    bool operator==(const ServiceGraphOptions&) const = default;
};

std::vector<Option> describe(ServiceGraphOptions& options);

}  // namespace spanring::agent
