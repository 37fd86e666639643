// SPDX-License-Identifier: Apache-2.0
#include "config/collector_file.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/quantity.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/collector_keys.hpp"
#include "config/collector_pipelines.hpp"
#include "config/config.hpp"
#include "config/config_value.hpp"
#include "config/section.hpp"

namespace spanring::agent {
namespace {

constexpr char kStorage[] = "file_storage";
constexpr uint64_t kLeastQueue = uint64_t{1} << 20;  // of bytes; less than that is a number of requests

std::string type_of(std::string_view id) { return std::string(id.substr(0, id.find('/'))); }

bool is_requests(const std::string& size) {
    const auto number = parse_unsigned(size);
    return number && *number < kLeastQueue;
}

class Adoption {
public:
    Adoption(ConfigValue& root, ConfigSource& source, std::vector<std::string>& warnings)
        : root_(root), source_(source), warnings_(warnings) {}

    void adopt() {
        take_storages();
        leave_out_components();
        for (const char* section : {"receivers", "processors", "exporters", "connectors", "extensions"}) {
            ConfigValue* const components = mapping(section);
            if (components == nullptr) continue;
            for (ConfigValue::Entry& component : components->entries) adopt_keys(section, component);
        }
        if (ConfigValue::Entry* const service = root_.find("service")) judge_keys("service", "service", service->value);
        if (ConfigValue* const exporters = mapping("exporters")) {
            for (ConfigValue::Entry& exporter : exporters->entries) adopt_queue(exporter);
        }
        adopt_batches();
    }

private:
    ConfigValue* mapping(const std::string& path) {
        ConfigValue::Entry* const found = root_.find(path);
        return found != nullptr && found->value.is_mapping() ? &found->value : nullptr;
    }
    void warn(const Place& place, const std::string& path, const std::string& what) {
        warnings_.push_back(place.text() + ": " + path + ": " + what);
    }
    static void remove(ConfigValue& from, const std::string& key) {
        std::erase_if(from.entries, [&](const ConfigValue::Entry& entry) { return entry.key == key; });
    }
    // By its path; what surrounds it stays.
    static void remove_at(ConfigValue& from, const std::string& path) {
        const size_t dot = path.rfind('.');
        ConfigValue::Entry* const outer = dot != std::string::npos ? from.find(path.substr(0, dot)) : nullptr;
        remove(outer != nullptr ? outer->value : from, path.substr(dot + 1));
    }
    static ConfigValue scalar(std::string text, const Place& place) {
        return {ConfigValue::Kind::kScalar, place, std::move(text)};
    }
    static void set(ConfigValue& in, const std::string& key, ConfigValue value) {
        ConfigValue outer{ConfigValue::Kind::kMapping, value.place};
        const Place place = value.place;
        outer.entries.push_back({key, place, std::move(value)});
        lay_over(in, std::move(outer));
    }

    // ---- Components ----

    void take_storages() {
        ConfigValue* const extensions = mapping("extensions");
        if (extensions == nullptr) return;
        for (const ConfigValue::Entry& entry : extensions->entries) {
            if (type_of(entry.key) != kStorage) continue;
            const std::string path = "extensions." + entry.key;
            storages_[entry.key] = entry.value;
            for (const ConfigValue::Entry& key : entry.value.entries) {
                if (key.key == "timeout" || key.key == "compaction" || key.key == "create_directory" ||
                    key.key == "directory_permissions" || key.key == "recreate")
                    warn(key.place, path + "." + key.key, "has no effect: spools are plain files that the agent makes");
                else if (key.key != "directory" && key.key != "fsync")
                    source_.report(key.place, path, "unknown key '" + key.key + "'");
            }
            gone_.insert(entry.key);
        }
        std::erase_if(extensions->entries,
                      [](const ConfigValue::Entry& entry) { return type_of(entry.key) == kStorage; });
    }

    void leave_out_components() {
        for (const CollectorComponent& known : kCollectorComponents) {
            ConfigValue* const section = mapping(std::string(known.section));
            if (section == nullptr) continue;
            std::erase_if(section->entries, [&](const ConfigValue::Entry& entry) {
                if (type_of(entry.key) != known.type) return false;
                const std::string path = std::string(known.section) + "." + entry.key;
                if (known.verdict == CollectorVerdict::kLeftOut)
                    warn(entry.place, path, "has no effect: " + std::string(known.why));
                else
                    source_.report(entry.place, path, "is not here: " + std::string(known.why));
                (known.section == "extensions" ? gone_ : gone_processors_).insert(entry.key);
                return true;
            });
        }
        if (ConfigValue* const service = mapping("service")) {
            if (ConfigValue::Entry* const names = service->find("extensions")) {
                forget(names->value, gone_);
                if (names->value.is_list() && names->value.items.empty()) remove(*service, "extensions");
            }
        }
        if (ConfigValue* const extensions = mapping("extensions"); extensions != nullptr && extensions->entries.empty())
            remove(root_, "extensions");
        ConfigValue* const pipelines = mapping("service.pipelines");
        if (pipelines == nullptr) return;
        for (ConfigValue::Entry& pipeline : pipelines->entries) {
            if (ConfigValue::Entry* const names = pipeline.value.find("processors"))
                forget(names->value, gone_processors_);
        }
    }

    static void forget(ConfigValue& names, const std::set<std::string>& gone) {
        std::erase_if(names.items,
                      [&](const ConfigValue& name) { return name.is_scalar() && gone.contains(name.text); });
    }

    // ---- Keys ----

    void judge_keys(const std::string& path, std::string_view component, ConfigValue& value) {
        for (const CollectorKey& known : kCollectorKeys) {
            if (known.component != component) continue;
            const ConfigValue::Entry* const found = value.find(known.path);
            if (found == nullptr) continue;
            const std::string key(known.path), where = path + "." + key;
            const bool harmless = !known.harmless.empty() && found->value.text == known.harmless;
            if (harmless)
                ;  // it goes, and that is all
            else if (known.verdict == CollectorVerdict::kLeftOut)
                warn(found->place, where, "has no effect: " + std::string(known.why));
            else
                source_.report(found->place, where, "is not here: " + std::string(known.why));
            remove_at(value, key);
        }
    }

    void adopt_keys(const std::string& section, ConfigValue::Entry& component) {
        std::string type = type_of(component.key);
        const std::string path = section + "." + component.key;
        if (section == "exporters") {
            if (const auto known = exporter_type(type)) type = type_name(*known);
        }
        judge_keys(path, section + "." + type, component.value);
        if (section == "processors" && type == "batch") adopt_batch(path, component.value);
        if (section == "processors" && type == "filter") {
            adopt_filter(path, component.value);
            adopt_conditions(path, component.value);
        }
        if (path == "connectors.spanmetrics") adopt_temporality(path, component.value);
    }

    // A batch here never has more than send_batch_size, so a limit from there on holds.
    void adopt_batch(const std::string& path, ConfigValue& batch) {
        const ConfigValue::Entry* const most = batch.find("send_batch_max_size");
        if (most == nullptr || !most->value.is_scalar()) return;
        const ConfigValue::Entry* const size = batch.find("send_batch_size");
        const auto limit = parse_unsigned(most->value.text);
        const auto wanted = size != nullptr ? parse_unsigned(size->value.text) : BatchConfig().send_batch_size;
        if (!limit)
            source_.report(most->value.place, path + ".send_batch_max_size",
                           "'" + most->value.text + "' is not a whole number");
        else if (*limit != 0 && wanted && *limit < *wanted)
            source_.report(most->value.place, path + ".send_batch_max_size", "is less than send_batch_size");
        remove(batch, "send_batch_max_size");
    }

    // What its older form leaves out is one entry of ours.
    void adopt_filter(const std::string& path, ConfigValue& filter) {
        ConfigValue::Entry* const spans = filter.find("spans");
        if (spans == nullptr || !spans->value.is_mapping()) return;
        if (const ConfigValue::Entry* const include = spans->value.find("include")) {
            source_.report(include->place, path + ".spans.include",
                           "is not here: 'spans' has what is left out, not what stays");
        }
        ConfigValue list{ConfigValue::Kind::kList, spans->value.place};
        if (ConfigValue::Entry* const exclude = spans->value.find("exclude"))
            list.items.push_back(std::move(exclude->value));
        spans->value = std::move(list);
    }

    // Its newer form has those on resources and on spans in one list. Both are on spans here.
    void adopt_conditions(const std::string& path, ConfigValue& filter) {
        ConfigValue::Entry* const found = filter.find("trace_conditions");
        if (found == nullptr) return;
        if (filter.find("traces.span") != nullptr)
            source_.report(found->place, path + ".trace_conditions", "is not said beside traces.span");
        ConfigValue traces{ConfigValue::Kind::kMapping, found->place};
        set(traces, "span", std::move(found->value));
        remove(filter, "trace_conditions");
        set(filter, "traces", std::move(traces));
    }

    void adopt_temporality(const std::string& path, ConfigValue& connector) {
        const ConfigValue::Entry* const said = connector.find("aggregation_temporality");
        if (said == nullptr) return;
        if (said->value.text != "AGGREGATION_TEMPORALITY_CUMULATIVE")
            source_.report(said->value.place, path + ".aggregation_temporality",
                           "is not here: Prometheus asks for cumulative sums");
        remove(connector, "aggregation_temporality");
    }

    // ---- Queues ----

    void adopt_queue(ConfigValue::Entry& exporter) {
        ConfigValue::Entry* const found = exporter.value.find("sending_queue");
        if (found == nullptr || !found->value.is_mapping()) return;
        ConfigValue& queue = found->value;
        const std::string path = "exporters." + exporter.key + ".sending_queue.";
        const auto drop = [&](const char* key, const std::function<void(const ConfigValue::Entry&)>& tell) {
            const ConfigValue::Entry* const said = queue.find(key);
            if (said == nullptr) return;
            tell(*said);
            remove(queue, key);
        };
        drop("enabled", [&](const ConfigValue::Entry& said) {
            if (said.value.text != "true")
                warn(said.value.place, path + "enabled", "has no effect: there is always a queue");
        });
        drop("block_on_overflow", [&](const ConfigValue::Entry& said) {
            warn(said.place, path + "block_on_overflow", "has no effect: what exceeds the queue goes to the spool");
        });
        drop("wait_for_result", [&](const ConfigValue::Entry& said) {
            warn(said.place, path + "wait_for_result",
                 "has no effect: receivers.otlp.answer_after says how long a request waits for its delivery");
        });
        ConfigValue storage;
        drop("storage", [&](const ConfigValue::Entry& said) { storage = said.value; });
        ConfigValue batch;
        if (ConfigValue::Entry* const said = queue.find("batch")) {
            batch = std::move(said->value);
            const ConfigValue::Entry* const sizer = queue.find("sizer");
            if (batch.is_mapping() && batch.find("sizer") == nullptr && sizer != nullptr)
                batch.entries.push_back({"sizer", sizer->place, sizer->value});
            batches_.push_back({path + "batch", std::move(batch)});
            remove(queue, "batch");
        }
        adopt_size(queue, path);
        // Last: it adds a key to the exporter, and moves the queue by that.
        if (!storage.is_missing()) adopt_storage(exporter, path + "storage", storage);
    }

    void adopt_size(ConfigValue& queue, const std::string& path) {
        const ConfigValue::Entry* const sizer = queue.find("sizer");
        const ConfigValue::Entry* const size = queue.find("queue_size");
        const bool bytes = sizer != nullptr ? sizer->value.text != "requests" && sizer->value.text != "items"
                                            : size == nullptr || !is_requests(size->value.text);
        if (bytes) return;
        const ConfigValue::Entry& said = size != nullptr ? *size : *sizer;
        warn(
            said.value.place, path + said.key,
            "has no effect: a queue has a size in bytes here, the default stays (give sizer: bytes, or such as 64MiB)");
        remove(queue, "sizer");
        remove(queue, "queue_size");
    }

    void adopt_storage(ConfigValue::Entry& exporter, const std::string& path, const ConfigValue& name) {
        const auto storage = storages_.find(name.text);
        if (storage == storages_.end()) {
            std::vector<std::string> known;
            for (const auto& [id, value] : storages_) known.push_back(id);
            source_.report(
                name.place, path,
                "'" + name.text + "' is not a file_storage of 'extensions'" + did_you_mean(name.text, known));
            return;
        }
        ConfigValue spool{ConfigValue::Kind::kMapping, name.place};
        if (const ConfigValue::Entry* const folder = storage->second.find("directory")) {
            std::string file = exporter.key;
            std::replace(file.begin(), file.end(), '/', '~');
            set(spool, "directory", scalar(folder->value.text + "/" + file, folder->value.place));
        }
        if (const ConfigValue::Entry* const sync = storage->second.find("fsync")) set(spool, "fsync", sync->value);
        const ConfigValue::Entry* const own = exporter.value.find("spool");
        if (own != nullptr) lay_over(spool, own->value);  // what is said here wins
        set(exporter.value, "spool", std::move(spool));
    }

    // ---- Batches ----

    // Batches are formed once, for all exporters.
    void adopt_batches() {
        if (batches_.empty()) return;
        ConfigValue processors{ConfigValue::Kind::kMapping};
        const ConfigValue::Entry* const own = root_.find("processors.batch");
        std::vector<std::pair<std::string, std::string>> first;
        for (const auto& [path, batch] : batches_) {
            if (own != nullptr) {
                warn(batch.place, path, "has no effect: processors.batch says it for all exporters");
                continue;
            }
            ConfigValue adopted{ConfigValue::Kind::kMapping, batch.place};
            adopt_queue_batch(path, batch, adopted);
            std::vector<std::pair<std::string, std::string>> said;
            for (const ConfigValue::Entry& entry : adopted.entries) said.emplace_back(entry.key, entry.value.text);
            if (&path != &batches_.front().first && said != first) {
                source_.report(batch.place, path,
                               "differs from " + batches_.front().first +
                                   "; batches are formed once, for all exporters (processors.batch)");
                continue;
            }
            if (&path != &batches_.front().first) continue;
            first = std::move(said);
            set(processors, "batch", std::move(adopted));
        }
        if (own == nullptr) set(root_, "processors", std::move(processors));
    }

    void adopt_queue_batch(const std::string& path, const ConfigValue& batch, ConfigValue& ret_batch) {
        const ConfigValue::Entry* const sizer = batch.find("sizer");
        const std::string unit = sizer != nullptr ? sizer->value.text : "items";
        for (const ConfigValue::Entry& entry : batch.entries) {
            if (entry.key == "flush_timeout") {
                set(ret_batch, "timeout", entry.value);
            } else if (entry.key == "min_size" && unit != "requests") {
                set(ret_batch, unit == "bytes" ? "send_batch_max_bytes" : "send_batch_size", entry.value);
            } else if (entry.key == "min_size") {
                warn(entry.place, path + ".min_size", "has no effect: a batch has spans or bytes here, not requests");
            } else if (entry.key != "sizer" && entry.key != "max_size" && entry.key != "enabled") {
                source_.report(entry.place, path,
                               "unknown key '" + entry.key + "'" +
                                   did_you_mean(entry.key, {"flush_timeout", "min_size", "max_size", "sizer"}));
            }
        }
    }

    ConfigValue& root_;
    ConfigSource& source_;
    std::vector<std::string>& warnings_;
    std::map<std::string, ConfigValue> storages_;
    std::set<std::string> gone_, gone_processors_;
    std::vector<std::pair<std::string, ConfigValue>> batches_;  // of queues, by their path
};

}  // namespace

void adopt_collector_file(ConfigValue& root, ConfigSource& source, std::vector<std::string>& warnings) {
    if (!root.is_mapping()) return;
    adopt_collector_pipelines(root, source, warnings);
    Adoption(root, source, warnings).adopt();
}

}  // namespace spanring::agent
