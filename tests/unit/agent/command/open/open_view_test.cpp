// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "command/open/open_json.hpp"

namespace spanring::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kNow = 1'700'000'000'000'000'000;
constexpr uint64_t kSecond = 1'000'000'000;

OpenSpan open(const std::string& service, const std::string& name, uint64_t seconds) {
    auto process = std::make_shared<ProcessIdentity>();
    process->service = service;
    process->pid = 4711;
    OpenSpan open;
    open.process = std::move(process);
    open.thread = 4712;
    open.span.trace_id.fill(0xab);
    open.span.span_id.fill(0x01);
    open.span.name = name;
    open.span.start_unix_nano = kNow - seconds * kSecond;
    return open;
}

OpenLook look_of(std::vector<OpenSpan> spans) {
    OpenLook look;
    look.now_unix_nano = kNow;
    look.spans = std::move(spans);
    return look;
}

constexpr Terminal kTerminal{.colours = false, .unicode = true, .width = 100};

TEST(OpenView, ARowForEachSpan) {
    OpenSpan child = open("stock", "SELECT", 2);
    child.depth = 1;
    child.span.attributes = {{"db.system", {ValueType::kString, "sqlite"}}, {"rows", {ValueType::kInt, "3"}}};
    EXPECT_EQ(render_open(look_of({open("front", "GET /", 3), child}), kTerminal, {}),
              "   AGE  SERVICE   PID  THREAD  SPAN       TRACE         ATTRIBUTES\n"
              "3.00 s  front    4711    4712  GET /      abababababab\n"
              "2.00 s  stock    4711    4712  └─ SELECT  abababababab  db.system=sqlite, rows=3\n");
}

TEST(OpenView, WithEverythingBelow) {
    OpenSpan span = open("stock", "SELECT", 2);
    span.span.parent_span_id.fill(0x02);
    span.span.attributes = {{"rows", {ValueType::kInt, "3"}}};
    span.span.status_code = 2;
    span.span.status_message = "refused";
    span.span.events = {{kNow - kSecond, "retried", {}, 0}};
    span.usual_nano = kSecond;
    const std::string text = render_open(look_of({span}), kTerminal, {.attributes = true});
    for (const char* part :
         {"span 0101010101010101", "parent 0202020202020202, which is not open here", "usually no longer than 1.00 s",
          "status Error: refused", "rows = 3", "event retried after 1.00 s"})
        EXPECT_THAT(text, HasSubstr(part));
    auto parent = std::make_shared<ProcessIdentity>();
    parent->service = "front";
    parent->pid = 12;
    span.parent_process = parent;
    EXPECT_THAT(render_open(look_of({span}), kTerminal, {.attributes = true}), HasSubstr("open in front, pid 12"));
}

TEST(OpenView, NothingAHostileProcessSaysActsOrRunsOn) {
    const std::string evil = "\x1b[2J\n\xe2\x80\xae" + std::string(100'000, 'x');
    OpenSpan span = open(evil, evil, 1);
    span.depth = 100'000;
    span.span.attributes.assign(50, {evil, {ValueType::kString, evil}});
    span.span.status_code = 2;
    span.span.status_message = evil;
    span.span.events = {{0, evil, {}, 0}};
    ThreadStack stack;
    stack.process = span.process;
    stack.spans.assign(1000, evil);
    stack.state.name = stack.state.waits_in = evil;
    stack.state.kernel_frames = {evil};
    stack.user.frames = {{1, evil, evil}};
    stack.user.problem = evil;
    const OpenLook look = look_of({span});
    for (const std::string& text :
         {render_open(look, kTerminal, {}), render_open(look, kTerminal, {.attributes = true}),
          render_stacks({stack}, kTerminal)}) {
        EXPECT_THAT(text, Not(HasSubstr("\x1b")));
        EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
        EXPECT_LT(text.size(), 100'000u);
    }
    const std::string row = render_open(look, kTerminal, {});
    EXPECT_EQ(std::count(row.begin(), row.end(), '\n'), 2);
    const std::vector<ThreadStack> stacks = {stack};
    EXPECT_THAT(open_json(look, &stacks), Not(HasSubstr("\x1b")));
}

TEST(OpenView, AsJson) {
    const auto json = nlohmann::json::parse(open_json(look_of({open("front", "GET /", 3)}), nullptr));
    EXPECT_EQ(json["spans"][0]["age_nano"], 3 * kSecond);
    EXPECT_EQ(json["spans"][0]["parent"], nullptr);
    EXPECT_FALSE(json["spans"][0].contains("usual_nano"));
    EXPECT_FALSE(json.contains("threads"));
}

TEST(OpenView, WhereAThreadIs) {
    ThreadStack stack;
    stack.process = open("front", "", 1).process;
    stack.thread = 4712;
    stack.spans = {"GET /", "SELECT"};
    stack.state = {true, "worker", "sleeping", "hrtimer_nanosleep", "230 0x0 0x0", {"hrtimer_nanosleep"}};
    stack.user.frames = {{0x1000, "clock_nanosleep", "/usr/lib/libc.so.6"}, {0x2000, "", ""}};
    stack.user.stopped_nano = 1'500'000;
    EXPECT_EQ(render_stacks({stack}, kTerminal), "\nthread 4712 \"worker\" of front, pid 4711: GET /, SELECT\n"
                                                 "    sleeping, in the kernel's hrtimer_nanosleep, system call 230\n"
                                                 "    kernel  hrtimer_nanosleep\n"
                                                 "    user    clock_nanosleep  (libc.so.6)\n"
                                                 "    user    0x2000\n"
                                                 "    it was stopped for 1.50 ms\n");
}

}  // namespace
}  // namespace spanring::agent
