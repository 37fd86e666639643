// SPDX-License-Identifier: Apache-2.0
#include "drain/wake_up.hpp"

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error_text.hpp"

namespace spanring::agent {

WakeUp::WakeUp() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!event_) throw std::runtime_error("eventfd: " + error_text(errno));
}

void WakeUp::ring() {
    const uint64_t one = 1;
    if (write(event_.get(), &one, sizeof one) < 0) return;  // full: it rings already
}

void WakeUp::silence() {
    uint64_t rings = 0;
    if (read(event_.get(), &rings, sizeof rings) < 0) return;  // all of them at once, or there was none
}

}  // namespace spanring::agent
