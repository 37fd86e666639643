// SPDX-License-Identifier: Apache-2.0
#include "reload/restart_keys.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/option.hpp"
#include "base/text.hpp"
#include "config/config.hpp"

namespace spanring::agent {
namespace {

// What the agent takes over while it runs.
constexpr const char* kLive[] = {"exporters.",
                                 "processors.batch.",
                                 "service.pipelines.traces.exporters",
                                 "service.pipelines.logs.exporters",
                                 "service.pipelines.metrics.exporters",
                                 "extensions.",
                                 "service.extensions",
                                 "service.telemetry.logs."};
constexpr char kNotLive[] = "extensions.health_check";
constexpr char kProcessors[] = "service.pipelines.traces.processors";

using Values = std::vector<std::pair<std::string, std::string>>;  // path, text

void flatten(const std::vector<Option>& options, const std::string& path, Values& values);

struct Flattener {
    const std::string& path;
    Values& values;

    void operator()(const Scalar& scalar) const { values.emplace_back(path, scalar.text()); }
    void operator()(const TextList& list) const {
        std::vector<std::string> texts = list.value;
        if (path == kProcessors) std::erase(texts, "batch");  // whether it is named or not, it is at work
        values.emplace_back(path, join(texts, ","));
    }
    void operator()(const Secrets& secrets) const {
        for (const auto& [name, value] : secrets.value) values.emplace_back(path + "." + name, value);
    }
    void operator()(const Group& group) const { flatten(group.options, path, values); }
    void operator()(const GroupList& list) const {
        const auto items = list.items ? list.items() : std::vector<std::vector<Option>>();
        for (size_t i = 0; i < items.size(); ++i)
            flatten(items[i], list.single ? path : path + "[" + std::to_string(i) + "]", values);
    }
};

void flatten(const std::vector<Option>& options, const std::string& path, Values& values) {
    for (const Option& option : options) {
        if (!option.in_effect) continue;
        const std::string own = path.empty() ? option.key : path + "." + option.key;
        std::visit(Flattener{own, values}, option.value);
    }
}

// What a process was told that starts programs, before it could be told more: the exporter's path; empty: it is not of
// that.
std::string of_a_program(const std::string& path) {
    if (path.starts_with("exporters.iceoryx"))
        return path.ends_with(".program") ? path.substr(0, path.rfind('.')) : std::string();
    if (!path.starts_with("exporters.exec")) return {};
    for (const std::string key : {".command", ".working_directory", ".environment."}) {
        const size_t at = path.find(key);
        if (at != std::string::npos) return path.substr(0, at);
    }
    return {};
}

bool is_live(const std::string& path) {
    if (!of_a_program(path).empty()) return false;
    if (path.starts_with(kNotLive)) return false;
    return std::any_of(std::begin(kLive), std::end(kLive), [&](const char* live) { return path.starts_with(live); });
}

Values values_of(Config config) {
    Values values;
    flatten(describe(config), {}, values);
    std::erase_if(values, [](const auto& value) { return is_live(value.first); });
    return values;
}

bool has_store(const Config& config) {
    return std::any_of(config.exporters.begin(), config.exporters.end(),
                       [](const ExporterConfig& exporter) { return exporter.type == ExporterType::kStore; });
}

// Of the exporters, what the drain is told at its start.
ZeroCopy zero_copy_of(const Config& config) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.type == ExporterType::kOtlpGrpc && exporter.otlp.zero_copy != ZeroCopy::kOff)
            return exporter.otlp.zero_copy;
    }
    return ZeroCopy::kOff;
}

std::optional<uint64_t> least_queue_of(const Config& config) {
    std::optional<uint64_t> least;
    for (const ExporterConfig& exporter : config.exporters) {
        const std::optional<uint64_t> bytes = exporter.waiting_bytes();
        if (bytes && (!least || *bytes < *least)) least = bytes;
    }
    return least;
}

constexpr const char* kOfDirectories[] = {"receivers.spanring.directories", "receivers.spanring.all_users"};

// Where it listens, each with its key.
Values addresses_of(const Config& config) {
    Values addresses;
    const auto add = [&](const char* key, const std::string& address) { addresses.emplace_back(key, address); };
    if (config.otlp.grpc.enabled) add("receivers.otlp.protocols.grpc.endpoint", config.otlp.grpc.endpoint.text());
    if (config.otlp.http.enabled) add("receivers.otlp.protocols.http.endpoint", config.otlp.http.endpoint.text());
    if (config.health_check) add("extensions.health_check.endpoint", config.health_check->address.text());
    if (config.metrics) add("service.telemetry.metrics.address", config.metrics->text());
    return addresses;
}

void make_live_parts_equal(Config& config, const Config& other) {
    config.exporters = other.exporters;
    config.signal_exporters = other.signal_exporters;
    config.log_pipeline.exporters = other.log_pipeline.exporters;
    config.metric_pipeline.exporters = other.metric_pipeline.exporters;
    config.batch = other.batch;
    config.authenticators = other.authenticators;
    config.extensions = other.extensions;
    config.pipeline = other.pipeline;
    config.log_level = other.log_level;
    config.log_encoding = other.log_encoding;
    config.shutdown_timeout = other.shutdown_timeout;
}

}  // namespace

std::vector<std::string> keys_to_begin_anew(const Config& running, const Config& wanted) {
    const Values before = values_of(running), after = values_of(wanted);
    const std::map<std::string, std::string> all_before(before.begin(), before.end()),
        all_after(after.begin(), after.end());
    std::vector<std::string> keys;
    std::set<std::string> told;
    for (const Values* const values : {&before, &after}) {
        for (const auto& [path, text] : *values) {
            const auto one = all_before.find(path), other = all_after.find(path);
            const bool same = one != all_before.end() && other != all_after.end() && one->second == other->second;
            // An exporter that goes takes its program along.
            const std::string exporter = of_a_program(path);
            const bool went = !exporter.empty() && !all_after.contains(exporter + ".command") &&
                              !all_after.contains(exporter + ".program");
            if (!same && !went && told.insert(path).second) keys.push_back(path);
        }
    }
    if (has_store(wanted) && !has_store(running)) keys.emplace_back("exporters.store (there was none)");
    // Batches on their way wait for it, or do not.
    for (const auto exporters : {&Config::exporters, &Config::signal_exporters}) {
        for (const ExporterConfig& exporter : wanted.*exporters) {
            for (const ExporterConfig& before : running.*exporters) {
                const bool same = before.id != exporter.id || before.best_effort == exporter.best_effort;
                const std::string path = "exporters." + exporter.id + ".best_effort";
                if (!same && told.insert(path).second) keys.push_back(path);
            }
        }
    }
    if (zero_copy_of(running) != zero_copy_of(wanted)) keys.emplace_back("exporters.otlp_grpc.zero_copy");
    // Of all users together no more waits than the smallest queue takes.
    if (running.all_users && least_queue_of(wanted) < least_queue_of(running))
        keys.emplace_back("exporters.NAME.sending_queue.queue_size (smaller, with all_users)");
    if (keys.empty()) {
        Config rest = wanted;
        make_live_parts_equal(rest, running);
        if (rest != running) keys.emplace_back("a value that is no key of the file");
    }
    return keys;
}

std::vector<std::string> keys_for_a_restart(const Config& running, const Config& wanted) {
    std::vector<std::string> keys = keys_to_begin_anew(running, wanted);
    std::erase_if(keys, [](const std::string& key) {
        const bool of_directories = std::any_of(std::begin(kOfDirectories), std::end(kOfDirectories),
                                                [&](const char* one) { return key.starts_with(one); });
        return !of_directories && of_a_program(key).empty();
    });
    Values there = addresses_of(running);
    for (const auto& [key, address] : addresses_of(wanted)) {
        const auto same =
            std::find_if(there.begin(), there.end(), [&](const auto& other) { return other.second == address; });
        same == there.end() ? keys.push_back(key) : void(there.erase(same));
    }
    return keys;
}

}  // namespace spanring::agent
