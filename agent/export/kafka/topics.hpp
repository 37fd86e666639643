// SPDX-License-Identifier: Apache-2.0
//
// Which topic spans go to, where an attribute of their resource says so. What it says is anybody's text: what is not a
// legal name, is one of Kafka's own topics, or would be one topic too many, goes to the configured one. So does what
// brokers do not take for a named one: a topic that is not there, or not for the agent, holds nobody's spans. Where
// there are as many as there may be, one that nothing came for in a while gives its place up, or one of the user who
// has the most to a user who has fewer. One thread, but for the figures.
//
// Header bill: runs; the transport includes it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/log_pace.hpp"
#include "batch/batch.hpp"

namespace spanring::agent {

// Of an exporter, through all its transports. relaxed everywhere: each stands for itself.
struct KafkaFigures {
    std::atomic<uint64_t> topics{0};    // that attributes named, and that are used
    std::atomic<uint64_t> diverted{0};  // spans in the configured one, of which an attribute named another
};

class KafkaTopics {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::minutes kDoubt{1};    // until a topic that was of no use is tried again
    static constexpr std::chrono::minutes kUnused{10};  // after which a topic gives its place up

    // `attribute` empty: there is but `configured`. `who`: of the log's lines. `figures` is never null.
    KafkaTopics(std::string attribute, std::string configured, size_t most, std::string who,
                std::shared_ptr<KafkaFigures> figures);

    bool asked_for() const { return !attribute_.empty(); }
    struct Part {
        std::string topic;      // empty: the configured one ...
        bool diverted = false;  // ... where an attribute named another
        std::vector<Run> runs;
    };
    // In the order in which they first appear; none where nothing is asked for.
    std::vector<Part> apart(std::span<const Run> runs, Time now);

    // It is not there, or not for the agent: nothing goes there for kDoubt.
    void doubt(const std::string& topic, const std::string& why, Time now);
    // As many gave their places up as there may be: a producer remembers each topic that it ever had. True: once.
    bool outgrew_producer();
    void was_diverted(uint64_t spans) {
        figures_->diverted.fetch_add(spans, std::memory_order_relaxed);  // relaxed: a figure
    }

private:
    struct Known {
        std::weak_ptr<const Producer> producer;  // the same one still, where the address is
        std::string named;                       // empty: nothing
    };

    struct Used {
        Time again{};  // nothing goes there before that
        Time last{};
        uid_t owner = 0;  // who was the first to name it
    };
    using Topics = std::map<std::string, Used>;

    const std::string& named_by(const std::shared_ptr<const Producer>& producer);
    bool is_usable(const std::string& topic, uid_t owner, Time now);
    bool make_room(uid_t owner, Time now);
    void forget(Topics::iterator topic);
    // The end: there is none.
    Topics::iterator longest_unused(const std::optional<uid_t>& owner);
    void tell(const std::string& topic, const std::string& why, Time now);

    const std::string attribute_, configured_;
    const size_t most_;
    const std::string who_;
    const std::shared_ptr<KafkaFigures> figures_;
    std::map<const Producer*, Known> known_;
    Topics topics_;
    std::map<uid_t, size_t> owners_;  // how many topics each has
    Time next_look_{};                // for one that is unused
    size_t forgotten_ = 0;
    LogPace log_;
};

}  // namespace spanring::agent
