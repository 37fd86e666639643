// SPDX-License-Identifier: Apache-2.0
//
// What an exporter adapts to its backend: how many requests are in flight, and how large they are. The sender's thread.
//
// Header bill: two limits, with the options they come from; the sender includes it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "export/adaptive_limit.hpp"
#include "export/otlp_options.hpp"

namespace spanring::agent {

class Adaptation {
public:
    explicit Adaptation(const OtlpOptions& options)
        : concurrency_(options.concurrency), request_size_(options.request_size) {}

    // False: so many requests in flight are enough.
    bool takes(size_t in_flight) {
        if (!concurrency_.enabled() || in_flight == 0 || in_flight < concurrency_.value()) return true;
        concurrency_.holds_back();
        return false;
    }
    // Of one request, which may not have more than `most`.
    size_t most_bytes(size_t most) const {
        return request_size_.enabled() ? std::min(most, static_cast<size_t>(request_size_.value())) : most;
    }
    void was_cut() { request_size_.holds_back(); }  // for most_bytes()

    // `refused`: it was not taken for the moment.
    void ended(bool refused, AdaptiveLimit::Duration took, AdaptiveLimit::Time now) {
        for (AdaptiveLimit* const each : {&concurrency_, &request_size_}) {
            if (refused)
                each->refused(now - took, now);
            else
                each->answered(now - took, now, each == &concurrency_ ? each->value() : 0);
        }
    }

    AdaptedStatus concurrency() const { return concurrency_.status(); }
    AdaptedStatus request_size() const { return request_size_.status(); }

private:
    AdaptiveLimit concurrency_, request_size_;
};

}  // namespace spanring::agent
