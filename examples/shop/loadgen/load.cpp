// SPDX-License-Identifier: Apache-2.0

#include "load.hpp"

#include <array>
#include <cstdio>
#include <string_view>

namespace shop {

namespace {

constexpr std::array<std::string_view, 3> kItems = {"book", "lamp", "chair"};
constexpr std::string_view kSoldOut = "typewriter";
constexpr std::uint32_t kDeclinedOneIn = 20;
constexpr std::uint32_t kSoldOutOneIn = 25;

}  // namespace

LoadResult Load::run() {
    asio::io_context context{1};
    begin_ = Clock::now();
    end_ = begin_ + options_.seconds;
    for (std::uint32_t i = 0; i < options_.concurrency; ++i) {
        asio::co_spawn(context, connection(), asio::detached);
    }
    context.run();
    return result_;
}

asio::awaitable<void> Load::connection() {
    Stream stream{co_await asio::this_coro::executor};
    beast::flat_buffer buffer;
    bool open = false;
    while (next_ < options_.requests && Clock::now() < end_) {
        const std::uint32_t number = next_++;
        co_await wait_for_turn(number);
        if (Clock::now() >= end_) {
            co_return;
        }
        ++result_.sent;
        try {
            stream.expires_at(end_);
            if (!open) {
                co_await stream.async_connect(options_.front, asio::use_awaitable);
                stream.socket().set_option(tcp::no_delay{true});
                open = true;
            }
            Request request{http::verb::post, target(number), 11};
            request.set(http::field::host, "127.0.0.1:" + std::to_string(options_.front.port()));
            request.prepare_payload();
            co_await http::async_write(stream, request, asio::use_awaitable);
            Response response;
            co_await http::async_read(stream, buffer, response, asio::use_awaitable);
            count(response);
            open = response.keep_alive();
        } catch (const boost::system::system_error& error) {
            ++result_.unanswered;
            open = false;
            if (options_.verbose) {
                std::printf("unanswered: %s\n", error.code().message().c_str());
            }
        }
        if (!open) {
            stream.close();
            buffer.clear();
        }
    }
}

asio::awaitable<void> Load::wait_for_turn(std::uint32_t number) const {
    if (options_.rate == 0) {
        co_return;
    }
    const auto turn = begin_ + std::chrono::nanoseconds{1'000'000'000ull * number / options_.rate};
    asio::steady_timer timer{co_await asio::this_coro::executor, std::min(turn, end_)};
    co_await timer.async_wait(asio::use_awaitable);
}

std::string Load::target(std::uint32_t number) const {
    std::string_view item = options_.item;
    std::string_view card = "4242";
    if (item.empty()) {
        item = number % kSoldOutOneIn == kSoldOutOneIn - 1 ? kSoldOut : kItems[number % kItems.size()];
        card = number % kDeclinedOneIn == kDeclinedOneIn - 1 ? "declined" : card;
    }
    std::string target = "/checkout?item=";
    target.append(item).append("&quantity=").append(std::to_string(1 + number % 12)).append("&card=").append(card);
    return target;
}

void Load::count(const Response& response) {
    const auto status = response.result_int();
    if (status < 300) {
        ++result_.ok;
    } else if (status < 500) {
        ++result_.refused;
    } else {
        ++result_.failed;
    }
    if (options_.verbose) {
        const auto trace = response["x-trace-id"];
        std::printf("%u %.*s\n", status, static_cast<int>(trace.size()), trace.data());
    }
}

}  // namespace shop
