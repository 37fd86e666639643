// SPDX-License-Identifier: Apache-2.0
#include "command/equations.hpp"

#include <algorithm>

namespace spanring::agent {
namespace {

uint64_t sum(const std::vector<Term>& terms) {
    uint64_t total = 0;
    for (const Term& term : terms) total += term.value;
    return total;
}

std::string side(const std::vector<Term>& terms) {
    std::string text;
    for (const Term& term : terms) text += (text.empty() ? "" : " + ") + term.name + " " + std::to_string(term.value);
    return text;
}

void add_unless_zero(std::vector<Term>& terms, const std::string& name, uint64_t value) {
    if (value != 0) terms.push_back({name, value});
}

void judge(Equation& equation, const ProcessAccount& process, bool quiet) {
    if (equation.left_sum() == equation.right_sum()) return;
    equation.verdict = process.state == ProcessState::kQuarantined ? Verdict::kUntrusted
                       : quiet                                     ? Verdict::kMismatch
                                                                   : Verdict::kBusy;
}

}  // namespace

uint64_t Equation::left_sum() const { return sum(left); }
uint64_t Equation::right_sum() const { return sum(right); }
std::string Equation::text() const { return side(left) + " = " + side(right); }

std::vector<Equation> equations_of(const ProcessAccount& process, bool quiet) {
    std::vector<Equation> equations;
    Equation& own = equations.emplace_back();
    own.left = {{"started", process.started()}};
    own.right = {{"ended", process.ended()}, {"open", process.open}};
    add_unless_zero(own.right, "unfinished", process.unfinished);
    judge(own, process, quiet);
    for (const ExporterAccount& exporter : process.exporters) {
        Equation& equation = equations.emplace_back();
        equation.exporter = exporter.name;
        equation.left = {{"ended", process.ended()}};
        add_unless_zero(equation.left, "unfinished", process.unfinished);
        equation.right = {{"exported", exporter.exported}, {"rejected", exporter.rejected}};
        const size_t before = equation.right.size();
        for (const Cause& cause : drop_causes(process)) {
            equation.right.push_back({"dropped{" + std::string(cause.name) + "}", cause.spans});
        }
        for (const Cause& cause : drop_causes(exporter)) {
            equation.right.push_back({"dropped{" + std::string(cause.name) + "}", cause.spans});
        }
        if (equation.right.size() == before) equation.right.push_back({"dropped", 0});
        equation.right.push_back({"pending", exporter.pending()});
        add_unless_zero(equation.right, "other exporters'", exporter.elsewhere);
        judge(equation, process, quiet);
    }
    return equations;
}

ProcessAccount total_of(const std::vector<ProcessAccount>& processes) {
    ProcessAccount total;
    for (const ProcessAccount& process : processes) {
        for (size_t i = 0; i < total.writer.size(); ++i) total.writer[i] += process.writer[i];
        total.open += process.open;
        total.unfinished += process.unfinished;
        total.overwritten += process.overwritten;
    }
    for (const ProcessAccount& process : processes) {
        for (const ExporterAccount& account : process.exporters) {
            const auto same = [&](const ExporterAccount& known) { return known.name == account.name; };
            auto place = std::find_if(total.exporters.begin(), total.exporters.end(), same);
            if (place == total.exporters.end()) {
                total.exporters.push_back({});
                place = total.exporters.end() - 1;
                place->name = account.name;
            }
            place->exported += account.exported;
            place->rejected += account.rejected;
            place->dropped_invalid += account.dropped_invalid;
            place->dropped_spool += account.dropped_spool;
            place->dropped_shutdown += account.dropped_shutdown;
            place->pending_ring += account.pending_ring;
            place->pending_spool += account.pending_spool;
            place->elsewhere += account.elsewhere;
        }
    }
    // What no exporter has answered for yet is pending at each; what only others have is theirs to account for.
    if (total.exporters.size() > 1) {
        std::erase_if(total.exporters, [](const ExporterAccount& account) { return account.name == kNoExporterYet; });
    }
    for (ExporterAccount& account : total.exporters) {
        for (const ProcessAccount& process : processes) {
            const auto same = [&](const ExporterAccount& known) { return known.name == account.name; };
            if (std::any_of(process.exporters.begin(), process.exporters.end(), same)) continue;
            if (process.exporters.front().name == kNoExporterYet) {
                account.pending_ring += process.exporters.front().pending_ring;
            } else {
                account.elsewhere +=
                    process.ended() + process.unfinished - std::min(process.dropped_by_process(), process.ended());
            }
        }
    }
    return total;
}

}  // namespace spanring::agent
