// SPDX-License-Identifier: Apache-2.0
//
// SPR_HOT_PATH(name) stands where a call has taken one of the fast ways and can no longer leave it. It is nothing in
// any library that is used; the crash tests compile one of their own in which each is counted, and so prove which of
// them they kill, interrupt and fork in.
//
// SPR_HOT_INLINE is `inline` of what several fast ways have inside. Where the library is one file (tools/amalgamate,
// and so in a Go module) the compiler finds that too large to go on inlining, and makes calls of these: a third more
// instructions. In files of their own it does it by itself, and better than when it is told to.
#pragma once

#include <cstdint>

namespace spanring::trace {

enum class HotPath : uint32_t {
    kStartRoot,
    kStartBelow,
    kStartToItsEnd,
    kStartGiven,
    kStartWithContext,
    kStartUnsampled,
    kStartOff,
    kTextInSlot,
    kNumberInSlot,
    kTextToItsEnd,
    kForeseen,
    kTagged,
    kGoneBack,
    kList,
    kInBlock,
    kPlain,
    kGrown,
    kEvent,
    kLink,
    kEndLittle,
    kEndLarger,
    kEndOther,
    kEndElsewhere,
    kCount
};

}  // namespace spanring::trace

#ifdef SPR_HOT_PATHS
namespace spanring::trace {
// How often each was taken, by any thread: a test has one that matters. The test's executable defines it.
extern uint32_t hot_paths[static_cast<uint32_t>(HotPath::kCount)];
}  // namespace spanring::trace
#define SPR_HOT_PATH(name) \
    static_cast<void>(++::spanring::trace::hot_paths[static_cast<uint32_t>(::spanring::trace::HotPath::name)])
#else
#define SPR_HOT_PATH(name) static_cast<void>(0)
#endif

#ifdef SPR_ONE_FILE
#define SPR_HOT_INLINE [[gnu::always_inline]] inline
#else
#define SPR_HOT_INLINE inline
#endif
