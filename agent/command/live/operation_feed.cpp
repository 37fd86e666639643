// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_feed.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kStatusError = 2;

struct Glance {
    std::string_view name;
    uint64_t start = 0, end = 0;
    bool error = false;

    uint64_t duration() const { return end - std::min(start, end); }
};

// Without decoding the rest: attributes are most of a span.
Glance glance_at(std::span<const uint8_t> span) {
    Glance glance;
    wire::Cursor cursor(span);
    wire::Field field;
    while (wire::next(cursor, field)) {
        switch (field.number) {
            case 5: glance.name = {reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size()}; break;
            case 7: glance.start = field.value; break;
            case 8: glance.end = field.value; break;
            case 15: {
                wire::Cursor inside(field.bytes);
                wire::Field status;
                while (wire::next(inside, status)) {
                    if (status.number == 3) glance.error = status.value == kStatusError;
                }
                break;
            }
            default: break;
        }
    }
    return glance;
}

}  // namespace

void OperationFeed::read_into(OperationWindow& window) {
    arrived_ = read_ = 0;
    problem_.clear();
    for (FollowedStores::Source& source : stores_.all()) {
        try {
            read_from(source.follower, window);
        } catch (const DatabaseError& error) {
            problem_ = error.what();
        }
    }
}

void OperationFeed::read_from(StoreFollower& store, OperationWindow& window) {
    const std::vector<StoreFollower::Head> batches = store.fresh();
    uint64_t spans = 0, bytes = 0;
    for (const StoreFollower::Head& batch : batches) {
        spans += batch.spans;
        bytes += batch.bytes;
    }
    arrived_ += spans;
    if (spans == 0) return;
    // Every nth of them, so that both bounds hold.
    const uint64_t step = 1 + std::max(spans / kMostSpans, bytes / kMostBytes);
    uint64_t chosen = 0;
    for (size_t i = 0; i < batches.size(); i += step) chosen += batches[i].spans;
    const double weight = static_cast<double>(spans) / static_cast<double>(std::max<uint64_t>(chosen, 1));
    uint64_t looked_at = 0;
    for (size_t i = 0; i < batches.size() && looked_at < 2 * kMostSpans; i += step) {
        if (!store.read(batches[i], request_)) continue;
        const std::span request(reinterpret_cast<const uint8_t*>(request_.data()), request_.size());
        visit_spans(request, [&](const DecodedResource& resource, const DecodedScope&, std::span<const uint8_t> span) {
            const Glance glance = glance_at(span);
            window.add(resource.service_name, glance.name, glance.duration(), glance.error, weight);
            ++looked_at;
        });
    }
    read_ += looked_at;
}

}  // namespace spanring::agent
