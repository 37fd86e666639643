// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/agent_facts.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"
#include "base/unix_address.hpp"
#include "command/doctor/agent_configuration.hpp"
#include "command/doctor/backend_trial.hpp"
#include "config/config.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"
#include "presence/running_agent.hpp"
#include "ring/layout.hpp"
#include "ring/runtime_directory.hpp"
#include "segment/segment_lock.hpp"
#include "tap/roudi.hpp"

namespace spanring::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kDefaultSegment = uint64_t{16} << 20;
constexpr rlim_t kFewFiles = 1024;  // the agent keeps one descriptor for each process

enum class Lock { kHeld, kFree, kNone, kUnknown };
Lock lock_in(const std::string& directory) {
    const Descriptor file(::open((directory + "/agent.lock").c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return errno == ENOENT || errno == ENOTDIR ? Lock::kNone : Lock::kUnknown;
    const Liveness holder = process_liveness(file.get());
    return holder == Liveness::kAlive ? Lock::kHeld : holder == Liveness::kDead ? Lock::kFree : Lock::kUnknown;
}

const RunningAgent* agent_of(const std::string& directory, const Sites& sites) {
    for (const Site& site : sites.all) {
        const auto& served = site.directories;
        if (site.agent && std::find(served.begin(), served.end(), directory) != served.end()) return &*site.agent;
    }
    return nullptr;
}

bool serves_one_of(const Site& site, const std::vector<std::string>& directories) {
    return std::any_of(directories.begin(), directories.end(), [&](const std::string& directory) {
        return std::find(site.directories.begin(), site.directories.end(), directory) != site.directories.end();
    });
}

// Where the agent of all users runs, it lacks no more than a directory.
std::string way_to_an_agent(const std::string& directory) {
    char packaged[ring::kRuntimePathSize];
    const std::string own = "systemctl --user start spanring-agent, or spanring-agent" +
                            (directory.empty() ? "" : " --directory " + directory);
    if (ring::runtime_directory_path(ring::RuntimeDirectory::kPackage, packaged, sizeof packaged) != 0) return own;
    std::string problem;
    const auto agent = running_agent_of(packaged, problem);
    if (!agent || !agent->all_users || directory == packaged) return own;
    const std::string user = std::to_string(::geteuid());
    return "the agent of all users (" + describe(*agent) + ") serves " + packaged +
           " alone: as root, install -d -m 0700 -o " + user + " " + packaged + "; or " + own;
}

struct Target {
    std::string host, port, path;  // path: of a unix socket
};

Target target_of(const ExporterConfig& exporter) {
    if (exporter.type == ExporterType::kOtlpGrpc) {
        const Endpoint endpoint = parse_endpoint(exporter.otlp.endpoint, exporter.otlp.insecure);
        return {endpoint.host, endpoint.port, endpoint.path};
    }
    const HttpEndpoint endpoint = parse_http_endpoint(exporter.http.endpoint, exporter.http.traces_endpoint);
    if (!endpoint.socket.empty()) return {"", "", endpoint.socket};
    std::string rest = endpoint.url.substr(endpoint.url.find("://") + 3);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (const size_t user = rest.rfind('@'); user != std::string::npos) rest = rest.substr(user + 1);
    Target target{rest, endpoint.tls ? "443" : "80", ""};
    const size_t colon = rest.rfind(':');
    if (colon != std::string::npos && rest.find(']', colon) == std::string::npos) {
        target.host = rest.substr(0, colon);
        target.port = rest.substr(colon + 1);
    }
    if (target.host.starts_with("[")) target.host = target.host.substr(1, target.host.size() - 2);
    return target;
}

// 0, or errno.
int connect_to(const sockaddr* address, socklen_t size, Clock::time_point deadline) {
    const Descriptor socket(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return errno;
    int error = ::connect(socket.get(), address, size) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd waited = {socket.get(), POLLOUT, 0};
        const int came = ::poll(&waited, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
        socklen_t length = sizeof error;
        if (came <= 0)
            error = came == 0 ? ETIMEDOUT : errno;
        else if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0)
            error = errno;
    }
    return error;
}

// Empty, or why not.
std::string reach(const Target& target, std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    if (!target.path.empty()) {
        const UnixAddress address(target.path);
        const int error = connect_to(address.get(), address.size(), deadline);
        return error == 0 ? "" : error_text(error);
    }
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(target.host.c_str(), target.port.c_str(), &wanted, &found); error != 0)
        return std::string("its name cannot be resolved: ") + ::gai_strerror(error);
    int error = EADDRNOTAVAIL;
    for (const addrinfo* each = found; each != nullptr && error != 0; each = each->ai_next)
        error = connect_to(each->ai_addr, each->ai_addrlen, deadline);
    ::freeaddrinfo(found);
    return error == 0 ? "" : error_text(error);
}

Finding look_at_brokers(const ExporterConfig& exporter, std::chrono::milliseconds patience) {
    const std::string where = join(exporter.kafka.brokers, ",");
    const std::string trouble = try_kafka(exporter.kafka, patience);
    if (trouble.empty())
        return {Health::kOk, "backend", exporter.id + ": " + where + " answers for topic " + exporter.kafka.topic, ""};
    return {Health::kError, "backend",
            exporter.id + ": " + where + " cannot be used: " + trouble +
                "; spans wait in the spool, and are dropped and counted once that is full",
            "start the cluster, make the topic, or correct the exporter's brokers, auth and tls (--config FILE)"};
}

Finding look_at_socket(const ExporterConfig& exporter, std::chrono::milliseconds patience) {
    const std::string& path = exporter.unix_socket.path;
    const std::string reason = reach({"", "", path}, patience);
    if (reason.empty()) return {Health::kOk, "backend", exporter.id + ": a program listens at " + path, ""};
    return {Health::kError, "backend",
            exporter.id + ": " + path + " cannot be reached: " + reason +
                "; spans wait in the spool, and are dropped and counted once that is full",
            "start the program that takes frames there (docs/frames.md), or correct path (--config FILE)"};
}

// That its program can be started is the configuration's affair, and that nobody subscribes is nobody's fault.
Finding look_at_tap(const ExporterConfig& exporter) {
    const std::string starts = exporter.id + ": the agent starts " + exporter.tap.program_file();
    if (tap::Roudi::runs()) return {Health::kOk, "backend", starts + "; iceoryx's daemon (iox-roudi) runs", ""};
    return {Health::kWarning, "backend",
            starts + "; iceoryx's daemon (iox-roudi) does not run, or not for this user: nobody can subscribe, and "
                     "nothing waits for it",
            "start iox-roudi (Debian: the package iceoryx); a container needs the host's /tmp and /dev/shm "
            "(docs/tap.md)"};
}

Finding look_at_backend(const ExporterConfig& exporter, std::chrono::milliseconds patience) {
    if (exporter.type == ExporterType::kUnix) return look_at_socket(exporter, patience);
    if (exporter.type == ExporterType::kExec)  // that it can be started is the configuration's affair
        return {Health::kOk, "backend", exporter.id + ": the agent starts " + exporter.exec.command.front(), ""};
    if (exporter.type == ExporterType::kTap) return look_at_tap(exporter);
    if (exporter.type == ExporterType::kKafka) return look_at_brokers(exporter, patience);
    if (exporter.delivery() == nullptr)
        return {Health::kOk, "backend", exporter.id + ": on this host, nothing to connect to", ""};
    const Target target = target_of(exporter);
    const std::string where = target.path.empty() ? target.host + " port " + target.port : shown_unix_path(target.path);
    const std::string reason = reach(target, patience);
    if (reason.empty()) {
        const std::string refusal = try_backend(exporter, patience);
        if (refusal.empty())
            return {Health::kOk, "backend", exporter.id + ": " + where + " accepts connections and takes requests", ""};
        return {Health::kError, "backend",
                exporter.id + ": " + where + " accepts connections, and does not take an empty request: " + refusal,
                "look at the exporter's endpoint (its path, its scheme), headers and tls"};
    }
    return {Health::kError, "backend",
            exporter.id + ": " + where + " cannot be reached: " + reason +
                "; spans wait in the spool, and are dropped and counted once that is full",
            "start it, or correct the endpoint (--config FILE, --endpoint of the agent, OTEL_EXPORTER_OTLP_ENDPOINT)"};
}

rlim_t limit(pid_t pid, decltype(RLIMIT_NOFILE) which) {
    rlimit value{};
    const int result = ::prlimit(pid, which, nullptr, &value);
    return result == 0 ? value.rlim_cur : RLIM_INFINITY;
}

}  // namespace

Findings look_at_agents(const std::vector<std::string>& directories, const Sites& sites) {
    Findings findings;
    for (const std::string& directory : directories) {
        if (const RunningAgent* const agent = agent_of(directory, sites)) {
            findings.push_back({Health::kOk, "agent",
                                "one serves " + directory + ": " + describe(*agent) + ", version " + agent->version +
                                    ", exports to " + join(agent->exporters),
                                ""});
            continue;
        }
        switch (lock_in(directory)) {
            case Lock::kHeld: findings.push_back({Health::kOk, "agent", "one serves " + directory, ""}); break;
            case Lock::kUnknown:
                findings.push_back({Health::kWarning, "agent",
                                    "its lock in " + directory + " cannot be examined: " + error_text(errno), ""});
                break;
            case Lock::kFree:
            case Lock::kNone:
                findings.push_back(
                    {Health::kWarning, "agent",
                     "none serves " + directory +
                         ": spans wait in shared memory until one does, and are dropped and counted once a ring is "
                         "full",
                     way_to_an_agent(directory)});
        }
    }
    const bool any =
        std::any_of(sites.all.begin(), sites.all.end(), [](const Site& site) { return site.agent.has_value(); });
    if (directories.empty() && !any) {
        findings.push_back({Health::kWarning, "agent",
                            "none runs for this user, and no directory of segments is there yet", way_to_an_agent("")});
    }
    for (const Site& site : sites.all) {
        if (site.agent && !serves_one_of(site, directories)) {
            findings.push_back(
                {Health::kOk, "agent", "one serves " + join(site.directories) + ": " + describe(*site.agent), ""});
        }
        const std::string whose = site.agent ? "the agent's, " + describe(*site.agent) : "no agent uses it";
        findings.push_back({Health::kOk, "state", site.state_directory + ": " + whose, ""});
    }
    for (const std::string& problem : sites.problems) findings.push_back({Health::kWarning, "state", problem, ""});
    return findings;
}

Findings look_at_backends(const AgentConfiguration& configuration, std::chrono::milliseconds patience) {
    Findings findings;
    if (!configuration.loaded) {
        return {{Health::kOk, "configuration",
                 configuration.source + "; only its user and root can look at it, and at its backends", ""}};
    }
    const LoadedConfig& loaded = *configuration.loaded;
    for (const std::string& problem : loaded.problems)
        findings.push_back({Health::kError, "configuration", problem, "correct it; the agent does not start with it"});
    for (const std::string& warning : loaded.warnings)
        findings.push_back({Health::kWarning, "configuration", warning, ""});
    if (!loaded.problems.empty()) return findings;
    findings.push_back({Health::kOk, "configuration", configuration.source, ""});
    for (const ExporterConfig& exporter : loaded.config.exporters) {
        for (const ExporterConfig& one : exporter.by_endpoint()) findings.push_back(look_at_backend(one, patience));
    }
    return findings;
}

Findings look_at_limits(pid_t pid) {
    Findings findings;
    const rlim_t files = limit(pid, RLIMIT_NOFILE), largest = limit(pid, RLIMIT_FSIZE), memory = limit(pid, RLIMIT_AS);
    if (files < kFewFiles) {
        findings.push_back(
            {Health::kWarning, "limits",
             "RLIMIT_NOFILE is " + std::to_string(files) +
                 ": the agent needs a descriptor for each process that writes spans",
             "ulimit -n " + std::to_string(kFewFiles) + " or more for the agent (LimitNOFILE= of its unit)"});
    }
    if (largest < kDefaultSegment) {
        findings.push_back({largest < ring::segment_size(1) ? Health::kError : Health::kWarning, "limits",
                            "RLIMIT_FSIZE is " + std::to_string(largest) + " bytes: a segment's file is " +
                                format_size(kDefaultSegment) +
                                " by default; with this limit it is smaller, or not made at all below " +
                                format_size(ring::segment_size(1)),
                            "ulimit -f unlimited, or lower SPANRING_MEMORY_LIMIT"});
    }
    if (memory < 2 * kDefaultSegment) {
        findings.push_back({Health::kWarning, "limits",
                            "RLIMIT_AS is " + std::to_string(memory) +
                                " bytes: where a segment cannot be mapped whole, tracing is off",
                            "ulimit -v unlimited, or lower SPANRING_MEMORY_LIMIT"});
    }
    if (findings.empty())
        findings.push_back({Health::kOk, "limits",
                            (files == RLIM_INFINITY ? "any number of" : std::to_string(files)) +
                                " descriptors, files and memory of any size that is needed",
                            ""});
    return findings;
}

}  // namespace spanring::agent
