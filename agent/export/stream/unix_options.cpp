// SPDX-License-Identifier: Apache-2.0
#include "export/stream/unix_options.hpp"

#include <charconv>
#include <stdexcept>

#include "base/option.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {
namespace {

using namespace option;

std::optional<uid_t> parse_uid(const std::string& text) {
    uid_t uid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
    if (error != std::errc() || end != text.data() + text.size() || uid == static_cast<uid_t>(-1)) return std::nullopt;
    return uid;
}

void check_uid(const std::string& text) {
    if (!text.empty() && !parse_uid(text)) throw std::invalid_argument("'" + text + "' is not the number of a user");
}

}  // namespace

std::optional<uid_t> UnixOptions::peer() const { return parse_uid(peer_uid); }

std::vector<Option> describe(UnixOptions& options) {
    std::vector<Option> all = {
        {"path", text(options.path, "absolute path"), "of the socket at which a program takes requests",
         "must be given"},
        {"peer_uid", text(options.peer_uid, "number of a user", check_uid),
         "the user that must have opened the socket; another's gets nothing", "any"},
        {"timeout", duration(options.timeout, milliseconds(1)), "time limit of one attempt"},
    };
    append(all, describe_waiting(options));
    return all;
}

std::vector<OptionFault> faults_of(const UnixOptions& options) {
    if (options.path.empty()) return {{"path", "must be given"}};
    if (options.path.front() != '/' || options.path.find('\0') != std::string::npos)
        return {{"path", "'" + options.path + "' is not an absolute path"}};
    if (options.path.size() > kLongestUnixPath)
        return {{"path", "is longer than " + std::to_string(kLongestUnixPath) + " bytes"}};
    return {};
}

}  // namespace spanring::agent
