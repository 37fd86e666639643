// SPDX-License-Identifier: Apache-2.0
#include "drain/mailbox.hpp"

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error_text.hpp"

namespace spanring::agent {

Mailbox::Mailbox() : bell_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!bell_) throw std::runtime_error("eventfd: " + error_text(errno));
}

void Mailbox::ring() {
    const uint64_t one = 1;
    if (write(bell_.get(), &one, sizeof one) < 0) return;  // full: it rings already
}

void Mailbox::distrust(const InstanceId& instance) {
    {
        const MutexLock lock(mutex_);
        distrusted_.push_back(instance);
    }
    ring();
}

void Mailbox::silence() {
    uint64_t count = 0;
    while (read(bell_.get(), &count, sizeof count) == sizeof count) continue;
}

std::vector<InstanceId> Mailbox::take_distrusted() {
    const MutexLock lock(mutex_);
    return std::exchange(distrusted_, {});
}

}  // namespace spanring::agent
