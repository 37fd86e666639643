// SPDX-License-Identifier: Apache-2.0
#include "reload/running_exporters.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include <unistd.h>

#include <spdlog/spdlog.h>

#include "base/quantity.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {
namespace {

// A backend that answers is waited for; what it does not by then goes to the spool, or to the successor.
constexpr std::chrono::milliseconds kChangeover{1000};
constexpr std::chrono::seconds kMostPatience{10};  // nothing else is done by this thread meanwhile
constexpr uint64_t kHeldBytes = 64u << 20;         // that come meanwhile, before the drain waits

const ExporterConfig* find(const std::vector<ExporterConfig>& configs, const std::string& id) {
    const auto found = std::find_if(configs.begin(), configs.end(), [&](const auto& each) { return each.id == id; });
    return found != configs.end() ? &*found : nullptr;
}

}  // namespace

// That of its name, as long as an answer may come for it; else one for which none can come.
uint32_t RunningExporters::index_of(const std::string& name, const List& more) {
    std::erase_if(past_, [](const Past& past) { return past.plan.expired(); });
    std::array<bool, ring::kExporterRows> taken{};
    std::optional<uint32_t> own;
    const auto look = [&](const std::string& other, uint32_t index) {
        taken.at(index) = true;
        if (other == name) own = index;
    };
    for (const Past& past : past_)
        for (const Name& each : past.names) look(each.name, each.index);
    for (const List* const list : {&std::as_const(running_), &more})
        for (const Running& each : *list) look(each.config.id, each.index);
    if (own) return *own;
    const auto free = std::find(taken.begin(), taken.end(), false);
    if (free != taken.end()) return static_cast<uint32_t>(free - taken.begin());
    throw std::runtime_error("exporter " + name + ": at most " + std::to_string(taken.size()) +
                             " exporters can be in use, those that went and still owe an answer included");
}

// By its own name, or by that of all exporters that are made of the same one of the file.
bool RunningExporters::is_paused(const ExporterConfig& config) const {
    return paused_.names.contains(config.id) || paused_.names.contains(config.name_in_file());
}

// One that is paused never sends anything, not even at its start.
std::unique_ptr<Exporter> RunningExporters::make(ExporterConfig config, uint32_t index) const {
    if (OtlpOptions* const otlp = config.delivery()) otlp->starts_paused = is_paused(config);
    return make_(config, index);
}

// A plan of what there is now.
void RunningExporters::install(const BatchLimits& limits) {
    ExportPlan plan;
    plan.number = ++plans_;
    plan.limits = limits;
    Past past;
    for (const Running& each : running_) {
        plan.exporters.push_back(each.at_work());
        past.names.push_back({each.config.id, each.index, each.at_work()->required()});
    }
    plan.required = plan.rows = required_rows(plan.exporters);
    for (const Past& before : past_) {
        if (before.plan.expired()) continue;
        for (const Name& each : before.names) {
            const auto same = [&](const ExporterRow& row) { return row.index == each.index; };
            if (!each.required || std::any_of(plan.rows.begin(), plan.rows.end(), same)) continue;
            plan.rows.push_back({each.index, exporter_hash(each.name)});
        }
    }
    plan_ = std::make_shared<const ExportPlan>(std::move(plan));
    past.plan = plan_;
    past_.push_back(std::move(past));
}

std::shared_ptr<const ExportPlan> RunningExporters::start(const std::vector<ExporterConfig>& configs,
                                                          const BatchLimits& limits) {
    for (const ExporterConfig& config : configs) {
        const uint32_t index = index_of(config.id, {});
        auto exporter = make(config, index);
        const MutexLock lock(mutex_);
        running_.push_back({config, index, std::move(exporter)});
    }
    install(limits);
    return plan_;
}

RunningExporters::Change RunningExporters::change(const std::vector<ExporterConfig>& configs, const BatchLimits& limits,
                                                  const Follow& follow, Clock::duration patience) {
    Change change;
    List added;
    for (const ExporterConfig& config : configs) {
        const auto same = [&](const Running& each) { return each.config.id == config.id; };
        if (std::any_of(running_.begin(), running_.end(), same)) continue;
        try {
            const uint32_t index = index_of(config.id, added);
            added.push_back({config, index, make(config, index)});
        } catch (const std::exception& error) {
            change.problem = error.what();
            return change;
        }
        change.added.push_back(config.id);
    }

    std::vector<std::pair<Running*, const ExporterConfig*>> changes;
    for (Running& each : running_) {
        const ExporterConfig* const wanted = find(configs, each.config.id);
        if (wanted == nullptr)
            change.removed.push_back(each.config.id);
        else if (*wanted != each.config)
            changes.emplace_back(&each, wanted);
    }
    for (const auto& [each, wanted] : changes) change.changed.push_back(wanted->id);
    const BatchLimits limits_before = plan_->limits;
    if (!changes.empty()) {
        {
            const MutexLock lock(mutex_);
            for (const auto& [each, wanted] : changes)
                each->held = std::make_unique<HeldExporter>(each->config.id, each->index, each->exporter->required(),
                                                            kHeldBytes);
        }
        install(limits_before);
        follow(plan_);
    }
    const bool done = replace(changes, change.problem);

    List leaving;
    {
        const MutexLock lock(mutex_);
        List before = std::move(running_);
        running_.clear();
        const auto move_over = [](List& from, const std::string& id, List& to) {
            const auto at = std::find_if(from.begin(), from.end(), [&](const Running& e) { return e.config.id == id; });
            if (at != from.end()) to.splice(to.end(), from, at);
        };
        if (!done) {
            running_ = std::move(before);
        } else {
            for (const ExporterConfig& config : configs) {
                move_over(before, config.id, running_);
                move_over(added, config.id, running_);
            }
            leaving = std::move(before);
        }
    }
    // Nobody submits to those any more that only stood in.
    std::vector<std::unique_ptr<HeldExporter>> stood_in;
    {
        const MutexLock lock(mutex_);
        for (Running& each : running_)
            if (each.held != nullptr) stood_in.push_back(std::move(each.held));
    }
    install(done ? limits : limits_before);
    follow(plan_);
    stood_in.clear();
    const auto deadline = Clock::now() + std::min<Clock::duration>(patience, kMostPatience);
    for (Running& each : leaving) end(each, deadline);
    return change;
}

// All of them, or none; then what was held goes on. False: none, and why.
bool RunningExporters::replace(const std::vector<std::pair<Running*, const ExporterConfig*>>& changes,
                               std::string& ret_problem) {
    std::vector<std::pair<Running*, ExporterConfig>> before;
    auto deadline = Clock::now() + kChangeover;
    for (const auto& [running, wanted] : changes) {
        before.emplace_back(running, running->config);
        renew(*running, *wanted, deadline, ret_problem);
        if (!ret_problem.empty()) break;
    }
    if (!ret_problem.empty()) {
        deadline = Clock::now() + kChangeover;
        for (const auto& [running, config] : before) {
            std::string problem;
            renew(*running, config, deadline, problem);
            if (problem.empty()) continue;
            for (const auto& [each, wanted] : changes) each->held->shutdown({});  // who waits for it goes on
            throw std::runtime_error("exporter " + config.id + " can be made neither anew (" + ret_problem +
                                     ") nor as it was: " + problem);
        }
    }
    for (const auto& [running, wanted] : changes) running->held->hand_over(*running->exporter);
    return ret_problem.empty();
}

// The old one ends first: a spool, a file is one exporter's.
void RunningExporters::renew(Running& running, const ExporterConfig& config, Clock::time_point deadline,
                             std::string& ret_problem) {
    if (std::unique_ptr<Exporter> old = std::move(running.exporter)) {  // visitors see what stands in
        old->leave_to([held = running.held.get()](const std::shared_ptr<Batch>& batch) { held->inherit(batch); });
        old->shutdown(deadline);
    }
    try {
        running.exporter = make(config, running.index);
        const MutexLock lock(mutex_);
        running.config = config;
    } catch (const std::exception& error) {
        ret_problem = error.what();
    }
}

void RunningExporters::end(Running& running, Clock::time_point deadline) {
    Exporter& exporter = *running.exporter;
    uint64_t left = 0;
    exporter.leave_to([&exporter, &left](const std::shared_ptr<Batch>& batch) {
        left += batch->spans;
        // It has no part in it any more: elsewhere.
        agent::resolve(batch, exporter.index(), exporter.required(), {Outcome::kPending, 0});
    });
    exporter.shutdown(deadline);
    const ExporterStatus status = exporter.status();
    if (left != 0) spdlog::warn("{}: went, and {} spans were not sent by it any more", exporter.name(), left);
    if (const OtlpOptions* const otlp = running.config.delivery(); otlp != nullptr && status.spool_bytes != 0) {
        spdlog::warn("{}: went, and {} wait in its spool, {}, until there is an exporter of that name again",
                     exporter.name(), format_size(status.spool_bytes), otlp->spool.directory);
    }
}

void RunningExporters::follow_pauses(const std::string& state_directory) {
    std::optional<PausedExporters> paused = PausedExporters::read(state_directory, ::geteuid());
    if (!paused || *paused == paused_) return;
    paused_ = *std::move(paused);
    for (Running& each : running_) each.exporter->pause(is_paused(each.config));
}

void RunningExporters::visit(const std::function<void(const Exporter&)>& visitor) const {
    const MutexLock lock(mutex_);
    for (const Running& each : running_) visitor(*each.at_work());
}

}  // namespace spanring::agent
