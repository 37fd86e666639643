// SPDX-License-Identifier: Apache-2.0
#include "command/traces/trace_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "command/terminal/human.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kDeepestDrawn = 16;  // deeper spans are drawn at this depth
constexpr size_t kGap = 2;
constexpr size_t kLeastLabel = 8;  // of a name, where branches would take all the room
constexpr size_t kDurationCells = 9;
constexpr size_t kMostCritical = 10;

struct Signs {
    const char *branch, *last_branch, *line, *blank;     // of the tree
    const char *full, *left_half, *right_half, *broken;  // of a bar
    const char *error, *unfinished, *partial, *orphan, *dot, *separator;
    const char *critical, *times;
};
constexpr Signs kUnicode = {"├─ ", "└─ ", "│  ", "   ", "━", "╸", "╺", "╍", "✗", "◌", "◔", "⇠", "•", " · ", "◆", "×"};
constexpr Signs kAscii = {"|- ", "`- ", "|  ", "   ", "=", "=", "=", "~", "x", "?", "~", "^", "*", ", ", "!", "x"};

constexpr std::array<Colour, 4> kServiceColours = {Colour::kCyan, Colour::kBlue, Colour::kMagenta, Colour::kGreen};

std::string count_of(size_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

class View {
public:
    View(const TraceTree& tree, const Terminal& terminal, const TraceViewOptions& options)
        : tree_(tree),
          whole_(options.whole != nullptr ? *options.whole : tree),
          terminal_(terminal),
          options_(options),
          signs_(terminal.unicode ? kUnicode : kAscii),
          services_(whole_.services()) {
        draw_branches();
        measure();
    }

    std::string render() {
        summary();
        titles();
        for (size_t i = 0; i < tree_.spans.size(); ++i) {
            line(i);
            if (options_.attributes) details(i);
        }
        if (options_.attributes) resources();
        if (options_.critical) critical_spans();
        notes();
        return std::move(text_);
    }

private:
    // What stands left of each name, and left of what follows below it.
    void draw_branches() {
        std::vector<std::string> open = {""};  // continuation by depth
        for (size_t i = 0; i < tree_.spans.size(); ++i) {
            const TreeSpan& span = tree_.spans[i];
            const uint32_t depth = std::min(span.depth, kDeepestDrawn);
            const bool children = i + 1 < tree_.spans.size() && tree_.spans[i + 1].depth > span.depth;
            open.resize(depth + 1);
            std::string branch = depth == 0 ? "" : open[depth - 1] + (span.last ? signs_.last_branch : signs_.branch);
            open[depth] = depth == 0 ? "" : open[depth - 1] + (span.last ? signs_.blank : signs_.line);
            branches_.push_back(std::move(branch));
            below_.push_back(open[depth] + (children ? signs_.line : signs_.blank));
        }
    }

    std::string label(size_t i) const {
        const TreeSpan& span = tree_.spans[i];
        std::string marks;
        if (span.parent_missing) marks += std::string(signs_.orphan) + " ";
        if (span.unfinished)
            marks += std::string(signs_.unfinished) + " ";
        else if (span.partial)
            marks += std::string(signs_.partial) + " ";
        else if (span.error())
            marks += std::string(signs_.error) + " ";
        if (span.critical && options_.critical) marks += std::string(signs_.critical) + " ";
        const std::string name = printable(span.span().name);
        return marks + (name.empty() ? "(no name)" : name) +
               (span.alike > 1 ? " " + std::string(signs_.times) + std::to_string(span.alike) : "") +
               (span.hidden != 0 ? " (+" + std::to_string(span.hidden) + ")" : "");
    }

    static std::string service_of(const TreeSpan& span) {
        return span.service().empty() ? "(none)" : printable(span.service());
    }

    void measure() {
        size_t names = cells("SPAN");
        size_t services = cells("SERVICE");
        for (size_t i = 0; i < tree_.spans.size(); ++i) {
            names = std::max(names, cells(branches_[i]) + cells(label(i)));
            services = std::max(services, cells(service_of(tree_.spans[i])));
        }
        const auto width = static_cast<size_t>(terminal_.width);
        name_cells_ = std::min(names, width * 2 / 5);
        service_cells_ = std::min(services, width / 6);
        bar_cells_ = width - name_cells_ - service_cells_ - kDurationCells - 3 * kGap;
    }

    void summary() {
        const TreeSpan& root = whole_.spans.front();
        const auto errors = std::count_if(whole_.spans.begin(), whole_.spans.end(),
                                          [](const TreeSpan& span) { return span.error() && !span.unfinished; });
        const auto unfinished = std::count_if(whole_.spans.begin(), whole_.spans.end(),
                                              [](const TreeSpan& span) { return span.unfinished; });
        text_ += terminal_.paint(Colour::kDim, "trace " + to_hex(tree_.trace_id)) + "\n";
        const std::string separator = terminal_.paint(Colour::kDim, signs_.separator);
        text_ += terminal_.paint(Colour::kBold, printable(root.span().name)) + separator + human_time(tree_.start) +
                 separator + human_duration(tree_.end - tree_.start, terminal_.unicode) + separator +
                 count_of(whole_.spans.size(), "span", "spans") + " in " +
                 count_of(services_.size(), "service", "services");
        if (errors != 0) {
            text_ +=
                separator + terminal_.paint(Colour::kRed, count_of(static_cast<size_t>(errors), "error", "errors"));
        }
        if (unfinished != 0)
            text_ += separator + terminal_.paint(Colour::kYellow, std::to_string(unfinished) + " unfinished");
        text_ += "\n\n";
    }

    void titles() {
        const std::string first = "0";
        const std::string last = human_duration(tree_.end - tree_.start, terminal_.unicode);
        const std::string middle = human_duration((tree_.end - tree_.start) / 2, terminal_.unicode);
        std::string axis =
            first + std::string(bar_cells_ - std::min(bar_cells_, cells(first) + cells(last)), ' ') + last;
        const size_t centre = bar_cells_ / 2 - std::min(bar_cells_ / 2, cells(middle) / 2);
        if (bar_cells_ >= 40) {  // all blanks there, one cell each
            axis = first + std::string(centre - cells(first), ' ') + middle +
                   std::string(bar_cells_ - centre - cells(middle) - cells(last), ' ') + last;
        }
        const std::string head = fit_left("SPAN", name_cells_, true) + std::string(kGap, ' ') +
                                 fit_left("SERVICE", service_cells_, true) + std::string(kGap, ' ') +
                                 fit_right("DURATION", kDurationCells, true) + std::string(kGap, ' ') + axis;
        text_ += terminal_.paint(Colour::kDim, head) + "\n";
    }

    std::string bar(const TreeSpan& span) const {
        const double total = static_cast<double>(std::max<uint64_t>(tree_.end - tree_.start, 1));
        const double halves = static_cast<double>(2 * bar_cells_);
        auto begin = static_cast<size_t>(std::floor(halves * static_cast<double>(span.start() - tree_.start) / total));
        auto end = static_cast<size_t>(std::ceil(halves * static_cast<double>(span.end() - tree_.start) / total));
        begin = std::min(begin, 2 * bar_cells_ - 1);
        end = std::clamp(end, begin + 1, 2 * bar_cells_);
        std::string drawn;
        for (size_t cell = begin / 2; 2 * cell < end; ++cell) {
            const bool left = 2 * cell >= begin;
            const bool right = 2 * cell + 1 < end;
            drawn += left && right ? (span.unfinished ? signs_.broken : signs_.full)
                     : left        ? signs_.left_half
                                   : signs_.right_half;
        }
        return std::string(begin / 2, ' ') + terminal_.paint(bar_colour(span), drawn);
    }

    Colour service_colour(const TreeSpan& span) const {
        const auto place = std::find(services_.begin(), services_.end(), span.service()) - services_.begin();
        return kServiceColours[static_cast<size_t>(place) % kServiceColours.size()];
    }
    Colour bar_colour(const TreeSpan& span) const {
        return span.unfinished ? Colour::kYellow : span.error() ? Colour::kRed : service_colour(span);
    }

    void line(size_t i) {
        const TreeSpan& span = tree_.spans[i];
        const size_t least_label = std::min({cells(label(i)), kLeastLabel, name_cells_});
        const size_t branch_cells = std::min(cells(branches_[i]), name_cells_ - least_label);
        const Colour name_colour = span.unfinished ? Colour::kYellow : span.error() ? Colour::kRed : Colour::kPlain;
        text_ += terminal_.paint(Colour::kDim, shorten(branches_[i], branch_cells, terminal_.unicode));
        text_ += terminal_.paint(name_colour, fit_left(label(i), name_cells_ - branch_cells, terminal_.unicode));
        text_ += std::string(kGap, ' ') +
                 terminal_.paint(service_colour(span), fit_left(service_of(span), service_cells_, terminal_.unicode));
        const std::string duration = human_duration(span.end() - span.start(), terminal_.unicode);
        text_ += std::string(kGap, ' ') + fit_right(duration, kDurationCells, terminal_.unicode);
        text_ += std::string(kGap, ' ') + bar(span) + "\n";
    }

    // The spans that the trace waited for longest.
    void critical_spans() {
        std::vector<const TreeSpan*> path;
        for (const TreeSpan& span : whole_.spans) {
            if (span.critical_nano != 0) path.push_back(&span);
        }
        std::stable_sort(path.begin(), path.end(),
                         [](const TreeSpan* a, const TreeSpan* b) { return a->critical_nano > b->critical_nano; });
        double all = 0;  // a span may say that it began in 1970, and its nanoseconds times 100 do not fit into 64 bits
        for (const TreeSpan* span : path) all += static_cast<double>(span->critical_nano);
        text_ += "\n" + terminal_.paint(Colour::kDim, "WAITED FOR") + "\n";
        for (size_t i = 0; i < path.size() && i < kMostCritical; ++i) {
            const auto share = static_cast<int>(100 * static_cast<double>(path[i]->critical_nano) / all);
            text_ += fit_right(human_duration(path[i]->critical_nano, terminal_.unicode), kDurationCells,
                               terminal_.unicode) +
                     fit_right(std::to_string(share) + " %", 7, true) + "  " + printable(path[i]->span().name) + " (" +
                     service_of(*path[i]) + ")\n";
        }
        if (path.size() > kMostCritical) text_ += "and " + std::to_string(path.size() - kMostCritical) + " more\n";
    }

    void detail(size_t i, const std::string& what) {
        text_ += terminal_.paint(Colour::kDim, below_[i] + " " + what) + "\n";
    }

    static std::string shown(const Attributes& attributes) {
        std::string list;
        for (const auto& [key, value] : attributes) append(list, printable(key) + "=" + shown(value));
        return list;
    }
    static std::string shown(const Value& value) { return printable(value.json()); }

    void details(size_t i) {
        const DecodedSpan& span = tree_.spans[i].span();
        const DecodedScope& scope = *tree_.spans[i].stored.scope;
        std::string head = to_hex(span.span_id) + signs_.separator + kind_name(span.kind);
        if (!scope.name.empty()) {
            head += std::string(signs_.separator) + "scope " + printable(scope.name) +
                    (scope.version.empty() ? "" : " " + printable(scope.version));
        }
        if (tree_.spans[i].parent_missing)
            head += std::string(signs_.separator) + "parent " + to_hex(span.parent_span_id) + " is not here";
        detail(i, head);
        for (const auto& [key, value] : span.attributes) detail(i, printable(key) + " = " + shown(value));
        for (const DecodedEvent& event : span.events) {
            const uint64_t since =
                event.time_unix_nano > span.start_unix_nano ? event.time_unix_nano - span.start_unix_nano : 0;
            detail(i, std::string(signs_.dot) + " " + printable(event.name) + " after " +
                          human_duration(since, terminal_.unicode) +
                          (event.attributes.empty() ? "" : ": " + shown(event.attributes)));
        }
        for (const DecodedLink& link : span.links) {
            detail(i, std::string(signs_.dot) + " link to span " + to_hex(link.span_id) + " of trace " +
                          to_hex(link.trace_id) + (link.attributes.empty() ? "" : ": " + shown(link.attributes)));
        }
        if (span.dropped_attributes + span.dropped_events + span.dropped_links != 0) {
            detail(i, "dropped: " + count_of(span.dropped_attributes, "attribute", "attributes") + ", " +
                          count_of(span.dropped_events, "event", "events") + ", " +
                          count_of(span.dropped_links, "link", "links"));
        }
    }

    void resources() {
        std::vector<std::string> shown_already;
        for (const TreeSpan& span : tree_.spans) {
            const std::string list = shown(span.stored.resource->attributes);
            if (std::find(shown_already.begin(), shown_already.end(), list) != shown_already.end()) continue;
            shown_already.push_back(list);
            text_ += (shown_already.size() == 1 ? "\n" : "") + terminal_.paint(service_colour(span), service_of(span)) +
                     " " + terminal_.paint(Colour::kDim, list) + "\n";
        }
    }

    void note(const char* sign, Colour colour, const std::string& what) {
        if (!noted_) text_ += "\n";
        noted_ = true;
        text_ += terminal_.paint(colour, sign) + " " + what + "\n";
    }

    void notes() {
        bool orphans = false, folded = false, hidden = false;
        for (const TreeSpan& span : tree_.spans) {
            const std::string who = printable(span.span().name) + " (" + service_of(span) + ")";
            const std::string message = printable(span.span().status_message);
            if (span.unfinished) {
                note(signs_.unfinished, Colour::kYellow, who + ": " + (message.empty() ? "unfinished" : message));
            } else if (span.partial) {
                note(signs_.partial, Colour::kYellow, who + ": was open at " + human_time(span.end()));
            } else if (span.error()) {
                note(signs_.error, Colour::kRed, who + ": " + (message.empty() ? "error" : message));
            }
            orphans |= span.parent_missing;
            folded |= span.alike > 1;
            hidden |= span.hidden != 0;
        }
        if (orphans) note(signs_.orphan, Colour::kDim, std::string("its parent is not ") + options_.place);
        if (folded) note(signs_.times, Colour::kDim, "so many alike, of which this is the slowest");
        if (hidden) note("(+)", Colour::kDim, "so many spans below it are not shown");
        if (options_.critical) note(signs_.critical, Colour::kDim, "on the critical path");
        if (tree_.duplicates != 0) {
            note(signs_.dot, Colour::kDim,
                 count_of(tree_.duplicates, "span", "spans") + " came twice and is shown once");
        }
    }

    const TraceTree& tree_;
    const TraceTree& whole_;
    const Terminal& terminal_;
    const TraceViewOptions& options_;
    const Signs& signs_;
    const std::vector<std::string> services_;
    std::vector<std::string> branches_, below_;
    size_t name_cells_ = 0, service_cells_ = 0, bar_cells_ = 0;
    bool noted_ = false;
    std::string text_;
};

}  // namespace

std::string render_trace(const TraceTree& tree, const Terminal& terminal, const TraceViewOptions& options) {
    return tree.spans.empty() ? std::string() : View(tree, terminal, options).render();
}

}  // namespace spanring::agent
