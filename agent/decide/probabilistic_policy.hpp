// SPDX-License-Identifier: Apache-2.0
//
// `probabilistic`: a share of all traces, chosen by their ids: the same ones on every host that has the same salt, and
// with a larger share the same ones and more.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "decide/policy.hpp"

namespace spanring::agent {

class ProbabilisticPolicy : public Policy {
public:
    // Throws std::invalid_argument.
    ProbabilisticPolicy(double percentage, std::string salt) : salt_(std::move(salt)) {
        if (!(percentage > 0)) throw std::invalid_argument("probabilistic: must say sampling_percentage");
        kept_below_ = percentage / 100;
    }

    PolicyAnswer answer(const TraceFacts& trace) override {
        return place_of(trace.key) < kept_below_ ? PolicyAnswer::kKeep : PolicyAnswer::kDeclined;
    }

private:
    // In [0, 1). FNV-1a over salt and id, as the Collector has it, so that both choose the same.
    double place_of(const TraceKey& key) const {
        uint64_t hash = 0xcbf29ce484222325;
        const auto add = [&hash](const void* bytes, size_t size) {
            for (size_t i = 0; i < size; ++i)
                hash = (hash ^ static_cast<const uint8_t*>(bytes)[i]) * uint64_t{0x100000001b3};
        };
        add(salt_.data(), salt_.size());
        add(&key.first, sizeof key.first);
        add(&key.second, sizeof key.second);
        return static_cast<double>(hash) / 18446744073709551616.0;
    }

    const std::string salt_;
    double kept_below_ = 0;
};

}  // namespace spanring::agent
