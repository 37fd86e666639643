// SPDX-License-Identifier: Apache-2.0
//
// A process that goes on in the background once it is ready, for who waits until it is: systemd's ExecReload=. The one
// that serves is nobody's child, so that the supervisor of both gets it. libc alone.
#pragma once

#include "base/descriptor.hpp"

namespace spanring::agent {

class Background {
public:
    Background() = default;  // in the foreground: ready() does nothing

    // Before the first thread. Returns in the process that goes on, which has no terminal. The one that called it waits
    // for ready() and exits with 0, or with 1 where that process ended before. Throws std::runtime_error.
    static Background enter();

    void ready();

private:
    explicit Background(Descriptor waits) : waits_(std::move(waits)) {}

    Descriptor waits_;
};

}  // namespace spanring::agent
