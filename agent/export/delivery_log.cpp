// SPDX-License-Identifier: Apache-2.0
#include "export/delivery_log.hpp"

#include <spdlog/fmt/chrono.h>
#include <spdlog/spdlog.h>

#include "base/quantity.hpp"

namespace spanring::agent {

namespace {

// As the log's own stamps are written.
std::string time_of_day(DeliveryLog::Time::duration ahead) {
    const auto at = std::chrono::system_clock::now() + ahead;
    return fmt::format("{:%H:%M:%S}", fmt::localtime(std::chrono::system_clock::to_time_t(at)));
}

}  // namespace

void DeliveryLog::begins_again(const char* why) {
    if (const auto more = failure_.due())
        spdlog::error("exporter {}: begins again after an exception: {}{}", exporter_, why, *more);
}

void DeliveryLog::is_back(const std::string& peer, uint64_t queued, uint64_t spooled) {
    if (const auto more = up_.due()) {
        spdlog::info("exporter {}: {} is back; {} in memory and {} in the spool wait for it{}", exporter_, peer,
                     format_size(queued), format_size(spooled), *more);
    }
}

void DeliveryLog::is_down(const std::string& peer, const std::string& why, Time again_at, Time now) {
    does_not_take(down_, peer, why, again_at, now, "");
}

void DeliveryLog::asks_for_pause(const std::string& peer, const std::string& why, Time again_at, Time now) {
    does_not_take(asked_, peer, why, again_at, now, ", as it asks for a pause");
}

void DeliveryLog::does_not_take(LogPace& pace, const std::string& peer, const std::string& why, Time again_at, Time now,
                                const char* reason) {
    const auto more = pace.due();
    if (!more) return;
    told_until_ = again_at;
    spdlog::warn("exporter {}: {} does not take {}: {}; next attempt at {}{}{}", exporter_, peer, items_, why,
                 time_of_day(again_at - now), reason, *more);
}

void DeliveryLog::rejected_some(uint64_t rejected, uint64_t spans, const std::string& why) {
    if (const auto more = partial_.due())
        spdlog::warn("exporter {}: {} of {} {} were rejected: {}{}", exporter_, rejected, spans, items_, why, *more);
}

void DeliveryLog::rejected_all(uint64_t spans, const std::string& why) {
    if (const auto more = rejected_.due())
        spdlog::warn("exporter {}: {} {} were rejected: {}{}", exporter_, spans, items_, why, *more);
}

void DeliveryLog::too_large(size_t bytes, const std::string& peer, size_t most, const std::string& why) {
    if (const auto more = too_large_.due())
        spdlog::warn("exporter {}: a request of {} bytes is too large for {}, {} from now on: {}{}", exporter_, bytes,
                     peer, most, why, *more);
}

}  // namespace spanring::agent
