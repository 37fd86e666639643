// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/producer.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/text.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kEndPatience{1};
constexpr int kSyslogWarning = 4;
constexpr long kMostAnswer = 16 << 20;  // of a broker; a list of all its topics is asked for nowhere
constexpr uint64_t kWakeUp = 1;
constexpr int kPurgeAll = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING;

class Configuration {
public:
    Configuration() : configuration_(::rd_kafka_conf_new()) {}

    // Never shows the value: it may be a secret.
    void set(const char* key, const std::string& value) {
        std::array<char, 512> error{};
        if (::rd_kafka_conf_set(configuration_.get(), key, value.c_str(), error.data(), error.size()) ==
            RD_KAFKA_CONF_OK)
            return;
        throw std::runtime_error(std::string("Kafka client: ") + key + ": is not accepted");
    }
    void set(const char* key, bool value) { set(key, std::string(value ? "true" : "false")); }
    void set(const char* key, long value) { set(key, std::to_string(value)); }
    rd_kafka_conf_t* get() const { return configuration_.get(); }
    void release() { static_cast<void>(configuration_.release()); }

private:
    struct Free {
        void operator()(rd_kafka_conf_t* configuration) const { ::rd_kafka_conf_destroy(configuration); }
    };
    std::unique_ptr<rd_kafka_conf_t, Free> configuration_;
};

void set_security(Configuration& configuration, const KafkaOptions& options, const TlsFiles* tls) {
    const bool sasl = !options.username.empty();
    configuration.set("security.protocol", std::string(tls != nullptr ? (sasl ? "sasl_ssl" : "ssl")
                                                                      : (sasl ? "sasl_plaintext" : "plaintext")));
    if (sasl) {
        configuration.set("sasl.mechanisms", options.mechanism);
        configuration.set("sasl.username", options.username);
        configuration.set("sasl.password", options.password);
    }
    if (tls == nullptr) return;
    const bool verify = !options.insecure_skip_verify;
    configuration.set("enable.ssl.certificate.verification", verify);
    configuration.set("ssl.endpoint.identification.algorithm", std::string(verify ? "https" : "none"));
    if (!tls->ca.empty()) configuration.set("ssl.ca.pem", tls->ca);
    if (tls->cert.empty()) return;
    configuration.set("ssl.certificate.pem", tls->cert);
    configuration.set("ssl.key.pem", tls->key);
}

Configuration configuration_of(const KafkaOptions& options, const TlsFiles* tls, size_t most_bytes) {
    Configuration configuration;
    const auto timeout = static_cast<long>(options.timeout.count());
    configuration.set("bootstrap.servers", join(options.brokers, ","));
    configuration.set("client.id", options.client_id);
    set_security(configuration, options, tls);
    configuration.set("acks", std::string(options.acks == KafkaOptions::Acks::kAll ? "all" : "1"));
    configuration.set("enable.idempotence", options.idempotence);
    configuration.set("compression.codec", options.compression);
    if (options.compression_level != 0)
        configuration.set("compression.level", static_cast<long>(options.compression_level));
    configuration.set("linger.ms", static_cast<long>(options.linger.count()));
    size_t around = KafkaMessages::kAround;
    for (const auto& [name, text] : options.headers) around += name.size() + text.size() + 2 * sizeof(uint64_t);
    configuration.set("message.max.bytes", static_cast<long>(options.max_message_bytes + around));
    configuration.set("batch.size", static_cast<long>(most_bytes));
    configuration.set("message.timeout.ms", timeout);
    configuration.set("request.timeout.ms", std::min(timeout, 900'000L));
    configuration.set("socket.timeout.ms", std::clamp(timeout, 10L, 300'000L));
    configuration.set("allow.auto.create.topics", options.allow_auto_topic_creation);
    // What goes to a topic that is not there is to be known before it is out of time.
    if (!options.topic_from_attribute.empty())
        configuration.set("topic.metadata.propagation.max.ms", std::clamp(timeout / 2, 1L, 30'000L));
    configuration.set("topic.metadata.refresh.interval.ms", static_cast<long>(options.refresh_interval.count()));
    // As the Collector's exporter assigns keys, so that a trace of both is in one partition.
    configuration.set("partitioner", std::string("fnv1a_random"));
    // The sender bounds what is in flight, in bytes.
    configuration.set("queue.buffering.max.messages", 0L);
    configuration.set("queue.buffering.max.kbytes", 2'147'483'647L);
    configuration.set("receive.message.max.bytes", kMostAnswer);
    configuration.set("socket.keepalive.enable", true);
    configuration.set("socket.nagle.disable", true);
    configuration.set("log.queue", true);
    configuration.set("log.connection.close", false);
    ::rd_kafka_conf_set_events(configuration.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return configuration;
}

// What the library logs is for whoever looks into a fault, and can be much; what matters of it comes as an error too.
void log_line(rd_kafka_event_t* event, const std::string& who, LogPace& pace) {
    const char *facility = nullptr, *text = nullptr;
    int level = 0;
    if (::rd_kafka_event_log(event, &facility, &text, &level) != 0 || text == nullptr) return;
    if (const auto more = pace.due())
        spdlog::log(level < kSyslogWarning ? spdlog::level::info : spdlog::level::debug, "{}: {}{}", who, foreign(text),
                    *more);
}

}  // namespace

KafkaProducer::KafkaProducer(const KafkaOptions& options, const std::string& who, const TlsFiles* tls,
                             size_t most_bytes, int wakes)
    : options_(options), who_(who) {
    Configuration configuration = configuration_of(options, tls, most_bytes);
    std::array<char, 512> error{};
    producer_.reset(::rd_kafka_new(RD_KAFKA_PRODUCER, configuration.get(), error.data(), error.size()));
    if (producer_ == nullptr) throw std::runtime_error("Kafka client: " + foreign(error.data()));
    configuration.release();
    topic_ = ::rd_kafka_topic_new(producer_.get(), options.topic.c_str(), nullptr);
    events_ = ::rd_kafka_queue_get_main(producer_.get());
    ::rd_kafka_set_log_queue(producer_.get(), nullptr);  // the main one
    if (topic_ == nullptr) throw std::runtime_error("Kafka client: cannot be set up");
    ::rd_kafka_queue_io_event_enable(events_, wakes, &kWakeUp, sizeof(kWakeUp));
}

KafkaProducer::~KafkaProducer() {
    begin_end();
    finish_end(std::chrono::steady_clock::now() + kEndPatience);
}

void KafkaProducer::end(std::vector<std::unique_ptr<KafkaProducer>> producers) {
    for (const auto& each : producers) each->begin_end();
    const Time deadline = std::chrono::steady_clock::now() + kEndPatience;
    for (const auto& each : producers) each->finish_end(deadline);
}

// The library joins its threads, and one of them may be looking up a name.
void KafkaProducer::begin_end() {
    if (producer_ == nullptr) return;
    // No more is written to the descriptor from here on.
    ::rd_kafka_queue_io_event_enable(events_, -1, nullptr, 0);
    purge();
    if (topic_ != nullptr) ::rd_kafka_topic_destroy(topic_);
    for (const auto& [name, topic] : topics_) ::rd_kafka_topic_destroy(topic);
    ::rd_kafka_queue_destroy(events_);
    std::promise<void> promise;
    ended_ = promise.get_future();
    try {
        end_ = std::thread([producer = producer_.get(), promise = std::move(promise)]() mutable {
            ::rd_kafka_destroy(producer);
            promise.set_value();
        });
        static_cast<void>(producer_.release());
    } catch (const std::system_error&) {  // there is none to be had; this is no place for an exception
        producer_.reset();
    }
}

void KafkaProducer::finish_end(Time deadline) {
    if (!end_.joinable()) return;
    if (ended_.wait_until(deadline) == std::future_status::ready) {
        end_.join();
    } else {
        end_.detach();
    }
}

rd_kafka_topic_t* KafkaProducer::topic_of(const std::string& name) {
    if (name.empty()) return topic_;
    rd_kafka_topic_t*& topic = topics_[name];
    if (topic == nullptr) topic = ::rd_kafka_topic_new(producer_.get(), name.c_str(), nullptr);
    return topic;
}

rd_kafka_resp_err_t KafkaProducer::produce(KafkaMessage& message, void* opaque) {
    rd_kafka_topic_t* const topic = topic_of(message.topic);
    if (topic == nullptr) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    values_.clear();
    const auto add = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
        rd_kafka_vu_t& value = values_.emplace_back();
        value.vtype = type;
        return value;
    };
    add(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
    add(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_FREE;
    add(RD_KAFKA_VTYPE_VALUE).u.mem = {message.payload.bytes.get(), message.payload.size};
    if (!message.key.empty()) {
        rd_kafka_vu_t& key = add(RD_KAFKA_VTYPE_KEY);
        key.u.mem.ptr = message.key.data();
        key.u.mem.size = message.key.size();
    }
    add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = opaque;
    for (const auto& [name, text] : options_.headers) {
        rd_kafka_vu_t& header = add(RD_KAFKA_VTYPE_HEADER);
        header.u.header.name = name.c_str();
        header.u.header.val = text.data();
        header.u.header.size = static_cast<ssize_t>(text.size());
    }
    rd_kafka_error_t* const error = ::rd_kafka_produceva(producer_.get(), values_.data(), values_.size());
    if (error == nullptr) {
        ++out_;
        static_cast<void>(message.payload.bytes.release());  // the library frees it
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    const rd_kafka_resp_err_t code = ::rd_kafka_error_code(error);
    ::rd_kafka_error_destroy(error);
    return code;
}

void KafkaProducer::poll(const Hooks& hooks) {
    using Event = std::unique_ptr<rd_kafka_event_t, void (*)(rd_kafka_event_t*)>;  // a hook may throw
    while (const Event event{::rd_kafka_queue_poll(events_, 0), &::rd_kafka_event_destroy}) {
        switch (::rd_kafka_event_type(event.get())) {
            case RD_KAFKA_EVENT_DR:
                while (const rd_kafka_message_t* const message = ::rd_kafka_event_message_next(event.get()))
                    done(*message, hooks);
                break;
            case RD_KAFKA_EVENT_ERROR:
                hooks.trouble(::rd_kafka_event_error(event.get()), foreign(::rd_kafka_event_error_string(event.get())));
                break;
            case RD_KAFKA_EVENT_LOG: log_line(event.get(), who_, log_); break;
            default: break;
        }
    }
}

void KafkaProducer::done(const rd_kafka_message_t& message, const Hooks& hooks) {
    --out_;
    hooks.done(message._private, message.err);
}

// Without NON_BLOCKING it waits for each thread of the library, one of which may be looking up a name.
void KafkaProducer::purge() { ::rd_kafka_purge(producer_.get(), kPurgeAll); }

std::string KafkaProducer::fatal_error() const {
    std::array<char, 512> text{};
    return ::rd_kafka_fatal_error(producer_.get(), text.data(), text.size()) != RD_KAFKA_RESP_ERR_NO_ERROR
               ? foreign(text.data())
               : std::string();
}

std::string KafkaProducer::look(std::chrono::milliseconds patience) {
    const struct rd_kafka_metadata* found = nullptr;
    const rd_kafka_resp_err_t code =
        ::rd_kafka_metadata(producer_.get(), 0, topic_, &found, static_cast<int>(patience.count()));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return ::rd_kafka_err2str(code);
    const rd_kafka_resp_err_t topic =
        found->topic_cnt == 1 ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    ::rd_kafka_metadata_destroy(found);
    const bool is_made = topic == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                         (topic == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && options_.allow_auto_topic_creation);
    if (topic == RD_KAFKA_RESP_ERR_NO_ERROR || is_made) return {};
    return "topic " + options_.topic + ": " + ::rd_kafka_err2str(topic);
}

std::string kafka_library_version() { return ::rd_kafka_version_str(); }

}  // namespace spanring::agent
