// SPDX-License-Identifier: Apache-2.0
//
// Conditions of any text. Reading one ends, with a condition or with the column where it is none; and one that is taken
// says of a span what it said of it before, and never reads past it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include "otlp/wire_append.hpp"
#include "processors/condition_parser.hpp"
#include "processors/processor_chain.hpp"

using namespace spanring::agent;

namespace {

void demand(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what.c_str());
    std::abort();
}

void append_attribute(std::string& message, uint32_t field, const std::string& key, const std::string& value) {
    std::string pair;
    wire::append_bytes(pair, 1, key);
    wire::append_bytes(pair, 2, value);
    wire::append_bytes(message, field, pair);
}

std::string a_span() {
    std::string span;
    wire::append_bytes(span, 1, std::string(16, 't'));
    wire::append_bytes(span, 2, std::string(8, 's'));
    wire::append_bytes(span, 5, "GET /");
    wire::append_number(span, 6, 2);
    append_attribute(span, 9, "x", encode_text("text"));
    append_attribute(span, 9, "ratio", encode_double(0.25));
    append_attribute(span, 9, "n", encode_integer(-7));
    append_attribute(span, 9, "", encode_bool(true));
    return span;
}

std::shared_ptr<const Producer> a_producer() {
    std::string resource, around;
    append_attribute(resource, 1, "host.name", encode_text("pod-1"));
    wire::append_bytes(around, 1, resource);
    const auto producer = std::make_shared<Producer>();
    producer->resource = around;
    return producer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::string span = a_span();
    static const std::shared_ptr<const Producer> producer = a_producer();
    const std::string text(reinterpret_cast<const char*>(data), size);
    uint32_t questions = 0;
    try {
        demand(!parse_condition(text, questions).empty(), "a condition has a node");
    } catch (const std::invalid_argument& error) {
        demand(std::string(error.what()).starts_with("column "), "it says where it is wrong");
        return 0;
    }
    ProcessorOptions options;
    options.type = ProcessorType::kFilter;
    options.filter.conditions = {text};
    ProcessorChain chain({options});
    const ProcessedProducer processed = chain.producer(producer);
    const std::unique_ptr<uint8_t[]> copy(new uint8_t[span.size()]);  // so that the sanitizer sees its end
    std::copy(span.begin(), span.end(), copy.get());
    const Processed first = chain.take(processed, {copy.get(), span.size()});
    demand(chain.take(processed, {copy.get(), span.size()}) == first, "it says the same again");
    return 0;
}
