// SPDX-License-Identifier: Apache-2.0
#include "command/flare/agent_secrets.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "auth/allowed_senders.hpp"
#include "auth/secret_file.hpp"
#include "base/option.hpp"
#include "command/proc.hpp"
#include "command/sites.hpp"
#include "config/config.hpp"

namespace spanring::agent {
namespace {

void add_options(const std::vector<Option>& options, const std::string& before, const LoadedConfig& loaded,
                 SecretWords& words);

struct Finder {
    const std::string& path;
    const LoadedConfig& loaded;
    SecretWords& words;

    // What lies in a file of its own is a secret, whatever it is for.
    bool is_out_of_a_file(const std::string& of) const { return loaded.references.contains(of); }
    void operator()(const Scalar& scalar) const {
        if (scalar.secret || is_out_of_a_file(path)) words.add(scalar.text());
    }
    void operator()(const TextList& list) const {
        for (size_t i = 0; i < list.value.size(); ++i)
            if (list.secret || is_out_of_a_file(path + "[" + std::to_string(i) + "]")) words.add(list.value[i]);
    }
    void operator()(const Secrets& secrets) const {
        for (const auto& [name, value] : secrets.value) words.add(value);
    }
    void operator()(const Group& group) const { add_options(group.options, path + ".", loaded, words); }
    void operator()(const GroupList& list) const {
        const auto items = list.items ? list.items() : std::vector<std::vector<Option>>();
        for (size_t i = 0; i < items.size(); ++i)
            add_options(items[i], path + (list.single ? "." : "[" + std::to_string(i) + "]."), loaded, words);
    }
};

void add_options(const std::vector<Option>& options, const std::string& before, const LoadedConfig& loaded,
                 SecretWords& words) {
    for (const Option& option : options) {
        const std::string path = before + option.key;
        std::visit(Finder{path, loaded, words}, option.value);
    }
}

std::string text_of(const Secret& secret) {
    std::string fault;
    return secret.file.empty() ? secret.text : read_secret(secret.file, fault);
}

}  // namespace

void add_secrets(const LoadedConfig& loaded, SecretWords& words) {
    Config config = loaded.config;  // options may be set
    add_options(describe(config), "", loaded, words);
    for (const AuthOptions& auth : config.authenticators) {
        for (const Secret* const secret :
             {&auth.token, &auth.username, &auth.password, &auth.client_id, &auth.client_secret})
            words.add(text_of(*secret));
        std::string fault;
        for (const std::string& token : read_allowed_senders(auth, fault).tokens) words.add(token);
        words.add(auth.htpasswd.text);
        words.add_pair(text_of(auth.username), text_of(auth.password));
        words.add_pair(text_of(auth.client_id), text_of(auth.client_secret));
    }
}

void add_variables(const Site& site, SecretWords& words) {
    for (const pid_t pid : {site.agent ? site.agent->pid : pid_t{0}, ::getpid()}) {
        if (pid == 0) continue;
        const auto variables = proc::variables(pid);
        if (!variables) continue;
        for (const auto& [name, value] : *variables) words.add_variable(name, value);
    }
}

}  // namespace spanring::agent
