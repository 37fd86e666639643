// SPDX-License-Identifier: Apache-2.0
#include "command/dump/dump_view.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "accounts/equations.hpp"
#include "accounts/process_accounts.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"
#include "command/traces/trace_view.hpp"
#include "otlp/wire.hpp"
#include "ring/unfinished_span.hpp"
#include "store/trace_id.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kTitleCells = 10;

std::string hex(uint64_t number) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
    return text;
}

const char* policy_name(uint32_t policy) {
    static constexpr const char* kNames[] = {"drop the newest", "overwrite the oldest (flight recorder)",
                                             "wait, then drop the newest"};
    return policy < std::size(kNames) ? kNames[policy] : "unknown";
}

std::string age(const SegmentDump& dump, const DumpedSpan& span, const Terminal& terminal) {
    const uint64_t last = dump.last_sign_unix_nano;
    return human_duration(last > span.start_unix_nano ? last - span.start_unix_nano : 0, terminal.unicode);
}

class View {
public:
    View(const SegmentDump& dump, const Terminal& terminal, const DumpViewOptions& options)
        : dump_(dump), terminal_(terminal), options_(options), spans_(options.selection.of(dump)) {}

    std::string render() {
        identity();
        if (!dump_.understood) return std::move(text_);
        state();
        counters();
        chunks();
        open_spans();
        traces();
        return std::move(text_);
    }

private:
    void line(const char* title, const std::string& what) {
        text_ += terminal_.paint(Colour::kDim, fit_left(title, kTitleCells, terminal_.unicode)) + what + "\n";
    }

    void identity() {
        const ring::Header& header = dump_.header;
        line("segment", printable(options_.file) + ", " + format_size(dump_.file_size));
        line("layout", std::to_string(header.layout_major) + "." + std::to_string(header.layout_minor) + ", header " +
                           std::to_string(header.header_size) + " bytes, flags: compatible " + hex(header.compatible) +
                           ", incompatible " + hex(header.incompatible));
        if (!dump_.understood) return;
        const Producer& producer = *dump_.numbers.producer;
        line("process", printable(producer.service.empty() ? "(no service.name)" : producer.service) + ": " +
                            printable(producer.program) + ", pid " + std::to_string(producer.pid) + ", " +
                            std::to_string(header.pointer_bits) + " bits, owner of the file: user " +
                            std::to_string(producer.uid));
        line("instance", to_hex(producer.instance) + ", made " + human_time(header.created_unix_nano));
        DecodedResource resource;
        decode_resource(wire::body_of(producer.resource), resource);
        std::string attributes;
        for (const auto& [key, value] : resource.attributes)
            append(attributes, printable(key) + "=" + printable(value.json()));
        line("resource", attributes.empty() ? "none" : attributes);
    }

    void state() {
        const SegmentSnapshot& numbers = dump_.numbers;
        line("state", numbers.alive ? "its process runs"
                                    : "its process is gone, or this is a copy; last sign of life " +
                                          human_time(dump_.last_sign_unix_nano));
        std::string agents = dump_.attachments == 0   ? "none has ever attached"
                             : dump_.attachments == 1 ? "attached once"
                                                      : "attached " + std::to_string(dump_.attachments) + " times";
        if ((dump_.policy & ring::PolicyBits::kRetired) != 0) agents += "; quarantined the segment";
        if ((dump_.policy & ring::PolicyBits::kDisabled) != 0) agents += "; switched recording off";
        line("agents", agents);
        line("full", policy_name(dump_.header.full_policy));
        line("extents", std::to_string(dump_.extents) + " of " + std::to_string(dump_.header.extent_limit) + ", " +
                            format_size(dump_.extents * ring::kExtentSize));
        if (dump_.given_back != 0) line("given back", format_size(dump_.given_back) + ", by the process itself");
        if (numbers.moving || dump_.left_out != 0) {
            line("moving", "its process kept running while this was read; " + std::to_string(dump_.left_out) +
                               " chunks and slots that changed hands are left out");
        }
    }

    void counters() {
        const ProcessAccount account = account_of(dump_.numbers, options_.file, nullptr);
        std::string others;
        const auto add = [&](const char* name, ring::Counter counter) {
            if (const uint64_t value = account.counter(counter); value != 0)
                append(others, std::string(name) + " " + std::to_string(value));
        };
        add("not sampled", ring::Counter::kUnsampled);
        add("not started, no free slot", ring::Counter::kNotStartedSlot);
        add("not started, nested too deep", ring::Counter::kNotStartedNested);
        add("attributes, events and links refused", ring::Counter::kRefusedData);
        add("segments of the dead removed", ring::Counter::kRemovedSegments);
        add("spans removed with them", ring::Counter::kRemovedSpans);
        const char* title = "accounts";
        for (const Equation& equation : equations_of(account)) {
            const bool holds = equation.verdict == Judgement::kOk;
            line(title,
                 (equation.exporter.empty() ? "" : printable(equation.exporter) + ": ") + printable(equation.text()) +
                     "  " +
                     terminal_.paint(holds ? Colour::kGreen : Colour::kRed, holds ? "OK"
                                                                            : equation.verdict == Judgement::kMismatch
                                                                                ? "MISMATCH: " + equation.difference()
                                                                                : "busy: " + equation.difference()));
            title = "";
        }
        if (!others.empty()) line("", others);
    }

    void chunks() {
        Table table;
        table.column("CHUNKS").column("COUNT", Table::Align::kRight).column("BYTES", Table::Align::kRight);
        table.column("SPANS", Table::Align::kRight);
        for (size_t i = 0; i < kChunkStates; ++i) {
            const ChunkSum& sum = dump_.chunks[i];
            if (sum.chunks == 0) continue;
            table.row({{state_name(static_cast<ring::ChunkState>(i))},
                       {std::to_string(sum.chunks)},
                       {std::to_string(sum.bytes)},
                       {std::to_string(sum.spans)}});
        }
        if (!table.empty()) text_ += "\n" + table.render(terminal_);
        const auto acknowledged = std::count_if(dump_.ended.begin(), dump_.ended.end(),
                                                [](const DumpedSpan& span) { return span.acknowledged; });
        text_ += std::to_string(dump_.ended.size()) + " ended spans are here, " + std::to_string(acknowledged) +
                 " of them acknowledged by an agent; " + std::to_string(dump_.open.size()) + " are open\n";
        if (options_.selection.limit != 0 && spans_.size() == options_.selection.limit)
            text_ += "shown: the newest " + std::to_string(options_.selection.limit) + " (--limit)\n";
    }

    void open_spans() {
        if (dump_.open.empty()) return;
        Table table;
        table.column("OPEN SPAN", Table::Align::kLeft, true).column("TRACE").column("SPAN");
        table.column("THREAD", Table::Align::kRight).column("STARTED");
        table.column(dump_.numbers.alive ? "AGE" : "AGE AT LEAST", Table::Align::kRight);
        for (const DumpedSpan& open : dump_.open) {
            DecodedSpan span;
            decode_span(open.body, span);
            table.row({{span.name.empty() ? "(no name)" : printable(span.name), Colour::kYellow},
                       {to_hex(span.trace_id).substr(0, 12)},
                       {to_hex(span.span_id)},
                       {std::to_string(open.thread)},
                       {human_time(open.start_unix_nano)},
                       {age(dump_, open, terminal_)}});
        }
        text_ += "\n" + table.render(terminal_);
    }

    StoredSpan stored(const DumpedSpan& dumped, const std::shared_ptr<const DecodedResource>& resource) {
        StoredSpan result;
        result.resource = resource;
        std::shared_ptr<const DecodedScope>& scope = scopes_[dumped.scope.get()];
        if (scope == nullptr) {
            auto decoded = std::make_shared<DecodedScope>();
            decode_scope(wire::body_of(dumped.scope->scope), *decoded);
            scope = std::move(decoded);
        }
        result.scope = scope;
        decode_span(dumped.body, result.span);
        if (dumped.open && result.span.status_message == ring::kUnfinishedMessage) {
            result.span.status_message = std::string("open for ") + (dump_.numbers.alive ? "" : "at least ") +
                                         age(dump_, dumped, terminal_) + ", thread " + std::to_string(dumped.thread);
        }
        return result;
    }

    void traces() {
        auto resource = std::make_shared<DecodedResource>();
        decode_resource(wire::body_of(dump_.numbers.producer->resource), *resource);
        std::map<TraceId, std::vector<StoredSpan>> by_trace;
        for (const DumpedSpan* span : spans_) {
            StoredSpan one = stored(*span, resource);
            by_trace[one.span.trace_id].push_back(std::move(one));
        }
        std::vector<TraceTree> trees;
        for (auto& [trace, list] : by_trace) trees.push_back(build_tree(trace, std::move(list)));
        std::stable_sort(trees.begin(), trees.end(),
                         [](const TraceTree& a, const TraceTree& b) { return a.start < b.start; });
        for (const TraceTree& tree : trees) {
            text_ += "\n" + render_trace(tree, terminal_, {options_.attributes, "in this segment (or left out here)"});
        }
    }

    const SegmentDump& dump_;
    const Terminal& terminal_;
    const DumpViewOptions& options_;
    const std::vector<const DumpedSpan*> spans_;
    std::map<const Scope*, std::shared_ptr<const DecodedScope>> scopes_;
    std::string text_;
};

}  // namespace

std::string render_dump(const SegmentDump& dump, const Terminal& terminal, const DumpViewOptions& options) {
    return View(dump, terminal, options).render();
}

std::string render_problems(const SegmentDump& dump) {
    std::string text;
    for (const DumpProblem& problem : dump.problems)
        text += "at " + hex(problem.offset) + ": " + printable(problem.what) + "\n";
    if (dump.more_problems != 0) text += "and " + std::to_string(dump.more_problems) + " more problems\n";
    return text;
}

}  // namespace spanring::agent
