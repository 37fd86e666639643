// SPDX-License-Identifier: Apache-2.0
//
// A subscriber of the tap. It writes a line for each chunk: the header's numbers, and the message in hex. By its
// standard input it is told to "hold", so that it takes nothing, to "go" on, and to "lock" its queue, which a publisher
// locks too, as if it had been stopped or killed in iceoryx's code; it ends with its input.
//
//     tap_subscriber INSTANCE EVENT QUEUE
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <iceoryx_posh/internal/popo/ports/subscriber_port_user.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include <spanring/tap.h>

namespace {

using iox::capro::IdString_t;

IdString_t id(const char* text) { return IdString_t(iox::cxx::TruncateToCapacity, text); }

void write(const spr_tap_header& header) {
    std::printf("chunk %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu64 " %" PRIu64 " ", header.stream,
                header.sequence, header.spans_before, header.spans, header.unpublished, header.unsorted);
    const uint8_t* const message = reinterpret_cast<const uint8_t*>(&header) + header.header_bytes;
    for (uint32_t i = 0; i < header.message_bytes; ++i) std::printf("%02x", static_cast<unsigned>(message[i]));
    std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const std::string name = "spanring-test-" + std::to_string(::geteuid()) + "-" + std::to_string(::getpid());
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name.c_str()));
    iox::popo::SubscriberOptions options;
    options.queueCapacity = std::strtoull(argv[3], nullptr, 10);
    // As iceoryx's Subscriber has it, which lets nobody at its queue.
    auto* const data = iox::runtime::PoshRuntime::getInstance().getMiddlewareSubscriber(
        {id(SPR_TAP_SERVICE), id(argv[1]), id(argv[2])}, options);
    iox::SubscriberPortUserType subscriber(data);
    subscriber.subscribe();
    bool told = false, holds = false;
    for (std::string words;;) {
        pollfd input = {0, POLLIN, 0};
        if (::poll(&input, 1, 10) == 1) {
            char bytes[64];
            const ssize_t size = ::read(0, bytes, sizeof bytes);
            if (size <= 0) return 0;
            words.append(bytes, static_cast<size_t>(size));
            for (size_t end; (end = words.find('\n')) != std::string::npos; words.erase(0, end + 1)) {
                const std::string word = words.substr(0, end);
                holds = word == "hold";
                if (word == "lock") data->m_chunkReceiverData.lock();
                std::printf("%s\n", word == "lock" ? "locks" : holds ? "holds" : "goes");
            }
        }
        if (!told && subscriber.getSubscriptionState() == iox::SubscribeState::SUBSCRIBED) {
            std::printf("subscribed\n");
            told = true;
        }
        while (!holds) {
            const auto chunk = subscriber.tryGetChunk();
            if (chunk.has_error()) break;
            const auto& header = *static_cast<const spr_tap_header*>(chunk.value()->userPayload());
            if (header.magic != SPR_TAP_MAGIC) return 3;
            write(header);
            subscriber.releaseChunk(chunk.value());
        }
        std::fflush(stdout);
    }
}
