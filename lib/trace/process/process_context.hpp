// SPDX-License-Identifier: Apache-2.0
//
// The process context (OTEP 4719): the resource, in a mapping of this process that a profiler finds by its name and
// reads from outside. docs/profilers.md has its layout.
//
//     not asked ──▶ making ──▶ on       published once; stays until the process ends (or the library goes)
//                     │  └───▶ off      switched off, another library's is there, or the kernel refuses: for good
//     on ──fork──▶ lost (the child)     the mapping does not come along; made anew when the child first traces
//
// One for a process, whatever number of providers it has: the resource is that of the provider which opened first.
#pragma once

#include <cstdint>

namespace spanring::trace {

class ProcessContext {
public:
    enum State : uint32_t { kNotAsked, kMaking, kOn, kOff, kLost };

    // HOT. kOff and kOn are final, except for kOn in a child.
    static State state();
    // Whether publish() has something to do.
    static bool is_due() {
        const State seen = state();
        return seen == kNotAsked || seen == kLost;
    }

    // COLD. `resource`: the bytes of a resource.v1.Resource. The first caller publishes; others find it done.
    static void publish(const uint8_t* resource, uint32_t size);

    // The only thread of a child: the parent's mapping is not here.
    static void lose();

    // The library is unloaded: so is what it published.
    static void withdraw();

private:
    static bool is_wanted();
    static bool make(const uint8_t* resource, uint32_t size);
};

}  // namespace spanring::trace
