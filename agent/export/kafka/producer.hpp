// SPDX-License-Identifier: Apache-2.0
//
// A producer of librdkafka, set up from an exporter's options. Its threads connect, compress and send; all that they
// have to say comes as events, on the thread that polls. Nothing here calls back.
//
// Header bill: librdkafka; transport.hpp and its own .cpp alone include it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "base/log_pace.hpp"
#include "export/kafka/messages.hpp"
#include "export/kafka/options.hpp"
#include "export/tls_files.hpp"

namespace spanring::agent {

class KafkaProducer {
public:
    // Called by poll().
    struct Hooks {
        std::function<void(void* opaque, rd_kafka_resp_err_t code)> done;  // of each message that was taken, once
        std::function<void(rd_kafka_resp_err_t code, const std::string& text)> trouble;  // of the connection; foreign()
    };

    // `most_bytes`: of messages that go together. `wakes`: an eventfd that becomes readable when poll() has something.
    // `who`: of the log's lines. `tls`: what the files hold; null without TLS. Throws std::runtime_error with what
    // librdkafka does not like.
    KafkaProducer(const KafkaOptions& options, const std::string& who, const TlsFiles* tls, size_t most_bytes,
                  int wakes);
    ~KafkaProducer();  // as end() of it alone
    KafkaProducer(const KafkaProducer&) = delete;
    KafkaProducer& operator=(const KafkaProducer&) = delete;

    // Takes the payload over unless there is an error. `opaque` comes back by poll().
    rd_kafka_resp_err_t produce(KafkaMessage& message, void* opaque);
    void poll(const Hooks& hooks);
    // What is waiting or in flight ends with an error, by poll().
    void purge();
    std::string fatal_error() const;  // empty: none

    // All of them at once. Does not wait for a thread of the library that looks up a name: such a one goes when it is
    // done.
    static void end(std::vector<std::unique_ptr<KafkaProducer>> producers);

    // Whether the cluster is there and has the topic; empty, or why not. For a command: waits.
    std::string look(std::chrono::milliseconds patience);

    size_t out() const { return out_; }  // messages whose end is to come

private:
    using Time = std::chrono::steady_clock::time_point;

    void done(const rd_kafka_message_t& message, const Hooks& hooks);
    rd_kafka_topic_t* topic_of(const std::string& name);
    void begin_end();
    void finish_end(Time deadline);

    struct Close {
        void operator()(rd_kafka_t* producer) const { ::rd_kafka_destroy(producer); }
    };

    const KafkaOptions& options_;
    const std::string& who_;
    size_t out_ = 0;
    std::vector<rd_kafka_vu_t> values_;  // of the message that is handed over, for the next one to use
    LogPace log_;                        // of what the library says
    std::unique_ptr<rd_kafka_t, Close> producer_;
    rd_kafka_topic_t* topic_ = nullptr;
    std::map<std::string, rd_kafka_topic_t*> topics_;  // others, as messages named them
    rd_kafka_queue_t* events_ = nullptr;
    std::thread end_;  // the library's, of which the producer is by then
    std::future<void> ended_;
};

// Its version, as it says: "2.0.2".
std::string kafka_library_version();

}  // namespace spanring::agent
