// SPDX-License-Identifier: Apache-2.0
#include "trace/process/own_variables.hpp"

#include "trace/base/variable.hpp"

namespace spanring::trace {
namespace {

constexpr uint64_t kDefaultMemory = uint64_t{16} << 20;

// "8MiB", "8M", "8MB", "8388608". misread: one more where it is something else, here and below.
uint64_t read_bytes(const char* name, uint64_t otherwise, uint32_t& misread) {
    const Variable limit(name);
    uint64_t bytes = 0;
    if (limit.bytes(bytes) && bytes != 0) return bytes;
    misread += limit.is_set();
    return otherwise;
}

// Whether the variable is the first of the words; it may be one of the others.
template <class... Words>
bool is_first(const Variable& variable, uint32_t& misread, std::string_view first, Words... others) {
    if (variable.is(first)) return true;
    misread += variable.is_set() && !(variable.is(others) || ...);
    return false;
}

}  // namespace

OwnVariables OwnVariables::read(bool asks_memory) {
    OwnVariables result{false, kDefaultMemory, 0, 0};
    const auto says = [&](const char* name, auto... words) {
        return is_first(Variable(name), result.misread, words...);
    };
    const Variable own("SPANRING_DISABLED");
    result.is_off = own.is("1") || is_first(own, result.misread, "true", "0", "false");
    result.is_off |= says("OTEL_SDK_DISABLED", "true", "false");
    // Which exporter is the agent's business, whatever the program names; a word that none has is a mistake.
    result.is_off |= says("OTEL_TRACES_EXPORTER", "none", "otlp", "console", "logging", "zipkin", "jaeger");
    says("SPANRING_PROFILER_CONTEXT", "off", "false", "0", "on", "true", "1");  // ProcessContext asks again
    if (asks_memory) result.memory = read_bytes("SPANRING_MEMORY_LIMIT", kDefaultMemory, result.misread);
    result.directory = read_bytes("SPANRING_DIRECTORY_LIMIT", 0, result.misread);
    return result;
}

}  // namespace spanring::trace
