// SPDX-License-Identifier: Apache-2.0
//
// The OTLP bytes of the process's Resource: from the program, the environment and what the process finds out about
// itself. Of two sources the earlier one's key is kept; inside of one the last.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/layout.hpp"
#include "spanring/spanring.h"
#include "trace/base/attribute.hpp"

namespace spanring::trace {

class Resource {
public:
    // COLD. 0, or -EINVAL (a resource attribute of the options), -E2BIG (more than 12 KiB; a schema URL of more than 1
    // KiB). What the environment says and does not fit is counted in dropped_attributes_count.
    int build(const spr_provider_options& options);

    // With what differs in a child: its process id and service.instance.id, a UUID made of `random` (all zero: none).
    // Writes the whole into `to` (ring::kResourceSize bytes), the schema URL after it; returns the size without that.
    uint32_t finish(const uint8_t (&random)[16], uint8_t* to) const;
    uint32_t schema_size() const { return schema_size_; }

    // Variables that were not understood.
    uint32_t misread() const { return misread_ ? 1 : 0; }

private:
    // keep: bytes that stay free. False: does not fit, or is not one. A key of an earlier source is passed over, one of
    // this source replaced.
    bool add(const spr_attribute& attribute, uint32_t keep = kReserve);
    bool add_text(const char* key, size_t key_size, const char* value, size_t value_size, uint32_t keep = kReserve);
    // Where the attribute begins; size_: nowhere. ret_end: where it ends.
    uint32_t find(const char* key, size_t size, uint32_t& ret_end) const;
    bool has(const char* key) const;
    void begin_source() { source_ = size_; }
    void add_environment(const char* list);
    void add_process();
    bool add_unknown_service();

    static constexpr uint32_t kReserveForLife = 160;             // for what finish() appends
    static constexpr uint32_t kReserve = kReserveForLife + 192;  // and for a service's name, which is never missing
    static constexpr uint32_t kLargestSchema = 1024;
    uint32_t size_ = 0;
    uint32_t source_ = 0;  // where the present source's attributes begin
    uint32_t dropped_ = 0;
    uint32_t schema_size_ = 0;
    bool misread_ = false;
    uint8_t schema_[kLargestSchema] = {};
    uint8_t bytes_[ring::kResourceSize] = {};
};

}  // namespace spanring::trace
