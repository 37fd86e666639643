// SPDX-License-Identifier: Apache-2.0
#include "trace/base/limits.hpp"

#include "ring/layout.hpp"
#include "trace/base/length_limit.hpp"
#include "trace/base/short_text.hpp"
#include "trace/base/variable.hpp"

namespace spanring::trace {
namespace {

constexpr uint32_t kDefaultCount = 128;
constexpr uint32_t kMostCount = 65535;  // what the slot can count
constexpr uint32_t kMostTags = ring::kKeyTags - 1;

// Reads limits from the environment, and counts the variables that say something else.
class Reader {
public:
    uint32_t count(uint32_t option, const char* variable, const char* general = nullptr) {
        return number(option, variable, general, kDefaultCount, kMostCount);
    }
    uint32_t number(uint32_t option, const char* variable, const char* general, uint32_t otherwise, uint32_t most) {
        if (option == SPR_LIMIT_ZERO) return 0;
        if (option != 0) return option < most ? option : most;
        uint32_t value = otherwise;
        if (general != nullptr) read(general, most, value);
        read(variable, most, value);
        return value;
    }
    uint32_t misread() const { return misread_; }

private:
    // -1 is no limit, as other SDKs have it; what is empty or something else is unset, as the specification asks.
    void read(const char* name, uint32_t most, uint32_t& ret) {
        const Variable variable(name);
        uint64_t value = most;
        if (!variable.is_set()) return;
        if (variable.is("-1") || variable.count(value))
            ret = value < most ? static_cast<uint32_t>(value) : most;
        else
            ++misread_;
    }

    uint32_t misread_ = 0;
};

}  // namespace

Limits Limits::choose(const spr_provider_options& options) {
    Limits limits;
    Reader reader;
    limits.attributes =
        reader.count(options.attribute_count_limit, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT");
    limits.value_length = reader.number(options.attribute_value_length_limit, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                                        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", kNoLengthLimit, kNoLengthLimit);
    limits.events = reader.count(options.event_count_limit, "OTEL_SPAN_EVENT_COUNT_LIMIT");
    limits.links = reader.count(options.link_count_limit, "OTEL_SPAN_LINK_COUNT_LIMIT");
    limits.event_attributes = reader.count(options.event_attribute_count_limit, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT");
    limits.link_attributes = reader.count(options.link_attribute_count_limit, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT");
    // A text has at most as many characters as bytes: the short way need not count them.
    if (limits.value_length < kShortPair)
        limits.short_attributes = 0;
    else
        limits.short_attributes = static_cast<uint16_t>(limits.attributes < kMostTags ? limits.attributes : kMostTags);
    limits.misread = reader.misread();
    return limits;
}

}  // namespace spanring::trace
