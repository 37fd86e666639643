// SPDX-License-Identifier: Apache-2.0
#include "config/extensions.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "auth/allowed_senders.hpp"
#include "base/option.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/config.hpp"
#include "config/option_reader.hpp"
#include "config/section.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"
#include "receive/receiver_options.hpp"

namespace spanring::agent {
namespace {

std::string type_of(const std::string& id) { return id.substr(0, id.find('/')); }

std::vector<std::string> names_of(const Config& config) {
    std::vector<std::string> names;
    if (config.health_check) names.push_back(config.health_check->id);
    for (const AuthOptions& auth : config.authenticators) names.push_back(auth.id);
    return names;
}

bool is_loopback(std::string_view host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

// Whether somebody on the way could read what is sent. Not for what is no endpoint: that is told already.
bool goes_in_plaintext(const ExporterConfig& exporter) {
    try {
        if (exporter.type == ExporterType::kOtlpHttp) {
            const HttpEndpoint to = parse_http_endpoint(exporter.http.endpoint, exporter.http.traces_endpoint);
            return !to.tls && !to.loopback;
        }
        const Endpoint to = parse_endpoint(exporter.otlp.endpoint, exporter.otlp.insecure);
        return !to.tls && !to.unix_socket() && !is_loopback(to.host);
    } catch (const std::invalid_argument&) {
        return false;
    }
}

bool token_goes_in_plaintext(const AuthOptions& auth) {
    constexpr std::string_view kScheme = "http://";
    if (auth.type != AuthType::kOauth2Client || !auth.token_url.starts_with(kScheme)) return false;
    const std::string_view rest = std::string_view(auth.token_url).substr(kScheme.size());
    if (rest.starts_with("[::1]")) return false;
    return !is_loopback(rest.substr(0, rest.find_first_of(":/?")));
}

// And not who the agent is.
bool says_who_may_send(const AuthOptions& auth) { return auth.type == AuthType::kBasic && auth.htpasswd.given(); }

// The authenticator of that name; null: there is none, which is told.
const AuthOptions* authenticator_of(const Config& config, const std::string& name, const std::string& path,
                                    std::vector<std::string>& problems) {
    const auto found = std::find_if(config.authenticators.begin(), config.authenticators.end(),
                                    [&](const AuthOptions& auth) { return auth.id == name; });
    if (found != config.authenticators.end()) return &*found;
    problems.push_back(path + ": the service has no extension '" + name + "'" + did_you_mean(name, names_of(config)));
    return nullptr;
}

std::vector<std::string> known_types() {
    std::vector<std::string> types = auth_type_names();
    types.emplace_back(kHealthCheck);
    return types;
}

void read_health_check(Section& section, const ConfigValue::Entry& entry, Config& config) {
    if (config.health_check) return section.report(entry.place, "there is a health_check already");
    config.health_check.emplace().id = entry.key;
    Section options(entry.value, section.path_of(entry.key), section.source());
    read_options(options, describe(*config.health_check));
}

// With the place of its value, where a layer said it.
std::string placed(const Origins& origins, const std::string& path) {
    const auto found = origins.find(path);
    return (found != origins.end() ? found->second + ": " : "") + path;
}

}  // namespace

void read_extensions(Section section, Config& config) {
    for (const ConfigValue::Entry& entry : section.entries()) {
        if (type_of(entry.key) == kHealthCheck) {
            read_health_check(section, entry, config);
            continue;
        }
        const auto type = auth_type(type_of(entry.key));
        if (!type) {
            section.report(entry.place, "unknown extension '" + entry.key + "'" +
                                            did_you_mean(type_of(entry.key), known_types()) +
                                            " (known: " + join(known_types()) + ")");
            continue;
        }
        AuthOptions auth;
        auth.id = entry.key;
        auth.type = *type;
        Section options(entry.value, section.path_of(entry.key), section.source());
        read_options(options, describe(auth));
        const bool gate = says_who_may_send(auth) && !auth.username.given() && !auth.password.given();
        for (const AuthFault& fault : gate ? gate_faults_of(auth, false) : faults_of(auth, false))
            options.report_key(fault.key, fault.what);
        config.authenticators.push_back(std::move(auth));
    }
}

void choose_extensions(Section& service, Config& config) {
    if (!service.has("extensions")) return;
    const std::vector<std::string> defined = names_of(config);
    for (const std::string& name : config.extensions) {
        if (std::find(defined.begin(), defined.end(), name) == defined.end())
            service.report_key("extensions",
                               "'" + name + "' is not defined under 'extensions'" + did_you_mean(name, defined));
    }
    const auto is_named = [&](const std::string& id) {
        return std::find(config.extensions.begin(), config.extensions.end(), id) != config.extensions.end();
    };
    if (config.health_check && !is_named(config.health_check->id)) config.health_check.reset();
    std::erase_if(config.authenticators, [&](const AuthOptions& auth) { return !is_named(auth.id); });
}

namespace {

std::vector<std::pair<std::string, EntranceOptions*>> entrances_of(Config& config) {
    std::vector<std::pair<std::string, EntranceOptions*>> entrances;
    const std::string path = "receivers.otlp.protocols.";
    if (config.otlp.grpc.enabled) entrances.emplace_back(path + "grpc", &config.otlp.grpc.entrance);
    if (config.otlp.http.enabled) entrances.emplace_back(path + "http", &config.otlp.http.entrance);
    entrances.emplace_back("service.telemetry.metrics", &config.metrics_entrance);
    if (config.health_check)
        entrances.emplace_back("extensions." + config.health_check->id, &config.health_check->entrance);
    return entrances;
}

void give_gates(Config& config, const Origins& origins, std::vector<std::string>& problems) {
    for (const auto& [protocol, entrance] : entrances_of(config)) {
        if (entrance->authenticator.empty()) continue;
        const std::string path = placed(origins, protocol + ".auth.authenticator");
        const AuthOptions* const found = authenticator_of(config, entrance->authenticator, path, problems);
        if (found == nullptr) continue;
        for (const AuthFault& fault : gate_faults_of(*found, false))
            problems.push_back(path + ": extensions." + found->id + (fault.key.empty() ? " " : "." + fault.key + ": ") +
                               fault.what);
        entrance->auth = *found;
    }
}

}  // namespace

void give_credentials(Config& config, const Origins& origins, std::vector<std::string>& problems,
                      std::vector<std::string>& warnings) {
    for (ExporterConfig& exporter : config.exporters) {
        OtlpOptions* const otlp = exporter.delivery();
        if (otlp == nullptr || otlp->authenticator.empty()) continue;
        const std::string path = placed(origins, "exporters." + exporter.id + ".auth.authenticator");
        const AuthOptions* const found = authenticator_of(config, otlp->authenticator, path, problems);
        if (found == nullptr) continue;
        if (says_who_may_send(*found) && !faults_of(*found, false).empty()) {
            problems.push_back(path + ": " + found->id + " says who may send, and not who the agent is (client_auth)");
            continue;
        }
        otlp->auth = *found;
        for (const auto& [name, value] : otlp->headers) {
            if (lower(name) == lower(found->header))
                problems.push_back(placed(origins, "exporters." + exporter.id + ".headers." + name) + ": is what " +
                                   found->id + " sends");
        }
        const std::vector<ExporterConfig> all = exporter.by_endpoint();
        if (std::any_of(all.begin(), all.end(), goes_in_plaintext))
            warnings.push_back(path + ": " + found->id +
                               " goes to another host in plaintext, so that whoever is on the way can read it");
    }
    give_gates(config, origins, problems);
    for (const AuthOptions& auth : config.authenticators) {
        if (token_goes_in_plaintext(auth))
            warnings.push_back(placed(origins, "extensions." + auth.id + ".token_url") +
                               ": the client's secret goes to another host in plaintext");
    }
    config.extensions = names_of(config);
}

void check_credential_files(const Config& config, const Origins& origins, std::vector<std::string>& problems) {
    std::set<std::string> told;
    for (const ExporterConfig& exporter : config.exporters) {
        const OtlpOptions* const otlp = exporter.delivery();
        if (otlp == nullptr || !otlp->auth || !told.insert(otlp->auth->id).second) continue;
        if (!faults_of(*otlp->auth, false).empty()) continue;  // told where they stand
        for (const AuthFault& fault : faults_of(*otlp->auth, true))
            problems.push_back(placed(origins, "extensions." + otlp->auth->id + "." + fault.key) + ": " + fault.what);
    }
    Config all = config;  // options may be set
    for (const auto& [protocol, entrance] : entrances_of(all)) {
        const std::optional<AuthOptions>& auth = entrance->auth;
        if (!auth || !gate_faults_of(*auth, false).empty()) continue;
        for (const AuthFault& fault : gate_faults_of(*auth, true)) {
            std::string line = placed(origins, "extensions." + auth->id + "." + fault.key) + ": " + fault.what;
            if (told.insert(line).second) problems.push_back(std::move(line));
        }
    }
}

}  // namespace spanring::agent
