// SPDX-License-Identifier: Apache-2.0
#include "configuration.hpp"

#include <string.h>

#include "json.hpp"
#include "log.hpp"

namespace spanring::envoy {
namespace {

using Type = JsonReader::Type;

struct Word {
    std::string_view text;
    uint32_t value;
};

constexpr Word kFullPolicies[] = {{"drop_newest", SPR_FULL_DROP_NEWEST},
                                  {"overwrite_oldest", SPR_FULL_OVERWRITE_OLDEST}};
constexpr Word kSamplings[] = {{"envoy", 0}, {"sampler", 1}};
constexpr Word kAttributeNames[] = {{"envoy", 0}, {"semantic_conventions", 1}};
constexpr Word kPropagators[] = {{"tracecontext", static_cast<uint32_t>(Propagator::kTraceContext)},
                                 {"baggage", static_cast<uint32_t>(Propagator::kBaggage)},
                                 {"b3", static_cast<uint32_t>(Propagator::kB3)},
                                 {"b3multi", static_cast<uint32_t>(Propagator::kB3Multi)}};
constexpr Word kUnits[] = {{"", 1},         {"B", 1},          {"K", 1u << 10},      {"KiB", 1u << 10},
                           {"M", 1u << 20}, {"MiB", 1u << 20}, {"G", 1u << 30},      {"GiB", 1u << 30},
                           {"KB", 1'000},   {"MB", 1'000'000}, {"GB", 1'000'000'000}};
constexpr uint64_t kMostBytes = uint64_t{1} << 40;

int shown(std::string_view text) { return static_cast<int>(text.size() < 100 ? text.size() : 100); }

bool wrong(std::string_view key, const char* what) {
    log(LogLevel::kError, "tracer_config: %.*s: %s", shown(key), key.data(), what);
    return false;
}

bool wrong_value(std::string_view key, std::string_view value, const char* wanted) {
    log(LogLevel::kError, "tracer_config: %.*s: \"%.*s\" is not %s", shown(key), key.data(), shown(value), value.data(),
        wanted);
    return false;
}

template <size_t kCount>
const Word* find(const Word (&words)[kCount], std::string_view text) {
    for (const Word& word : words)
        if (word.text == text) return &word;
    return nullptr;
}

bool read_text(JsonReader& reader, std::string_view key, std::string_view& ret) {
    if (reader.next() != Type::kString) return wrong(key, "a text is wanted");
    if (!reader.string(ret)) return false;
    return !ret.empty() || wrong(key, "must not be empty");
}

template <size_t kCount>
bool read_word(JsonReader& reader, std::string_view key, const Word (&words)[kCount], const char* wanted,
               uint32_t& ret) {
    std::string_view text;
    if (!read_text(reader, key, text)) return false;
    const Word* const word = find(words, text);
    if (word == nullptr) return wrong_value(key, text, wanted);
    ret = word->value;
    return true;
}

bool read_bytes(JsonReader& reader, std::string_view key, uint64_t& ret) {
    constexpr char kWanted[] = "a number of bytes, like 67108864 or 64MiB";
    if (reader.next() == Type::kNumber) {
        double number = 0;
        if (!reader.number(number)) return false;
        if (!(number >= 1 && number <= static_cast<double>(kMostBytes)))
            return wrong(key, "a number of bytes from 1 to 2^40 is wanted");
        ret = static_cast<uint64_t>(number);
        return true;
    }
    std::string_view text;
    if (!read_text(reader, key, text)) return false;
    uint64_t number = 0;
    size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && number <= kMostBytes; ++digits)
        number = number * 10 + static_cast<uint64_t>(text[digits] - '0');
    const Word* const unit = find(kUnits, {text.data() + digits, text.size() - digits});
    if (digits == 0 || unit == nullptr || number == 0 || number > kMostBytes / unit->value)
        return wrong_value(key, text, kWanted);
    ret = number * unit->value;
    return true;
}

bool read_propagators(JsonReader& reader, std::string_view key, Configuration& ret) {
    if (reader.next() != Type::kArray) return wrong(key, "a list is wanted, like [tracecontext, baggage]");
    ret.propagator_count = 0;
    for (bool more = reader.open('['); more; more = reader.again(']')) {
        uint32_t value = 0;
        if (!read_word(reader, key, kPropagators, "one of tracecontext, baggage, b3, b3multi", value)) return false;
        const auto one = static_cast<Propagator>(value);
        bool known = false;
        for (size_t i = 0; i < ret.propagator_count; ++i) known = known || ret.propagators[i] == one;
        if (!known) ret.propagators[ret.propagator_count++] = one;  // no more than there are
    }
    return true;
}

bool read_attributes(JsonReader& reader, std::string_view key, Configuration& ret) {
    if (reader.next() != Type::kObject) return wrong(key, "keys and values are wanted");
    for (bool more = reader.open('{'); more; more = reader.again('}')) {
        if (ret.attribute_count == Configuration::kMostAttributes) return wrong(key, "more than 64");
        spr_attribute& attribute = ret.attributes[ret.attribute_count];
        memset(&attribute, 0, sizeof attribute);
        std::string_view name;
        if (!reader.key(name)) return false;
        if (name.empty()) return wrong(key, "an empty key");
        attribute.key = name.data();
        attribute.key_size = name.size();
        bool boolean = false;
        std::string_view text;
        switch (reader.next()) {
            case Type::kString:
                if (!reader.string(text)) return false;
                attribute.type = SPR_TYPE_STRING;
                attribute.value.string = {text.data(), text.size()};
                break;
            case Type::kNumber: {
                double number = 0;
                if (!reader.number(number)) return false;
                // A Struct has no integers of its own. Up to 2^53 a double is exactly what was written.
                constexpr double kExact = 9007199254740992.0;
                attribute.type = SPR_TYPE_DOUBLE;
                attribute.value.float64 = number;
                if (number >= -kExact && number <= kExact &&
                    number == static_cast<double>(static_cast<int64_t>(number))) {
                    attribute.type = SPR_TYPE_INT64;
                    attribute.value.int64 = static_cast<int64_t>(number);
                }
                break;
            }
            case Type::kBool:
                if (!reader.boolean(boolean)) return false;
                attribute.type = SPR_TYPE_BOOL;
                attribute.value.boolean = boolean ? 1 : 0;
                break;
            default: return wrong_value(key, name, "a key of a text, a number, true or false");
        }
        ++ret.attribute_count;
    }
    return true;
}

bool read_key(JsonReader& reader, std::string_view key, Configuration& ret) {
    uint32_t value = 0;
    if (key == "service_name") return read_text(reader, key, ret.service_name);
    if (key == "memory_limit") return read_bytes(reader, key, ret.memory_limit);
    if (key == "propagators") return read_propagators(reader, key, ret);
    if (key == "resource_attributes") return read_attributes(reader, key, ret);
    if (key == "directory") {
        if (!read_text(reader, key, ret.directory)) return false;
        return ret.directory[0] == '/' || wrong_value(key, ret.directory, "an absolute path");
    }
    if (key == "full_policy")
        return read_word(reader, key, kFullPolicies, "drop_newest or overwrite_oldest", ret.full_policy);
    if (key == "sampling") {
        if (!read_word(reader, key, kSamplings, "envoy or sampler", value)) return false;
        ret.asks_sampler = value != 0;
        return true;
    }
    if (key == "attributes") {
        if (!read_word(reader, key, kAttributeNames, "envoy or semantic_conventions", value)) return false;
        ret.semantic_conventions = value != 0;
        return true;
    }
    return wrong(
        key, "unknown; there are attributes, directory, full_policy, memory_limit, propagators, resource_attributes, "
             "sampling, service_name");
}

}  // namespace

bool Configuration::read(char* text, size_t size) {
    JsonReader reader(text, size);
    if (reader.whole()) return true;  // nothing said
    reader = JsonReader(text, size);
    if (reader.next() != Type::kObject) {
        log(LogLevel::kError, "tracer_config: keys and values are wanted. Is it a google.protobuf.Struct?");
        return false;
    }
    bool good = true;
    for (bool more = reader.open('{'); more && good; more = good && reader.again('}')) {
        std::string_view key;
        good = reader.key(key) && read_key(reader, key, *this);
    }
    if (good && reader.whole()) return true;
    // What was wrong with a key has been said.
    if (reader.wrong_at() >= 0)
        log(LogLevel::kError, "tracer_config: not JSON, at byte %td. Is it a google.protobuf.Struct?",
            reader.wrong_at());
    return false;
}

}  // namespace spanring::envoy
