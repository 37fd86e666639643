// SPDX-License-Identifier: Apache-2.0
//
// spanring-agent: builds what the configuration names, in the order that things depend on each other, and waits for
// signals. The only place of the agent where exceptions end: they are failures to start. The exit codes are in
// docs/agent.md.
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/listening_sockets.hpp"
#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/state_file.hpp"
#include "base/state_lock.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "base/wall_clock.hpp"
#include "config/config.hpp"
#include "config/reference.hpp"
#include "config/run_mode.hpp"
#include "crash/crash_journal.hpp"
#include "crash/crash_scope.hpp"
#include "decide/decision_counters.hpp"
#include "decide/decision_desk.hpp"
#include "decide/live_rules.hpp"
#include "decide/policies.hpp"
#include "decide/rule_shares.hpp"
#include "decide/undecided_files.hpp"
#include "drain/drain_service.hpp"
#include "export/debug_exporter.hpp"
#include "export/file/exporter.hpp"
#include "export/grpc/exporter.hpp"
#include "export/grpc/library_locks.hpp"
#include "export/grpc/log.hpp"
#include "export/grpc/polling.hpp"
#include "export/http/exporter.hpp"
#include "export/kafka/exporter.hpp"
#include "export/stream/exporter.hpp"
#include "export/tap/exporter.hpp"
#include "handover/predecessor.hpp"
#include "ledger/ledger.hpp"
#include "metrics/agent_metrics.hpp"
#include "metrics/health.hpp"
#include "metrics/metrics_server.hpp"
#include "presence/reload_report.hpp"
#include "presence/status_report.hpp"
#include "processors/processors.hpp"
#include "receive/receive_service.hpp"
#include "reload/agent_word.hpp"
#include "reload/metrics_push.hpp"
#include "reload/restart_keys.hpp"
#include "reload/running_exporters.hpp"
#include "reload/running_signals.hpp"
#include "segment/host_facts.hpp"
#include "service/service.hpp"
#include "span_metrics/span_metrics.hpp"
#include "store/store_exporter.hpp"

namespace {

using namespace spanring::agent;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// Exporters are done: whoever waits for an answer gets it.
constexpr std::chrono::seconds kAnswerAtLeast{1};
constexpr std::chrono::seconds kWindDown{5};  // for clients that have connected to ask, and to get their answers

class Agent final : public ServedAgent {
public:
    Agent(const Config& config, FolderSource* users, ListeningSockets& sockets, Programs* programs)
        : programs_(programs),
          lock_(config.state_directory, config.lock_file()),
          ledger_(Ledger::open(config.ledger_file())),
          crashes_(config.crash_file()),
          config_(config) {
        if (config.metrics)
            metrics_server_ =
                std::make_unique<MetricsServer>(*config.metrics, kMetrics, &sockets, config.metrics_entrance);
        if (config.health_check)
            health_server_ = std::make_unique<MetricsServer>(config.health_check->address, kHealthCheck, &sockets,
                                                             config.health_check->entrance);
        DrainOptions options;
        options.directories = config.directories;
        options.give_back_after = config.give_back_after;
        options.batch = limits_of(config.batch);
        options.threads =
            config.drain.threads != 0 ? config.drain.threads : drain_threads_for(std::thread::hardware_concurrency());
        if (config.tail_sampling.enabled) decide_traces(config.tail_sampling, options);
        // What an agent that decided has left is sent: by one thread.
        if (UndecidedFiles::are_in(config.state_directory + "/undecided")) options.threads = 1;
        options.heartbeat = {config.heartbeat.open_longer_than, config.heartbeat.period};
        make_folder_of_spools(config);
        measure_spans(config);
        follow_pauses();
        options.plan = exporters_.start(config.exporters, options.batch);
        signals_.start(config);
        for (const ExporterConfig& exporter : config.exporters) {
            options.queue_bytes = std::min(options.queue_bytes, exporter.waiting_bytes().value_or(options.queue_bytes));
            if (exporter.type == ExporterType::kOtlpGrpc && exporter.otlp.zero_copy != ZeroCopy::kOff) {
                options.zero_copy = exporter.otlp.zero_copy;
            }
        }
        options.users = users;
        options.state_directory = config.state_directory;
        options.host = find_host_facts();
        options.crashes = &crashes_;
        for (uint32_t thread = 0; span_metrics_ != nullptr && thread < options.threads; ++thread)
            options.recorders.push_back(&span_metrics_->add_recorder());
        if (!config.processors.empty()) {
            processors_ = std::make_unique<Processors>(config.processors);
            for (uint32_t i = 0; i < options.threads; ++i) options.processors.push_back(&processors_->add_chain());
        }
        crashes_.arm();
        tell_of_crashes();
        drain_.start(std::move(options), exporters_.plan()->exporters, ledger_.get());
        if (config.otlp.enabled() || !signals_.empty()) {
            take_over_grpc_log();
            ReceiveService::Helpers helpers;
            if (span_metrics_ != nullptr) helpers.recorder = &span_metrics_->add_recorder();
            if (processors_ != nullptr) helpers.processors = &processors_->add_chain();
            helpers.desk = desk_.get();
            helpers.policies = config.tail_sampling.policies;
            helpers.rules = rules_.get();
            helpers.sockets = &sockets;
            receive_ = std::make_unique<ReceiveService>(config.otlp, exporters_.plan(), *ledger_, std::move(helpers),
                                                        signals_.inputs());
        }
        if (metrics_server_ != nullptr) serve_metrics(config);
        if (MetricsPush::wanted(config)) push_metrics(config);
        if (health_server_ != nullptr) health_server_->serve(health_pages(config.health_check->path));
    }

    void reload(const Config& wanted, ReloadReport& report) override {
        for (const std::string& key : keys_for_a_restart(config_, wanted))
            report.problems.push_back(key + ": changes with a restart only, which loses no span");
        if (!report.problems.empty()) return;
        report.anew = keys_to_begin_anew(config_, wanted);
        if (!report.anew.empty()) return;
        make_folder_of_spools(wanted);
        const auto follow = [this](const std::shared_ptr<const ExportPlan>& plan) {
            drain_.follow(plan);
            if (receive_ != nullptr) receive_->follow(plan);
        };
        const auto follow_signal = [this](Signal signal, const std::shared_ptr<const ExportPlan>& plan) {
            if (receive_ != nullptr) receive_->follow(plan, signal);
        };
        if (std::string problem = signals_.change(wanted, follow_signal); !problem.empty())
            return report.problems.push_back(std::move(problem));
        RunningExporters::Change change =
            exporters_.change(wanted.exporters, limits_of(wanted.batch), follow, config_.shutdown_timeout);
        if (!change.problem.empty()) return report.problems.push_back(std::move(change.problem));
        report.added = std::move(change.added);
        report.changed = std::move(change.changed);
        report.removed = std::move(change.removed);
        change_log(wanted.log_level, wanted.log_encoding);
        config_ = wanted;
    }

    void follow_command() override {
        follow_pauses();
        if (rules_ != nullptr) rules_->follow(unix_nano());
    }

    const std::vector<std::string>& directories() const override { return drain_.directories(); }

    std::string description() const override {
        std::vector<std::string> names;
        exporters_.visit([&](const Exporter& exporter) { names.push_back(exporter.name()); });
        return "directories=" + join(drain_.directories(), ",") + ", exporters=" + join(names, ",") +
               (receive_ != nullptr ? ", otlp=" + join(receive_->addresses(), ",") : "") +
               (metrics_server_ != nullptr ? ", metrics=" + metrics_server_->url() : "") +
               (health_server_ != nullptr ? ", health=" + health_server_->url() : "");
    }

    void log_status() const override {
        const DrainStatus drain = drain_.status();
        spdlog::info(
            "drain: {} segments served, {} finished, {} quarantined, {} refused; {} spans in {} batches, {} invalid, "
            "{} batches unanswered",
            drain.serving, drain.finished, drain.quarantined, drain.refused, drain.spans, drain.batches(),
            drain.invalid, drain.outstanding);
        exporters()([](const Exporter& exporter) {
            const ExporterStatus status = exporter.status();
            spdlog::info("{}: {}exported {}, rejected {}, dropped {}, queued {}; "
                         "spooled {}, of these exported {}, rejected {}, dropped {}; spool {}{}",
                         exporter.name(), status.healthy ? "" : "UNHEALTHY, ", status.exported, status.rejected,
                         status.dropped, status.queued_spans, status.spooled, status.spool_exported,
                         status.spool_rejected, status.spool_dropped, format_size(status.spool_bytes),
                         status.last_error.empty() ? "" : "; last error: " + status.last_error);
        });
    }

    VisitExporters exporters() const override {
        return [this](const auto& visit) {
            exporters_.visit(visit);
            signals_.visit(visit);
        };
    }
    void describe_decisions(StatusReport& report) const override {
        if (decisions_ == nullptr) return;
        describe(*decisions_, report);
        describe(*decisions_, config_.tail_sampling.policies, *rules_, report);
    }
    DrainStatus drain() const override { return drain_.status(); }

    void wind_down() override {
        for (const auto* server : {&metrics_server_, &health_server_})
            if (*server != nullptr) (*server)->stop(kWindDown);
        if (receive_ != nullptr) receive_->wind_down(std::chrono::steady_clock::now() + kWindDown);
    }

    bool shutdown(std::chrono::steady_clock::time_point deadline) override {
        for (const auto* server : {&metrics_server_, &health_server_})
            if (*server != nullptr) (*server)->stop();  // they ask the drain, which goes now
        if (push_ != nullptr) push_->stop(deadline);
        if (receive_ != nullptr) receive_->close();
        const bool all = drain_.shutdown(deadline);  // and with it the exporters, which resolve what was received
        signals_.shutdown(deadline);
        if (receive_ != nullptr) receive_->stop(std::max(deadline, std::chrono::steady_clock::now() + kAnswerAtLeast));
        crashes_.forget();
        if (all) ledger_->end_well();
        signals_.end_well();
        return all;
    }

private:
    void follow_pauses() {
        exporters_.follow_pauses(config_.state_directory);
        signals_.follow_pauses(config_.state_directory);
    }

    void tell_of_crashes() const {
        for (const CrashJournal::Crash& crash : crashes_.crashes()) {
            if (crash.place.starts_with(kCrashInExporter)) {
                spdlog::warn("an earlier agent crashed ({}) on the thread of {}", signal_name(crash.signal),
                             crash.place);
            } else if (crashes_.reason_to_quarantine(crash.place).empty()) {
                spdlog::warn(
                    "an earlier agent crashed ({}) while it read {}; if that happens again, the segment is quarantined",
                    signal_name(crash.signal), crash.place);
            }
        }
    }

    // Of those that have no place of their own.
    static void make_folder_of_spools(const Config& config) {
        const std::string folder = config.state_directory + "/spool";
        for (const ExporterConfig& exporter : config.exporters) {
            const OtlpOptions* const otlp = exporter.delivery();
            if (otlp == nullptr || !otlp->spool.enabled || !otlp->spool.directory.starts_with(folder + "/")) continue;
            try {
                return make_state_directory(folder);
            } catch (const std::system_error& error) {
                return spdlog::error("{}", error.what());
            }
        }
    }

    void decide_traces(const TailSamplingOptions& sampling, DrainOptions& options) {
        options.threads = 1;
        options.tail_sampling = sampling;
        const Policies policies(sampling.policies);
        const auto name = [this](const std::string& rule) { ledger_->name_rule(rule_hash(rule), rule); };
        for (const std::string& rule : policies.names()) name(rule);
        decisions_ = std::make_unique<DecisionCounters>(policies.names());
        options.decisions = decisions_.get();
        rules_ = std::make_unique<LiveRules>(config_.state_directory, rule_slots_beside(policies.marks()),
                                             LiveRules::rest(sampling), name);
        rules_->follow(unix_nano());
        options.rules = rules_.get();
        desk_ = std::make_unique<DecisionDesk>();
        options.desk = desk_.get();
    }

    // For metrics where they are asked for, and for people where there is a store to look at.
    void measure_spans(const Config& config) {
        const bool stores =
            std::any_of(config.exporters.begin(), config.exporters.end(),
                        [](const ExporterConfig& exporter) { return exporter.type == ExporterType::kStore; });
        if (!config.measures_spans && !config.draws_graph && !stores) return;
        span_metrics_ = std::make_unique<SpanMetrics>(
            config.measures_spans ? std::optional(config.span_metrics) : std::nullopt,
            config.draws_graph ? std::optional(config.service_graph) : std::nullopt, stores);
    }

    static BatchLimits limits_of(const BatchConfig& batch) {
        return {batch.send_batch_size, batch.send_batch_max_bytes, batch.timeout};
    }

    std::unique_ptr<Exporter> make(const ExporterConfig& config, uint32_t index, Ledger& ledger) {
        ledger.name_exporter(config.id);
        switch (config.type) {
            case ExporterType::kOtlpGrpc:
                return make_otlp_grpc_exporter(config.id, index, config.required(), config.otlp, &ledger,
                                               [this](const InstanceId& instance) { drain_.distrust(instance); });
            case ExporterType::kOtlpHttp:
                return make_otlp_http_exporter(config.id, index, config.required(), config.http, &ledger);
            case ExporterType::kKafka:
                return make_kafka_exporter(config.id, index, config.required(), config.kafka, &ledger);
            case ExporterType::kUnix:
                return make_unix_exporter(config.id, index, config.required(), config.unix_socket, &ledger);
            case ExporterType::kExec:
                return make_exec_exporter(config.id, index, config.required(), config.exec, &ledger, programs_);
            case ExporterType::kTap:
                return make_tap_exporter(config.id, index, config.tap, config_.state_directory, programs_);
            case ExporterType::kFile:
                return std::make_unique<FileExporter>(config.id, index, config.required(), config.file);
            case ExporterType::kDebug:
                return std::make_unique<DebugExporter>(config.id, index, config.required(), config.debug);
            case ExporterType::kStore: break;
        }
        return std::make_unique<StoreExporter>(config.id, index, config.required(), config.store,
                                               [this] { return span_metrics_->operations(); });
    }

    MetricsSources metrics_sources(const Config& config) {
        MetricsSources sources;
        sources.directories = drain_.directories();
        sources.ledger_file = config.ledger_file();
        sources.exporters = [this](const auto& visit) { exporters_.visit(visit); };
        for (const ReceiveService::Other& input : signals_.inputs()) {
            const Signal signal = input.signal;
            sources.signals.push_back({signal, [this, signal](const auto& visit) { signals_.visit(signal, visit); },
                                       [this, signal] { return receive_->status(signal); }});
        }
        sources.drain = [this] { return drain_.status(); };
        sources.span_metrics = span_metrics_.get();
        sources.processors = processors_.get();
        sources.decisions = decisions_.get();
        if (receive_ != nullptr && receive_->status()) sources.receiver = [this] { return *receive_->status(); };
        return sources;
    }

    void push_metrics(const Config& config) {
        push_ = std::make_unique<MetricsPush>(
            config, metrics_sources(config),
            [this](const auto& exporter, uint32_t index) { return make(exporter, index, *ledger_); },
            [this](const auto& request) { receive_->take(Signal::kMetrics, request); });
    }

    void serve_metrics(const Config& config) {
        metrics_ = std::make_unique<AgentMetrics>(metrics_sources(config));
        MetricsServer::Pages pages = health_pages({});
        pages.metrics = [this](ExpositionFormat format) { return metrics_->page(format); };
        metrics_server_->serve(std::move(pages));
    }

    MetricsServer::Pages health_pages(const std::string& path) const {
        return {{}, [] { return liveness(); }, [this] { return readiness(exporters()); }, path};
    }

    Programs* const programs_;  // null: there are none
    StateLock lock_;
    std::unique_ptr<Ledger> ledger_;
    CrashJournal crashes_;
    std::unique_ptr<SpanMetrics> span_metrics_;  // exporters read it
    Config config_;                              // in effect
    RunningExporters exporters_{
        [this](const ExporterConfig& config, uint32_t index) { return make(config, index, *ledger_); }};
    RunningSignals signals_{
        [this](const auto& config, uint32_t index, Ledger& ledger) { return make(config, index, ledger); }};
    std::unique_ptr<Processors> processors_;
    std::unique_ptr<DecisionCounters> decisions_;
    std::unique_ptr<LiveRules> rules_;
    std::unique_ptr<DecisionDesk> desk_;
    std::unique_ptr<ReceiveService> receive_;  // it goes after the drain, which ends what it has given to exporters
    DrainService drain_;                       // it uses the others and goes before them
    std::unique_ptr<AgentMetrics> metrics_;
    std::unique_ptr<MetricsPush> push_;
    std::unique_ptr<MetricsServer> metrics_server_, health_server_;  // last: they use the metrics, and these the rest
};

int run(int argc, char** argv) {
    ::umask(0077);  // files are for this user alone, and for this user they are
    const Flags flags = parse_flags(argc, argv);
    if (flags.help) return std::fputs(flags.help_text.c_str(), stdout), 0;
    if (flags.version) return std::printf("spanring-agent %s\n", version().c_str()), 0;
    if (flags.describe_options) return std::fputs(print_reference(reference()).c_str(), stdout), 0;
    LoadedConfig loaded = load_and_check(flags, process_environment());
    for (const std::string& problem : loaded.problems) std::fprintf(stderr, "spanring-agent: %s\n", problem.c_str());
    if (!loaded.problems.empty()) return kExitUsage;

    start_log(loaded.config.log_level, loaded.config.log_encoding);
    for (const std::string& warning : loaded.warnings) spdlog::warn("{}", warning);
    if (flags.command != Flags::Command::kRun) return std::fputs(answer(flags.command, loaded).c_str(), stdout), 0;
    have_no_lock_cycles_looked_for();
    have_each_read_its_own(loaded.config.otlp.grpc.entrance.max_connections);
    return serve(std::move(loaded), flags, run_mode(argc, argv),
                 [](const Config& config, FolderSource* users, ListeningSockets& sockets, Programs* programs) {
                     return std::make_unique<Agent>(config, users, sockets, programs);
                 });
}

}  // namespace

int main(int argc, char** argv) {
    const auto busy = [](const std::exception& error) {
        std::fprintf(stderr, "spanring-agent: already running: %s\n", error.what());
        return kExitBusy;
    };
    try {
        return run(argc, argv);
    } catch (const AgentBusy& error) {
        return busy(error);
    } catch (const StateBusy& error) {
        return busy(error);
    } catch (const NotReplaced& error) {
        std::fprintf(stderr, "spanring-agent: not replaced: %s\n", error.what());
        return kExitBusy;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "spanring-agent: %s\n", error.what());
        return kExitFailed;
    }
}
