// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/transport.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "export/kafka/failure.hpp"
#include "otlp/request_runs.hpp"

namespace spanring::agent {

namespace {

// The library ends messages at their time-out, when it looks; a second's leeway is its own.
constexpr std::chrono::seconds kLeeway{3};
constexpr std::chrono::hours kMostMemory{1};  // a broker's limit may be another one by then
constexpr size_t kLeast = 4096;
constexpr std::chrono::seconds kRefusedPause{5};  // between two producers, where it is not allowed to write

int make_eventfd() {
    const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "Kafka client: eventfd");
    return descriptor;
}

// Of the whole request. Nothing: it cannot be divided.
std::vector<Run> runs_of_whole(const Shipment& shipment) {
    if (!shipment.entry) return {shipment.runs().begin(), shipment.runs().end()};
    const std::string& request = shipment.entry->request;
    return runs_of({reinterpret_cast<const uint8_t*>(request.data()), request.size()}).value_or(std::vector<Run>());
}

}  // namespace

KafkaTransport::KafkaTransport(const KafkaOptions& options, std::string who, std::shared_ptr<KafkaFigures> figures)
    : options_(options),
      who_(std::move(who)),
      peer_("topic " + options.topic + " at " + join(options.brokers, ",")),
      wakes_(make_eventfd()),
      messages_(options.encoding == KafkaOptions::Encoding::kJson, options.partition_traces_by_id),
      topics_(options.topic_from_attribute, options.topic, options.max_topics, who_, std::move(figures)),
      most_(options.max_message_bytes) {
    for (const OptionFault& fault : faults_of(options_)) throw std::invalid_argument(fault.key + ": " + fault.what);
    if (!options_.insecure) tls_.emplace(options_);
    replace_producer();
}

KafkaTransport::~KafkaTransport() {
    before_.push_back(std::move(producer_));
    KafkaProducer::end(std::move(before_));
}

void KafkaTransport::wake() {
    const uint64_t one = 1;
    static_cast<void>(!::write(wakes_.get(), &one, sizeof(one)));  // full: it is readable
}

void KafkaTransport::cut() {
    // relaxed: the eventfd is written after it, and wait() looks after it has read that.
    cut_.store(true, std::memory_order_relaxed);
    wake();
}

void KafkaTransport::replace_producer() {
    auto next =
        std::make_unique<KafkaProducer>(options_, who_, tls_ ? tls_->get().get() : nullptr, most_, wakes_.get());
    if (producer_ != nullptr) before_.push_back(std::move(producer_));
    producer_ = std::move(next);
    made_at_ = Clock::now();
    broken_ = false;
    trouble_.clear();
}

// Where another one is due. One that is of use stays where there cannot be another.
void KafkaTransport::renew_producer(Clock::time_point now) {
    bool due = broken_;
    if (topics_.outgrew_producer()) due = true;
    if (tls_ && tls_->refresh(now)) due = true;
    if (most_ != options_.max_message_bytes && now >= most_until_) {
        most_ = options_.max_message_bytes;
        due = true;
    }
    if (!due) return;
    try {
        replace_producer();
    } catch (const std::runtime_error& error) {
        if (broken_) throw;
        spdlog::warn("{}: {}; what was there before is used", peer_, error.what());
    }
}

void KafkaTransport::start(ShipmentPtr shipment, bool probe, RequestHeaders /*headers*/) {
    const Clock::time_point now = Clock::now();
    renew_producer(now);
    Attempt& attempt = attempts_.emplace_back();
    attempt.shipment = std::move(shipment);
    attempt.probe = probe;
    attempt.since = now;
    for (KafkaMessage& message : messages_of(*attempt.shipment, now)) send(attempt, std::move(message));
}

std::vector<KafkaMessage> KafkaTransport::messages_of(const Shipment& shipment, Clock::time_point now) {
    const bool whole = options_.encoding == KafkaOptions::Encoding::kProto && !options_.partition_traces_by_id &&
                       shipment.request.bytes <= most_;
    std::vector<Run> runs;
    if (!whole || !shipment.entry || topics_.asked_for()) runs = runs_of_whole(shipment);
    std::vector<KafkaMessage> messages;
    const std::vector<KafkaTopics::Part> parts = topics_.apart(runs, now);
    const auto add = [&](std::vector<KafkaMessage> some, const KafkaTopics::Part& part) {
        for (KafkaMessage& message : some) {
            message.topic = part.topic;
            message.diverted = part.diverted;
            messages.push_back(std::move(message));
        }
    };
    if (parts.size() < 2) {
        add(messages_.of(runs, shipment.request, most_), parts.empty() ? KafkaTopics::Part() : parts.front());
        if (messages.size() == 1) messages.front().spans = shipment.spans;
    } else {
        for (const KafkaTopics::Part& part : parts) add(messages_.of(part.runs, assemble(part.runs), most_), part);
    }
    return messages;
}

void KafkaTransport::send(Attempt& attempt, KafkaMessage message) {
    Message& sent =
        attempt.messages.emplace_back(Message{&attempt, std::move(message.runs), message.key, message.topic,
                                              message.diverted, message.spans, message.payload.size, most_});
    if (message.payload.size > options_.max_message_bytes) {
        return reject(attempt, sent,
                      "a span has " + std::to_string(message.payload.size) + " bytes, more than max_message_bytes (" +
                          std::to_string(options_.max_message_bytes) + ")");
    }
    const rd_kafka_resp_err_t code = producer_->produce(message, &sent);
    if (send_elsewhere(sent, code)) return;
    switch (failure_of(code)) {
        case KafkaFailure::kNone: ++attempt.open; break;
        case KafkaFailure::kTooLarge:
        case KafkaFailure::kRefused: reject(attempt, sent, ::rd_kafka_err2str(code)); break;
        case KafkaFailure::kBroken: broken_ = true; [[fallthrough]];
        case KafkaFailure::kRetry: fail(attempt, code); break;
    }
}

void KafkaTransport::reject(Attempt& attempt, const Message& message, const std::string& why) {
    attempt.rejected += message.spans;
    attempt.why = why;
}

void KafkaTransport::fail(Attempt& attempt, rd_kafka_resp_err_t code) {
    if (!attempt.failed) attempt.why = ::rd_kafka_err2str(code);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        attempt.why = "there is no topic " + options_.topic;
    attempt.failed = true;
}

void KafkaTransport::done(Message& message, rd_kafka_resp_err_t code) {
    Attempt& attempt = *message.attempt;
    --attempt.open;
    if (send_elsewhere(message, code)) return;
    switch (failure_of(code)) {
        case KafkaFailure::kNone:
            trouble_.clear();
            attempt.taken = true;
            if (message.diverted) topics_.was_diverted(message.spans);
            return;
        case KafkaFailure::kTooLarge: return send_smaller(message);
        case KafkaFailure::kRefused:
            // The library would go on saying so until it looks at the topic again, in minutes.
            broken_ = broken_ || Clock::now() - made_at_ >= kRefusedPause;
            return reject(attempt, message, ::rd_kafka_err2str(code));
        case KafkaFailure::kBroken: broken_ = true; [[fallthrough]];
        case KafkaFailure::kRetry:
            if (code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && !message.topic.empty()) attempt.late.insert(message.topic);
            return fail(attempt, code);
    }
}

// A topic that does not answer where others do, or where nothing is wrong with the connections, is not to hold what is
// for others: the next attempt goes without it.
void KafkaTransport::doubt_late_topics(const Attempt& attempt, Clock::time_point now) {
    if (!attempt.taken && !trouble_.empty()) return;
    for (const std::string& topic : attempt.late)
        topics_.doubt(topic, ::rd_kafka_err2str(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT), now);
}

// The broker's limit is of what goes together. A message that went alone, and has one span, is too large.
void KafkaTransport::send_smaller(Message& message) {
    Attempt& attempt = *message.attempt;
    if (attempt.shipment == nullptr) return;
    std::vector<Run> runs = message.runs.empty() ? runs_of_whole(*attempt.shipment) : std::move(message.runs);
    const bool alone = message.bytes > message.most || message.most <= kLeast;
    if (runs.empty() || (message.spans == 1 && alone))
        return reject(attempt, message, ::rd_kafka_err2str(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
    const size_t smaller = std::max(std::min(message.most / 2, message.bytes - 1), kLeast);
    const Clock::time_point now = Clock::now();
    if (smaller < most_) {
        spdlog::warn("{}: {} bytes are too large for a broker; at most {} go together from now on", peer_,
                     message.bytes, smaller);
        most_ = smaller;
        most_until_ = now + kMostMemory;
        replace_producer();
    }
    // Half of it at most, or it would be as large again.
    const size_t most = message.spans > 1 ? std::min(most_, std::max(message.bytes / 2, size_t{1})) : most_;
    for (KafkaMessage& part : messages_.again(std::move(runs), message.key, most)) {
        part.topic = message.topic;
        part.diverted = message.diverted;
        send(attempt, std::move(part));
    }
}

// To the configured topic, in place of one that an attribute named and that is of no use. False: it is not about that.
bool KafkaTransport::send_elsewhere(Message& message, rd_kafka_resp_err_t code) {
    if (message.topic.empty() || !is_of_topic(code)) return false;
    Attempt& attempt = *message.attempt;
    topics_.doubt(message.topic, ::rd_kafka_err2str(code), Clock::now());
    if (attempt.shipment == nullptr) return true;  // too late
    const std::string key = message.key;
    for (KafkaMessage& part : messages_.again(std::move(message.runs), key, most_)) {
        part.diverted = true;
        send(attempt, std::move(part));
    }
    return true;
}

void KafkaTransport::poll() {
    const KafkaProducer::Hooks hooks{
        [this](void* opaque, rd_kafka_resp_err_t code) { done(*static_cast<Message*>(opaque), code); },
        [this](rd_kafka_resp_err_t code, const std::string& text) {
            if (code == RD_KAFKA_RESP_ERR__FATAL) broken_ = true;
            // That all are away says less than what keeps them away.
            if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || trouble_.empty()) trouble_ = text;
        }};
    // A message that comes back may make another producer.
    KafkaProducer* const current = producer_.get();
    for (size_t i = 0; i < before_.size(); ++i) before_[i]->poll(hooks);
    if (producer_.get() == current) current->poll(hooks);
    const auto idle = std::partition(before_.begin(), before_.end(), [](const auto& each) { return each->out() != 0; });
    std::vector<std::unique_ptr<KafkaProducer>> ended(std::make_move_iterator(idle),
                                                      std::make_move_iterator(before_.end()));
    before_.erase(idle, before_.end());
    KafkaProducer::end(std::move(ended));
}

Answer KafkaTransport::answer_of(const Attempt& attempt) const {
    Answer answer;
    answer.rejected = attempt.rejected;
    answer.message = attempt.why;
    answer.verdict = Verdict::kAccepted;
    if (attempt.rejected >= attempt.shipment->spans) answer.verdict = Verdict::kRejected;
    if (!attempt.failed) return answer;
    answer.verdict = Verdict::kRetry;
    answer.rejected = 0;
    if (!trouble_.empty()) answer.message += ": " + trouble_;
    return answer;
}

void KafkaTransport::end(Attempt& attempt, Answer answer) {
    for (Message& message : attempt.messages) message.runs.clear();  // they refer to the shipment
    ended_.push_back({std::move(attempt.shipment), attempt.probe, std::move(answer)});
    attempt.shipment = nullptr;
}

std::vector<Transport::Ended> KafkaTransport::take_ended(Clock::time_point now) {
    for (Attempt& attempt : attempts_) {
        if (attempt.shipment == nullptr) continue;
        if (attempt.open == 0) {
            doubt_late_topics(attempt, now);
            end(attempt, answer_of(attempt));
        } else if (now >= attempt.since + options_.timeout + kLeeway) {
            fail(attempt, RD_KAFKA_RESP_ERR__TIMED_OUT);
            end(attempt, answer_of(attempt));
        }
    }
    attempts_.remove_if([](const Attempt& attempt) { return attempt.shipment == nullptr && attempt.open == 0; });
    return std::exchange(ended_, {});
}

Transport::Clock::time_point KafkaTransport::next_deadline() const {
    for (const Attempt& attempt : attempts_) {
        if (attempt.shipment != nullptr) return attempt.since + options_.timeout + kLeeway;  // the oldest goes first
    }
    return Clock::time_point::max();
}

std::vector<Transport::Ended> KafkaTransport::wait(Clock::time_point until) {
    poll();
    std::vector<Ended> ended = take_ended(Clock::now());
    if (!ended.empty()) return ended;
    const Clock::time_point now = Clock::now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::min(until, next_deadline()) - now).count();
    pollfd waits{wakes_.get(), POLLIN, 0};
    ::poll(&waits, 1, static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max())));
    uint64_t woken = 0;
    static_cast<void>(!::read(wakes_.get(), &woken, sizeof(woken)));
    // relaxed: the eventfd was written after it.
    if (cut_.exchange(false, std::memory_order_relaxed)) {
        for (Attempt& attempt : attempts_) {
            if (attempt.shipment != nullptr) end(attempt, kept_busy());
        }
        producer_->purge();
        for (const auto& each : before_) each->purge();
        broken_ = true;  // its connections go with it
    }
    poll();
    return take_ended(Clock::now());
}

std::vector<ShipmentPtr> KafkaTransport::abandon() {
    std::vector<ShipmentPtr> left;
    for (Attempt& attempt : attempts_) {
        if (attempt.shipment == nullptr) continue;
        for (Message& message : attempt.messages) message.runs.clear();
        left.push_back(std::exchange(attempt.shipment, nullptr));
    }
    for (Ended& each : std::exchange(ended_, {})) left.push_back(std::move(each.shipment));
    return left;
}

}  // namespace spanring::agent
