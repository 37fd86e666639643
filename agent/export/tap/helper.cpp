// SPDX-License-Identifier: Apache-2.0
#include "export/tap/helper.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <spdlog/spdlog.h>

#include "base/error_text.hpp"
#include "base/quantity.hpp"
#include "programs/programs.hpp"
#include "spanring/tap.h"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

constexpr size_t kSlices = 64;            // that are written at once
constexpr size_t kMostWords = 256 << 10;  // bytes of them, before there is a look at all else

RetryOptions reopening() {
    RetryOptions options;
    options.initial_interval = 250ms;
    options.max_interval = 30s;
    options.multiplier = 2;
    options.randomization_factor = 0.2;
    return options;
}

}  // namespace

TapHelper::TapHelper(std::string who, std::string runtime, TapOptions options, ProgramLine& line)
    : who_(std::move(who)),
      runtime_(std::move(runtime)),
      options_(std::move(options)),
      subscriptions_(options_.all_subscriptions()),
      peer_(who_, options_.program_file(), line),
      backoff_(reopening()) {
    for (const TapSubscription& each : subscriptions_) status_.subscriptions.emplace_back().event = each.event;
}

bool TapHelper::is_wanted() const {
    return std::any_of(status_.subscriptions.begin(), status_.subscriptions.end(),
                       [](const auto& each) { return each.subscribers != 0; });
}

// ---- Its life -------------------------------------------------------------------------------------------------------

void TapHelper::open(Clock::time_point now) {
    open_ = true;
    told_ = false;
    heard_ = now;
    word_.clear();
    ++status_.starts;
    if (const std::string why = peer_.open(); !why.empty()) return break_off(why, now);
}

void TapHelper::tell_what_to_offer() {
    const auto tell = [this](TapOrder::Task task, const std::string& text, uint32_t index = 0) {
        Order& order = orders_.emplace_back();
        order.head.task = task;
        order.head.index = index;
        order.head.bytes = static_cast<uint32_t>(text.size());
        order.text = text;
        waiting_bytes_ += order.bytes();
    };
    tell(TapOrder::Task::kName, runtime_);
    tell(TapOrder::Task::kInstance, options_.instance_name());
    for (uint32_t i = 0; i < subscriptions_.size(); ++i) tell(TapOrder::Task::kOffer, subscriptions_[i].event, i);
    tell(TapOrder::Task::kBegin, "", kTapVersion);
}

void TapHelper::look(Clock::time_point now) {
    if (!open_) abandon();  // what break_off() had no memory for
    if (!open_ && now >= open_at_) open(now);
    if (!open_) return;
    peer_.look_at_others();
    if (!told_ && peer_.answers() >= 0) {
        told_ = true;
        tell_what_to_offer();
    }
    read(now);
    if (open_ && peer_.ended()) return break_off("it went", now);
    write(now);
    if (open_ && now - heard_ >= options_.timeout) {
        ++status_.stalls;
        break_off("it was silent for " + format_duration(options_.timeout), now);
    }
}

void TapHelper::break_off(const std::string& why, Clock::time_point now) {
    const std::string end = peer_.end();
    trouble_ = peer_.name() + ": " + why + (end.empty() ? "" : "; " + end);
    peer_.close();  // first: what is given up gets no answer any more
    open_ = false;
    ++status_.ends;
    open_at_ = now + std::chrono::duration_cast<Clock::duration>(backoff_.next());
    abandon();
    if (const auto more = pace_.due(now)) {
        spdlog::warn("{}: {}; it is started again in {}{}", who_, trouble_,
                     format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(open_at_ - now)), *more);
    }
}

void TapHelper::abandon() {
    for (Asked& each : asked_)
        if (each.owner != nullptr) lose(each.subscription, each.spans, each.owner);
    for (Order& each : orders_)
        if (each.owner != nullptr) lose(each.head.index, each.head.spans, each.owner);
    asked_.clear();
    orders_.clear();
    waiting_bytes_ = 0;
    status_.attached = false;
    most_bytes_ = 0;
    for (TapStatus::Subscription& each : status_.subscriptions) each.subscribers = 0;
}

// Where there is no memory to say so, the owner stays where it is.
void TapHelper::lose(uint32_t subscription, uint32_t spans, Owner& owner) {
    done_.emplace_back();
    done_.back().owner = std::move(owner);
    status_.subscriptions[subscription].unpublished += spans;
}

void TapHelper::add_waits(std::vector<pollfd>& waits) const {
    if (!open_) return;
    if (peer_.answers() >= 0) waits.push_back({peer_.answers(), POLLIN, 0});
    if (peer_.requests() >= 0 && !orders_.empty()) waits.push_back({peer_.requests(), POLLOUT, 0});
    peer_.add_others(waits);
}

TapHelper::Clock::time_point TapHelper::next_event() const { return open_ ? heard_ + options_.timeout : open_at_; }

// ---- What it says ---------------------------------------------------------------------------------------------------

void TapHelper::read(Clock::time_point now) {
    std::array<uint8_t, 4096> bytes;
    for (size_t total = 0; open_ && peer_.answers() >= 0 && total < kMostWords;) {
        word_.reserve(word_.size() + bytes.size());  // before: what was read is not to be lost
        const ssize_t size = ::read(peer_.answers(), bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return break_off("it closed its end", now);
        heard_ = now;
        total += static_cast<size_t>(size);
        word_.insert(word_.end(), bytes.begin(), bytes.begin() + size);
        if (!take_words()) return break_off("it is of another build", now);
    }
}

// Those that are whole, each once, also where there is no memory for one. False: one is none.
bool TapHelper::take_words() {
    size_t at = 0;
    const auto forget = [&] { word_.erase(word_.begin(), word_.begin() + static_cast<ptrdiff_t>(at)); };
    try {
        for (; word_.size() - at >= sizeof(TapWord); at += sizeof(TapWord)) {
            TapWord word;
            std::memcpy(&word, word_.data() + at, sizeof word);
            if (!take(word)) return false;
        }
    } catch (...) {
        forget();
        throw;
    }
    forget();
    return true;
}

// False: that is no word.
bool TapHelper::take(const TapWord& word) {
    switch (word.what) {
        case TapWord::What::kAlive: return true;
        case TapWord::What::kAlone:
            trouble_ = "iceoryx's daemon (iox-roudi) does not run";
            backoff_.reset();
            return true;
        case TapWord::What::kAttached:
            if (word.value <= sizeof(spr_tap_header)) return false;
            most_bytes_ = static_cast<size_t>(word.value);
            status_.attached = true;
            trouble_.clear();
            backoff_.reset();
            spdlog::info("{}: {} publishes to iceoryx, as instance {} of {}", who_, peer_.name(),
                         options_.instance_name(), SPR_TAP_SERVICE);
            return true;
        case TapWord::What::kSubscribers:
            if (word.index >= status_.subscriptions.size()) return false;
            status_.subscriptions[word.index].subscribers = word.value;
            return true;
        case TapWord::What::kPublished:
            if (asked_.empty() || asked_.front().subscription != word.index) return false;
            published(word);
            return true;
    }
    return false;
}

// What may fail comes first: then the word comes again.
void TapHelper::published(const TapWord& word) {
    Asked& asked = asked_.front();
    TapStatus::Subscription& subscription = status_.subscriptions[asked.subscription];
    const TapRefusal refusal{word.value};
    const bool refused = refusal != TapRefusal::kNone;
    const std::optional<std::string> more = refused ? refusal_pace_.due() : std::nullopt;
    const uint32_t spans = asked.spans;
    if (refused) {
        lose(asked.subscription, spans, asked.owner);
    } else {
        done_.emplace_back();
        done_.back() = {std::move(asked.owner), true};
        subscription.published += spans;
        ++subscription.chunks;
    }
    asked_.pop_front();
    subscription.missed += word.missed_spans;
    subscription.missed_chunks += word.missed_chunks;
    if (!more) return;
    spdlog::warn("{}: {} spans of event {} are not published: {}{}", who_, spans, subscription.event,
                 refusal == TapRefusal::kNoChunk ? "subscribers hold all chunks of iceoryx that are large enough"
                                                 : "iceoryx has no chunk that is large enough",
                 *more);
}

// ---- What it is told ------------------------------------------------------------------------------------------------

void TapHelper::publish(uint32_t subscription, Request message, uint32_t spans, uint64_t unsorted, Owner owner) {
    Order& order = orders_.emplace_back();
    order.head.task = TapOrder::Task::kPublish;
    order.head.index = subscription;
    order.head.bytes = static_cast<uint32_t>(message.bytes);
    order.head.spans = spans;
    order.head.unpublished = status_.subscriptions[subscription].unpublished;
    order.head.unsorted = unsorted;
    order.message = std::move(message);
    order.owner = std::move(owner);
    waiting_bytes_ += order.bytes();
}

void TapHelper::too_large(uint32_t subscription, uint32_t spans) {
    status_.subscriptions[subscription].unpublished += spans;
}

void TapHelper::write(Clock::time_point now) {
    while (open_ && peer_.requests() >= 0 && !orders_.empty()) {
        Order& order = orders_.front();
        std::array<iovec, kSlices> pieces;
        size_t count = 0, before = 0;
        const auto add = [&](const void* from, size_t size) {
            const size_t done = std::min(size, order.written - std::min(order.written, before));
            before += size;
            if (done == size || count == pieces.size()) return;
            // writev() only reads
            pieces[count++] = {static_cast<uint8_t*>(const_cast<void*>(from)) + done, size - done};
        };
        add(&order.head, sizeof order.head);
        add(order.text.data(), order.text.size());
        for (const auto& slice : order.message.slices) add(slice.data(), slice.size());
        const ssize_t written = count != 0 ? ::writev(peer_.requests(), pieces.data(), static_cast<int>(count)) : 0;
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) return;
        if (written < 0) return break_off(std::string("it takes nothing any more: ") + error_text(errno), now);
        order.written += static_cast<size_t>(written);
        if (order.written != order.bytes()) continue;
        if (order.owner != nullptr) {
            asked_.emplace_back();  // first, for it may fail: then nothing is left to be written of the order
            asked_.back() = {std::move(order.owner), order.head.index, order.head.spans};
        }
        waiting_bytes_ -= order.bytes();
        orders_.pop_front();
    }
}

}  // namespace spanring::agent
