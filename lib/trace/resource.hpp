// SPDX-License-Identifier: Apache-2.0
//
// The OTLP bytes of the process's Resource: from the program, the environment and the library itself, first come first
// kept for each key.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/layout.hpp"
#include "spanring/spanring.h"
#include "trace/attribute.hpp"

namespace spanring::trace {

class Resource {
public:
    // COLD. 0, or -EINVAL (a resource attribute of the options), -E2BIG (more than 12 KiB).
    int build(const spr_provider_options& options);

    // What differs in a child: its process id. Writes the whole into `to` (ring::kResourceSize bytes); returns its size.
    uint32_t finish(uint8_t* to) const;

private:
    // keep: bytes that stay free. False: does not fit; a key that is there already is passed over.
    bool add(const spr_attribute& attribute, uint32_t keep = kReserve);
    bool add_text(const char* key, size_t key_size, const char* value, size_t value_size, uint32_t keep = kReserve);
    bool has(const char* key, size_t size) const;
    void add_environment(const char* list);
    bool add_unknown_service();

    static constexpr uint32_t kReserveForPid = 64;  // for what finish() appends
    static constexpr uint32_t kReserve = kReserveForPid + 192;  // and for a service's name, which is never missing
    uint32_t size_ = 0;
    uint8_t bytes_[ring::kResourceSize] = {};
};

}  // namespace spanring::trace
