// SPDX-License-Identifier: Apache-2.0

#include "checkout.hpp"

#include <string_view>

namespace shop {

namespace {

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view path_of(const Request& request) {
    const auto target = view(request.target());
    return target.substr(0, target.find('?'));
}

std::string_view query_of(const Request& request) {
    const auto target = view(request.target());
    const auto mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
}

std::string_view parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
            return pair.substr(equals + 1);
        }
        query.remove_prefix(pair.size() == query.size() ? pair.size() : pair.size() + 1);
    }
    return {};
}

Response make_response(http::status status, std::string body) {
    Response response{status, 11};
    response.set(http::field::content_type, "application/json");
    response.body() = std::move(body);
    return response;
}

}  // namespace

asio::awaitable<Response> Checkout::answer(const Request& request) const {
    const auto path = path_of(request);
    if (path == "/health") {
        co_return make_response(http::status::ok, "{}\n");
    }
    if (path != "/checkout") {
        co_return make_response(http::status::not_found, "{\"error\":\"no such page\"}\n");
    }
    if (request.method() != http::verb::post) {
        co_return make_response(http::status::method_not_allowed, "{\"error\":\"use POST\"}\n");
    }
    co_return co_await check_out(request);
}

asio::awaitable<Response> Checkout::check_out(const Request& request) const {
    const auto query = query_of(request);
    // Absent or malformed: a new trace. The caller of the shop may have one of its own.
    const auto parent = spanring::Context::extract(view(request["traceparent"]));
    // A coroutine may go on in another thread, so children are given their parent here: a Scope belongs to one thread.
    auto span = tracer_.start("POST /checkout", {.kind = spanring::Kind::kServer,
                                                 .parent = parent,
                                                 .attributes = {{"http.request.method", "POST"},
                                                                {"http.route", "/checkout"},
                                                                {"shop.item", parameter(query, "item")}}});
    auto response = co_await reserve(span.context(), std::string{query});

    span.set_attribute("http.response.status_code", response.result_int());
    if (response.result_int() >= 500) {
        span.set_status(spanring::Status::kError, "the stock service failed");
    } else if (response.result() == http::status::ok) {
        span.add_event("order placed", {{"shop.item", parameter(query, "item")}});
    }
    if (span.context().valid()) {
        const auto trace_id = span.context().trace_id();
        response.set("x-trace-id", beast::string_view{trace_id.data(), trace_id.size()});
    }
    co_return response;
    // The span ends here, perhaps in another thread than the one where it started.
}

asio::awaitable<Response> Checkout::reserve(const spanring::Context& parent, std::string query) const {
    auto span = tracer_.start("POST /reserve", {.kind = spanring::Kind::kClient,
                                                .parent = parent,
                                                .attributes = {{"http.request.method", "POST"},
                                                               {"server.address", "127.0.0.1"},
                                                               {"server.port", stock_.port()}}});
    Request request{http::verb::post, "/reserve?" + query, 11};
    request.set(http::field::host, "127.0.0.1:" + std::to_string(stock_.port()));
    request.set(http::field::connection, "close");
    if (const auto traceparent = span.context().inject(); !traceparent.empty()) {
        request.set("traceparent", beast::string_view{traceparent.view().data(), traceparent.view().size()});
    }
    request.prepare_payload();

    std::string failure;
    try {
        auto answer = co_await exchange(request);
        span.set_attribute("http.response.status_code", answer.result_int());
        if (answer.result_int() >= 400) {  // a client span fails where its server refuses
            span.set_status(spanring::Status::kError, view(answer.reason()));
        }
        co_return make_response(answer.result(), std::move(answer.body()));
    } catch (const boost::system::system_error& error) {
        span.record_exception("boost::system::system_error", error.what());
        failure = error.code().message();
    }
    span.set_status(spanring::Status::kError, failure);
    co_return make_response(http::status::bad_gateway, "{\"error\":\"stock: " + failure + "\"}\n");
}

asio::awaitable<Response> Checkout::exchange(const Request& request) const {
    Stream stream{co_await asio::this_coro::executor};
    stream.expires_after(timeout_);
    co_await stream.async_connect(stock_, asio::use_awaitable);
    co_await http::async_write(stream, request, asio::use_awaitable);
    beast::flat_buffer buffer;
    Response response;
    co_await http::async_read(stream, buffer, response, asio::use_awaitable);
    co_return response;
}

}  // namespace shop
