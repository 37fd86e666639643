// SPDX-License-Identifier: Apache-2.0
//
// What an exporter's circuit is, for who looks at exporters (export/circuit.hpp).
#pragma once

#include <cstdint>

namespace spanring::agent {

// Whether requests go to the backend.
enum class CircuitState : uint8_t {
    kNone,     // this exporter has no backend
    kClosed,   // they do
    kOpen,     // none do, until a wait is over
    kProbing,  // one does, and decides
};

constexpr const char* name_of(CircuitState state) {
    switch (state) {
        case CircuitState::kClosed: return "closed";
        case CircuitState::kOpen: return "open";
        case CircuitState::kProbing: return "probing";
        case CircuitState::kNone: break;
    }
    return "none";
}

}  // namespace spanring::agent
