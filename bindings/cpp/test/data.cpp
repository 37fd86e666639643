// SPDX-License-Identifier: Apache-2.0
//
// The program of tests/bindings/data_test.py: all that can be said, the same in every language, which checks each field
// that arrives.
//
//     data TRACEPARENT TRACESTATE TIME_NS
//
// Prints "ready TRACEPARENT TRACESTATE SPAN_ID": the headers that the span "values" sends on, and the id of the span
// "made".

#include <spanring/spanring.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using spanring::Attribute;
using spanring::AttributeList;
using spanring::Bytes;
using spanring::Context;
using spanring::Empty;
using spanring::Event;
using spanring::Kind;
using spanring::Link;
using spanring::Status;
using spanring::Value;
using spanring::ValueList;

class Headers {
public:
    bool get(std::string_view key, std::size_t index, std::string_view& value) const {
        const auto found = all.find(std::string{key});
        if (found == all.end() || index != 0) {
            return false;
        }
        value = found->second;
        return true;
    }
    void set(std::string_view key, std::string_view value) { all[std::string{key}] = value; }
    void remove(std::string_view key) { all.erase(std::string{key}); }

    std::map<std::string, std::string> all;
};

void set_values(spanring::Span& span, const Context& remote, spanring::TimePoint begin) {
    span.set_attribute("later", ValueList{1});
    span.set_attribute("later", AttributeList{{"n", 1}});
    const std::array<std::uint8_t, 2> bytes = {1, 2};
    span.add_event("values",
                   {{"bytes", Bytes{bytes}}, {"list", ValueList{1, "two"}}, {"map", AttributeList{{"k", 0.5}}}},
                   begin + 1ms);
    span.add_link({remote, {{"empty", Empty{}}}, "later=1"});
    try {
        throw std::runtime_error{"out of paper"};
    } catch (const std::exception& exception) {
        span.record_exception(exception, {{"why", ValueList{"because"}}});
    }
}

void exceed_limits(const spanring::Tracer& tracer, const Context& remote) {
    auto span = tracer.start("limited", {Kind::kInternal, remote});
    for (int i = 0; i < 9; ++i) {
        span.set_attribute("a" + std::to_string(i), ValueList{"0123456789abcdefghijKLMN"});
    }
    const Attribute five[] = {{"k0", 0}, {"k1", 1}, {"k2", 2}, {"k3", 3}, {"k4", 4}};
    for (int i = 0; i < 3; ++i) {
        span.add_event("e" + std::to_string(i), {five, 5});
        span.add_link({remote, {five, 4}});
    }
}

std::array<char, 16> record_whole(const spanring::Tracer& tracer, const Context& remote, spanring::TimePoint begin) {
    std::array<std::uint8_t, 16> trace_id;
    std::copy_n(remote.raw().trace_id, trace_id.size(), trace_id.begin());
    const Event event{"e", {}, begin + 1ms, 2};
    const Link link{remote, {}, "linked=1", 3};

    spanring::WholeSpan whole;
    whole.name = "measured";
    whole.context = Context{trace_id, {0, 0, 0, 0, 0, 0, 0, 0xaa}, true};
    whole.parent = remote;
    whole.kind = Kind::kConsumer;
    whole.start_time = begin;
    whole.end_time = begin + 5ms;
    whole.status = Status::kError;
    whole.status_message = "broken";
    whole.trace_state = "whole=1";
    const std::vector<Value> numbers{1, 2};
    const std::vector<Attribute> attributes{{"list", ValueList{numbers}}};
    whole.attributes = attributes;
    whole.events = {&event, 1};
    whole.links = {&link, 1};
    whole.dropped_attributes = 4;
    whole.dropped_events = 5;
    whole.dropped_links = 6;
    tracer.record(whole);

    spanring::WholeSpan made;
    made.name = "made";
    made.parent = remote;
    made.start_time = begin;
    made.end_time = begin + 7ms;
    made.trace_state = "vendor=1";
    Context context;
    tracer.record(made, &context);
    return context.span_id();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: data TRACEPARENT TRACESTATE TIME_NS\n";
        return 2;
    }
    Headers arriving;
    arriving.all = {{"traceparent", argv[1]}, {"tracestate", argv[2]}};
    spanring::Propagated request;
    request.extract(arriving);
    const Context remote = request.context();
    const spanring::TimePoint begin{std::chrono::nanoseconds{std::atoll(argv[3])}};

    spanring::SpanLimits limits;
    limits.attribute_count = 8;
    limits.attribute_value_length = 20;
    limits.event_count = 2;
    limits.link_count = 2;
    limits.event_attribute_count = 4;
    limits.link_attribute_count = 3;
    const auto provider =
        spanring::Provider::open({"data",
                                  {{"scenario.language", "cpp"}, {"resource.list", ValueList{1, "two", Empty{}}}},
                                  0,
                                  {},
                                  {},
                                  limits,
                                  "https://schemas.test/resource"});
    const auto tracer = provider.tracer("bindings.data", "1.0", "https://schemas.test/scope",
                                        {{"scope.map", AttributeList{{"a", 1}, {"b", ValueList{true, Empty{}}}}},
                                         {"scope.bytes", Bytes{"\x00\xff", 2}}});
    if (!tracer) {
        std::cerr << "data: " << spr_strerror(tracer.error()) << '\n';
        return 1;
    }

    Headers leaving;
    {
        const spanring::PropagatedScope attached{request};
        spanring::StartOptions options;
        options.kind = Kind::kServer;
        options.start_time = begin;
        // A list in a list lives as long as the expression that makes it: so what is kept is made of named ones.
        const Value one{1};
        const ValueList ones{&one, 1};
        const Attribute pair{"k", "v"};
        const Value list[] = {
            "\xc3\xa9", true, -1, 0.5, Bytes{"\x01", 1}, Empty{}, ValueList{}, Value{ones}, AttributeList{&pair, 1}};
        const Value numbers[] = {1, 2};
        const Attribute inner[] = {{"list", ValueList{numbers, 2}}};
        const Attribute map[] = {{"text", "x"}, {"inner", AttributeList{inner, 1}}};
        const Attribute first[] = {{"bytes", Bytes{"\x00\xff"
                                                   "A",
                                                   3}},
                                   {"list", ValueList{list, 9}},
                                   {"map", AttributeList{map, 2}},
                                   {"empty", Empty{}}};
        options.attributes = {first, 4};
        const Value a{"a"};
        const Attribute of_link{"list", ValueList{&a, 1}};
        const Link link{remote, {&of_link, 1}, "linked=1"};
        options.links = {&link, 1};
        auto values = tracer.start("values", options);
        set_values(values, remote, begin);
        spanring::inject(values.context(), leaving);
        values.end(begin + 1500ms);
    }
    exceed_limits(tracer, remote);

    auto told = tracer.start("told", {Kind::kInternal, remote});
    told.record_exception({"Jam", "paper jam", "at here", {}, begin + 2ms});
    told.end();

    const auto made = record_whole(tracer, remote, begin);
    std::cout << "ready " << leaving.all["traceparent"] << ' ' << leaving.all["tracestate"] << ' '
              << std::string_view{made.data(), made.size()} << std::endl;
}
