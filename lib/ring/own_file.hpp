// SPDX-License-Identifier: Apache-2.0
//
// The process's own segment file, open again for a moment: to see how much memory it has, and to have the agent's lock,
// so that no agent serves the segment meanwhile. For reading, so that closing it rings no bell.
//
// No signal is handled while it is open: a handler that never returned, or that forked, would keep the lock, and no
// agent could ever serve the process. One that another thread forks off in this moment inherits the descriptor, but not
// the lock, which is taken back before the descriptor is closed. (If the process is killed before that, it keeps the
// lock until it calls exec or ends.) COLD, and for a signal handler as well.
#pragma once

#include <cstdint>

namespace spanring::ring {

class OwnFile {
public:
    explicit OwnFile(const char* path);
    ~OwnFile();  // keeps errno
    OwnFile(const OwnFile&) = delete;
    OwnFile& operator=(const OwnFile&) = delete;

    // Whether it was within reach: the same root and user, a descriptor left.
    explicit operator bool() const { return file_ >= 0; }

    // Bytes of memory that it has; all there can be where the system does not say.
    uint64_t memory() const;

    // False: an agent has it.
    bool lock_as_agent() const;

private:
    int file_ = -1;
    bool blocked_ = false;
    mutable bool locked_ = false;
    int error_;
    alignas(8) uint8_t signals_[128];  // that were blocked before, as the kernel keeps them
};

}  // namespace spanring::ring
