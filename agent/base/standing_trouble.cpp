// SPDX-License-Identifier: Apache-2.0
#include "base/standing_trouble.hpp"

#include <utility>

#include "base/mutex.hpp"
#include "base/wall_clock.hpp"

namespace spanring::agent {
namespace {

struct TroubleList {
    Mutex mutex_;
    std::vector<ToldTrouble> troubles_ SPR_GUARDED_BY(mutex_);
};

TroubleList& all() {
    static TroubleList list;
    return list;
}

}  // namespace

StandingTrouble::StandingTrouble(std::string component, const char* reason)
    : component_(std::move(component)), reason_(reason) {}

StandingTrouble::~StandingTrouble() { end(); }

bool StandingTrouble::begin(const std::string& what) {
    if (std::exchange(stands_, true)) return false;
    TroubleList& list = all();
    const MutexLock lock(list.mutex_);
    list.troubles_.push_back({this, component_, what, reason_, unix_nano()});
    return true;
}

bool StandingTrouble::end() {
    if (!std::exchange(stands_, false)) return false;
    TroubleList& list = all();
    const MutexLock lock(list.mutex_);
    std::erase_if(list.troubles_, [this](const ToldTrouble& told) { return told.whose == this; });
    return true;
}

std::vector<ToldTrouble> standing_troubles() {
    TroubleList& list = all();
    const MutexLock lock(list.mutex_);
    return list.troubles_;
}

}  // namespace spanring::agent
