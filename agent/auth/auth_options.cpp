// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_options.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "auth/password_list.hpp"
#include "auth/secret_file.hpp"
#include "base/option.hpp"
#include "base/text.hpp"

namespace spanring::agent {
namespace {

using namespace option;

struct Type {
    AuthType type;
    const char* name;
};
constexpr std::array<Type, 3> kTypes = {{{AuthType::kBearerToken, "bearertokenauth"},
                                         {AuthType::kBasic, "basicauth"},
                                         {AuthType::kOauth2Client, "oauth2client"}}};

bool is_token(std::string_view text) {  // RFC 9110, 5.6.2
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

void check_name(const std::string& text) {
    const bool legal = is_token(text) && text.find_first_of("!#$%&'*+^`|~") == std::string::npos;
    if (!legal) throw std::invalid_argument("'" + text + "' is not a legal name of a header of HTTP and gRPC");
}

void check_scheme(const std::string& text) {
    if (!text.empty() && !is_token(text)) throw std::invalid_argument("'" + text + "' is not a legal scheme");
}

// Its query may have a secret, so the text is not shown.
void check_url(const std::string& text) {
    const std::string_view url(text);
    const size_t host = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : url.size();
    if (host >= url.size()) throw std::invalid_argument("the URL does not begin with http:// or https://");
    if (url.find_first_of(" \t\r\n#") != std::string_view::npos ||
        url.substr(0, url.find('/', host)).find('@') != url.npos)
        throw std::invalid_argument("the URL has a blank, a '#' or a user in it");
}

// Not the text: it may be the secret.
void check_secret(const std::string& text) {
    if (!is_header_text(text)) throw std::invalid_argument("contains characters that a header must not contain");
}

std::string fault_of_tokens(const std::vector<std::string>& texts) {
    const bool legal = std::all_of(texts.begin(), texts.end(), is_header_text);
    return legal ? "" : "contains characters that a header must not contain";
}

void check_passwords(const std::string& text) {
    std::string fault;
    PasswordList().add(text, fault);
    if (!fault.empty()) throw std::invalid_argument(fault);
}

Option text_of(const char* key, Secret& secret, const char* help) {
    return {key, option::secret(secret.text, check_secret), help};
}
Option file_of(const char* key, Secret& secret, const char* help) { return {key, text(secret.file, "file"), help}; }

std::vector<Option> describe_bearer(AuthOptions& auth) {
    return {
        {"scheme", text(auth.scheme, "string", check_scheme), "what stands before the token"},
        {"header", text(auth.header, "name", check_name), "in which it is sent"},
        text_of("token", auth.token, "sent with every request, or what a sender must have; never printed"),
        {"tokens", TextList{auth.tokens, "list of strings", fault_of_tokens, true},
         "in place of `token`: a sender may have any of them, an exporter sends the first one; never printed"},
        file_of("filename", auth.token,
                "whose first line is the token, in place of `token`, and each line one of a sender's; read again when "
                "it changes"),
    };
}

std::vector<Option> describe_basic(AuthOptions& auth) {
    return {
        {"client_auth", Group{{
                            text_of("username", auth.username, "of the agent, as the backend knows it; never printed"),
                            file_of("username_file", auth.username, "in place of username; read again when it changes"),
                            text_of("password", auth.password, "never printed"),
                            file_of("password_file", auth.password, "in place of password; read again when it changes"),
                        }}},
        {"htpasswd",
         Group{{
             {"inline", option::secret(auth.htpasswd.text, check_passwords),
              "who may send to a receiver: lines `USER:PASSWORD`, as `htpasswd` writes them; never printed"},
             file_of("file", auth.htpasswd, "with such lines, which `inline` goes before; read again when it changes"),
         }}}};
}

std::vector<Option> describe_oauth2(AuthOptions& auth) {
    std::vector<Option> tls = {
        {"ca_file", text(auth.ca_file, "file"), "authorities trusted for the token server, in place of the system's"},
        {"cert_file", text(auth.cert_file, "file"), "client certificate for it; needs key_file"},
        {"key_file", text(auth.key_file, "file"), "its private key; needs cert_file"},
        {"insecure_skip_verify", boolean(auth.insecure_skip_verify), "trust any token server"},
    };
    return {
        text_of("client_id", auth.client_id, "of the agent, as the token server knows it; never printed"),
        file_of("client_id_file", auth.client_id, "in place of client_id; read for each token"),
        text_of("client_secret", auth.client_secret, "never printed"),
        file_of("client_secret_file", auth.client_secret, "in place of client_secret; read for each token"),
        {"token_url", text(auth.token_url, "URL", check_url), "of the token server", "must be given"},
        {"scopes", TextList{auth.scopes}, "that are asked for"},
        {"endpoint_params", Secrets{auth.endpoint_params},
         "sent to the token server as well; values are never printed"},
        {"timeout", duration(auth.timeout, milliseconds(1)), "time limit of one request for a token"},
        {"expiry_buffer", duration(auth.expiry_buffer, milliseconds(0)),
         "so long before its end a token is replaced, at half of its life at the earliest"},
        {"tls", Group{tls}},
    };
}

}  // namespace

std::vector<Option> describe(AuthOptions& auth) {
    switch (auth.type) {
        case AuthType::kBearerToken: return describe_bearer(auth);
        case AuthType::kBasic: return describe_basic(auth);
        case AuthType::kOauth2Client: return describe_oauth2(auth);
    }
    return {};
}

Option describe_authenticator(std::string& name, const char* help) {
    const auto check = [](const std::string& text) {
        if (text.empty()) throw std::invalid_argument("is empty; without the key there is none");
    };
    return {"authenticator", text(name, "name", check), help, {}, !name.empty()};
}

std::vector<std::string> token_texts(const AuthOptions& auth) {
    if (!auth.tokens.empty()) return auth.tokens;
    return auth.token.text.empty() ? std::vector<std::string>() : std::vector<std::string>{auth.token.text};
}

// A header has no blanks at its ends: who reads it takes them away, and the token would never be the right one.
std::vector<AuthFault> faults_of_token_texts(const AuthOptions& auth) {
    if (!auth.tokens.empty() && !auth.token.text.empty()) return {{"tokens", "cannot be beside token"}};
    for (const std::string& text : token_texts(auth)) {
        const char* const key = auth.tokens.empty() ? "token" : "tokens";
        if (text.empty()) return {{key, "one of them is empty"}};
        if (text.front() == ' ' || text.back() == ' ') return {{key, "begins or ends with a blank"}};
    }
    return {};
}

std::vector<AuthFault> faults_of(const AuthOptions& auth, bool files) {
    std::vector<AuthFault> faults;
    const auto need = [&](const Secret& secret, const std::string& key, const std::string& file_key) {
        if (!secret.given()) return faults.push_back({key, "must be given, or " + file_key});
        std::string fault, text;
        if (files && !secret.file.empty()) text = read_secret(secret.file, fault);
        // RFC 7617, 2: the password would begin there.
        if (&secret == &auth.username && text.find(':') != std::string::npos) fault = "must not contain a colon";
        if (!fault.empty()) faults.push_back({file_key, fault});
    };
    switch (auth.type) {
        case AuthType::kBearerToken:
            if (auth.tokens.empty() || !auth.token.file.empty()) need(auth.token, "token", "filename");
            for (AuthFault& fault : faults_of_token_texts(auth)) faults.push_back(std::move(fault));
            break;
        case AuthType::kBasic:
            need(auth.username, "client_auth.username", "client_auth.username_file");
            need(auth.password, "client_auth.password", "client_auth.password_file");
            if (auth.username.text.find(':') != std::string::npos)
                faults.push_back({"client_auth.username", "must not contain a colon"});
            break;
        case AuthType::kOauth2Client:
            need(auth.client_id, "client_id", "client_id_file");
            need(auth.client_secret, "client_secret", "client_secret_file");
            if (auth.token_url.empty()) faults.push_back({"token_url", "must be given"});
            if (auth.cert_file.empty() != auth.key_file.empty())
                faults.push_back({"tls", "cert_file and key_file go together, only one is set"});
            break;
    }
    return faults;
}

std::optional<AuthType> auth_type(const std::string& name) {
    for (const Type& each : kTypes) {
        if (name == each.name) return each.type;
    }
    return std::nullopt;
}

const char* auth_type_name(AuthType type) {
    const auto known = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& each) { return each.type == type; });
    return known != kTypes.end() ? known->name : "unknown";
}

std::vector<std::string> auth_type_names() {
    std::vector<std::string> names;
    for (const Type& each : kTypes) names.emplace_back(each.name);
    return names;
}

}  // namespace spanring::agent
