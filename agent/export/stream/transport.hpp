// SPDX-License-Identifier: Apache-2.0
//
// Requests as frames (frame.hpp) to a peer that answers in any order. The peer is there from the start on; when it
// goes, breaks the rules, or leaves the agent without any answer for a whole time-out, it is closed, everything in
// flight is to be sent again, and after a pause that grows it is opened once more. An answer to what is not asked any
// more is counted and left alone.
//
// Bytes are written from where the shipment has them, so a mapped one is copied before. Nothing waits but in wait().
//
// Header bill: it holds what is in flight; whoever makes one, and nobody else, includes it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "base/log_pace.hpp"
#include "export/backoff.hpp"
#include "export/stream/figures.hpp"
#include "export/stream/frame.hpp"
#include "export/stream/peer.hpp"
#include "export/transport.hpp"

namespace spanring::agent {

struct OtlpOptions;

class StreamTransport final : public Transport {
public:
    // `who`: as the log calls its exporter.
    StreamTransport(std::string who, const OtlpOptions& options, std::unique_ptr<StreamPeer> peer,
                    std::shared_ptr<StreamFigures> figures);
    ~StreamTransport() override;

    const std::string& peer() const override { return peer_->name(); }
    void wake() override;
    void cut() override;
    void start(ShipmentPtr shipment, bool probe, RequestHeaders headers) override;
    std::vector<Ended> wait(Clock::time_point until) override;
    std::vector<ShipmentPtr> abandon() override;

private:
    struct Attempt {
        ShipmentPtr shipment;
        bool probe = false;
        Clock::time_point since{};
        RequestFrameHeader header{};
        size_t written = 0;  // of header and request

        size_t bytes() const { return header.size() + shipment->request.bytes; }
    };
    using Attempts = std::map<uint64_t, Attempt>;  // by id, which grow: the oldest is first

    bool is_open() const { return opening_ && peer_->answers() >= 0; }
    bool has_to_write() const { return !unwritten_.empty() && is_open(); }
    void open(Clock::time_point now);
    void note_open(Clock::time_point now);
    void break_off(const std::string& why, Clock::time_point now);
    void end_all(const Answer& answer);
    void end(Attempts::iterator attempt, Answer answer);
    void write(Clock::time_point now);
    int write_some(Attempt& attempt);
    void read(Clock::time_point now);
    void take(std::span<const uint8_t> bytes, Clock::time_point now);
    void expire(Clock::time_point now);
    Clock::time_point next_event(Clock::time_point until) const;
    void poll(Clock::time_point until);

    const std::string who_;
    const std::chrono::milliseconds timeout_;
    const Signal signal_;
    const std::unique_ptr<StreamPeer> peer_;
    const std::shared_ptr<StreamFigures> figures_;
    const Descriptor wakes_;  // an eventfd

    bool opening_ = false;  // it was opened, and is there or will be
    bool told_open_ = false;
    Clock::time_point open_at_{};  // again, where it is not
    Backoff backoff_;
    std::string why_;  // it is not there
    Clock::time_point last_heard_{};
    AnswerReader reader_;
    uint64_t last_id_ = 0;
    Attempts attempts_;
    std::deque<uint64_t> unwritten_;  // of these, not wholly
    std::vector<Ended> ended_;
    LogPace pace_, stray_pace_;
    std::atomic<bool> cut_ = false;
};

}  // namespace spanring::agent
