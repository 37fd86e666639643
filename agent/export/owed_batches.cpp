// SPDX-License-Identifier: Apache-2.0
#include "export/owed_batches.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "export/delivery_books.hpp"
#include "export/shipment.hpp"

namespace spanring::agent {

std::list<Inbox::Arrival>::const_iterator OwedBatches::add(std::list<Inbox::Arrival> arrivals) {
    const auto more = static_cast<std::ptrdiff_t>(arrivals.size());
    for (const Inbox::Arrival& each : arrivals) bytes_ += each.batch->held();
    owed_.splice(owed_.end(), arrivals);
    return std::prev(owed_.cend(), more);
}

// A part that is cut once more is replaced by its own parts.
void OwedBatches::divided(const Shipment& shipment, size_t parts) {
    parts_[shipment.sequence].add(parts - (shipment.whole ? 1 : 0));
}

void OwedBatches::forget_parts() {
    parts_.clear();
    for (auto& [sequence, sorted] : sorted_) {
        for (size_t lane = 0; lane < sorted.spans.size(); ++lane)
            sorted.before[lane] += std::exchange(sorted.spans[lane], 0);
    }
}

uint64_t OwedBatches::newly_sorted(uint64_t sequence, Priority priority, uint64_t spans) {
    const auto lane = static_cast<size_t>(priority);
    Sorted& sorted = sorted_[sequence];
    const uint64_t again = std::min(sorted.before[lane], spans);
    sorted.before[lane] -= again;
    sorted.spans[lane] += spans;
    return spans - again;
}

void OwedBatches::close(const Shipment& shipment, Resolution resolution) {
    if (shipment.whole) {
        if (shipment.priority) {
            books_.count_lane(*shipment.priority, shipment.spans, resolution);
            uint64_t& unanswered = sorted_[shipment.sequence].spans[static_cast<size_t>(*shipment.priority)];
            unanswered -= std::min(unanswered, shipment.spans);
        }
        const auto parts = parts_.find(shipment.sequence);
        if (!parts->second.close(shipment.shares(), shipment.priority, shipment.spans, resolution)) return;
        resolution = parts->second.resolution(shipment.batch->spans);
        if (resolution.outcome == Outcome::kSpooled) {
            for (const BatchParts::Ended& ended : parts->second.beside_spool(*shipment.batch)) {
                books_.book_spooled(ended.shares, ended.exported, ended.rejected, ended.dropped + ended.left);
                if (ended.lane) books_.count_lane(*ended.lane, 0, 0, ended.left);
            }
        }
        parts_.erase(parts);
    }
    close(shipment.batch, shipment.sequence, resolution);
}

void OwedBatches::close(const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution) {
    const std::shared_ptr<Batch> kept = batch;  // the entry may hold what the caller refers to
    bytes_ -= kept->held();
    sorted_.erase(sequence);
    owed_.erase(std::find_if(owed_.begin(), owed_.end(),
                             [&](const Inbox::Arrival& each) { return each.sequence == sequence; }));
    books_.close(kept, sequence, resolution);
}

void OwedBatches::close_all(Resolution resolution) {
    while (!owed_.empty()) close(owed_.front().batch, owed_.front().sequence, resolution);
}

}  // namespace spanring::agent
