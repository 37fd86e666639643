// SPDX-License-Identifier: Apache-2.0
#include "config/collector_pipelines.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/config_value.hpp"
#include "config/section.hpp"

namespace spanring::agent {
namespace {

constexpr char kTraces[] = "traces";

std::string type_of(std::string_view id) { return std::string(id.substr(0, id.find('/'))); }

bool is_connector(const std::string& id) { return type_of(id) == kSpanMetrics || type_of(id) == kServiceGraph; }

class Pipelines {
public:
    Pipelines(ConfigValue& root, ConfigValue& pipelines, ConfigSource& source, std::vector<std::string>& warnings)
        : root_(root), pipelines_(pipelines), source_(source), warnings_(warnings) {}

    void adopt() {
        const bool any = !pipelines_.entries.empty();
        leave_out_signals();
        if (any && pipelines_.entries.empty())
            source_.report(pipelines_.place, "service.pipelines", "none of them is of traces");
        leave_out_unnamed();
        for (const char* section : {"receivers", "connectors"}) make_single(section);
        make_single("processors");
        join();
    }

private:
    using Names = std::vector<std::string>;

    static std::string path_of(const ConfigValue::Entry& pipeline) { return "service.pipelines." + pipeline.key; }

    ConfigValue* mapping(const std::string& path) {
        ConfigValue::Entry* const found = root_.find(path);
        return found != nullptr && found->value.is_mapping() ? &found->value : nullptr;
    }
    static ConfigValue* list(ConfigValue& pipeline, const char* key) {
        ConfigValue::Entry* const found = pipeline.find(key);
        return found != nullptr && found->value.is_list() ? &found->value : nullptr;
    }
    static Names names_of(ConfigValue& pipeline, const char* key) {
        Names names;
        if (const ConfigValue* const found = list(pipeline, key))
            for (const ConfigValue& name : found->items) names.push_back(name.text);
        return names;
    }
    void warn(const Place& place, const std::string& path, const std::string& what) {
        warnings_.push_back(place.text() + ": " + path + ": " + what);
    }

    void leave_out_signals() {
        std::erase_if(pipelines_.entries, [&](ConfigValue::Entry& pipeline) {
            const std::string signal = type_of(pipeline.key);
            if (signal != "metrics" && signal != "logs" && signal != "profiles") return false;
            const std::string why = signal == "profiles" ? "this agent takes none" : why_not(pipeline);
            if (why.empty()) return false;
            warn(pipeline.place, path_of(pipeline), "is left out: " + why);
            for (const char* key : {"receivers", "processors", "exporters"})
                for (std::string& name : names_of(pipeline.value, key)) of_others_.insert(std::move(name));
            return true;
        });
        for (const char* signal : {"logs", "metrics"}) join_all(signal);
    }

    // Why a pipeline of logs or metrics cannot be here; empty: it can, with what is left of it.
    std::string why_not(ConfigValue::Entry& pipeline) {
        const Names receivers = names_of(pipeline.value, "receivers");
        const bool metrics = type_of(pipeline.key) == "metrics";
        bool (*const is_otlp)(const std::string&) = metrics ? can_make_metrics : can_make_logs;
        if (!receivers.empty() && std::none_of(receivers.begin(), receivers.end(), is_otlp))
            return "only the receiver 'otlp' takes " + type_of(pipeline.key) + " here";
        for (const std::string& name : without_batch(names_of(pipeline.value, "processors")))
            return "'" + name + "' changes spans alone, and " + type_of(pipeline.key) + " would go on without it";
        const Names exporters = names_of(pipeline.value, "exporters");
        const auto takes = [this](const std::string& name) { return can_take_others(name); };
        if (!exporters.empty() && std::none_of(exporters.begin(), exporters.end(), takes))
            return "only exporters of the types otlp_grpc and otlp_http take " + type_of(pipeline.key) + " here";
        keep_only(pipeline, "receivers", is_otlp);
        keep_only(pipeline, "exporters", takes);
        std::erase_if(pipeline.value.entries, [](const auto& entry) { return entry.key == "processors"; });
        return {};
    }
    static bool can_make_logs(const std::string& name) { return type_of(name) == "otlp"; }
    static bool can_make_metrics(const std::string& name) { return can_make_logs(name) || is_connector(name); }
    // What is not defined is told as such.
    bool can_take_others(const std::string& name) {
        const std::optional<ExporterType> type = exporter_type(type_of(name));
        if (type) return takes_other_signals(*type);
        ConfigValue* const exporters = mapping("exporters");
        return exporters == nullptr || exporters->find(name) == nullptr;
    }
    template <class Stays>
    void keep_only(ConfigValue::Entry& pipeline, const char* key, Stays stays) {
        ConfigValue* const names = list(pipeline.value, key);
        if (names == nullptr) return;
        std::erase_if(names->items, [&](const ConfigValue& name) {
            if (stays(name.text)) return false;
            warn(name.place, path_of(pipeline) + "." + key,
                 "'" + name.text + "' is left out: it takes traces alone here");
            of_others_.insert(name.text);
            return true;
        });
    }

    // One pipeline of each: all that comes goes to all their exporters.
    void join_all(const std::string& signal) {
        const auto is_of = [&](const ConfigValue::Entry& entry) { return type_of(entry.key) == signal; };
        const auto first = std::find_if(pipelines_.entries.begin(), pipelines_.entries.end(), is_of);
        if (first == pipelines_.entries.end()) return;
        for (auto other = first + 1; other != pipelines_.entries.end(); ++other) {
            if (is_of(*other)) add_exporters(*other, *first);
        }
        first->key = signal;
        pipelines_.entries.erase(std::remove_if(first + 1, pipelines_.entries.end(), is_of), pipelines_.entries.end());
    }

    std::set<std::string> named() {
        std::set<std::string> names;
        for (ConfigValue::Entry& pipeline : pipelines_.entries)
            for (const char* key : {"receivers", "processors", "exporters"})
                for (std::string& name : names_of(pipeline.value, key)) names.insert(std::move(name));
        return names;
    }

    // What only pipelines of other signals name. Told with these.
    void leave_out_unnamed() {
        const std::set<std::string> traces = named();
        for (const char* section : {"receivers", "processors", "exporters", "connectors"}) {
            ConfigValue* const components = mapping(section);
            if (components == nullptr) continue;
            std::erase_if(components->entries, [&](const ConfigValue::Entry& entry) {
                return of_others_.contains(entry.key) && !traces.contains(entry.key);
            });
        }
    }

    // Of these there is one: the one that is named, whatever its name.
    void make_single(const std::string& section) {
        ConfigValue* const components = mapping(section);
        if (components == nullptr) return;
        const std::set<std::string> traces = named();
        for (const std::string type : {"otlp", "batch", "tail_sampling", kSpanMetrics, kServiceGraph}) {
            const auto is_of = [&](const ConfigValue::Entry& entry) { return type_of(entry.key) == type; };
            const auto all = std::count_if(components->entries.begin(), components->entries.end(), is_of);
            if (all == 0) continue;
            if (all > 1 && !pipelines_.entries.empty())
                std::erase_if(components->entries, [&](const ConfigValue::Entry& entry) {
                    return is_of(entry) && !traces.contains(entry.key);
                });
            const auto first = std::find_if(components->entries.begin(), components->entries.end(), is_of);
            if (first == components->entries.end()) continue;
            const auto second = std::find_if(first + 1, components->entries.end(), is_of);
            if (second != components->entries.end()) {
                source_.report(second->place, section + "." + second->key,
                               "there can be one of this type, and '" + first->key + "' is it");
                continue;
            }
            rename(section == "connectors" ? "exporters" : section, first->key, type);
            if (section == "connectors") rename("receivers", first->key, type);
            first->key = type;
        }
    }

    void rename(const std::string& key, const std::string& from, const std::string& to) {
        for (ConfigValue::Entry& pipeline : pipelines_.entries) {
            ConfigValue* const names = list(pipeline.value, key.c_str());
            if (names == nullptr) continue;
            for (ConfigValue& name : names->items)
                if (name.text == from) name.text = to;
        }
    }

    static Names without_batch(Names names) {
        std::erase_if(names, [](const std::string& name) {
            return type_of(name) == "batch" || type_of(name) == "memory_limiter";
        });
        return names;
    }

    // It measures, and does nothing else: as everything is measured here, before processors.
    static bool only_measures(ConfigValue::Entry& pipeline) {
        const Names exporters = names_of(pipeline.value, "exporters");
        return !exporters.empty() && std::all_of(exporters.begin(), exporters.end(), is_connector) &&
               without_batch(names_of(pipeline.value, "processors")).empty();
    }

    static bool same(Names one, Names other) {
        std::sort(one.begin(), one.end());
        std::sort(other.begin(), other.end());
        return one == other;
    }

    void join() {
        const auto is_of_traces = [](const ConfigValue::Entry& entry) { return type_of(entry.key) == kTraces; };
        std::vector<ConfigValue::Entry> all, others;
        for (ConfigValue::Entry& entry : pipelines_.entries)
            (is_of_traces(entry) ? all : others).push_back(std::move(entry));
        pipelines_.entries = std::move(others);
        if (all.empty()) return;
        auto base =
            std::find_if(all.begin(), all.end(), [](ConfigValue::Entry& entry) { return !only_measures(entry); });
        if (base == all.end()) base = all.begin();
        for (size_t i = 0; all.size() > 1 && i < all.size(); ++i) warn_of_measuring(all[i]);
        for (ConfigValue::Entry& pipeline : all) {
            if (&pipeline != &*base) add(pipeline, *base);
        }
        base->key = kTraces;
        pipelines_.entries.insert(pipelines_.entries.begin(), std::move(*base));
    }

    void add(ConfigValue::Entry& pipeline, ConfigValue::Entry& base) {
        const std::string path = path_of(pipeline);
        if (!same(names_of(pipeline.value, "receivers"), names_of(base.value, "receivers"))) {
            source_.report(pipeline.place, path,
                           "has other receivers than '" + base.key + "'; here all spans go the same way");
            return;
        }
        if (!only_measures(pipeline) && without_batch(names_of(pipeline.value, "processors")) !=
                                            without_batch(names_of(base.value, "processors"))) {
            source_.report(pipeline.place, path,
                           "has other processors than '" + base.key + "'; here all exporters get the same spans");
            return;
        }
        add_exporters(pipeline, base);
    }

    static void add_exporters(ConfigValue::Entry& pipeline, ConfigValue::Entry& base) {
        ConfigValue* const more = list(pipeline.value, "exporters");
        ConfigValue* const exporters = list(base.value, "exporters");
        if (more == nullptr || exporters == nullptr) return;
        const Names there = names_of(base.value, "exporters");
        for (ConfigValue& name : more->items) {
            if (std::find(there.begin(), there.end(), name.text) == there.end())
                exporters->items.push_back(std::move(name));
        }
    }

    // Where it is told apart from others; one pipeline may be one that was written for here.
    void warn_of_measuring(ConfigValue::Entry& pipeline) {
        const Names exporters = names_of(pipeline.value, "exporters");
        if (std::none_of(exporters.begin(), exporters.end(), is_connector) ||
            without_batch(names_of(pipeline.value, "processors")).empty())
            return;
        warn(pipeline.place, path_of(pipeline), "connectors measure spans here before processors change them");
    }

    ConfigValue& root_;
    ConfigValue& pipelines_;
    ConfigSource& source_;
    std::vector<std::string>& warnings_;
    std::set<std::string> of_others_;  // named by pipelines that are left out
};

}  // namespace

void adopt_collector_pipelines(ConfigValue& root, ConfigSource& source, std::vector<std::string>& warnings) {
    ConfigValue none{ConfigValue::Kind::kMapping};
    ConfigValue::Entry* const found = root.find("service.pipelines");
    ConfigValue& pipelines = found != nullptr && found->value.is_mapping() ? found->value : none;
    Pipelines(root, pipelines, source, warnings).adopt();
}

}  // namespace spanring::agent
