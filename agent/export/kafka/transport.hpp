// SPDX-License-Identifier: Apache-2.0
//
// Spans into a topic of Kafka. An attempt is one request as one or several messages, and ends when the brokers have
// answered for each of them, or at its deadline. It counts as taken when all are acknowledged; what will never be taken
// counts as rejected, by its spans. Where some are not answered it is all of the request that is sent again.
//
// librdkafka connects, sends and waits for answers on threads of its own, which share nothing with this one but its
// queues; so a cluster that is away, or a name that cannot be looked up, holds nobody.
//
// A message that brokers find too large is divided within its attempt, and what goes together gets smaller: a producer
// that is set up so takes over, and the one before goes when it has nothing any more. So it is where certificates
// change, and where the library says that a producer is of no use any more.
//
// Header bill: it holds its producers and what is in flight; whoever makes one, and nobody else, includes it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "export/kafka/messages.hpp"
#include "export/kafka/options.hpp"
#include "export/kafka/producer.hpp"
#include "export/kafka/topics.hpp"
#include "export/transport.hpp"
#include "export/watched_tls_files.hpp"

namespace spanring::agent {

class KafkaTransport final : public Transport {
public:
    // `who`: as the log calls what librdkafka says there. Throws std::runtime_error or std::invalid_argument with what
    // is wrong with the options.
    explicit KafkaTransport(const KafkaOptions& options, std::string who = "Kafka",
                            std::shared_ptr<KafkaFigures> figures = std::make_shared<KafkaFigures>());
    ~KafkaTransport() override;

    const std::string& peer() const override { return peer_; }
    void wake() override;
    void cut() override;
    void start(ShipmentPtr shipment, bool probe, RequestHeaders headers) override;
    std::vector<Ended> wait(Clock::time_point until) override;
    std::vector<ShipmentPtr> abandon() override;

    // For a command: whether the cluster is there and has the topic; empty, or why not.
    std::string look(std::chrono::milliseconds patience) { return producer_->look(patience); }

private:
    struct Attempt;
    // What librdkafka brings back.
    struct Message {
        Attempt* attempt;
        std::vector<Run> runs;  // none: the whole request
        std::string key, topic;
        bool diverted;
        uint64_t spans;
        size_t bytes;
        size_t most;  // by which it was made
    };
    struct Attempt {
        ShipmentPtr shipment;  // null: it came to its end, and messages of it did not
        bool probe = false;
        Clock::time_point since{};
        std::deque<Message> messages;
        size_t open = 0;  // of these
        uint64_t rejected = 0;
        bool failed = false;         // one of them, for the moment
        bool taken = false;          // another one
        std::set<std::string> late;  // topics that spans name, and that did not answer in time
        std::string why;
    };

    void replace_producer();
    void renew_producer(Clock::time_point now);
    std::vector<KafkaMessage> messages_of(const Shipment& shipment, Clock::time_point now);
    void send(Attempt& attempt, KafkaMessage message);
    void done(Message& message, rd_kafka_resp_err_t code);
    void fail(Attempt& attempt, rd_kafka_resp_err_t code);
    void reject(Attempt& attempt, const Message& message, const std::string& why);
    void send_smaller(Message& message);
    bool send_elsewhere(Message& message, rd_kafka_resp_err_t code);
    void poll();
    Answer answer_of(const Attempt& attempt) const;
    void doubt_late_topics(const Attempt& attempt, Clock::time_point now);
    void end(Attempt& attempt, Answer answer);
    std::vector<Ended> take_ended(Clock::time_point now);
    Clock::time_point next_deadline() const;

    const KafkaOptions options_;
    const std::string who_, peer_;
    const Descriptor wakes_;  // an eventfd
    const KafkaMessages messages_;
    KafkaTopics topics_;
    std::optional<WatchedTlsFiles> tls_;  // none: plaintext
    size_t most_;                         // bytes that go together; less than asked for where a broker wants that ...
    Clock::time_point most_until_{};      // ... until then
    bool broken_ = false;                 // the producer is of no use any more
    std::unique_ptr<KafkaProducer> producer_;
    Clock::time_point made_at_{};
    std::vector<std::unique_ptr<KafkaProducer>> before_;  // that still have something
    std::list<Attempt> attempts_;
    std::vector<Ended> ended_;
    // Of the connections, since a message was last taken. The library tells one that goes on only once, so what it was
    // is true of every attempt from then on.
    std::string trouble_;
    std::atomic<bool> cut_ = false;
};

}  // namespace spanring::agent
