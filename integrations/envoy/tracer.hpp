// SPDX-License-Identifier: Apache-2.0
//
// A tracer_config of Envoy's: a provider of its own, and what its spans need to know. Made in the main thread, used by
// all workers, not changed in between.
#pragma once

#include "configuration.hpp"
#include "tracer_abi.hpp"

namespace spanring::envoy {

class Tracer {
public:
    // nullptr: the configuration is wrong, or nothing is left; the log says which.
    static Tracer* open(Text name, Text configuration);

    // What has ended stays for the agent; nothing of it may be open.
    void close();

    const Configuration& configuration() const { return configuration_; }
    spr_tracer* tracer() const { return tracer_; }

private:
    Tracer() = default;

    bool open_provider(Text name);

    Configuration configuration_;
    spr_provider* provider_ = nullptr;
    spr_tracer* tracer_ = nullptr;
    char* text_ = nullptr;  // the configuration's texts are views into it
};

}  // namespace spanring::envoy
