// SPDX-License-Identifier: Apache-2.0
#include "command/flare/secret_words.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace spanring::agent {
namespace {

constexpr std::array<std::string_view, 12> kNames = {"token",      "secret",     "passw",       "authorization",
                                                     "api-key",    "api_key",    "apikey",      "access-key",
                                                     "access_key", "credential", "private_key", "cookie"};
// That have such a word in them and none in their value.
constexpr std::array<std::string_view, 6> kPlaces = {"_url", "_file", "filename", "_total", "_seconds", "_bytes"};

bool is_digit_or_letter(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_of_name(char c) { return is_digit_or_letter(c) || c == '_' || c == '-' || c == '.'; }
bool is_of_token(char c) {
    return is_digit_or_letter(c) || std::string_view("-._~+/=:").find(c) != std::string_view::npos;
}
bool ends_value(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '"' || c == '\'' || c == '&' || c == ',' || c == '}';
}

std::string base64(std::string_view bytes) {
    static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t three = 0;
        for (size_t j = 0; j < 3; ++j)
            three = three << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        for (size_t j = 0; j < 4; ++j) text += i + j > bytes.size() ? '=' : kDigits[three >> (18 - 6 * j) & 63];
    }
    return text;
}

std::string percent_encoded(std::string_view bytes) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string text;
    for (const char c : bytes) {
        if (is_digit_or_letter(c) || std::string_view("-._~").find(c) != std::string_view::npos)
            text += c;
        else
            (text += '%') += {kHex[static_cast<unsigned char>(c) >> 4], kHex[static_cast<unsigned char>(c) & 15]};
    }
    return text;
}

void replace_all(std::string& text, const std::string& word) {
    for (size_t at = text.find(word); at != std::string::npos;
         at = text.find(word, at + sizeof SecretWords::kHidden - 1))
        text.replace(at, word.size(), SecretWords::kHidden);
}

// "https://user:password@host"
void hide_users(std::string& line) {
    for (size_t at = line.find("://"); at != std::string::npos; at = line.find("://", at + 3)) {
        const size_t begin = at + 3;
        const size_t end = std::min(line.find_first_of(" \t/?#\"'<>", begin), line.size());
        const size_t sign = std::string_view(line).substr(begin, end - begin).rfind('@');
        if (sign != std::string_view::npos && sign != 0) line.replace(begin, sign, SecretWords::kHidden);
    }
}

// "Bearer abc"
void hide_schemes(std::string& line) {
    for (const std::string_view scheme : {"bearer ", "basic "}) {
        std::string small = lower(line);  // as long, and changed with it
        for (size_t at = small.find(scheme); at != std::string::npos; at = small.find(scheme, at + 1)) {
            const size_t begin = at + scheme.size();
            size_t end = begin;
            while (end < line.size() && is_of_token(line[end])) ++end;
            if (end - begin < 2 * SecretWords::kShortest) continue;  // a word
            for (std::string* const text : {&line, &small}) text->replace(begin, end - begin, SecretWords::kHidden);
        }
    }
}

// "password=abc", "x-api-key: abc", "\"token\": \"abc\""
void hide_values(std::string& line) {
    for (size_t at = line.find_first_of("=:"); at != std::string::npos; at = line.find_first_of("=:", at + 1)) {
        size_t end = at;
        if (end != 0 && (line[end - 1] == '"' || line[end - 1] == '\'')) --end;
        size_t begin = end;
        while (begin != 0 && is_of_name(line[begin - 1])) --begin;
        if (begin == end || !SecretWords::names_a_secret(std::string_view(line).substr(begin, end - begin))) continue;
        size_t value = at + 1;
        while (value < line.size() && (line[value] == ' ' || line[value] == '"' || line[value] == '\'')) ++value;
        size_t after = value;
        const char quote = line[value - 1];
        const bool quoted = quote == '"' || quote == '\'';
        while (after < line.size() && (quoted ? line[after] != quote : !ends_value(line[after]))) ++after;
        if (after == value || line[value] == '(' || line[value] == '{' || line[value] == '[') continue;
        line.replace(value, after - value, SecretWords::kHidden);
    }
}

}  // namespace

bool SecretWords::names_a_secret(std::string_view name) {
    const std::string small = lower(std::string(name));
    const auto has = [&](std::string_view word) { return small.find(word) != std::string::npos; };
    return std::any_of(kNames.begin(), kNames.end(), has) &&
           std::none_of(kPlaces.begin(), kPlaces.end(), [&](std::string_view place) { return small.ends_with(place); });
}

void SecretWords::add_word(std::string word) {
    if (word.size() >= kShortest) words_.insert(std::move(word));
}

void SecretWords::add(std::string_view secret) {
    if (secret.size() < kShortest) return;
    const std::string quoted =
        nlohmann::json(std::string(secret)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    add_word(std::string(secret));
    add_word(quoted.substr(1, quoted.size() - 2));
    add_word(percent_encoded(secret));
    add_word(base64(secret));
    // Of "Bearer abc" the second word is it.
    if (const size_t blank = secret.rfind(' '); blank != std::string_view::npos)
        add_word(std::string(secret.substr(blank + 1)));
}

void SecretWords::add_pair(std::string_view user, std::string_view password) {
    add_word(base64(std::string(user) + ":" + std::string(password)));
}

void SecretWords::add_variable(std::string_view name, std::string_view value) {
    if (names_a_secret(name)) return add(value);
    // OTEL_EXPORTER_OTLP_HEADERS: "name=value,name=value"
    if (lower(std::string(name)).ends_with("headers")) {
        for (size_t begin = 0; begin < value.size();) {
            const size_t end = std::min(value.find(',', begin), value.size());
            const std::string_view one = value.substr(begin, end - begin);
            if (const size_t sign = one.find('='); sign != std::string_view::npos) add(one.substr(sign + 1));
            begin = end + 1;
        }
    }
    // "http://user:password@proxy"
    const size_t host = value.find("://");
    const size_t sign = value.rfind('@');
    if (host == std::string_view::npos || sign == std::string_view::npos || sign < host) return;
    const std::string_view user = value.substr(host + 3, sign - host - 3);
    add(user);
    if (const size_t colon = user.find(':'); colon != std::string_view::npos) add(user.substr(colon + 1));
}

std::string SecretWords::without(std::string_view text) const {
    std::string result;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        std::string line(text.substr(begin, end - begin));
        for (const std::string& word : words_) replace_all(line, word);
        hide_users(line);
        hide_schemes(line);
        hide_values(line);
        result += line;
        if (end != text.size()) result += '\n';
        begin = end + 1;
    }
    return result;
}

}  // namespace spanring::agent
