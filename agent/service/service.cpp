// SPDX-License-Identifier: Apache-2.0
#include "service/service.hpp"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/foreign_text.hpp"
#include "base/listening_sockets.hpp"
#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/signals.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "base/wall_clock.hpp"
#include "config/config.hpp"
#include "config/run_mode.hpp"
#include "drain/descriptor_budget.hpp"
#include "drain/drain_status.hpp"
#include "handover/background.hpp"
#include "handover/control_socket.hpp"
#include "handover/predecessor.hpp"
#include "metrics/metrics_server.hpp"
#include "presence/announcement.hpp"
#include "presence/reload_report.hpp"
#include "presence/status_report.hpp"
#include "presence/supervised_wait.hpp"
#include "programs/programs.hpp"
#include "receive/acceptor.hpp"
#include "reload/agent_word.hpp"
#include "reload/read_again.hpp"
#include "rights/privileges.hpp"
#include "rights/system_call_filter.hpp"
#include "rights/users.hpp"

namespace spanring::agent {
namespace {

constexpr char kUsersDirectory[] = "/run/spanring";
// What else the end of an agent may take: farewells to clients, and the last answers to them.
constexpr std::chrono::seconds kBesideDraining{30};

template <class Report>
void write_report(const Report& report, const std::string& state_directory) {
    try {
        report.write(state_directory);
    } catch (const std::runtime_error& error) {
        spdlog::warn("{}", error.what());
    }
}

// What stays as it is while one Agent goes and another comes in the same process: where one was to be replaced and was
// not, or begins anew.
struct Site {
    const Flags& flags;
    LoadedConfig loaded;  // in effect
    const MakeAgent make;
    const sigset_t signals = awaited_signals();
    Background background{};
    ListeningSockets sockets{};
    std::unique_ptr<Predecessor> predecessor{};
    Supervision supervision = Supervision::of_environment();
    std::unique_ptr<Supervisor> supervisor{};
    std::unique_ptr<Programs> programs{};
    std::unique_ptr<Users> users{};
    std::unique_ptr<ControlSocket> control{};
    bool confined = false;
    ReloadReport report{};  // of the last reload
    uint64_t started_unix_nano = 0, configured_unix_nano = 0;
    std::optional<LoadedConfig> before{};  // in effect until it began anew, which is not done yet
    // It stays where the agent begins anew: one of all users had the right to write the notice that all of them see,
    // and has it no more.
    std::optional<Announcement> announcement{};
};

// That exporters have, by their names.
std::vector<Program> programs_of(const Config& config) {
    std::vector<Program> programs;
    const auto add = [&](const std::vector<ExporterConfig>& exporters) {
        for (const ExporterConfig& exporter : exporters) {
            Program program{exporter.id, exporter.exec.command, exporter.exec.environment, exporter.exec.directory};
            if (exporter.type == ExporterType::kTap)
                program.command = {exporter.tap.program_file()};
            else if (exporter.type != ExporterType::kExec)
                continue;
            for (const char* name : {"PATH", "HOME", "LANG", "TZ"})
                if (const char* const value = std::getenv(name)) program.environment.emplace(name, value);
            programs.push_back(std::move(program));
        }
    };
    add(config.exporters);
    for (const Signal signal : kOtherSignals) add(exporters_of(config, signal));
    return programs;
}

// SIGHUP. The flags and the environment are those of the start, the file is read again. True: the agent is to begin
// anew.
bool reload(Site& site, ServedAgent& agent, Notice& notice, StatusReport& status) {
    ReloadReport& report = site.report;
    site.supervisor->notify(reloading_now().c_str());
    const uint64_t began = unix_nano();
    LoadedConfig loaded = read_again(site.flags, process_environment());
    for (const std::string& warning : loaded.warnings) spdlog::warn("{}", warning);
    report = {report.pid, report.reloads + 1, began, loaded.problems, {}, {}, {}, {}};
    if (report.problems.empty()) agent.reload(loaded.config, report);
    if (report.problems.empty() && !report.anew.empty()) {
        site.before = std::exchange(site.loaded, std::move(loaded));
        return true;
    }
    for (const std::string& problem : report.problems)
        spdlog::error("not reloaded, everything goes on as it was: {}", problem);
    if (report.problems.empty()) {
        const auto names = [](const std::vector<std::string>& exporters) {
            return exporters.empty() ? std::string("none") : join(exporters, ",");
        };
        spdlog::info("reloaded; exporters added: {}; changed: {}; removed: {}", names(report.added),
                     names(report.changed), names(report.removed));
        name_exporters(loaded.config, notice);
        site.announcement->change(notice);
        describe(loaded, status);
        site.loaded = std::move(loaded);
        site.configured_unix_nano = began;
    }
    write_report(report, notice.state_directory);
    site.supervisor->notify("READY=1");
    return false;
}

// Nothing: it cannot be made by what was read again, and is to be made as it was.
std::unique_ptr<ServedAgent> make_agent(Site& site) {
    try {
        return site.make(site.loaded.config, site.users.get(), site.sockets, site.programs.get());
    } catch (const std::exception& error) {
        if (!site.before) throw;
        spdlog::error("not reloaded, everything goes on as it was: {}", error.what());
        site.report.problems = {error.what()};
        site.report.anew.clear();
    }
    site.loaded = *std::exchange(site.before, std::nullopt);
    site.sockets.all_unused();
    return nullptr;
}

// What opens sockets is the same as in an agent that starts; it is done before another one is told to go.
void listen_at_new_places(const Config& config, ListeningSockets& sockets) {
    boost::asio::io_context context;
    std::list<MetricsServer> pages;
    if (config.metrics) pages.emplace_back(*config.metrics, kMetrics, &sockets);
    if (config.health_check) pages.emplace_back(config.health_check->address, kHealthCheck, &sockets);
    std::list<Acceptor> acceptors;
    if (config.otlp.grpc.enabled) acceptors.emplace_back(context, config.otlp.grpc.endpoint, kReceiver, &sockets);
    if (config.otlp.http.enabled) acceptors.emplace_back(context, config.otlp.http.endpoint, kReceiver, &sockets);
}

// The place of an agent that runs with the same state directory.
void replace(Site& site) {
    const std::string& directory = site.loaded.config.state_directory;
    site.predecessor = Predecessor::find(directory, ending_signals());
    if (site.predecessor == nullptr) return spdlog::info("no agent runs with {}: there is none to replace", directory);
    site.sockets.adopt(site.predecessor->take_sockets());
    listen_at_new_places(site.loaded.config, site.sockets);
    site.sockets.all_unused();
    spdlog::info("takes over from version {}", foreign(site.predecessor->version()));
    site.predecessor->take_over();
    if (!site.predecessor->supervision().socket.empty()) site.supervision = site.predecessor->supervision();
}

// Whether it is to end, as far as signals say that have come by now.
bool is_to_end() {
    const sigset_t ends = ending_signals();
    const timespec no_time{};
    return ::sigtimedwait(&ends, nullptr, &no_time) > 0;
}

// Until a signal ends the agent (true), or another has taken over from it (true) or failed to (false), or it is to
// begin anew (false).
bool serve_once(Site& site) {
    const Config config = site.loaded.config;
    Notice notice{::getpid(), version(), config.state_directory, {}, config.all_users, {}, {}};
    name_exporters(config, notice);
    const bool is_announced = site.announcement.has_value();
    if (!is_announced) site.announcement.emplace();
    if (std::vector<Program> programs = programs_of(config); !programs.empty() && site.programs == nullptr)
        site.programs = std::make_unique<Programs>(std::move(programs), [] { keep_rights(kNoRights); });
    if (config.all_users) {  // first: it forks, and drops rights, which threads would keep
        const bool named = !config.directories.empty();
        const std::string parent = named ? config.directories.front() : kUsersDirectory;
        notice.directories = {parent};
        announce(notice, {parent}, *site.announcement);  // takes a right that is about to go
        if (site.users == nullptr)
            site.users = std::make_unique<Users>(parent, named);
        else
            site.users->begin_anew();
    }
    std::unique_ptr<ServedAgent> agent = make_agent(site);
    if (agent == nullptr) return false;
    if (site.supervisor == nullptr) site.supervisor = std::make_unique<Supervisor>(site.supervision);
    Supervisor& supervisor = *site.supervisor;
    if (site.control == nullptr)
        site.control = std::make_unique<ControlSocket>(config.state_directory, site.sockets, supervisor.supervision());
    site.sockets.close_unused();
    std::optional<ExporterReporter> reporter(std::in_place, agent->exporters(), config.state_directory);
    ReloadReport& report = site.report;
    if (site.started_unix_nano == 0) {
        site.started_unix_nano = unix_nano();
        report = {::getpid(), 0, site.started_unix_nano, {}, {}, {}, {}, {}};
    }
    if (site.before) {
        site.before.reset();
        change_log(config.log_level, config.log_encoding);
        spdlog::info("reloaded, and begun anew for: {}", join(report.anew, ", "));
    }
    if (report.problems.empty()) site.configured_unix_nano = report.unix_nano;
    write_report(report, config.state_directory);
    StatusReport status;
    status.pid = report.pid;
    status.version = version();
    status.started_unix_nano = site.started_unix_nano;
    status.configured_unix_nano = site.configured_unix_nano;
    status.configuration = join(site.flags.config_files);
    describe(site.loaded, status);
    const auto tell = [&] {
        ++status.serial;
        status.unix_nano = unix_nano();
        status.reloads = report.reloads;
        status.refused = report.problems;
        if (report.problems.empty()) status.configured_unix_nano = report.unix_nano;
        reporter->describe(agent->drain(), status);
        agent->describe_decisions(status);
        write_report(status, config.state_directory);
    };
    tell();
    if (!config.all_users) notice.directories = agent->directories();
    if (is_announced) site.announcement->change(notice);
    if (!config.all_users) announce(notice, notice.directories, *site.announcement);
    announce(notice, {config.state_directory}, *site.announcement);
    if (!std::exchange(site.confined, true)) {
        const std::string problem = confine(config.system_calls, true);
        if (!problem.empty()) spdlog::warn("system calls are not confined: {}", problem);
    }
    if (site.predecessor != nullptr) std::exchange(site.predecessor, nullptr)->ready();
    say("spanring-agent ready: " + agent->description());
    supervisor.notify("READY=1");
    site.background.ready();

    const auto look = [&] {
        agent->follow_command();
        reporter->report(agent->drain().spans);
    };
    const auto tell_all = [&](bool asked_by_command) {  // which may do so each second: not for the log
        if (!asked_by_command) agent->log_status();
        tell();
    };
    const auto read_configuration = [&] {
        const bool anew = reload(site, *agent, notice, status);
        if (!anew) tell();
        return anew;
    };
    const int signal = wait_for_end(site.signals, supervisor,
                                    {look, tell_all, read_configuration, [&] { return site.control->look(); }});
    const bool replaced = signal == SIGIO, anew = signal == SIGHUP;
    std::optional<Feeding> feeding;
    if (replaced || anew)
        feeding.emplace(supervisor, std::chrono::steady_clock::now() + config.shutdown_timeout + kBesideDraining);
    if (anew) {
        spdlog::info("begins anew in this process for {}: draining and flushing, at most {}", join(report.anew, ", "),
                     format_duration(config.shutdown_timeout));
        agent->wind_down();
    } else if (replaced) {
        spdlog::info("process {} takes over: draining and flushing, at most {}", site.control->successor(),
                     format_duration(config.shutdown_timeout));
        agent->wind_down();
    } else {
        supervisor.notify("STOPPING=1");
        spdlog::info("{}: draining and flushing, at most {}", signal == SIGINT ? "SIGINT" : "SIGTERM",
                     format_duration(config.shutdown_timeout));
        end_at_next_signal();
        site.control.reset();
        site.sockets.close();
    }
    const bool all = agent->shutdown(std::chrono::steady_clock::now() + config.shutdown_timeout);
    if (all)
        spdlog::info("ended: every span that was committed is answered for");
    else
        spdlog::warn("ended: some spans are left, in their segments, in files or in a spool, for the next agent");
    if (!replaced && !anew) return true;
    reporter.reset();
    agent.reset();
    feeding.reset();
    if (anew && !is_to_end()) {
        site.sockets.all_unused();
        return false;
    }
    site.announcement.reset();
    if (anew) {
        supervisor.notify("STOPPING=1");
        spdlog::info("a signal ends it before it began anew");
        site.control.reset();
        site.sockets.close();
        return true;
    }
    bool ended = false;
    const bool served = site.control->wait_for_successor([&] {
        supervisor.feed();
        return !(ended = is_to_end());
    });
    if (served) supervisor.hand_over_to(site.control->successor());
    if (served || ended) {
        site.sockets.let_go();
        return true;
    }
    spdlog::error("process that was to take over ended before it served: this one goes on");
    site.sockets.all_unused();
    return false;
}

}  // namespace

int serve(LoadedConfig loaded, const Flags& flags, const RunMode& mode, MakeAgent make) {
    Site site{flags, std::move(loaded), std::move(make)};
    if (mode.background) site.background = Background::enter();
    ::pthread_sigmask(SIG_BLOCK, &site.signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a write past RLIMIT_FSIZE fails, as one to a full disk does
    DescriptorBudget::raise();
    try {
        if (mode.replace) replace(site);
        while (!serve_once(site)) {
        }
    } catch (...) {
        // The one that was to be replaced goes on, with the files of its sockets.
        if (site.predecessor != nullptr) {
            site.sockets.let_go();
            if (site.control != nullptr) site.control->let_go();
        }
        throw;
    }
    return 0;
}

}  // namespace spanring::agent
