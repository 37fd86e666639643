// SPDX-License-Identifier: Apache-2.0
#include "tap/publisher.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <iceoryx_posh/iceoryx_posh_types.hpp>
#include <iceoryx_posh/internal/mepoo/memory_manager.hpp>
#include <iceoryx_posh/internal/popo/ports/publisher_port_user.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include "spanring/tap.h"

namespace spanring::tap {
namespace {

using iox::capro::IdString_t;
using Data = iox::PublisherPortUserType::MemberType_t;

IdString_t id(const std::string& text) { return IdString_t(iox::cxx::TruncateToCapacity, text.c_str(), text.size()); }

// Never null: iceoryx has ended the process before it would return that, or this does.
Data* port_of(const std::string& instance, const std::string& event) {
    iox::popo::PublisherOptions options;
    options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::DISCARD_OLDEST_DATA;
    auto* const data = iox::runtime::PoshRuntime::getInstance().getMiddlewarePublisher(
        {id(SPR_TAP_SERVICE), id(instance), id(event)}, options);
    if (data == nullptr) {
        std::fprintf(stderr, "RouDi gave no publisher for event %s\n", event.c_str());
        std::_Exit(1);
    }
    return data;
}

uint64_t unix_nano() {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
}

}  // namespace

struct Publisher::Port {
    explicit Port(Data* of) : data(of), user(of) {}

    Data* const data;
    iox::PublisherPortUserType user;
    iox::mepoo::ChunkHeader* chunk = nullptr;
    // Of the last chunks, by sequence: no queue is longer.
    std::array<uint32_t, iox::MAX_SUBSCRIBER_QUEUE_CAPACITY> spans_of{};
};

Publisher::Publisher(const std::string& instance, const std::string& event, uint64_t stream)
    : port_(std::make_unique<Port>(port_of(instance, event))), stream_(stream) {
    port_->user.offer();
}

Publisher::~Publisher() = default;

uint64_t Publisher::most_bytes() const {
    const auto& memory = *port_->data->m_chunkSenderData.m_memoryMgr;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < memory.getNumberOfMemPools(); ++i)
        largest = std::max<uint64_t>(largest, memory.getMemPoolInfo(i).m_chunkSize);
    constexpr uint64_t kBeside = sizeof(iox::mepoo::ChunkHeader) + sizeof(spr_tap_header) + alignof(spr_tap_header);
    return largest > kBeside ? largest - kBeside : 0;
}

uint64_t Publisher::subscribers() const {
    const auto& sender = port_->data->m_chunkSenderData;
    const std::lock_guard lock(sender);
    return sender.m_queues.size();
}

uint8_t* Publisher::take(uint32_t message_bytes) {
    auto chunk = port_->user.tryAllocateChunk(static_cast<uint32_t>(sizeof(spr_tap_header)) + message_bytes,
                                              alignof(spr_tap_header));
    if (chunk.has_error()) return nullptr;
    port_->chunk = chunk.value();
    return static_cast<uint8_t*>(port_->chunk->userPayload()) + sizeof(spr_tap_header);
}

Publisher::Missed Publisher::publish(const agent::TapOrder& order) {
    spr_tap_header header{};
    header.magic = SPR_TAP_MAGIC;
    header.header_bytes = sizeof header;
    header.message_bytes = order.bytes;
    header.spans = order.spans;
    header.stream = stream_;
    header.sequence = sequence_;
    header.spans_before = spans_;
    header.unpublished = order.unpublished;
    header.unsorted = order.unsorted;
    header.unix_nano = unix_nano();
    *static_cast<spr_tap_header*>(port_->chunk->userPayload()) = header;

    // A queue that is full loses its oldest chunk by a push, and has a flag that says so, which is its subscriber's. It
    // is taken away for the push and put back. Where the subscriber asks just then, that chunk is in its numbers and
    // not in these.
    Missed missed;
    auto& sender = port_->data->m_chunkSenderData;
    const std::lock_guard lock(sender);  // no queue comes or goes
    std::array<bool, iox::MAX_SUBSCRIBERS_PER_PUBLISHER> had_lost{};
    size_t i = 0;
    // relaxed: as iceoryx has it; nothing is published by the flag.
    for (auto& queue : sender.m_queues)
        had_lost[i++] = queue->m_queueHasLostChunks.exchange(false, std::memory_order_relaxed);
    port_->user.sendChunk(port_->chunk);
    i = 0;
    for (auto& queue : sender.m_queues) {
        if (queue->m_queueHasLostChunks.load(std::memory_order_relaxed)) {
            missed.chunks += 1;
            // What a queue holds follows each other.
            const uint64_t capacity = queue->m_queue.capacity();
            if (sequence_ >= capacity) missed.spans += port_->spans_of[(sequence_ - capacity) % port_->spans_of.size()];
        } else if (had_lost[i]) {
            queue->m_queueHasLostChunks.store(true, std::memory_order_relaxed);
        }
        ++i;
    }
    port_->chunk = nullptr;
    port_->spans_of[sequence_ % port_->spans_of.size()] = order.spans;
    sequence_ += 1;
    spans_ += order.spans;
    return missed;
}

}  // namespace spanring::tap
