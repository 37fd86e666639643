// SPDX-License-Identifier: Apache-2.0
//
// The front of the shop: POST /checkout?item=I&quantity=Q&card=C. The first of three services in one trace.

#include "../address.hpp"
#include "checkout.hpp"
#include "server.hpp"

#include <spanring/spanring.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 4;

struct Arguments {
    std::optional<shop::tcp::endpoint> stock;
    unsigned short port = 0;
    std::chrono::seconds timeout{30};
};

// What is wrong; empty where nothing is.
std::string parse(const std::vector<std::string_view>& words, Arguments& arguments) {
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string name{words[i]};
        if (name != "--stock" && name != "--port" && name != "--timeout") {
            return "unknown argument " + name;
        }
        if (i + 1 == words.size()) {
            return name + " needs a value";
        }
        const std::string value{words[i + 1]};
        if (name == "--stock") {
            arguments.stock = shop::parse_url(value);
            if (!arguments.stock) {
                return "--stock " + value + ": not a URL like http://127.0.0.1:8080";
            }
        } else if (name == "--port") {
            const auto port = shop::parse_number<unsigned short>(value);
            if (!port) {
                return "--port " + value + ": not a port";
            }
            arguments.port = *port;
        } else {
            const auto seconds = shop::parse_number<unsigned short>(value);
            if (!seconds || *seconds == 0) {
                return "--timeout " + value + ": not a number of seconds";
            }
            arguments.timeout = std::chrono::seconds{*seconds};
        }
    }
    return arguments.stock ? "" : "--stock is missing";
}

int run(const Arguments& arguments) {
    const auto provider = spanring::Provider::open({"shop-front"});
    if (!provider) {
        std::fprintf(stderr, "front: %s\n", spr_strerror(provider.error()));
        return 1;
    }
    shop::asio::io_context context{kThreads};
    const shop::Checkout checkout{provider.tracer("shop/front", "1.0"), *arguments.stock, arguments.timeout};
    shop::Server server{context, checkout, arguments.port};

    shop::asio::signal_set signals{context, SIGTERM, SIGINT};
    signals.async_wait([&server](const boost::system::error_code& error, int) {
        if (!error) {
            server.stop();
        }
    });
    server.start();
    std::printf("listening on 127.0.0.1:%u\n", static_cast<unsigned>(server.port()));
    std::fflush(stdout);

    std::vector<std::thread> threads;
    for (int i = 1; i < kThreads; ++i) {
        threads.emplace_back([&context] { context.run(); });
    }
    context.run();
    for (auto& thread : threads) {
        thread.join();
    }
    // No flush: a span that has ended is outside this process already.
    const auto spans = provider.statistics();
    const auto dropped = spans.dropped_full + spans.dropped_too_big + spans.dropped_nested + spans.dropped_overwritten;
    std::printf("spans started=%llu ended=%llu dropped=%llu not_started=%llu\n",
                static_cast<unsigned long long>(spans.started), static_cast<unsigned long long>(spans.ended),
                static_cast<unsigned long long>(dropped),
                static_cast<unsigned long long>(spans.not_started_slot + spans.not_started_nested));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    if (const auto complaint = parse({argv + 1, argv + argc}, arguments); !complaint.empty()) {
        std::fprintf(stderr, "front: %s\nusage: front --stock URL [--port PORT] [--timeout SECONDS]\n",
                     complaint.c_str());
        return 2;
    }
    try {
        return run(arguments);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "front: %s\n", error.what());
        return 1;
    }
}
