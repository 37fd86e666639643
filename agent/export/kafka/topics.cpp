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

constexpr size_t kMostKnown = 1024;               // producers; beyond it, those that are gone are forgotten
constexpr std::chrono::seconds kBetweenLooks{1};  // for a topic that is unused: there may be thousands

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

bool KafkaTopics::is_usable(const std::string& topic, uid_t owner, Time now) {
    const auto used = topics_.find(topic);
    if (used != topics_.end()) {
        if (now < used->second.again) return false;
        used->second.last = now;
        return true;
    }
    // Kafka's own, __consumer_offsets and the like, begin so.
    if (!is_topic_name(topic) || topic.starts_with("__")) {
        tell(topic, "it is not a name of a topic", now);
        return false;
    }
    if (topics_.size() >= most_ && !make_room(owner, now)) {
        tell(topic, "there are max_topics already", now);
        return false;
    }
    topics_.emplace(topic, Used{{}, now, owner});
    ++owners_[owner];
    figures_->topics.store(topics_.size(), std::memory_order_relaxed);  // relaxed: a figure
    return true;
}

KafkaTopics::Topics::iterator KafkaTopics::longest_unused(const std::optional<uid_t>& owner) {
    auto found = topics_.end();
    for (auto each = topics_.begin(); each != topics_.end(); ++each) {
        if (owner && each->second.owner != *owner) continue;
        if (found == topics_.end() || each->second.last < found->second.last) found = each;
    }
    return found;
}

void KafkaTopics::forget(Topics::iterator topic) {
    const auto owner = owners_.find(topic->second.owner);
    if (--owner->second == 0) owners_.erase(owner);
    topics_.erase(topic);
    ++forgotten_;
}

// Users change places only as long as that makes their shares more equal, so it comes to an end.
bool KafkaTopics::make_room(uid_t owner, Time now) {
    if (now >= next_look_) {
        next_look_ = now + kBetweenLooks;
        const auto unused = longest_unused(std::nullopt);
        if (now - unused->second.last >= kUnused) {
            forget(unused);
            return true;
        }
    }
    const auto most = std::max_element(owners_.begin(), owners_.end(),
                                       [](const auto& one, const auto& other) { return one.second < other.second; });
    const auto own = owners_.find(owner);
    if (most->second < (own != owners_.end() ? own->second : 0) + 2) return false;
    forget(longest_unused(most->first));
    return true;
}

bool KafkaTopics::outgrew_producer() {
    if (forgotten_ < most_) return false;
    forgotten_ = 0;
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
            const bool diverted = given && !is_usable(named, run.producer->uid, now);
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
    if (used == topics_.end() || used->second.again > now) return;
    used->second.again = now + kDoubt;
    tell(topic, why, now);
}

void KafkaTopics::tell(const std::string& topic, const std::string& why, Time now) {
    if (const auto more = log_.due(now))
        spdlog::warn("{}: spans that are for topic {} by {} go to {}: {}{}", who_, foreign(topic), attribute_,
                     configured_, why, *more);
}

}  // namespace spanring::agent
