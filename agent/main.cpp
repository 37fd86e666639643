// SPDX-License-Identifier: Apache-2.0
//
// spanring-agent: builds what the configuration names, in the order that things depend on each other, and waits for
// signals. The only place of the agent where exceptions end: they are failures to start. The exit codes are in
// docs/agent.md.
#include <pthread.h>
#include <signal.h>
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
#include <vector>

#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/signals.hpp"
#include "base/state_file.hpp"
#include "base/state_lock.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "base/wall_clock.hpp"
#include "config/config.hpp"
#include "config/reference.hpp"
#include "crash/crash_journal.hpp"
#include "crash/crash_scope.hpp"
#include "decide/decision_counters.hpp"
#include "decide/decision_desk.hpp"
#include "decide/policies.hpp"
#include "decide/undecided_files.hpp"
#include "drain/descriptor_budget.hpp"
#include "drain/drain_service.hpp"
#include "export/debug_exporter.hpp"
#include "export/file/exporter.hpp"
#include "export/grpc/exporter.hpp"
#include "export/grpc/log.hpp"
#include "export/http/exporter.hpp"
#include "export/kafka/exporter.hpp"
#include "ledger/ledger.hpp"
#include "metrics/agent_metrics.hpp"
#include "metrics/health.hpp"
#include "metrics/metrics_server.hpp"
#include "presence/announcement.hpp"
#include "presence/reload_report.hpp"
#include "presence/status_report.hpp"
#include "presence/supervised_wait.hpp"
#include "processors/processors.hpp"
#include "receive/receive_service.hpp"
#include "reload/agent_word.hpp"
#include "reload/metrics_push.hpp"
#include "reload/read_again.hpp"
#include "reload/restart_keys.hpp"
#include "reload/running_exporters.hpp"
#include "reload/running_signals.hpp"
#include "rights/system_call_filter.hpp"
#include "rights/users.hpp"
#include "segment/host_facts.hpp"
#include "span_metrics/span_metrics.hpp"
#include "store/store_exporter.hpp"

namespace {

using namespace spanring::agent;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// Exporters are done: whoever waits for an answer gets it.
constexpr std::chrono::seconds kAnswerAtLeast{1};
constexpr char kUsersDirectory[] = "/run/spanring";

class Agent {
public:
    Agent(const Config& config, FolderSource* users)
        : lock_(config.state_directory, config.lock_file()),
          ledger_(Ledger::open(config.ledger_file())),
          crashes_(config.crash_file()),
          config_(config) {
        if (config.metrics) metrics_server_ = std::make_unique<MetricsServer>(*config.metrics);
        if (config.health_check)
            health_server_ = std::make_unique<MetricsServer>(config.health_check->address, kHealthCheck);
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
            receive_ = std::make_unique<ReceiveService>(config.otlp, exporters_.plan(), *ledger_, std::move(helpers),
                                                        signals_.inputs());
        }
        if (metrics_server_ != nullptr) serve_metrics(config);
        if (MetricsPush::wanted(config)) push_metrics(config);
        if (health_server_ != nullptr) health_server_->serve(health_pages(config.health_check->path));
    }

    // Takes another configuration over while spans flow. The report's problems say why not; then nothing has changed.
    // Throws std::runtime_error: the agent cannot go on.
    void reload(const Config& wanted, ReloadReport& report) {
        for (const std::string& key : keys_for_a_restart(config_, wanted))
            report.problems.push_back(key + ": changes with a restart only, which loses no span");
        if (!report.problems.empty()) return;
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

    void follow_pauses() {
        exporters_.follow_pauses(config_.state_directory);
        signals_.follow_pauses(config_.state_directory);
    }

    const std::vector<std::string>& directories() const { return drain_.directories(); }

    std::string description() const {
        std::vector<std::string> names;
        exporters_.visit([&](const Exporter& exporter) { names.push_back(exporter.name()); });
        return "directories=" + join(drain_.directories(), ",") + ", exporters=" + join(names, ",") +
               (receive_ != nullptr ? ", otlp=" + join(receive_->addresses(), ",") : "") +
               (metrics_server_ != nullptr ? ", metrics=" + metrics_server_->url() : "") +
               (health_server_ != nullptr ? ", health=" + health_server_->url() : "");
    }

    void log_status() const {
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

    VisitExporters exporters() const {
        return [this](const auto& visit) {
            exporters_.visit(visit);
            signals_.visit(visit);
        };
    }
    DrainStatus drain() const { return drain_.status(); }

    bool shutdown(std::chrono::steady_clock::time_point deadline) {
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
        for (size_t i = 0; i < policies.names().size(); ++i) ledger_->name_rule(policies.ids()[i], policies.names()[i]);
        decisions_ = std::make_unique<DecisionCounters>(policies.names());
        options.decisions = decisions_.get();
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
    std::unique_ptr<DecisionDesk> desk_;
    std::unique_ptr<ReceiveService> receive_;  // it goes after the drain, which ends what it has given to exporters
    DrainService drain_;                       // it uses the others and goes before them
    std::unique_ptr<AgentMetrics> metrics_;
    std::unique_ptr<MetricsPush> push_;
    std::unique_ptr<MetricsServer> metrics_server_, health_server_;  // last: they use the metrics, and these the rest
};

template <class Report>
void write_report(const Report& report, const std::string& state_directory) {
    try {
        report.write(state_directory);
    } catch (const std::runtime_error& error) {
        spdlog::warn("{}", error.what());
    }
}

// SIGHUP. The flags and the environment are those of the start, the file is read again.
void reload(const Flags& flags, Agent& agent, Supervisor& supervisor, ReloadReport& report, Notice& notice,
            Announcement& announcement, StatusReport& status) {
    supervisor.notify(reloading_now().c_str());
    const uint64_t began = unix_nano();
    const LoadedConfig loaded = read_again(flags, process_environment());
    for (const std::string& warning : loaded.warnings) spdlog::warn("{}", warning);
    report = {report.pid, report.reloads + 1, began, loaded.problems, {}, {}, {}};
    if (report.problems.empty()) agent.reload(loaded.config, report);
    for (const std::string& problem : report.problems)
        spdlog::error("not reloaded, everything goes on as it was: {}", problem);
    if (report.problems.empty()) {
        const auto names = [](const std::vector<std::string>& exporters) {
            return exporters.empty() ? std::string("none") : join(exporters, ",");
        };
        spdlog::info("reloaded; exporters added: {}; changed: {}; removed: {}", names(report.added),
                     names(report.changed), names(report.removed));
        name_exporters(loaded.config, notice);
        announcement.change(notice);
        describe(loaded, status);
    }
    write_report(report, notice.state_directory);
    supervisor.notify("READY=1");
}

int serve(const LoadedConfig& loaded, const Flags& flags) {
    const Config& config = loaded.config;
    const sigset_t signals = awaited_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a write past RLIMIT_FSIZE fails, as one to a full disk does
    DescriptorBudget::raise();
    Notice notice{::getpid(), version(), config.state_directory, {}, config.all_users, {}, {}};
    name_exporters(config, notice);
    Announcement announcement;
    std::unique_ptr<Users> users;  // first: it forks, and drops rights, which threads would keep
    if (config.all_users) {
        const bool named = !config.directories.empty();
        const std::string parent = named ? config.directories.front() : kUsersDirectory;
        notice.directories = {parent};
        announce(notice, {parent}, announcement);  // takes a right that is about to go
        users = std::make_unique<Users>(parent, named);
    }
    Agent agent(config, users.get());
    ExporterReporter reporter(agent.exporters(), config.state_directory);
    ReloadReport report{::getpid(), 0, unix_nano(), {}, {}, {}, {}};
    write_report(report, config.state_directory);
    StatusReport status;
    status.pid = report.pid;
    status.version = version();
    status.started_unix_nano = status.configured_unix_nano = report.unix_nano;
    status.configuration = join(flags.config_files);
    describe(loaded, status);
    const auto tell = [&] {
        ++status.serial;
        status.unix_nano = unix_nano();
        status.reloads = report.reloads;
        status.refused = report.problems;
        if (report.problems.empty()) status.configured_unix_nano = report.unix_nano;
        reporter.describe(agent.drain(), status);
        write_report(status, config.state_directory);
    };
    tell();
    if (!config.all_users) {
        notice.directories = agent.directories();
        announce(notice, notice.directories, announcement);
    }
    announce(notice, {config.state_directory}, announcement);
    const std::string problem =
        confine(config.system_calls, config.metrics || config.health_check || config.otlp.enabled());
    if (!problem.empty()) {
        spdlog::warn("system calls are not confined: {}", problem);
    }
    say("spanring-agent ready: " + agent.description());
    Supervisor supervisor;
    supervisor.notify("READY=1");

    const auto look = [&] {
        agent.follow_pauses();
        reporter.report(agent.drain().spans);
    };
    const auto tell_all = [&](bool asked_by_command) {  // which may do so each second: not for the log
        if (!asked_by_command) agent.log_status();
        tell();
    };
    const auto take_over = [&] {
        reload(flags, agent, supervisor, report, notice, announcement, status);
        tell();
    };
    const int signal = wait_for_end(signals, supervisor, {look, tell_all, take_over});
    supervisor.notify("STOPPING=1");
    spdlog::info("{}: draining and flushing, at most {}", signal == SIGINT ? "SIGINT" : "SIGTERM",
                 format_duration(config.shutdown_timeout));
    end_at_next_signal();
    const bool all = agent.shutdown(std::chrono::steady_clock::now() + config.shutdown_timeout);
    if (all)
        spdlog::info("ended: every span that was committed is answered for");
    else
        spdlog::warn("ended: some spans are left, in their segments or in a spool, for the next agent");
    return 0;
}

int run(int argc, char** argv) {
    ::umask(0077);  // files are for this user alone, and for this user they are
    const Flags flags = parse_flags(argc, argv);
    if (flags.help) return std::fputs(flags.help_text.c_str(), stdout), 0;
    if (flags.version) return std::printf("spanring-agent %s\n", version().c_str()), 0;
    if (flags.describe_options) return std::fputs(print_reference(reference()).c_str(), stdout), 0;
    const LoadedConfig loaded = load_and_check(flags, process_environment());
    for (const std::string& problem : loaded.problems) std::fprintf(stderr, "spanring-agent: %s\n", problem.c_str());
    if (!loaded.problems.empty()) return kExitUsage;

    start_log(loaded.config.log_level, loaded.config.log_encoding);
    for (const std::string& warning : loaded.warnings) spdlog::warn("{}", warning);
    if (flags.command != Flags::Command::kRun) return std::fputs(answer(flags.command, loaded).c_str(), stdout), 0;
    return serve(loaded, flags);
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
    } catch (const std::exception& error) {
        std::fprintf(stderr, "spanring-agent: %s\n", error.what());
        return kExitFailed;
    }
}
