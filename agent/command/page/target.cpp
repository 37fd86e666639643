// SPDX-License-Identifier: Apache-2.0
#include "command/page/target.hpp"

#include <algorithm>
#include <cstdint>

#include "base/character.hpp"

namespace spanring::agent {
namespace {

int digit_of(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

// False: an escape is none, or what comes out is no text.
bool decode(std::string_view text, std::string& ret_decoded) {
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            ret_decoded += ' ';
            continue;
        }
        if (text[i] != '%') {
            ret_decoded += text[i];
            continue;
        }
        if (text.size() - i < 3) return false;
        const int high = digit_of(text[i + 1]);
        const int low = digit_of(text[i + 2]);
        if (high < 0 || low < 0 || (high | low) == 0) return false;
        ret_decoded += static_cast<char>(high << 4 | low);
        i += 2;
    }
    return is_utf8(ret_decoded);
}

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

// Up to the separator, which goes too.
std::string_view cut(std::string_view& rest, char separator) {
    const size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view piece = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return piece;
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
    if (!text.starts_with('/')) return std::nullopt;
    if (std::any_of(text.begin(), text.end(), [](char byte) { return byte <= ' ' || byte > '~' || byte == '#'; }))
        return std::nullopt;
    Target target;
    std::string_view rest = text;
    target.path = cut(rest, '?');
    while (!rest.empty()) {
        std::string_view value = cut(rest, '&');
        if (value.empty()) continue;
        if (target.parameters.size() == kMostParameters) return std::nullopt;
        auto& [name, content] = target.parameters.emplace_back();
        if (!decode(cut(value, '='), name) || !decode(value, content)) return std::nullopt;
    }
    return target;
}

std::vector<std::string_view> cookies_called(std::string_view name, std::string_view header) {
    std::vector<std::string_view> values;
    while (!header.empty()) {
        std::string_view value = cut(header, ';');
        const bool has_value = value.find('=') != std::string_view::npos;
        if (trim(cut(value, '=')) == name && has_value) values.push_back(trim(value));
    }
    return values;
}

bool split_words(std::string_view text, std::vector<std::string>& ret_words) {
    bool inside = false, quoted = false;
    std::string word;
    for (size_t i = 0; i < text.size(); ++i) {
        const char character = text[i];
        if (!quoted && (character == ' ' || character == '\t')) {
            if (inside) ret_words.push_back(std::exchange(word, {}));
            inside = false;
            continue;
        }
        inside = true;
        if (character == '"') {
            quoted = !quoted;
        } else if (quoted && character == '\\' && i + 1 < text.size()) {
            word += text[++i];
        } else {
            word += character;
        }
    }
    if (inside) ret_words.push_back(std::move(word));
    return !quoted;
}

}  // namespace spanring::agent
