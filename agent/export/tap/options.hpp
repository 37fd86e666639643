// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "export/otlp_options.hpp"

namespace spanring::agent {

struct Option;

// What local programs can subscribe to: spans for which all words hold.
struct TapSubscription {
    std::string event;
    std::vector<std::string> where;

    bool operator==(const TapSubscription&) const = default;
};

struct TapOptions {
    std::string instance;                        // empty: the user, by number
    std::vector<TapSubscription> subscriptions;  // empty: one of all spans
    std::string program;                         // that publishes; empty: where the installation has it
    uint64_t chunk_bytes = uint64_t{64} << 10;   // most that a message has
    uint64_t queue_bytes = uint64_t{16} << 20;
    std::chrono::milliseconds timeout{5000};

    std::string instance_name() const;
    std::vector<TapSubscription> all_subscriptions() const;
    std::string program_file() const;
    bool operator==(const TapOptions&) const = default;
};

std::vector<Option> describe(TapOptions& options);
// What they are together.
std::vector<OptionFault> faults_of(const TapOptions& options);
// And whether there is such a program.
std::vector<OptionFault> file_faults_of(const TapOptions& options);

}  // namespace spanring::agent
