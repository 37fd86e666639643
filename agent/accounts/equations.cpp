// SPDX-License-Identifier: Apache-2.0
#include "accounts/equations.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace spanring::agent {
namespace {

uint64_t sum(const std::vector<Term>& terms) {
    uint64_t total = 0;
    for (const Term& term : terms) total += term.value;
    return total;
}

std::string side(const std::vector<Term>& terms) {
    std::string text;
    for (const Term& term : terms) append(text, term.name + " " + std::to_string(term.value), " + ");
    return text;
}

void add_unless_zero(std::vector<Term>& terms, const std::string& name, uint64_t value) {
    if (value != 0) terms.push_back({name, value});
}

// `lost`: spans that are on neither side although the sums agree: nobody will ever answer for them.
void judge(Equation& equation, const ProcessAccount& process, bool between_steps, uint64_t lost) {
    if (lost == 0 && equation.left_sum() == equation.right_sum()) return;
    equation.lost = lost;
    equation.verdict = process.state == ProcessState::kQuarantined ? Judgement::kUntrusted
                       : process.moving || between_steps           ? Judgement::kBusy
                                                                   : Judgement::kMismatch;
}

// A spool may answer before the drain has booked that it was given the spans; as long as some wait to be booked, that
// is no more than being between two steps. What a sender sent is not counted at all until the receiver books it. What
// an agent sent again because the one before was killed is in its segment before the ledger has a row of that process.
bool spool_first(const ProcessAccount& process, const ExporterAccount& exporter) {
    return exporter.redelivered != 0 &&
           (exporter.pending_ring != 0 || process.untold || process.state == ProcessState::kSender);
}

// By rule, where the exporter was there whenever one of them decided. What an agent dropped that did not count by rule
// is nobody's.
void add_sampled_out(std::vector<Term>& terms, const ProcessAccount& process, const ExporterAccount& exporter) {
    if (exporter.elsewhere != 0) return add_unless_zero(terms, "sampled_out", exporter.sampled_out);
    uint64_t named = 0;
    for (const RuleAccount& rule : process.rules) {
        named += rule.sampled_out;
        add_unless_zero(terms, "sampled_out{" + rule.name + "}", rule.sampled_out);
    }
    if (exporter.sampled_out > named) terms.push_back({"sampled_out", exporter.sampled_out - named});
}

Equation own_equation(const ProcessAccount& process, uint64_t lost) {
    Equation own;
    own.left = {{"started", process.started()}};
    own.right = {{"ended", process.ended()}, {"open", process.open}};
    add_unless_zero(own.right, "unfinished", process.unfinished);
    judge(own, process, false, lost);
    return own;
}

}  // namespace

uint64_t Equation::left_sum() const { return sum(left); }
uint64_t Equation::right_sum() const { return sum(right); }
std::string Equation::text() const { return side(left) + " = " + side(right); }

std::string Equation::difference() const {
    const uint64_t left_side = left_sum(), right_side = right_sum();
    if (left_side < right_side) return std::to_string(right_side - left_side) + " too many";
    const uint64_t missing = left_side - right_side + lost;
    return missing != 0 ? std::to_string(missing) + " missing" : "";
}

std::vector<Equation> equations_of(const ProcessAccount& process) {
    if (!process.credible) return {};
    // What was only in its segment will never be read.
    const bool gone = process.state == ProcessState::kGone || process.state == ProcessState::kQuarantined;
    std::vector<Equation> equations;
    const bool sender = process.state == ProcessState::kSender;
    if (!sender) equations.push_back(own_equation(process, gone ? process.open : 0));
    for (const ExporterAccount& exporter : process.exporters) {
        Equation& equation = equations.emplace_back();
        equation.exporter = exporter.name;
        if (sender)
            equation.left = {{"received", process.received}};
        else
            equation.left = {{"ended", process.ended()}};
        add_unless_zero(equation.left, "unfinished", process.unfinished);
        if (!sender) add_unless_zero(equation.left, "received", process.received);
        if (process.agent_died) add_unless_zero(equation.left, "redelivered", exporter.redelivered);
        equation.right = {{"exported", exporter.exported}, {"rejected", exporter.rejected}};
        add_unless_zero(equation.right, "filtered", exporter.filtered);
        add_sampled_out(equation.right, process, exporter);
        const size_t before = equation.right.size();
        for (const Cause& cause : drop_causes(process)) {
            equation.right.push_back({"dropped{" + std::string(cause.name) + "}", cause.spans});
        }
        for (const Cause& cause : drop_causes(exporter)) {
            equation.right.push_back({"dropped{" + std::string(cause.name) + "}", cause.spans});
        }
        if (equation.right.size() == before) equation.right.push_back({"dropped", 0});
        // The ledger tells of the undecided ones a moment later than the segment of what is pending.
        const uint64_t undecided = std::min(process.undecided.spans(), exporter.pending_ring);
        add_unless_zero(equation.right, "undecided", undecided);
        equation.right.push_back({"pending", exporter.pending() - undecided});
        add_unless_zero(equation.right, "elsewhere", exporter.elsewhere);
        judge(equation, process, spool_first(process, exporter), gone ? exporter.pending_ring : 0);
    }
    return equations;
}

ProcessAccount total_of(const std::vector<ProcessAccount>& processes) {
    ProcessAccount total;
    for (const ProcessAccount& process : processes) {
        for (size_t i = 0; i < total.writer.size(); ++i) total.writer[i] += process.writer[i];
        total.open += process.open;
        total.unfinished += process.unfinished;
        total.received += process.received;
        total.memory += process.memory;
        total.given_back += process.given_back;
        total.undecided.ring_spans += process.undecided.ring_spans;
        total.undecided.slot_spans += process.undecided.slot_spans;
        total.undecided.ring_bytes += process.undecided.ring_bytes;
        total.undecided.filed_spans += process.undecided.filed_spans;
        total.undecided.filed_bytes += process.undecided.filed_bytes;
        total.moving = total.moving || process.moving;
        total.agent_died = total.agent_died || process.agent_died;
    }
    for (const ProcessAccount& process : processes) {
        for (const RuleAccount& rule : process.rules) {
            const auto same = [&](const RuleAccount& known) { return known.name == rule.name; };
            auto place = std::find_if(total.rules.begin(), total.rules.end(), same);
            if (place == total.rules.end()) place = total.rules.insert(place, RuleAccount{rule.name, 0, 0});
            place->sampled_out += rule.sampled_out;
            place->late += rule.late;
        }
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
            place->spooled += account.spooled;
            place->dropped_invalid += account.dropped_invalid;
            place->dropped_queue += account.dropped_queue;
            place->dropped_spool += account.dropped_spool;
            place->filtered += account.filtered;
            place->sampled_out += account.sampled_out;
            place->pending_ring += account.pending_ring;
            place->pending_spool += account.pending_spool;
            place->elsewhere += account.elsewhere;
            if (process.agent_died) place->redelivered += account.redelivered;
        }
    }
    // What no exporter has answered for yet is pending at each; what only others have is theirs to account for.
    const auto stands_in = [](const ExporterAccount& account) {
        return account.name == kNoExporterYet || account.name == kBestEffort;
    };
    if (!std::all_of(total.exporters.begin(), total.exporters.end(), stands_in))
        std::erase_if(total.exporters, stands_in);
    for (ExporterAccount& account : total.exporters) {
        for (const ProcessAccount& process : processes) {
            const auto same = [&](const ExporterAccount& known) { return known.name == account.name; };
            if (std::any_of(process.exporters.begin(), process.exporters.end(), same)) continue;
            const uint64_t pending = process.exporters.front().pending_ring;  // in the ring: the same for all
            account.pending_ring += pending;
            account.elsewhere +=
                process.handed_on() - std::min(process.dropped_by_process() + pending, process.handed_on());
        }
    }
    return total;
}

}  // namespace spanring::agent
