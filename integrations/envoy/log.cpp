// SPDX-License-Identifier: Apache-2.0
#include "log.hpp"

#include <stdarg.h>
#include <stdio.h>

namespace spanring::envoy {

void log(LogLevel level, const char* format, ...) {
    constexpr char kPrefix[] = "spanring: ";
    char line[1'000];
    const int begun = snprintf(line, sizeof line, "%s", kPrefix);
    va_list arguments;
    va_start(arguments, format);
    const int written = vsnprintf(line + begun, sizeof line - static_cast<size_t>(begun), format, arguments);
    va_end(arguments);
    if (written < 0) return;
    const size_t whole = static_cast<size_t>(begun) + static_cast<size_t>(written);
    envoy_dynamic_module_callback_log(level, {line, whole < sizeof line ? whole : sizeof line - 1});
}

}  // namespace spanring::envoy
