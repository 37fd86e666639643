// SPDX-License-Identifier: Apache-2.0
//
// Any environment and any files of the kernel's: the resource that is made of them the agent's validator must accept,
// and protobuf's parser with no unknown field; what the library reads of the variables is what is specified, and what
// it does not understand is what the doctor says that it does not.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "command/library_variables.hpp"
#include "demand.hpp"
#include "otlp.pb.h"
#include "otlp/span_validator.hpp"
#include "spanring/spanring.h"
#include "specified_environment.hpp"
#include "support/known_fields.hpp"
#include "trace/base/limits.hpp"
#include "trace/process/own_variables.hpp"
#include "trace/process/process_facts.hpp"
#include "trace/process/rate_limiter.hpp"
#include "trace/process/resource.hpp"
#include "trace/process/sampler.hpp"
#include "trace/propagation/propagators.hpp"

using namespace spanring;

namespace {

constexpr const char* kVariables[] = {"OTEL_RESOURCE_ATTRIBUTES",
                                      "OTEL_SERVICE_NAME",
                                      "OTEL_TRACES_SAMPLER",
                                      "OTEL_TRACES_SAMPLER_ARG",
                                      "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
                                      "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                                      "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
                                      "OTEL_ATTRIBUTE_COUNT_LIMIT",
                                      "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                                      "OTEL_SPAN_EVENT_COUNT_LIMIT",
                                      "OTEL_SPAN_LINK_COUNT_LIMIT",
                                      "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
                                      "OTEL_SDK_DISABLED",
                                      "OTEL_TRACES_EXPORTER",
                                      "SPANRING_DISABLED",
                                      "SPANRING_MEMORY_LIMIT",
                                      "SPANRING_DIRECTORY_LIMIT",
                                      "SPANRING_PROFILER_CONTEXT",
                                      "OTEL_PROPAGATORS"};

void compare(const trace::Limits& limits, const test::SpecifiedEnvironment& specified) {
    demand(limits.attributes == specified.attributes, "attributes of a span");
    demand(limits.value_length == specified.value_length, "the length of values");
    demand(limits.events == specified.events && limits.links == specified.links, "events and links");
    demand(limits.event_attributes == specified.event_attributes, "attributes of events");
    demand(limits.link_attributes == specified.link_attributes, "attributes of links");
}

void compare(const trace::Sampler& sampler, const test::SpecifiedEnvironment& specified) {
    using Roots = test::SpecifiedEnvironment::Roots;
    constexpr uint64_t kLast = (uint64_t{1} << 56) - 1;
    constexpr double kSpace = 72057594037927936.0;  // 2^56 traces
    constexpr double kNear = 1e-4;  // thresholds have four digits (trace/tracestate-probability-sampling.md)
    demand(sampler.ignores_parent() != specified.asks_parent, "whether a parent decides");
    demand(sampler.accepts(nullptr, 0) == (specified.roots == Roots::kAll), "whether every root is sampled");
    trace::RateLimiter limiter;
    const auto samples = [&](double share) {  // the trace below which that share of all is
        const auto randomness = std::min(static_cast<uint64_t>(share * kSpace), kLast);
        return sampler.decide({}, limiter, randomness, 1'000'000'000'000).sampled;
    };
    switch (specified.roots) {
        case Roots::kAll: demand(samples(0), "all"); break;
        case Roots::kNone: demand(!samples(1) && sampler.refuses(nullptr), "none"); break;
        case Roots::kRatio:
            if (specified.number >= kNear) demand(samples(1 - specified.number + kNear), "the upper part");
            if (specified.number <= 1 - kNear) demand(!samples(1 - specified.number - kNear), "and no other");
            break;
        case Roots::kRate:
            if (specified.number == 0) demand(!samples(1), "no trace a second");
            if (specified.number >= 1) demand(samples(0), "the first trace");
            break;
    }
}

void compare(const trace::Propagators& propagators, const test::SpecifiedEnvironment& specified) {
    using trace::Propagator;
    static const std::map<std::string, Propagator> kNames = {{"tracecontext", Propagator::kTraceContext},
                                                             {"baggage", Propagator::kBaggage},
                                                             {"b3", Propagator::kB3},
                                                             {"b3multi", Propagator::kB3Multi}};
    uint32_t at = 0;
    for (const std::string& name : specified.propagators)
        demand(propagators.at(at++) == kNames.at(name), "the propagators, in their order");
    demand(propagators.at(at) == Propagator::kNone, "and no more of them");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    // NUL ends a variable; what is left is a file.
    std::string rest(reinterpret_cast<const char*>(data), size);
    agent::Variables variables;
    for (const char* variable : kVariables) {
        const size_t end = rest.find('\0');
        setenv(variable, rest.substr(0, end).c_str(), 1);
        variables[variable] = rest.substr(0, end);
        rest = end == std::string::npos ? "" : rest.substr(end + 1);
    }

    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    const trace::Limits limits = trace::Limits::choose(options);
    demand(limits.attributes <= 65535 && limits.event_attributes <= 65535, "a count fits into its field");

    const test::SpecifiedEnvironment specified(variables);
    compare(limits, specified);

    const trace::Sampler sampler = trace::Sampler::from_environment();
    compare(sampler, specified);
    demand(!(sampler.refuses(nullptr) && sampler.accepts(nullptr, 0)), "a sampler is of one mind");

    static trace::Resource resource;
    demand(resource.build(options) == 0, "no environment spoils a resource");
    static uint8_t bytes[ring::kResourceSize];
    const uint8_t random[16] = {1};
    const uint32_t length = resource.finish(random, bytes);
    demand(length <= sizeof bytes, "it fits");
    std::vector<uint8_t> copy(bytes, bytes + length);
    demand(agent::validate_resource(copy).defect == agent::SpanDefect::kNone, "the validator accepts it");
    otlp::Resource parsed;
    demand(test::parse_strictly(copy.data(), copy.size(), parsed), "protobuf parses it, with no unknown field");
    bool named = false;
    for (int i = 0; i < parsed.attributes_size(); ++i) {
        named |= parsed.attributes(i).key() == "service.name";
        for (int j = 0; j < i; ++j)
            demand(parsed.attributes(i).key() != parsed.attributes(j).key(), "no key is there twice");
    }
    demand(named, "a service's name is never missing");

    int unknown = 0;
    compare(trace::Propagators::from_environment(unknown), specified);
    demand((unknown != 0) == specified.ignored_propagators, "unknown propagators are counted");

    const trace::OwnVariables own = trace::OwnVariables::read(true);
    demand(own.is_off == specified.is_off, "whether it is off");
    demand(own.memory == specified.memory && own.directory == specified.directory, "sizes");
    const uint32_t misread = own.misread + limits.misread + sampler.misread();
    demand(misread == specified.ignored, "what is not understood is counted");

    uint32_t not_understood = 0;
    bool off = false, less = false, propagators_named = false;
    for (const agent::VariableNote& note : agent::judge(variables)) {
        using Kind = agent::VariableNote::Kind;
        off |= note.kind == Kind::kOff;
        less |= note.kind == Kind::kLess;
        if (note.name == "OTEL_PROPAGATORS")
            propagators_named = true;
        else
            not_understood += note.kind == Kind::kNotUnderstood;
    }
    demand(propagators_named == specified.ignored_propagators, "the doctor names unknown propagators");
    demand(off == (specified.is_off || (specified.begins_nothing() && !specified.asks_parent)),
           "the doctor sees it off");
    demand(less == (specified.begins_nothing() && specified.asks_parent), "the doctor sees that traces are missing");
    // Of one that is longer the library says less than the doctor: it has no room for it.
    demand(misread + resource.misread() == not_understood || variables["OTEL_RESOURCE_ATTRIBUTES"].size() > 256,
           "the library and the doctor understand the same");

    const int file = memfd_create("fuzz", MFD_CLOEXEC);
    demand(file >= 0 && write(file, rest.data(), rest.size()) == static_cast<ssize_t>(rest.size()), "a file");
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    char id[trace::kContainerIdSize];
    const size_t id_size = trace::container_id(id, path.c_str(), path.c_str());
    demand(id_size == 0 || (id_size == sizeof id && rest.find(std::string(id, id_size)) != std::string::npos),
           "an id of the file");
    char name[16];
    demand(trace::user_name(0, name, sizeof name, path.c_str()) <= sizeof name, "a name that fits");
    close(file);
    return 0;
}
