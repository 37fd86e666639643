// SPDX-License-Identifier: Apache-2.0
#include "config/extensions.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/option.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/config.hpp"
#include "config/option_reader.hpp"
#include "config/section.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"

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
        for (const AuthFault& fault : faults_of(auth, false)) options.report_key(fault.key, fault.what);
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

void give_credentials(Config& config, const Origins& origins, std::vector<std::string>& problems,
                      std::vector<std::string>& warnings) {
    for (ExporterConfig& exporter : config.exporters) {
        OtlpOptions* const otlp = exporter.delivery();
        if (otlp == nullptr || otlp->authenticator.empty()) continue;
        const std::string path = placed(origins, "exporters." + exporter.id + ".auth.authenticator");
        const auto found = std::find_if(config.authenticators.begin(), config.authenticators.end(),
                                        [&](const AuthOptions& auth) { return auth.id == otlp->authenticator; });
        if (found == config.authenticators.end()) {
            problems.push_back(path + ": the service has no extension '" + otlp->authenticator + "'" +
                               did_you_mean(otlp->authenticator, names_of(config)));
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
}

}  // namespace spanring::agent
