// SPDX-License-Identifier: Apache-2.0
//
// A key of the configuration, described once beside the member that it sets. Reading, printing, --help and the
// reference in docs/agent.md work from the description; nothing else lists keys, defaults or bounds.
//
// A describe() describes one struct. What it returns refers to the members of that struct, which must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace spanring::agent {

struct Option;

// A value that is one string in the file.
struct Scalar {
    std::string form;    // as a mistake names it: "a duration, such as 5s"
    std::string values;  // as the reference names it: "duration, at least 1ms"
    // Takes the text, or returns what is wrong with it and leaves the value as it is.
    std::function<std::string(const std::string& text)> set;
    std::function<std::string()> text;      // the value, as set() takes it
    std::vector<std::string> choices = {};  // all that set() takes; empty: no choice
    bool quoted = false;                    // stays a text where it looks like a number
    bool secret = false;                    // never printed
};

struct TextList {
    std::vector<std::string>& value;
    const char* values = "list of strings";
    // What is wrong with them; empty: nothing. Null: any will do.
    std::function<std::string(const std::vector<std::string>& texts)> check = {};
    bool secret = false;  // none is ever printed; messages of `check` are, so they must not have them
};

// Strings under names of the user's. Only the names are ever printed.
struct Secrets {
    std::map<std::string, std::string>& value;
};

struct Group {
    std::vector<Option> options;
};

// A list of groups.
struct GroupList {
    std::function<std::vector<Option>()> add;  // makes an item and describes it
    size_t most;
    const char* required;  // the key, by its path, that every item must have; null: none
    // Describes those that there are. Null: they are not printed as such.
    std::function<std::vector<std::vector<Option>>()> items = {};
    // What the reference calls the items where they are like something that it has already; null: it describes them.
    const char* like = nullptr;
    bool single = false;  // no list: one group, which may be missing
};

struct Option {
    std::string key;
    std::variant<Scalar, TextList, Secrets, Group, GroupList> value;
    std::string help = {};       // one line that may follow the key's name
    std::string otherwise = {};  // the default where it is not the struct's own: "STATE/spans.db"
    bool in_effect = true;       // false: another key has the say, so that this one is not printed
};

// By its path, "retry_on_failure.enabled". Throws std::out_of_range where there is none.
const Option& find_option(const std::vector<Option>& options, std::string_view path);
const Scalar& find_scalar(const std::vector<Option>& options, std::string_view path);
const std::vector<Option>& find_group(const std::vector<Option>& options, std::string_view path);

void append(std::vector<Option>& options, std::vector<Option> more);

// The kinds of scalars.
namespace option {

using std::chrono::milliseconds;

// `check` throws std::invalid_argument that says what is wrong with the text.
Scalar text(std::string& value, const char* values, std::function<void(const std::string& text)> check = {});
// Likewise, of what is never printed; messages of `check` are, so they must not have the text.
Scalar secret(std::string& value, std::function<void(const std::string& text)> check = {});
Scalar boolean(bool& value);
Scalar number(double& value, double least, double most);
Scalar count(uint32_t& value, uint32_t least, uint32_t most);
Scalar port(uint16_t& value);
Scalar size(uint64_t& value, uint64_t least);
Scalar duration(milliseconds& value, milliseconds least);
Scalar choice(std::string& value, std::vector<std::string> names);
Scalar choice(std::vector<std::string> names, std::function<void(size_t index)> choose, std::function<size_t()> chosen);
Scalar only(const char* name);  // of a key that the Collector has with more values than make sense here

template <class T>
Scalar choice(T& value, std::vector<std::pair<std::string, T>> known) {
    std::vector<std::string> names;
    for (const auto& [name, meaning] : known) names.push_back(name);
    return choice(
        std::move(names), [&value, known](size_t index) { value = known[index].second; },
        [&value, known] {
            size_t index = 0;
            while (known.at(index).second != value) ++index;
            return index;
        });
}

}  // namespace option

}  // namespace spanring::agent
