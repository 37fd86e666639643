// SPDX-License-Identifier: Apache-2.0
//
// What the library reads of others: a traceparent, and the environment. A context that is extracted injects to the same
// ids and extracts again; the resource is valid OTLP for the agent's validator, and fits, whatever the
// variables say. An input is lines: the traceparent, OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and
// its _ARG, a count limit.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/span_validator.hpp"
#include "spanring/spanring.h"
#include "trace/limits.hpp"
#include "trace/resource.hpp"
#include "trace/sampler.hpp"

using namespace spanring;

// Of the library's, which is not linked as a whole.
extern "C" const char* spr_version(void) noexcept { return "0"; }

namespace {

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

std::string take_line(std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

void set(const char* name, std::string_view& text) {
    const std::string value = take_line(text);
    setenv(name, value.c_str(), 1);  // up to a NUL, as an environment is
}

void extract(const std::string& text) {
    // Exactly as large as the header, without a NUL, so that a read beyond its end is seen.
    const std::unique_ptr<char[]> header(new char[text.size()]);
    std::copy(text.begin(), text.end(), header.get());
    spr_context context;
    std::memset(&context, 0x55, sizeof context);
    const spr_context untouched = context;
    const int error = spr_traceparent_extract(header.get(), text.size(), &context);
    spr_context by_nul;
    const std::string cut = text.c_str();
    demand(text.size() != cut.size() || spr_traceparent_extract(text.c_str(), SPR_NUL, &by_nul) == error,
           "the size may be counted or not");
    if (error != 0) {
        demand(std::memcmp(&context, &untouched, sizeof context) == 0, "a refused header changes nothing");
        return;
    }
    char written[SPR_TRACEPARENT_SIZE];
    demand(spr_traceparent_inject(&context, written) == 0, "what was extracted can be injected");
    demand(text.compare(2, 51, written + 2, 51) == 0, "with the same ids");
    spr_context again;
    demand(spr_traceparent_extract(written, SPR_NUL, &again) == 0, "what was injected can be extracted");
    demand(std::memcmp(again.trace_id, context.trace_id, sizeof again.trace_id) == 0 &&
               std::memcmp(again.span_id, context.span_id, sizeof again.span_id) == 0 &&
               again.trace_flags == context.trace_flags,
           "and is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    extract(take_line(input));

    set("OTEL_RESOURCE_ATTRIBUTES", input);
    set("OTEL_SERVICE_NAME", input);
    set("OTEL_TRACES_SAMPLER", input);
    set("OTEL_TRACES_SAMPLER_ARG", input);
    set("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", input);

    const trace::Limits limits = trace::Limits::choose(spr_provider_options SPR_PROVIDER_OPTIONS_INIT);
    demand(limits.attributes <= 65535 && limits.events == 128 && limits.links == 128,
           "a limit is one that a slot can count");
    trace::Sampler::from_environment();

    static trace::Resource resource;
    spr_provider_options options = {};
    options.struct_size = sizeof options;
    demand(resource.build(options) == 0, "a resource is made whatever the environment says");
    const std::unique_ptr<uint8_t[]> bytes(new uint8_t[ring::kResourceSize]);
    const uint32_t written = resource.finish(bytes.get());
    demand(written <= ring::kResourceSize, "the resource fits");
    const agent::SpanCheck check = agent::validate_resource({bytes.get(), written});
    demand(check.defect == agent::SpanDefect::kNone, "the agent takes the resource");  // text is for it to repair
    return 0;
}
