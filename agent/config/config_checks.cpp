// SPDX-License-Identifier: Apache-2.0
#include "config/config_checks.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "config/config.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"
#include "export/kafka/library.hpp"
#include "export/tls_files.hpp"
#include "receive/tls_context.hpp"
#include "ring/layout.hpp"

namespace spanring::agent {
namespace {

using Problems = std::vector<std::string>;

// Tells what is wrong with a key after all layers: with the place of its value, where it is not a default.
struct Judge {
    const Origins& origins;
    Problems& problems;

    std::string place_of(const std::string& path) const {
        const auto found = origins.find(path);
        return found != origins.end() ? found->second + ": " : "";
    }
    void tell(const std::string& path, const std::string& what) const {
        problems.push_back(place_of(path) + path + ": " + what);
    }
    // `what` begins with the key's name, and the place is that of the first of `keys` that has one.
    void tell(const std::string& component, const std::vector<std::string>& keys, const std::string& what) const {
        std::string place;
        for (const std::string& key : keys)
            if (place.empty()) place = place_of(component + "." + key);
        problems.push_back(place + component + ": " + what);
    }
};

// Files of an exporter are called after it; "otlp_grpc/backup" must not name a directory.
std::string file_name_of(std::string id) {
    std::replace(id.begin(), id.end(), '/', '~');
    return id;
}

void fill_places(Config& config, const Judge& judge) {
    const auto absolute = [&](const std::string& what, const std::string& path) {
        if (!path.starts_with("/")) judge.tell(what, "'" + path + "' is not an absolute path");
    };
    if (config.state_directory.empty())
        judge.problems.emplace_back("state directory: this user has no home directory; give --state-dir");
    else
        absolute("state directory", config.state_directory);
    for (const std::string& directory : config.directories) absolute("receivers.spanring.directories", directory);
    if (config.otlp.enabled() || config.log_pipeline.enabled || config.metric_pipeline.enabled) {
        std::string& kept = config.otlp.kept.directory;
        if (kept.empty()) kept = config.state_directory + "/received";
        absolute("receivers.otlp.kept.directory", kept);
    }
    for (ExporterConfig& exporter : config.exporters) {
        const std::string stem = config.state_directory + "/", path = "exporters." + exporter.id;
        if (OtlpOptions* const otlp = exporter.delivery()) {
            std::string& spool = otlp->spool.directory;
            if (spool.empty()) spool = stem + "spool/" + file_name_of(exporter.id);
            absolute(path + ".spool.directory", spool);
        } else if (exporter.type == ExporterType::kStore) {
            if (exporter.store.path.empty()) {
                exporter.store.path = stem + (exporter.id == "store" ? "spans" : file_name_of(exporter.id)) + ".db";
            }
            absolute(path + ".path", exporter.store.path);
        } else if (exporter.type == ExporterType::kFile) {
            if (exporter.file.path.empty())
                judge.tell(path + ".path", "must be given");
            else
                absolute(path + ".path", exporter.file.path);
        }
    }
}

// Those of the keys were checked where they stand, but for what two say together.
void check_endpoints(const Config& config, const Judge& judge) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (!exporter.is_otlp()) continue;
        const bool http = exporter.type == ExporterType::kOtlpHttp;
        const bool whole = http && !exporter.http.traces_endpoint.empty();
        const bool spread = !exporter.delivery()->spreading.endpoints.empty();
        const char* key = spread ? ".spreading.endpoints" : whole ? ".traces_endpoint" : ".endpoint";
        for (const ExporterConfig& each : exporter.by_endpoint()) {
            try {
                if (http) {
                    parse_http_endpoint(each.http.endpoint, each.http.traces_endpoint);
                } else {
                    parse_endpoint(each.otlp.endpoint, each.otlp.insecure);
                }
            } catch (const std::invalid_argument& error) {
                judge.tell("exporters." + exporter.id + key, error.what());
            }
            if (!spread) key = ".fallback.endpoints";
        }
    }
}

// Of a map the place is that of its first entry.
std::string place_in(const std::string& path, const Judge& judge) {
    const auto entry = judge.origins.lower_bound(path);
    return entry != judge.origins.end() && (entry->first == path || entry->first.starts_with(path + "."))
               ? entry->second + ": "
               : "";
}

// One value of each header, wherever it comes from.
void check_headers_from(const ExporterConfig& exporter, const Judge& judge) {
    const OtlpOptions& otlp = *exporter.delivery();
    std::set<std::string> names;
    for (const auto& [name, value] : otlp.headers) names.insert(lower(name));
    if (otlp.auth) names.insert(lower(otlp.auth->header));
    for (const HeaderFrom& header : otlp.headers_from) {
        if (header.key.empty())
            judge.tell("exporters." + exporter.id + ".headers_from", "each must say key");
        else if (!names.insert(header.key).second)
            judge.tell("exporters." + exporter.id + ".headers_from", "'" + header.key + "' is set twice");
    }
}

// What the transports would refuse.
void check_headers(const Config& config, const Judge& judge) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (!exporter.is_otlp()) continue;
        const bool http = exporter.type == ExporterType::kOtlpHttp;
        check_headers_from(exporter, judge);
        for (const OptionFault& fault : http ? header_faults(exporter.http) : header_faults(exporter.otlp)) {
            const std::string path = "exporters." + exporter.id + "." + fault.key;
            judge.problems.push_back(place_in(path, judge) + path + ": " + fault.what);
        }
    }
}

void check_kafka(const Config& config, const Judge& judge) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.type != ExporterType::kKafka) continue;
        const std::string path = "exporters." + exporter.id;
        if (!has_kafka())
            judge.problems.push_back(place_in(path, judge) + path + ": this agent was built without librdkafka");
        for (const OptionFault& fault : faults_of(exporter.kafka))
            judge.problems.push_back(place_in(path + "." + fault.key, judge) + path + "." + fault.key + ": " +
                                     fault.what);
    }
}

void check_streams(const Config& config, const Judge& judge) {
    for (const ExporterConfig& exporter : config.exporters) {
        std::vector<OptionFault> faults;
        if (exporter.type == ExporterType::kTap) faults = faults_of(exporter.tap);
        if (exporter.type == ExporterType::kTap && config.all_users)
            judge.tell("exporters." + exporter.id, {"instance", "subscriptions"},
                       "is for the agent of one user: whoever is known to iceoryx's daemon reads what is published");
        if (exporter.type == ExporterType::kUnix) faults = faults_of(exporter.unix_socket);
        if (exporter.type == ExporterType::kExec) faults = faults_of(exporter.exec);
        for (const OptionFault& fault : faults) judge.tell("exporters." + exporter.id + "." + fault.key, fault.what);
    }
}

// Not for what is no endpoint: that is told already, and whether its files matter is not known.
bool uses_tls(const ExporterConfig& exporter) {
    try {
        if (exporter.type == ExporterType::kOtlpHttp) return exporter.http.https();
        if (exporter.type == ExporterType::kKafka) return !exporter.kafka.insecure;
        if (exporter.type == ExporterType::kUnix || exporter.type == ExporterType::kExec) return false;
        return parse_endpoint(exporter.otlp.endpoint, exporter.otlp.insecure).tls;
    } catch (const std::invalid_argument&) {
        return false;
    }
}

using VisitEntrance = std::function<void(const std::string&, const ListenAddress&, const EntranceOptions&)>;

// Those that are there, with their paths.
void each_entrance(const ReceiverOptions& otlp, const VisitEntrance& visit) {
    const std::string path = "receivers.otlp.protocols.";
    if (otlp.grpc.enabled) visit(path + "grpc", otlp.grpc.endpoint, otlp.grpc.entrance);
    if (otlp.http.enabled) visit(path + "http", otlp.http.endpoint, otlp.http.entrance);
}
// Where the agent tells of itself.
void each_page(const Config& config, const VisitEntrance& visit) {
    if (config.metrics)
        visit("service.telemetry.metrics", {config.metrics->host, config.metrics->port, ""}, config.metrics_entrance);
    if (!config.health_check) return;
    const HealthCheckOptions& health = *config.health_check;
    visit("extensions." + health.id, {health.address.host, health.address.port, ""}, health.entrance);
}

void check_files(const Config& config, const Judge& judge) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.type == ExporterType::kExec) {
            for (const OptionFault& fault : file_faults_of(exporter.exec))
                judge.tell("exporters." + exporter.id + "." + fault.key, fault.what);
        }
        if (exporter.type == ExporterType::kTap) {
            for (const OptionFault& fault : file_faults_of(exporter.tap))
                judge.tell("exporters." + exporter.id + "." + fault.key, fault.what);
        }
        const std::vector<ExporterConfig> all = exporter.by_endpoint();
        if (exporter.delivery() == nullptr || std::none_of(all.begin(), all.end(), uses_tls)) continue;
        for (const OptionFault& fault : tls_faults(*exporter.delivery()))
            judge.tell("exporters." + exporter.id + "." + fault.key, fault.what);
    }
    const auto look = [&](const std::string& path, const ListenAddress&, const EntranceOptions& entrance) {
        if (entrance.tls.cert_file.empty() || entrance.tls.key_file.empty()) return;  // told already
        for (const TlsFault& fault : faults_of(entrance.tls)) judge.tell(path + ".tls." + fault.key, fault.what);
    };
    each_entrance(config.otlp, look);
    each_page(config, look);
}

// A batch that does not fit into a queue, empty as it may be, would never be sent.
void check_queue(const ExporterConfig& exporter, const BatchConfig& batch, const Judge& judge) {
    const std::optional<uint64_t> queue = exporter.queue_bytes();
    if (!queue || *queue >= batch.send_batch_max_bytes) return;
    judge.tell("exporters." + exporter.id + (exporter.delivery() == nullptr ? "" : ".sending_queue"), {"queue_size"},
               "queue_size (" + format_size(*queue) +
                   ") is less than a batch may have (processors.batch.send_batch_max_bytes, " +
                   format_size(batch.send_batch_max_bytes) + ")");
}

// Each would take the other's for what a killed agent left.
void check_paths(const std::vector<ExporterConfig>& exporters, const Judge& judge) {
    std::map<std::string, std::string> owners;  // by path
    for (const ExporterConfig& exporter : exporters) {
        const bool file = exporter.type == ExporterType::kFile;
        if (!file && exporter.type != ExporterType::kStore) continue;
        const std::filesystem::path path(file ? exporter.file.path : exporter.store.path);
        const auto [owner, free] = owners.emplace(path.lexically_normal().string(), exporter.id);
        if (!free)
            judge.tell("exporters." + exporter.id + ".path", "is the file of exporters." + owner->second + " as well");
    }
}

// Likewise a request that fits into no queue.
void check_receiver(const ReceiverOptions& otlp, const Judge& judge) {
    const auto check = [&](bool enabled, uint64_t most, const char* key) {
        if (!enabled || otlp.queue_bytes >= most) return;
        judge.tell("receivers.otlp", {"queue_size", std::string("protocols.") + key},
                   "queue_size (" + format_size(otlp.queue_bytes) + ") is less than a request may have (protocols." +
                       key + ", " + format_size(most) + ")");
    };
    check(otlp.grpc.enabled, otlp.grpc.most_bytes(), "grpc.max_recv_msg_size_mib");
    check(otlp.http.enabled, otlp.http.max_request_body_size, "http.max_request_body_size");
}

void check_entrances(const Config& config, const Judge& judge) {
    const auto look = [&](const std::string& path, const ListenAddress& address, const EntranceOptions& entrance) {
        const ServerTlsOptions& tls = entrance.tls;
        if (!tls.enabled()) return;
        if (tls.cert_file.empty() || tls.key_file.empty())
            judge.tell(path + ".tls", {"client_ca_file", "cert_file", "key_file"},
                       "cert_file and key_file go together, and client_ca_file needs them");
        if (address.is_unix()) judge.tell(path + ".tls", {"cert_file"}, "is for HOST:PORT; unix:PATH is one user's");
    };
    each_entrance(config.otlp, look);
    each_page(config, look);
}

bool is_loopback(std::string_view broker) {
    const std::string_view host = broker.substr(0, broker.find(':'));
    const bool address = host.find_first_not_of("0123456789.") == std::string_view::npos;
    return host == "localhost" || (address && host.starts_with("127.")) || broker.starts_with("[::1]");
}

void warn_of_plain_passwords(const Config& config, const Judge& judge) {
    for (const ExporterConfig& exporter : config.exporters) {
        const KafkaOptions& kafka = exporter.kafka;
        if (exporter.type != ExporterType::kKafka || kafka.username.empty() || !kafka.insecure) continue;
        if (kafka.mechanism == "PLAIN" && !std::all_of(kafka.brokers.begin(), kafka.brokers.end(), is_loopback))
            judge.tell("exporters." + exporter.id + ".auth.sasl.password",
                       "goes to another host in plaintext, without tls");
    }
}

void warn_of_plain_pages(const Config& config, const Judge& judge) {
    each_page(config, [&](const std::string& path, const ListenAddress& address, const EntranceOptions& entrance) {
        if (entrance.auth && !entrance.tls.enabled() && !address.is_loopback())
            judge.tell(path + ".auth.authenticator",
                       "who asks from other hosts says who it is in plaintext, without tls");
    });
}

void warn_of_open_receivers(const ReceiverOptions& otlp, const Judge& judge) {
    each_entrance(otlp, [&](const std::string& path, const ListenAddress& address, const EntranceOptions& entrance) {
        if (address.is_unix() || address.is_loopback()) return;
        if (!entrance.auth && entrance.tls.client_ca_file.empty())
            judge.tell(path + ".endpoint",
                       address.text() + " may be reached from other hosts, and whoever reaches it can send");
        else if (entrance.auth && !entrance.tls.enabled())
            judge.tell(path + ".auth.authenticator",
                       "senders of other hosts say who they are in plaintext, without tls");
    });
}

template <class Number>
void check_adaptive(const std::string& path, const AdaptiveOptions<Number>& adaptive, const Judge& judge) {
    if (adaptive.minimum <= adaptive.initial && adaptive.initial <= adaptive.maximum) return;
    judge.tell(path, {"minimum", "initial", "maximum"}, "minimum, initial and maximum must be in this order");
}

// Limits between values, whichever layer they came from.
void check_delivery(const ExporterConfig& exporter, const Judge& judge) {
    const std::string path = "exporters." + exporter.id;
    const OtlpOptions& otlp = *exporter.delivery();
    if (otlp.cert_file.empty() != otlp.key_file.empty()) {
        judge.tell(path + ".tls", {"cert_file", "key_file"}, "cert_file and key_file go together, only one is set");
    }
    if (otlp.retry.max_interval < otlp.retry.initial_interval) {
        judge.tell(path + ".retry_on_failure", {"max_interval", "initial_interval"},
                   "max_interval (" + format_duration(otlp.retry.max_interval) +
                       ") is shorter than initial_interval (" + format_duration(otlp.retry.initial_interval) + ")");
    }
    if (otlp.spool.file_bytes > otlp.spool.max_bytes) {
        judge.tell(path + ".spool", {"file_bytes", "max_bytes"},
                   "file_bytes (" + format_size(otlp.spool.file_bytes) + ") is more than max_bytes (" +
                       format_size(otlp.spool.max_bytes) + ")");
    }
    const bool zero_copy = exporter.type == ExporterType::kOtlpGrpc && exporter.otlp.zero_copy == ZeroCopy::kSameUser;
    const std::vector<std::string>& spread = otlp.spreading.endpoints;
    if (!spread.empty() && !otlp.fallback.endpoints.empty()) {
        judge.tell(
            path, {"spreading.endpoints", "fallback.endpoints"},
            "spreading.endpoints cannot be with fallback.endpoints: spreading.away says what becomes of the share of "
            "an endpoint that is away");
    }
    if (zero_copy && !spread.empty()) {
        judge.tell(path, {"zero_copy", "spreading.endpoints"}, "zero_copy cannot be with spreading.endpoints");
    }
    if (std::set<std::string>(spread.begin(), spread.end()).size() != spread.size())
        judge.tell(path, {"spreading.endpoints"}, "spreading.endpoints: one of them is there twice");
    check_adaptive(path + ".sending_queue.adaptive_concurrency", otlp.concurrency, judge);
    check_adaptive(path + ".sending_queue.adaptive_request_size", otlp.request_size, judge);
    if (zero_copy && !otlp.fallback.endpoints.empty()) {
        judge.tell(path, {"zero_copy", "fallback.endpoints"}, "zero_copy cannot be with fallback.endpoints");
    }
    if (zero_copy && otlp.compression != "none") {
        judge.tell(path, {"zero_copy", "compression"},
                   "zero_copy needs compression: none (a compressor must not read shared memory)");
    }
}

void check_whole(const Config& config, const Judge& judge) {
    if (config.all_users && config.directories.size() > 1) {
        judge.problems.push_back("--all-users: there is one directory for all users; " +
                                 std::to_string(config.directories.size()) + " are named");
    }
    const auto check_number = [&](const char* signal, size_t exporters) {
        if (exporters <= ring::kExporterRows) return;
        judge.problems.push_back(std::string(signal) + std::to_string(exporters) + " are in use, at most " +
                                 std::to_string(ring::kExporterRows) + " can be");
    };
    const size_t connectors = (config.measures_spans ? 1 : 0) + (config.draws_graph ? 1 : 0);
    check_number("exporters: ", config.pipeline.exporters.size() - connectors);
    check_number("exporters of logs: ", config.log_pipeline.exporters.size());
    check_number("exporters of metrics: ", config.metric_pipeline.exporters.size());
    check_receiver(config.otlp, judge);
    check_entrances(config, judge);
    check_paths(config.exporters, judge);
    for (const ExporterConfig& exporter : config.exporters) {
        check_queue(exporter, config.batch, judge);
        if (exporter.delivery() != nullptr) check_delivery(exporter, judge);
    }
}

// Its decisions are one thread's, about copies.
void check_tail_sampling(const Config& config, const Judge& judge) {
    if (!config.tail_sampling.enabled) return;
    if (config.drain.threads > 1)
        judge.problems.push_back(judge.place_of("receivers.spanring.drain.threads") +
                                 "processors.tail_sampling: one thread decides, so receivers.spanring.drain.threads "
                                 "must be 1, or left out");
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.type == ExporterType::kOtlpGrpc && exporter.otlp.zero_copy != ZeroCopy::kOff)
            judge.tell("exporters." + exporter.id, {"zero_copy"},
                       "zero_copy cannot be with processors.tail_sampling, which keeps copies of spans");
    }
}

}  // namespace

void check_config(Config& config, const Origins& origins, Problems& problems, Problems& warnings) {
    const Judge judge{origins, problems};
    fill_places(config, judge);
    check_endpoints(config, judge);
    check_headers(config, judge);
    check_kafka(config, judge);
    check_streams(config, judge);
    check_whole(config, judge);
    check_tail_sampling(config, judge);
    warn_of_open_receivers(config.otlp, {origins, warnings});
    warn_of_plain_pages(config, {origins, warnings});
    warn_of_plain_passwords(config, {origins, warnings});
    if ((config.measures_spans || config.draws_graph) && !config.metrics && !pushes(config, kSpanMetrics) &&
        !pushes(config, kServiceGraph)) {
        warnings.emplace_back("connectors: nobody can read their metrics, without service.telemetry.metrics or "
                              "--metrics-address");
    }
}

void check_files(const Config& config, const Origins& origins, Problems& problems) {
    check_files(config, Judge{origins, problems});
}

}  // namespace spanring::agent
