// SPDX-License-Identifier: Apache-2.0
//
// The agent's line to the program that publishes (tap/line.hpp): started by the process that may, told what to offer,
// given what is to be published. It is believed to be of the same build and no more: when it goes, is silent for a
// whole time-out or says what is none of its words, it is ended and started again, after a pause that grows. What it
// had not published by then is counted and gone. Nothing here waits. One thread.
//
// Header bill: it holds its program's line and what is on its way; exporter.cpp alone includes it.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log_pace.hpp"
#include "batch/exporter.hpp"
#include "export/backoff.hpp"
#include "export/stream/program_peer.hpp"
#include "export/tap/options.hpp"
#include "otlp/request.hpp"
#include "tap/line.hpp"

namespace spanring::agent {

class ProgramLine;

class TapHelper {
public:
    using Clock = std::chrono::steady_clock;
    // What messages are of; kept until all of them are done.
    using Owner = std::shared_ptr<void>;
    struct Done {
        Owner owner;
        bool published = false;
    };

    // `who`: as the log calls its exporter. `runtime`: by which iceoryx knows the program. `line` outlives it.
    TapHelper(std::string who, std::string runtime, TapOptions options, ProgramLine& line);
    ~TapHelper() { peer_.close(); }

    // Starts it, hears it, writes to it.
    void look(Clock::time_point now);
    void write(Clock::time_point now);  // what it takes by now
    void add_waits(std::vector<pollfd>& waits) const;
    Clock::time_point next_event() const;

    bool is_wanted(size_t subscription) const { return status_.subscriptions[subscription].subscribers != 0; }
    bool is_wanted() const;
    bool has_room() const { return waiting_bytes_ < kMostWaiting; }
    size_t most_bytes() const { return most_bytes_; }  // of a message

    void publish(uint32_t subscription, Request message, uint32_t spans, uint64_t unsorted, Owner owner);
    void too_large(uint32_t subscription, uint32_t spans);
    std::vector<Done> take_done() { return std::exchange(done_, {}); }
    // Nothing more is to be written; what was is gone.
    void abandon();

    const TapStatus& status() const { return status_; }
    const std::string& trouble() const { return trouble_; }  // empty: it is there

private:
    static constexpr size_t kMostWaiting = 1 << 20;

    struct Order {
        TapOrder head;
        std::string text;
        Request message;
        Owner owner;  // null: it is not about a message
        size_t written = 0;

        size_t bytes() const { return sizeof head + head.bytes; }
    };
    struct Asked {
        Owner owner;
        uint32_t subscription = 0, spans = 0;
    };

    void open(Clock::time_point now);
    void tell_what_to_offer();
    void read(Clock::time_point now);
    bool take_words();
    bool take(const TapWord& word);
    void published(const TapWord& word);
    void break_off(const std::string& why, Clock::time_point now);
    void lose(uint32_t subscription, uint32_t spans, Owner& owner);

    const std::string who_, runtime_;
    const TapOptions options_;
    const std::vector<TapSubscription> subscriptions_;
    ProgramPeer peer_;
    Backoff backoff_;
    LogPace pace_, refusal_pace_;
    bool open_ = false, told_ = false;
    Clock::time_point open_at_{}, heard_{};
    std::vector<uint8_t> word_;  // the begin of one
    std::deque<Order> orders_;   // not written wholly
    std::deque<Asked> asked_;    // that are, and not answered
    size_t waiting_bytes_ = 0;   // of `orders_`
    size_t most_bytes_ = 0;
    std::vector<Done> done_;
    TapStatus status_;
    std::string trouble_;
};

}  // namespace spanring::agent
