// SPDX-License-Identifier: Apache-2.0
//
// Drives the front of the shop: a bounded number of checkouts, in a bounded time, on loopback only.

#include "../address.hpp"
#include "load.hpp"

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint32_t kMaxRequests = 10'000'000;
constexpr std::uint32_t kMaxConcurrency = 1024;
constexpr std::uint32_t kMaxSeconds = 3600;

// A number from 1 to limit.
bool set_number(std::uint32_t& number, std::string_view value, std::uint32_t limit) {
    const auto parsed = shop::parse_number<std::uint32_t>(value);
    if (!parsed || *parsed == 0 || *parsed > limit) {
        return false;
    }
    number = *parsed;
    return true;
}

bool is_word(std::string_view text) {
    for (const char letter : text) {
        if (std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '-') {
            return false;
        }
    }
    return !text.empty();
}

// What is wrong; empty where nothing is.
std::string parse(const std::vector<std::string_view>& words, shop::LoadOptions& options) {
    std::uint32_t seconds = 30;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string name{words[i]};
        if (name == "--verbose") {
            options.verbose = true;
            continue;
        }
        if (i + 1 == words.size()) {
            return name + ": unknown argument, or its value is missing";
        }
        const std::string value{words[++i]};
        bool good = false;
        if (name == "--url") {
            const auto front = shop::parse_url(value);
            good = front.has_value();
            options.front = front.value_or(shop::tcp::endpoint{});
        } else if (name == "--requests") {
            good = set_number(options.requests, value, kMaxRequests);
        } else if (name == "--concurrency") {
            good = set_number(options.concurrency, value, kMaxConcurrency);
        } else if (name == "--rate") {
            good = set_number(options.rate, value, kMaxRequests);
        } else if (name == "--seconds") {
            good = set_number(seconds, value, kMaxSeconds);
        } else if (name == "--item") {
            good = is_word(value);
            options.item = value;
        } else {
            return "unknown argument " + name;
        }
        if (!good) {
            return name + " " + value + ": not a value that it takes";
        }
    }
    options.seconds = std::chrono::seconds{seconds};
    if (options.front.port() == 0 || options.requests == 0 || options.concurrency == 0) {
        return "--url, --requests and --concurrency are needed";
    }
    return "";
}

}  // namespace

int main(int argc, char** argv) {
    shop::LoadOptions options;
    if (const auto complaint = parse({argv + 1, argv + argc}, options); !complaint.empty()) {
        std::fprintf(stderr,
                     "loadgen: %s\nusage: loadgen --url http://127.0.0.1:PORT --requests N --concurrency C\n"
                     "               [--rate PER_SECOND] [--seconds S] [--item ITEM] [--verbose]\n",
                     complaint.c_str());
        return 2;
    }
    try {
        const auto result = shop::Load{options}.run();
        std::printf("requests=%u ok=%u refused=%u failed=%u unanswered=%u\n", result.sent, result.ok, result.refused,
                    result.failed, result.unanswered);
        return result.sent == options.requests && result.unanswered == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "loadgen: %s\n", error.what());
        return 1;
    }
}
