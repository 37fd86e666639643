// SPDX-License-Identifier: Apache-2.0
//
// Where the agent's health is told besides its metrics: the Collector's extension.
#pragma once

#include <string>
#include <vector>

#include "metrics/metrics_address.hpp"
#include "receive/receiver_options.hpp"

namespace spanring::agent {

struct Option;

inline constexpr char kHealthCheck[] = "health_check";  // the type

struct HealthCheckOptions {
    std::string id = kHealthCheck;  // as in the file: it may have a name after a slash
    MetricsAddress address{"127.0.0.1", 13133};
    std::string path = "/";  // answers as /healthz does
    EntranceOptions entrance{};

    bool operator==(const HealthCheckOptions&) const = default;
};

std::vector<Option> describe(HealthCheckOptions& options);

}  // namespace spanring::agent
