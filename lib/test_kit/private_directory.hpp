// SPDX-License-Identifier: Apache-2.0
//
// A runtime directory of this process's own, in which no agent looks. It goes when the process exits; a process that
// does not come to that (it is killed, or its language ends it by _exit()) leaves it to the next one that makes one:
// its lock is gone, which children hold as well.
#pragma once

namespace spanring::test_kit {

class PrivateDirectory {
public:
    // Makes it, once. Errors: -EBUSY (a segment of this process is somewhere else already), or of the system.
    static int begin();

    // Removes it before that. There is no other one afterwards.
    static void end();

    // Open for reading, until the process ends; -EPERM before begin(), -ENOENT after end().
    static int descriptor();
};

}  // namespace spanring::test_kit
