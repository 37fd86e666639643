// SPDX-License-Identifier: Apache-2.0
//
// The scenario of tests/bindings/arrival_test.py: the same spans in every language, which checks each field that
// arrives.
//
//     scenario TRACEPARENT TIME_NS
//
// Prints "ready TRACEPARENT" (the context that the child sends on), then waits to be killed with one span open.

#include <spanring/spanring.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <thread>

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    if (argc != 3) {
        std::cerr << "usage: scenario TRACEPARENT TIME_NS\n";
        return 2;
    }
    const auto remote = spanring::Context::extract(argv[1]);
    const spanring::TimePoint begin{std::chrono::nanoseconds{std::atoll(argv[2])}};

    const auto provider =
        spanring::Provider::open({"scenario", {{"scenario.language", "cpp"}, {"scenario.number", 7}}, 1024 * 1024});
    const auto tracer = provider.tracer("bindings.scenario", "2.5");
    if (!tracer) {
        std::cerr << "scenario: " << spr_strerror(tracer.error()) << '\n';
        return 1;
    }

    spanring::StartOptions options;
    const spanring::Attribute why[] = {{"why", "because"}, {"weight", 3}};
    const spanring::Link link{remote, {why, 2}};
    const spanring::Attribute first[] = {
        {"text", "\xc3\xbc"
                 "ber"},
        {"empty", ""},
        {"yes", true},
        {"no", false},
        {"least", std::numeric_limits<std::int64_t>::min()},
        {"half", 0.5},
    };
    options.kind = spanring::Kind::kServer;
    options.parent = remote;
    options.attributes = {first, 6};
    options.start_time = begin;
    options.links = {&link, 1};
    options.trace_state = "vendor=1";
    auto parent = tracer.start("parent", options);
    parent.set_attribute("later", std::string{"set later"});
    parent.set_attribute("again", 1);
    parent.set_attribute("again", 2u);
    parent.set_attributes({{"several", true}, {"quarter", 0.25f}});
    parent.set_name("renamed");
    parent.add_event("first", {{"index", 1}, {"of", "two"}}, begin + 100ms);
    parent.record_exception("std::runtime_error", "out of paper");
    parent.set_status(spanring::Status::kError, "it broke");

    std::string traceparent;
    {
        const spanring::Scope scope{parent.context()};
        auto child = tracer.start("child", spanring::Kind::kClient);
        traceparent = child.context().inject().view();
        child.set_status(spanring::Status::kOk);

        auto elsewhere = tracer.start("elsewhere");
        std::thread{[span = std::move(elsewhere)]() mutable { span.set_attribute("thread", "another"); }}.join();
    }
    parent.end(begin + 1500ms);

    auto open = tracer.start("open", {spanring::Kind::kInternal, parent.context(), {{"at.start", "kept"}}});
    std::cout << "ready " << traceparent << std::endl;
    std::getchar();  // nothing comes: the test kills this process
    return 1;
}
