// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/topics.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "export/kafka/options.hpp"
#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMostKnown = 1024;  // producers; beyond it, those that are gone are forgotten

}  // namespace

KafkaTopics::KafkaTopics(std::string attribute, std::string configured, size_t most, std::string who,
                         std::shared_ptr<KafkaFigures> figures)
    : attribute_(std::move(attribute)),
      configured_(std::move(configured)),
      most_(most),
      who_(std::move(who)),
      figures_(std::move(figures)) {
    figures_->topics.store(0, std::memory_order_relaxed);  // relaxed: a figure
}

const std::string& KafkaTopics::named_by(const std::shared_ptr<const Producer>& producer) {
    Known& known = known_[producer.get()];
    if (known.producer.lock() == producer) return known.named;
    DecodedResource resource;
    decode_resource(wire::body_of(producer->resource), resource);  // validated; of a part, what there is
    const Value* const value = find(resource.attributes, attribute_);
    known = {producer, value != nullptr && value->type == ValueType::kString ? value->text : std::string()};
    if (known_.size() > kMostKnown)
        std::erase_if(known_, [](const auto& each) { return each.second.producer.expired(); });
    return known.named;
}

bool KafkaTopics::is_usable(const std::string& topic, Time now) {
    const auto used = topics_.find(topic);
    if (used != topics_.end()) return now >= used->second;
    // Kafka's own, __consumer_offsets and the like, begin so.
    if (!is_topic_name(topic) || topic.starts_with("__")) {
        tell(topic, "it is not a name of a topic", now);
        return false;
    }
    if (topics_.size() >= most_) {
        tell(topic, "there are max_topics already", now);
        return false;
    }
    topics_.emplace(topic, Time());
    figures_->topics.store(topics_.size(), std::memory_order_relaxed);  // relaxed: a figure
    return true;
}

std::vector<KafkaTopics::Part> KafkaTopics::apart(std::span<const Run> runs, Time now) {
    std::vector<Part> parts;
    if (!asked_for()) return parts;
    const Producer* last = nullptr;  // mostly it is the same one
    size_t at = 0;
    for (const Run& run : runs) {
        if (std::exchange(last, run.producer.get()) != run.producer.get()) {
            const std::string& named = named_by(run.producer);
            const bool given = !named.empty() && named != configured_;
            const bool diverted = given && !is_usable(named, now);
            const std::string topic = given && !diverted ? named : std::string();
            const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
                return part.topic == topic && part.diverted == diverted;
            });
            at = static_cast<size_t>(found - parts.begin());
            if (found == parts.end()) parts.push_back({topic, diverted, {}});
        }
        parts[at].runs.push_back(run);
    }
    return parts;
}

void KafkaTopics::doubt(const std::string& topic, const std::string& why, Time now) {
    const auto used = topics_.find(topic);
    if (used == topics_.end() || used->second > now) return;
    used->second = now + kDoubt;
    tell(topic, why, now);
}

void KafkaTopics::tell(const std::string& topic, const std::string& why, Time now) {
    if (const auto more = log_.due(now))
        spdlog::warn("{}: spans that are for topic {} by {} go to {}: {}{}", who_, foreign(topic), attribute_,
                     configured_, why, *more);
}

}  // namespace spanring::agent
