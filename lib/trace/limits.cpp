// SPDX-License-Identifier: Apache-2.0
#include "trace/limits.hpp"

#include <stdlib.h>

namespace spanring::trace {
namespace {

constexpr uint32_t kDefault = 128;
constexpr unsigned long kMost = 65535;  // what the slot can count

// Empty or unparsable is unset, as the specification asks.
bool read_count(const char* variable, uint32_t& ret) {
    const char* text = getenv(variable);
    if (text == nullptr || *text < '0' || *text > '9') return false;
    char* end = nullptr;
    const unsigned long value = strtoul(text, &end, 10);
    if (*end != 0) return false;
    ret = static_cast<uint32_t>(value < kMost ? value : kMost);
    return true;
}

}  // namespace

Limits Limits::from_environment() {
    Limits limits{kDefault, kDefault, kDefault};
    if (!read_count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", limits.attributes)) read_count("OTEL_ATTRIBUTE_COUNT_LIMIT", limits.attributes);
    read_count("OTEL_SPAN_EVENT_COUNT_LIMIT", limits.events);
    read_count("OTEL_SPAN_LINK_COUNT_LIMIT", limits.links);
    return limits;
}

}  // namespace spanring::trace
