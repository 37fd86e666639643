// SPDX-License-Identifier: Apache-2.0
//
// Boost.Asio and Beast with C++20 coroutines, under short names; for front and loadgen.
#pragma once

#include <utility>  // before Asio: <boost/asio/awaitable.hpp> of 1.74 uses std::exchange without it

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace shop {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

// A socket with a deadline that ends what it waits for.
using Stream = beast::tcp_stream;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

}  // namespace shop
