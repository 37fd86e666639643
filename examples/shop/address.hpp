// SPDX-License-Identifier: Apache-2.0
//
// Addresses and numbers of the shop's command lines.
#pragma once

#include "coroutines.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace shop {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

// http://127.0.0.1:PORT: the shop stays on the machine it runs on.
inline std::optional<tcp::endpoint> parse_url(std::string_view url) {
    constexpr std::string_view kScheme = "http://";
    if (url.substr(0, kScheme.size()) != kScheme) {
        return std::nullopt;
    }
    url.remove_prefix(kScheme.size());
    if (!url.empty() && url.back() == '/') {
        url.remove_suffix(1);
    }
    const auto colon = url.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    boost::system::error_code error;
    const std::string_view host = url.substr(0, colon);
    const auto address = asio::ip::make_address_v4(host == "localhost" ? "127.0.0.1" : std::string{host}, error);
    const auto port = parse_number<unsigned short>(url.substr(colon + 1));
    if (error || !address.is_loopback() || !port || *port == 0) {
        return std::nullopt;
    }
    return tcp::endpoint{address, *port};
}

}  // namespace shop
