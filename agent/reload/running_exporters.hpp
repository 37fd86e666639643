// SPDX-License-Identifier: Apache-2.0
//
// The exporters of a running agent, and their change for those of another configuration while spans flow. Those that
// are the same go on untouched: connections, queues, spools, numbers. One that is configured anew ends, and its
// successor, in its place, gets what it left and what came meanwhile. One that goes gets rid of what it has, and what
// it cannot is booked as `elsewhere`, as if an agent without it had found it.
//
// An exporter's index is its name's as long as any batch that it was part of is not booked: answers are found by it.
//
// Header bill: the configuration and what stands in for exporters; main.cpp and its own .cpp alone include it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "batch/exporter.hpp"
#include "batch/held_exporter.hpp"
#include "config/config.hpp"
#include "drain/export_plan.hpp"
#include "presence/paused_exporters.hpp"

namespace spanring::agent {

class RunningExporters {
public:
    using Clock = std::chrono::steady_clock;
    // Throws with what is wrong with it.
    using Make = std::function<std::unique_ptr<Exporter>(const ExporterConfig& config, uint32_t index)>;
    // Tells the plan to all who submit, and returns when none of them uses the one before.
    using Follow = std::function<void(const std::shared_ptr<const ExportPlan>& plan)>;

    explicit RunningExporters(Make make) : make_(std::move(make)) {}
    RunningExporters(const RunningExporters&) = delete;
    RunningExporters& operator=(const RunningExporters&) = delete;

    // ---- One thread ----

    // Once. Throws what `make` throws.
    std::shared_ptr<const ExportPlan> start(const std::vector<ExporterConfig>& configs, const BatchLimits& limits);

    struct Change {
        std::string problem;  // any: everything is as it was
        std::vector<std::string> added, changed, removed;
    };
    // `patience`: for those that go to get rid of what they have. Throws std::runtime_error where an exporter could be
    // made neither anew nor as it was: the agent cannot go on.
    Change change(const std::vector<ExporterConfig>& configs, const BatchLimits& limits, const Follow& follow,
                  Clock::duration patience);

    // Those are paused that `spanring exporter` wrote there, and no others.
    void follow_pauses(const std::string& state_directory);

    const std::shared_ptr<const ExportPlan>& plan() const { return plan_; }

    // ---- Any thread ----

    void visit(const std::function<void(const Exporter&)>& visitor) const;

private:
    struct Running {
        ExporterConfig config;
        uint32_t index = 0;
        std::unique_ptr<Exporter> exporter;
        std::unique_ptr<HeldExporter> held{};  // in its place, while that is replaced

        Exporter* at_work() const { return held != nullptr ? held.get() : exporter.get(); }
    };
    struct Name {
        std::string name;
        uint32_t index = 0;
        bool required = false;
    };
    struct Past {
        std::weak_ptr<const ExportPlan> plan;
        std::vector<Name> names;
    };
    using List = std::list<Running>;

    std::unique_ptr<Exporter> make(ExporterConfig config, uint32_t index) const;
    bool is_paused(const ExporterConfig& config) const;
    uint32_t index_of(const std::string& name, const List& more);
    void install(const BatchLimits& limits);
    bool replace(const std::vector<std::pair<Running*, const ExporterConfig*>>& changes, std::string& ret_problem);
    void renew(Running& running, const ExporterConfig& config, Clock::time_point deadline, std::string& ret_problem);
    void end(Running& running, Clock::time_point deadline);

    const Make make_;
    mutable Mutex mutex_;  // over what visit() sees; the one thread alone changes it
    List running_;         // in the order of the configuration
    PausedExporters paused_;
    std::deque<Past> past_;
    std::shared_ptr<const ExportPlan> plan_;
    uint64_t plans_ = 0;
};

}  // namespace spanring::agent
