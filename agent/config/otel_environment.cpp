// SPDX-License-Identifier: Apache-2.0
#include "config/otel_environment.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <unistd.h>

#include "base/option.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"

namespace spanring::agent {
namespace {

std::string trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return std::string(text);
}

std::string percent_decoded(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool code = text[i] == '%' && i + 2 < text.size() &&
                          std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                          std::isxdigit(static_cast<unsigned char>(text[i + 2]));
        if (code) {
            result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

// W3C baggage form: k=v,k=v, percent-encoded.
std::map<std::string, std::string> parse_headers(const std::string& name, const std::string& text,
                                                 std::vector<std::string>& warnings) {
    std::map<std::string, std::string> headers;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        const std::string pair = trim(std::string_view(text).substr(begin, end - begin));
        begin = end + 1;
        if (pair.empty()) continue;
        const size_t equals = pair.find('=');
        const std::string key = lower(trim(std::string_view(pair).substr(0, equals)));
        if (equals == std::string::npos || key.empty()) {
            warnings.push_back(name +
                               ": an entry is not of the form key=value, ignored");  // not shown: may be a secret
            continue;
        }
        headers[key] = percent_decoded(trim(std::string_view(pair).substr(equals + 1)));
    }
    return headers;
}

// The variable that speaks, and what it says; first of the two forms.
using Spoken = std::optional<std::pair<std::string, std::string>>;

Spoken spoken(const Environment& environment, const char* rest) {
    for (const char* prefix : {"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"}) {
        const std::string name = std::string(prefix) + rest;
        if (auto value = environment(name)) return std::pair(name, trim(*value));
    }
    return std::nullopt;
}

// The protocol, and the endpoint, which means something else to each: for gRPC a server, for HTTP a URL to which a path
// is appended, or with _TRACES_ the whole URL.
void read_protocol(const Environment& environment, OtelEnvironment& result, std::vector<std::string>& warnings) {
    if (const auto said = spoken(environment, "PROTOCOL")) {
        const std::string word = lower(said->second);
        if (word == "http/protobuf" || word == "http/json") result.protocol = ExporterType::kOtlpHttp;
        if (word == "http/json") result.http.encoding = OtlpHttpOptions::Encoding::kJson;
        if (word == "http/json") result.variables_of_http["encoding"] = said->first;
        if (word != "grpc" && result.protocol != ExporterType::kOtlpHttp) {
            warnings.push_back(said->first + ": '" + said->second + "' is not supported, spans are sent by grpc");
        }
    }
    if (const auto said = spoken(environment, "ENDPOINT")) {
        result.endpoint_variable = said->first;
        result.otlp.endpoint = said->second;
        result.variables_of_grpc["endpoint"] = said->first;
        if (said->first == "OTEL_EXPORTER_OTLP_ENDPOINT") result.variables_of_http["endpoint"] = said->first;
        (said->first == "OTEL_EXPORTER_OTLP_ENDPOINT" ? result.http.endpoint : result.http.traces_endpoint) =
            said->second;
    }
}

// What an SDK's batch processor is told, for the batches that are formed here.
void read_batch(const Environment& environment, OtelEnvironment& result, std::vector<std::string>& warnings) {
    const auto take = [&](const std::string& name, const char* key, const char* unit) {
        const auto said = environment(name);
        if (!said) return;
        const std::string wrong = find_scalar(describe(result.batch), key).set(trim(*said) + unit);
        if (wrong.empty())
            result.variables_of_batch[key] = name;
        else
            warnings.push_back(name + ": " + wrong + "; ignored");
    };
    const auto leave = [&](const std::string& name, const char* why) {
        if (environment(name)) warnings.push_back(name + ": has no effect: " + why);
    };
    take("OTEL_BSP_SCHEDULE_DELAY", "timeout", "ms");
    take("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "send_batch_size", "");
    leave("OTEL_BSP_MAX_QUEUE_SIZE", "a queue has a size in bytes here (sending_queue.queue_size)");
    leave("OTEL_BSP_EXPORT_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT limits an attempt, and what fails is tried again");
}

}  // namespace

Environment process_environment() {
    const auto look = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr || *value == '\0') return std::nullopt;
        return value;
    };
    const auto names = [] {
        std::vector<std::string> all;
        for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
            const std::string_view text(*variable);
            all.emplace_back(text.substr(0, text.find('=')));
        }
        return all;
    };
    return Environment(look, names);
}

OtelEnvironment read_otel_environment(const Environment& environment, std::vector<std::string>& warnings) {
    OtelEnvironment result;
    read_protocol(environment, result, warnings);
    read_batch(environment, result, warnings);
    const auto name_both = [&](const char* key, const std::string& variable) {
        result.variables_of_grpc[key] = result.variables_of_http[key] = variable;
    };
    OtlpOptions otlp = result.otlp;  // what both ways have in common
    if (const auto said = spoken(environment, "HEADERS")) {
        otlp.headers = parse_headers(said->first, said->second, warnings);
        name_both("headers", said->first);
    }
    if (const auto said = spoken(environment, "TIMEOUT")) {
        const auto value = parse_unsigned(said->second);
        constexpr uint64_t kLongest = uint64_t{365} * 24 * 3600 * 1000;
        if (value && *value <= kLongest) {
            // The specification's "no limit"; every export has a deadline here.
            otlp.timeout = std::chrono::milliseconds(*value == 0 ? uint64_t{3600} * 1000 : *value);
            name_both("timeout", said->first);
        } else {
            warnings.push_back(said->first + ": '" + said->second + "' is not a number of milliseconds, ignored");
        }
    }
    if (const auto said = spoken(environment, "COMPRESSION")) {
        const bool http = result.protocol == ExporterType::kOtlpHttp;
        const auto take = [&](const std::string& word) {
            return find_scalar(describe(result.http), "compression").set(word);
        };
        if (lower(said->second) == "zstd" && !http) {
            warnings.push_back(said->first + ": 'zstd' is not supported with grpc, ignored");
        } else {
            if (const bool taken = take(lower(said->second)).empty(); !taken)
                warnings.push_back(said->first + ": " + take(said->second) + "; ignored");
            else
                name_both("compression", said->first);
        }
        if (result.http.compression == "zstd")
            result.variables_of_grpc.erase("compression");
        else
            result.otlp.compression = result.http.compression;
    }
    if (const auto said = spoken(environment, "INSECURE")) {
        const auto value = parse_boolean(said->second);
        if (!value)
            warnings.push_back(said->first + ": '" + said->second + "' is neither true nor false, taken as false");
        result.otlp.insecure = value.value_or(false);
        result.variables_of_grpc["tls.insecure"] = said->first;
    }
    const auto read_file_name = [&](const char* rest, const char* key, std::string& file) {
        const auto said = spoken(environment, rest);
        if (!said) return;
        file = said->second;
        name_both(key, said->first);
    };
    read_file_name("CERTIFICATE", "tls.ca_file", otlp.ca_file);
    read_file_name("CLIENT_KEY", "tls.key_file", otlp.key_file);
    read_file_name("CLIENT_CERTIFICATE", "tls.cert_file", otlp.cert_file);
    for (OtlpOptions* const way : {static_cast<OtlpOptions*>(&result.otlp), static_cast<OtlpOptions*>(&result.http)}) {
        otlp.endpoint = way->endpoint;
        otlp.compression = way->compression;
        *way = otlp;
    }
    if (const auto said = environment("OTEL_LOG_LEVEL")) {
        Config config;
        const std::string wrong = find_scalar(describe(config), "service.telemetry.logs.level").set(lower(trim(*said)));
        if (wrong.empty()) {
            result.log_level = config.log_level;
        } else {
            warnings.push_back("OTEL_LOG_LEVEL: " + wrong + "; ignored");
        }
    }
    return result;
}

}  // namespace spanring::agent
