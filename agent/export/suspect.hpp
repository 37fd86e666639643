// SPDX-License-Identifier: Apache-2.0
//
// The shipment that an exporter's thread is working on, so that one that makes it fail again and again is recognised.
// One thread's.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "export/shipment.hpp"

namespace spanring::agent {

class Suspect {
public:
    static constexpr uint32_t kMostFailures = 3;  // in a row

    void work_on(const Shipment& shipment) { current_ = name(shipment); }
    void put_down() { current_.reset(); }

    // An exception came. Whatever was worked on is to blame.
    void blame() {
        if (!current_) return;
        failures_ = current_ == blamed_ ? failures_ + 1 : 1;
        blamed_ = std::exchange(current_, std::nullopt);
    }

    bool is_guilty(const Shipment& shipment) const { return failures_ >= kMostFailures && blamed_ == name(shipment); }

private:
    using Name = std::pair<uint64_t, uint64_t>;  // of an entry its file and place; 0 and the number of a batch

    static Name name(const Shipment& shipment) {
        if (!shipment.entry) return {0, shipment.sequence};
        return {shipment.entry->ticket.file, shipment.entry->ticket.place};
    }

    std::optional<Name> current_;
    std::optional<Name> blamed_;
    uint32_t failures_ = 0;
};

}  // namespace spanring::agent
