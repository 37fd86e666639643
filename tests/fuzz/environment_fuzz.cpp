// SPDX-License-Identifier: Apache-2.0
//
// Any environment and any files of the kernel's: the resource that is made of them the agent's validator must accept,
// and protobuf's parser with no unknown field; and what the library does not understand of the variables is what the
// doctor says that it does not.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "command/library_variables.hpp"
#include "demand.hpp"
#include "otlp.pb.h"
#include "otlp/span_validator.hpp"
#include "spanring/spanring.h"
#include "support/known_fields.hpp"
#include "trace/base/limits.hpp"
#include "trace/process/own_variables.hpp"
#include "trace/process/process_facts.hpp"
#include "trace/process/resource.hpp"
#include "trace/process/sampler.hpp"

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
                                      "SPANRING_PROFILER_CONTEXT"};

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

    const trace::Sampler sampler = trace::Sampler::from_environment();
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

    const uint32_t misread =
        trace::OwnVariables::read(true).misread + limits.misread + sampler.misread() + resource.misread();
    uint32_t not_understood = 0;
    for (const agent::VariableNote& note : agent::judge(variables))
        not_understood += note.kind == agent::VariableNote::Kind::kNotUnderstood;
    // Of one that is longer the library says less than the doctor: it has no room for it.
    demand(misread == not_understood || variables["OTEL_RESOURCE_ATTRIBUTES"].size() > 256,
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
