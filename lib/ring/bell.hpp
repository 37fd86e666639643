// SPDX-License-Identifier: Apache-2.0
//
// How a process wakes the agent: it opens its own segment's file for writing and closes it again, of which the kernel
// tells whoever watches the directory. Nothing is kept, nothing is waited for, nobody has to be there, and no signal
// can come of it. Where the file is out of reach by now (another root or user, no descriptor left) nothing is rung: the
// agent looks at every process from time to time.
//
// The liveness lock stays: it is of another open file description. COLD, and for a signal handler as well.
#pragma once

#include "ring/runtime_directory.hpp"

namespace spanring::ring {

class Bell {
public:
    // Where the segment's path is put, before the first ring. Empty: nothing is rung.
    char* path() { return path_; }

    // Any thread. Keeps errno.
    void ring() const;

private:
    char path_[kSegmentPathSize] = {};
};

}  // namespace spanring::ring
