// SPDX-License-Identifier: Apache-2.0
//
// What a layer of the configuration says, before anybody knows what it means: each value and each key with the place
// where it stands. A tree of its own, since YAML's nodes share what aliases name, and know neither file nor layer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spanring::agent {

struct Place {
    std::shared_ptr<const std::string> source = {};  // "agent.yaml", "--set a.b", "SPANRING_AGENT_A__B"; null: none
    int line = 0;                                    // from 1 on; 0: not known, or without meaning there
    int column = 0;

    std::string text() const;  // "agent.yaml:4:14"
};

struct ConfigValue {
    enum class Kind : uint8_t { kMissing, kNull, kScalar, kList, kMapping };
    struct Entry;

    ConfigValue();  // missing
    ConfigValue(Kind kind, Place place = {}, std::string text = {});

    Kind kind;
    Place place;
    std::string text;                // of a scalar
    std::vector<ConfigValue> items;  // of a list
    std::vector<Entry> entries;      // of a mapping, in the order in which they were said

    bool is_missing() const { return kind == Kind::kMissing; }
    bool is_null() const { return kind == Kind::kNull; }
    bool is_scalar() const { return kind == Kind::kScalar; }
    bool is_list() const { return kind == Kind::kList; }
    bool is_mapping() const { return kind == Kind::kMapping; }

    // What stands at a path, "tls.insecure"; null: nothing.
    const Entry* find(std::string_view path) const;
    Entry* find(std::string_view path);
};

struct ConfigValue::Entry {
    std::string key;
    Place place;
    ConfigValue value;
};

// Here, where an entry is complete.
inline ConfigValue::ConfigValue() : ConfigValue(Kind::kMissing) {}
inline ConfigValue::ConfigValue(Kind of, Place at, std::string scalar)
    : kind(of), place(std::move(at)), text(std::move(scalar)) {}

// By the key's path, "processors.batch.timeout", or where an item of a list has no path of its own the list's: which
// place or which layer its value is from.
using Origins = std::map<std::string, std::string>;

// Mappings are merged key by key, anything else is replaced. Nothing (`otlp_grpc:`) leaves a mapping as it is.
void lay_over(ConfigValue& base, ConfigValue over);

}  // namespace spanring::agent
