// SPDX-License-Identifier: Apache-2.0
#include "auth/allowed_senders.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "auth/secret_file.hpp"
#include "base/file_beginning.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostFile = size_t{4} << 20;

std::string read_whole(const std::string& file, std::string& ret_fault) {
    std::string text = read_beginning(file, kMostFile + 1, ret_fault);
    if (text.size() > kMostFile) ret_fault = file + " has more than 4 MiB";
    return text;
}

std::vector<std::string> tokens_in(std::string_view text, const std::string& file, std::string& ret_fault) {
    std::vector<std::string> tokens;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const size_t begin = line.find_first_not_of(" \t\r"), last = line.find_last_not_of(" \t\r");
        if (begin == std::string_view::npos) continue;
        tokens.emplace_back(line.substr(begin, last - begin + 1));
        if (!is_header_text(tokens.back())) ret_fault = file + " contains characters that a header must not contain";
    }
    if (tokens.empty()) ret_fault = file + " has no token";
    return tokens;
}

AuthFault fault_of_tokens(const AuthOptions& options, std::vector<std::string>& ret_tokens) {
    std::string fault;
    const std::string text = read_whole(options.token.file, fault);
    if (fault.empty()) ret_tokens = tokens_in(text, options.token.file, fault);
    return {"filename", std::move(fault)};
}

AuthFault fault_of_passwords(const AuthOptions& options, PasswordList& ret_passwords) {
    std::string fault;
    const std::string text = options.htpasswd.file.empty() ? "" : read_whole(options.htpasswd.file, fault);
    if (!fault.empty()) return {"htpasswd.file", std::move(fault)};
    ret_passwords.add(text, fault);
    if (!fault.empty()) return {"htpasswd.file", options.htpasswd.file + ": " + fault};
    ret_passwords.add(options.htpasswd.text, fault);
    if (!fault.empty()) return {"htpasswd.inline", std::move(fault)};
    return {"htpasswd", ret_passwords.empty() ? "nobody is in it" : ""};
}

}  // namespace

AllowedSenders read_allowed_senders(const AuthOptions& options, std::string& ret_fault) {
    AllowedSenders allowed;
    if (options.type == AuthType::kBearerToken && options.token.file.empty()) {
        allowed.tokens = token_texts(options);
        return allowed;
    }
    const AuthFault fault = options.type == AuthType::kBasic ? fault_of_passwords(options, allowed.passwords)
                                                             : fault_of_tokens(options, allowed.tokens);
    if (!fault.what.empty()) ret_fault = fault.key + ": " + fault.what;
    return allowed;
}

std::vector<AuthFault> gate_faults_of(const AuthOptions& options, bool files) {
    if (options.type == AuthType::kOauth2Client) return {{"", "says who the agent is, not who may send to it"}};
    const bool basic = options.type == AuthType::kBasic;
    const Secret& said = basic ? options.htpasswd : options.token;
    if (!said.given() && (basic || options.tokens.empty()))
        return {{basic ? "htpasswd.inline" : "token",
                 basic ? "must be given, or htpasswd.file" : "must be given, or filename"}};
    if (!basic) {
        if (std::vector<AuthFault> faults = faults_of_token_texts(options); !faults.empty()) return faults;
        if (said.file.empty()) return {};
    }
    if (!said.file.empty() && !files) return {};
    AllowedSenders allowed;
    AuthFault fault = basic ? fault_of_passwords(options, allowed.passwords) : fault_of_tokens(options, allowed.tokens);
    return fault.what.empty() ? std::vector<AuthFault>() : std::vector<AuthFault>{std::move(fault)};
}

}  // namespace spanring::agent
