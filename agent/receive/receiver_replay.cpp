// SPDX-License-Identifier: Apache-2.0
//
// The part of a receiver that goes on with what agents before it kept.
#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include <spdlog/spdlog.h>

#include "receive/receiver.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();

}  // namespace

// False: not yet. Nothing is written before, for rows are written as a whole.
bool Receiver::know() {
    if (known_) return true;
    // Without an answer it is lost, or it could not be read yet (a full disk, somebody has locked it): then not even
    // nothing can be written.
    if (!ledger_.kept_requests() && !ledger_.book_received({})) return false;
    known_ = true;
    find_kept();
    return true;
}

void Receiver::find_kept() {
    const std::vector<ProcessRow> rows = ledger_.processes();
    const std::optional<std::vector<uint64_t>> known = ledger_.kept_requests();
    replay_anew_ = !known;
    if (!known) {
        replay_.assign(found_.begin(), found_.end());
    } else {
        const std::unordered_set<uint64_t> needed(known->begin(), known->end());
        const std::unordered_set<uint64_t> there(found_.begin(), found_.end());
        for (const uint64_t number : found_) {
            if (needed.contains(number))
                replay_.push_back(number);
            else
                kept_.remove(number);  // never answered, or done
        }
        for (const uint64_t number : *known) {
            if (!there.contains(number)) booking_.done.push_back(number);
        }
    }
    Senders before(plan_->rows);
    before.add_known(rows);
    missing_ = before.pending();
    senders_.add_known(rows);
    if (replay_.empty() && !missing_.empty()) replay_.push_back(kEverything);  // so that it is booked as lost
}

// About a batch at once: what comes meanwhile is to find room at the exporters as well.
void Receiver::replay_some() {
    if (closed_.load(kSum) || now_ < replay_at_) return;
    while (replayed_ < settings_.batch_bytes / 2 && held() <= most() / 2) {
        if (!replay_.empty()) {
            replay_first();
        } else if (!again_.empty()) {
            const Kept kept = std::move(again_.front());
            again_.pop_front();
            if (replay(kept.number, false)) continue;
            for (const ReceivedPart& part : kept.parts) lose(part.account, part.spans);
            give_up(kept.number);
        } else {
            return;
        }
    }
}

void Receiver::replay_first() {
    const uint64_t number = replay_.front();
    replay_.pop_front();
    if (number != kEverything && !replay(number, true)) give_up(number);
    if (!replay_.empty()) return;
    uint64_t lost = 0;
    for (const auto& [account, spans] : std::exchange(missing_, {})) {
        lose(account, spans);
        lost += spans;
    }
    if (lost != 0)
        spdlog::error("receiver: kept {} that are in no file any more: {}; they are booked as dropped",
                      names_of(settings_.signal).items, lost);
    book();
}

void Receiver::lose(const AccountId& account, uint64_t spans) {
    Completion lost;
    lost.spans = static_cast<uint32_t>(spans);
    for (Resolution& resolution : lost.resolutions) resolution.outcome = Outcome::kDroppedQueue;
    senders_.resolved(account, lost);
}

void Receiver::give_up(uint64_t number) {
    kept_.set_aside(number);
    spdlog::error("receiver: the kept request {} in {} is damaged; its {} are booked as dropped", number,
                  settings_.kept.directory, names_of(settings_.signal).items);
    booking_.done.push_back(number);
}

// False: it is damaged. `first`: by this agent.
bool Receiver::replay(uint64_t number, bool first) {
    std::optional<KeptRequests::Request> kept = kept_.read(number);
    if (!kept) return false;
    size_t next = 0;
    const auto identity_of = [&](const std::string&, const std::string&) {
        ProcessIdentity identity;
        if (next < kept->shares.size()) identity.instance = kept->shares[next++].account;
        return identity;
    };
    RequestReader reader(identity_of, 0, settings_.signal);
    Body body{std::move(kept->bytes), kept->size};
    ReceivedSpans spans;
    if (!reader.read(body.span(), owner_, spans).empty() || spans.invalid != 0 ||
        spans.parts.size() != kept->shares.size()) {
        return false;
    }
    for (size_t i = 0; i < spans.parts.size(); ++i) {
        if (spans.parts[i].spans != kept->shares[i].spans || spans.parts[i].account != kept->shares[i].account)
            return false;
    }
    for (const ReceivedPart& part : spans.parts) {
        if (!first) break;
        uint64_t& missing = missing_[part.account];
        missing -= std::min<uint64_t>(missing, part.spans);
        if (missing == 0) missing_.erase(part.account);
    }
    auto delivery = std::make_unique<Delivery>();
    delivery->since = now_;
    delivery->kept = number;
    delivery->stage = kept->stage;
    delivery->replayed = delivery->stage == KeptRequests::Stage::kToSend;  // else it is no exporter's yet
    delivery->counted = !first || !replay_anew_;
    if (!delivery->counted) booking_.kept.push_back(number);
    add(*delivery, std::move(body), std::move(spans));
    if (delivery->replayed) replayed_ += delivery->batch->memory;
    count_received(*delivery);
    submit(std::move(delivery));
    return true;
}

}  // namespace spanring::agent
