// SPDX-License-Identifier: Apache-2.0
//
// What a request to the page asks for: its target, its cookies and its words, a line of the input each. What is taken
// is text; what is written as it was read is read again, and is the same.
#include <algorithm>
#include <cstdio>
#include <string>

#include "base/character.hpp"
#include "command/page/target.hpp"
#include "demand.hpp"

using namespace spanring::agent;

namespace {

std::string escaped(const std::string& text) {
    std::string out;
    for (const char byte : text) {
        char escape[8];
        std::snprintf(escape, sizeof escape, "%%%02x", static_cast<unsigned char>(byte));
        out += escape;
    }
    return out;
}

std::string quoted(const std::string& word) {
    std::string out = "\"";
    for (const char byte : word) {
        if (byte == '"' || byte == '\\') out += '\\';
        out += byte;
    }
    return out + '"';
}

void check_target(std::string_view text) {
    const auto target = parse_target(text);
    if (!target) return;
    demand(text.starts_with(target->path) && target->path.starts_with('/'), "a path is as it came");
    demand(target->path.find('?') == std::string::npos && is_utf8(target->path), "a path is text, without parameters");
    demand(target->parameters.size() <= kMostParameters, "parameters are bounded");
    std::string again = target->path + "?";
    for (const auto& [name, value] : target->parameters) {
        demand(is_utf8(name) && is_utf8(value) && name.size() + value.size() <= text.size(), "parameters are text");
        demand((name + value).find('\0') == std::string::npos, "no text ends early");
        again += escaped(name) + "=" + escaped(value) + "&";
    }
    const auto same = parse_target(again);
    demand(same && same->path == target->path && same->parameters == target->parameters,
           "it is read as it was written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string_view target = input.substr(0, input.find('\n'));
    check_target(target);
    const std::string_view rest = target.size() < size ? input.substr(target.size() + 1) : std::string_view();
    const std::string_view cookies = rest.substr(0, rest.find('\n'));
    for (const std::string_view value : cookies_called("spanring_page_1", cookies))
        demand(value.find(';') == std::string_view::npos && value.size() < cookies.size(), "a cookie ends");

    const std::string_view text = cookies.size() < rest.size() ? rest.substr(cookies.size() + 1) : std::string_view();
    std::vector<std::string> words, again;
    if (!split_words(text, words)) return 0;
    std::string line;
    for (const std::string& word : words) line += quoted(word) + " ";
    demand(split_words(line, again) && again == words, "words are read as they were written");
    return 0;
}
