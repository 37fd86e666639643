// SPDX-License-Identifier: Apache-2.0
//
// Secrets, and text without them. What is known to be one is taken out wherever it stands; so is what looks like one:
// the user in a URL, what follows "Bearer" and "Basic", the value of a name such as "password" or "api-key".
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace spanring::agent {

class SecretWords {
public:
    static constexpr size_t kShortest = 4;  // what is shorter stands in too much by accident
    static constexpr char kHidden[] = "(hidden)";

    // With the forms in which it is written elsewhere: escaped in JSON, in a URL, in base64.
    void add(std::string_view secret);
    // As a client says it: USER:PASSWORD in base64.
    void add_pair(std::string_view user, std::string_view password);
    // The value of a variable of the environment whose name or value says that there is a secret in it.
    void add_variable(std::string_view name, std::string_view value);

    // The text is of lines.
    std::string without(std::string_view text) const;
    uint64_t known() const { return words_.size(); }

    // "exporter_api_key", "Authorization".
    static bool names_a_secret(std::string_view name);

private:
    struct LongestFirst {
        bool operator()(const std::string& one, const std::string& other) const {
            return one.size() != other.size() ? one.size() > other.size() : one < other;
        }
    };
    void add_word(std::string word);

    std::set<std::string, LongestFirst> words_;
};

}  // namespace spanring::agent
