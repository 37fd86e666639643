// SPDX-License-Identifier: Apache-2.0
//
// What the agent and the program that publishes to iceoryx tell each other: orders by its standard input, words by its
// standard output. Both are of one build, on one host.
//
// The message of kPublish is read from the pipe into the chunk where its subscribers find it.
#pragma once

#include <cstdint>

namespace spanring::agent {

inline constexpr uint32_t kTapVersion = 1;
inline constexpr uint32_t kMostTapText = 100;  // bytes of a name: what iceoryx takes
inline constexpr uint32_t kMostTapSubscriptions = 16;

struct TapOrder {
    enum class Task : uint32_t {
        kName = 1,  // a text follows: by which RouDi knows the program
        kInstance,  // a text follows: of the service
        kOffer,     // a text follows: the event of subscription `index`; they are in order
        kBegin,     // index: kTapVersion
        kPublish,   // a message follows, for subscription `index`
    };

    Task task = Task::kBegin;
    uint32_t index = 0;
    uint32_t bytes = 0;                      // that follow
    uint32_t spans = 0;                      // in the message
    uint64_t unpublished = 0, unsorted = 0;  // as a chunk's header has them
};

struct TapWord {
    enum class What : uint32_t {
        kAlive = 1,    // at least every second
        kAlone,        // RouDi does not run
        kAttached,     // value: most bytes of a message
        kSubscribers,  // of subscription `index`; value: how many
        kPublished,    // the oldest order of that kind is done; value: why not (TapRefusal)
    };

    What what = What::kAlive;
    uint32_t index = 0;
    uint64_t value = 0;
    uint64_t missed_chunks = 0, missed_spans = 0;  // with kPublished: which slow subscribers lost by it
};

enum class TapRefusal : uint64_t {
    kNone,
    kNoChunk,   // all of that size are held by subscribers
    kTooLarge,  // for any chunk of RouDi's
};

}  // namespace spanring::agent
