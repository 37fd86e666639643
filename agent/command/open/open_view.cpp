// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_view.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kDeepestDrawn = 16;
constexpr size_t kTraceDigits = 12;
constexpr size_t kMostNames = 5;  // of the spans of a thread

std::string named(std::string_view name, const char* otherwise) { return name.empty() ? otherwise : foreign(name); }

std::string label(const OpenSpan& open, const Terminal& terminal) {
    const uint32_t depth = std::min(open.depth, kDeepestDrawn);
    const char* branch = terminal.unicode ? "└─ " : "`- ";
    return (depth == 0 ? "" : repeat("   ", depth - 1) + branch) + named(open.span.name, "(no name)");
}

std::string short_attributes(const DecodedSpan& span) {
    std::string text;
    for (const auto& [key, value] : span.attributes) {
        if (text.size() >= kMostForeign) break;
        append(text, foreign(key) + "=" + foreign(value.text));
    }
    return text;
}

std::string details(const OpenSpan& open, uint64_t now, const Terminal& terminal) {
    const DecodedSpan& span = open.span;
    std::string text;
    const auto line = [&](const std::string& what) { text += terminal.paint(Colour::kDim, "    " + what) + "\n"; };
    line("trace " + to_hex(span.trace_id) + ", span " + to_hex(span.span_id) + ", " + kind_name(span.kind) +
         ", started " + human_moment(span.start_unix_nano, now));
    if (!span.root()) {
        const ProcessIdentity* parent = open.parent_process.get();
        line("parent " + to_hex(span.parent_span_id) +
             (parent == nullptr
                  ? ", which is not open here"
                  : ", open in " + named(parent->service, "(none)") + ", pid " + std::to_string(parent->pid)));
    }
    if (open.usual_nano != 0) line("usually no longer than " + human_duration(open.usual_nano, terminal.unicode));
    if (span.status_code != 0)
        line(std::string("status ") + status_name(span.status_code) +
             (span.status_message.empty() ? "" : ": " + foreign(span.status_message)));
    for (const auto& [key, value] : span.attributes) line(foreign(key) + " = " + foreign(value.json()));
    for (const DecodedEvent& event : span.events) {
        const uint64_t after = event.time_unix_nano - std::min(event.time_unix_nano, span.start_unix_nano);
        line("event " + named(event.name, "(no name)") + " after " + human_duration(after, terminal.unicode));
    }
    return text;
}

std::string address_text(uint64_t address) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
    return text;
}

std::string frame_text(const UserFrame& frame) {
    std::string_view module = frame.module;
    if (const size_t slash = module.rfind('/'); slash != std::string_view::npos) module.remove_prefix(slash + 1);
    return (frame.function.empty() ? address_text(frame.address) : foreign(frame.function)) +
           (module.empty() ? "" : "  (" + foreign(module) + ")");
}

std::string title_of(const ThreadStack& stack) {
    std::string names;
    for (size_t i = 0; i < std::min(stack.spans.size(), kMostNames); ++i)
        append(names, named(stack.spans[i], "(no name)"));
    if (stack.spans.size() > kMostNames) append(names, std::to_string(stack.spans.size() - kMostNames) + " more");
    return "thread " + std::to_string(stack.thread) +
           (stack.state.name.empty() ? "" : " \"" + foreign(stack.state.name) + "\"") + " of " +
           named(stack.process->service, "(none)") + ", pid " + std::to_string(stack.process->pid) + ": " + names;
}

}  // namespace

std::string render_open(const OpenLook& look, const Terminal& terminal, const OpenViewOptions& options) {
    Table table;
    table.column("AGE", Table::Align::kRight).column("SERVICE", Table::Align::kLeft, true);
    table.column("PID", Table::Align::kRight).column("THREAD", Table::Align::kRight);
    table.column("SPAN", Table::Align::kLeft, true).column("TRACE").column("ATTRIBUTES", Table::Align::kLeft, true);
    for (const OpenSpan& open : look.spans) {
        table.row({{human_duration(age_of(open, look.now_unix_nano), terminal.unicode), Colour::kYellow},
                   {named(open.process->service, "(none)"), Colour::kBold},
                   {std::to_string(open.process->pid)},
                   {std::to_string(open.thread)},
                   {label(open, terminal)},
                   {to_hex(open.span.trace_id).substr(0, kTraceDigits), Colour::kCyan},
                   {short_attributes(open.span), Colour::kDim}});
    }
    const std::string rendered = table.render(terminal);
    if (!options.attributes) return rendered;
    // A row is a line.
    size_t at = rendered.find('\n') + 1;
    std::string text = rendered.substr(0, at);
    for (const OpenSpan& open : look.spans) {
        const size_t end = rendered.find('\n', at) + 1;
        text += rendered.substr(at, end - at) + details(open, look.now_unix_nano, terminal);
        at = end;
    }
    return text;
}

std::string render_stacks(const std::vector<ThreadStack>& stacks, const Terminal& terminal) {
    std::string text;
    const auto line = [&](const std::string& what) { text += "    " + what + "\n"; };
    for (const ThreadStack& stack : stacks) {
        text += "\n" + terminal.paint(Colour::kBold, title_of(stack)) + "\n";
        if (!stack.problem.empty()) {
            line(foreign(stack.problem));
            continue;
        }
        const ThreadState& state = stack.state;
        std::string kernel = state.state;
        if (!state.waits_in.empty()) append(kernel, "in the kernel's " + foreign(state.waits_in));
        if (!state.system_call.empty())
            append(kernel, "system call " + foreign(state.system_call.substr(0, state.system_call.find(' '))));
        if (!kernel.empty()) line(kernel);
        for (const std::string& frame : state.kernel_frames) line("kernel  " + foreign(frame));
        for (const UserFrame& frame : stack.user.frames) line("user    " + frame_text(frame));
        if (!stack.user.problem.empty()) line("user frames: " + foreign(stack.user.problem));
        if (stack.user.stopped_nano != 0)
            line(terminal.paint(Colour::kDim,
                                "it was stopped for " + human_duration(stack.user.stopped_nano, terminal.unicode)));
    }
    return text;
}

}  // namespace spanring::agent
