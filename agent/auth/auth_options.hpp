// SPDX-License-Identifier: Apache-2.0
//
// Who an exporter is to its backend, and who may send to a receiver. Types and keys are those of the Collector's
// extensions `bearertokenauth`, `basicauth` and `oauth2client` (which is no receiver's).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace spanring::agent {

struct Option;

enum class AuthType : uint8_t { kBearerToken, kBasic, kOauth2Client };

// A text that is given, or that a file has. The file goes first, and is read again when it changes.
struct Secret {
    std::string text;
    std::string file;

    bool given() const { return !text.empty() || !file.empty(); }
    bool operator==(const Secret&) const = default;
};

// One of them; of the options those of its type count.
struct AuthOptions {
    std::string id;  // as in the file: "oauth2client", "oauth2client/eu"
    AuthType type = AuthType::kBearerToken;

    std::string scheme = "Bearer";
    std::string header = "Authorization";
    Secret token;
    std::vector<std::string> tokens;  // in place of its text: the first one is the agent's, a sender may have any

    Secret username, password;
    Secret htpasswd;  // of a receiver: both count

    Secret client_id, client_secret;
    std::string token_url;
    std::vector<std::string> scopes;
    std::map<std::string, std::string> endpoint_params;
    std::chrono::milliseconds timeout{10'000};         // of one request
    std::chrono::milliseconds expiry_buffer{300'000};  // so long before its end a token is replaced
    std::string ca_file, cert_file, key_file;
    bool insecure_skip_verify = false;

    bool operator==(const AuthOptions&) const = default;
};

std::vector<Option> describe(AuthOptions& auth);
// The key that names one of them. An empty text is no name: what was meant to be one would switch it off.
Option describe_authenticator(std::string& name, const char* help);

struct AuthFault {
    std::string key;
    std::string what;  // without secrets
};
// What they are together, for an exporter; of files whether they can be read is asked only with `files`.
std::vector<AuthFault> faults_of(const AuthOptions& auth, bool files);

// Of tokens that are given as texts: both an exporter's and a receiver's.
std::vector<AuthFault> faults_of_token_texts(const AuthOptions& auth);
// Those texts; none where there is but a file.
std::vector<std::string> token_texts(const AuthOptions& auth);

std::optional<AuthType> auth_type(const std::string& name);
const char* auth_type_name(AuthType type);
std::vector<std::string> auth_type_names();

}  // namespace spanring::agent
