// SPDX-License-Identifier: Apache-2.0
#include "trace/sampler.hpp"

#include <stdlib.h>
#include <string.h>

namespace spanring::trace {

Sampler Sampler::parse(const char* name, const char* argument) {
    Sampler sampler;
    if (name == nullptr || *name == 0) return sampler;
    constexpr char kParentBased[] = "parentbased_";
    const bool parent_based = strncmp(name, kParentBased, sizeof kParentBased - 1) == 0;
    const char* root = parent_based ? name + sizeof kParentBased - 1 : name;

    if (strcmp(root, "always_on") == 0) {
        sampler.threshold_ = 0;
    } else if (strcmp(root, "always_off") == 0) {
        sampler.threshold_ = kNever;
    } else if (strcmp(root, "traceidratio") == 0) {
        double ratio = 1.0;
        if (argument != nullptr && *argument != 0) {
            char* end = nullptr;
            const double parsed = strtod(argument, &end);
            if (end != argument && *end == 0 && parsed >= 0.0 && parsed <= 1.0) ratio = parsed;
        }
        sampler.threshold_ = static_cast<uint64_t>((1.0 - ratio) * static_cast<double>(kNever));
    } else {
        return sampler;
    }
    sampler.ignores_parent_ = !parent_based;
    return sampler;
}

Sampler Sampler::from_environment() { return parse(getenv("OTEL_TRACES_SAMPLER"), getenv("OTEL_TRACES_SAMPLER_ARG")); }

}  // namespace spanring::trace
