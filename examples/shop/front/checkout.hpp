// SPDX-License-Identifier: Apache-2.0
//
// What the front does with one request, and the spans that tell of it.
#pragma once

#include "../coroutines.hpp"

#include <spanring/spanring.hpp>

#include <chrono>
#include <string>

namespace shop {

class Checkout {
public:
    Checkout(spanring::Tracer tracer, tcp::endpoint stock, std::chrono::seconds timeout)
        : tracer_{tracer}, stock_{std::move(stock)}, timeout_{timeout} {}

    // Answers; never throws for what a peer does.
    asio::awaitable<Response> answer(const Request& request) const;

private:
    asio::awaitable<Response> check_out(const Request& request) const;
    asio::awaitable<Response> reserve(const spanring::Context& parent, std::string query) const;
    asio::awaitable<Response> exchange(const Request& request) const;

    spanring::Tracer tracer_;
    tcp::endpoint stock_;
    std::chrono::seconds timeout_;
};

}  // namespace shop
