// SPDX-License-Identifier: Apache-2.0
//
// SPANRING_KILL_AT=STEP:N kills the agent, as by SIGKILL from outside, when it passes the step (ring/testpoint.hpp) for
// the N-th time. Any thread.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <sys/syscall.h>
#include <unistd.h>

namespace {

class KillPoint {
public:
    KillPoint() : step_(std::getenv("SPANRING_KILL_AT")) {
        const char* const colon = step_ != nullptr ? std::strchr(step_, ':') : nullptr;
        if (colon == nullptr) return;
        size_ = static_cast<size_t>(colon - step_);
        left_ = std::atol(colon + 1);
    }

    void passed(const char* name) {
        if (size_ == 0 || std::strncmp(name, step_, size_) != 0 || name[size_] != '\0') return;
        // To this thread: that call is among the ones that a confined agent may make.
        if (left_.fetch_sub(1) == 1) syscall(SYS_tgkill, getpid(), gettid(), SIGKILL);
    }

private:
    const char* const step_;
    size_t size_ = 0;
    std::atomic<long> left_{0};
};

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    static KillPoint point;
    point.passed(name);
}
