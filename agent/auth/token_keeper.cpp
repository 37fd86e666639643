// SPDX-License-Identifier: Apache-2.0
#include "auth/token_keeper.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/named_thread.hpp"

namespace spanring::agent {

TokenKeeper::TokenKeeper(const AuthOptions& options, const std::string& exporter, std::function<void()> wake)
    : exporter_(exporter),
      place_(options.id + ": " + options.token_url.substr(0, options.token_url.find('?'))),
      margin_(options.expiry_buffer),
      wake_(std::move(wake)),
      progress_("token/" + exporter),
      request_(options, [this](bool waits) { waits ? progress_.waiting() : progress_.working(); }),
      thread_(named_thread("token/" + exporter, [this] { run(); })) {}

TokenKeeper::~TokenKeeper() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
    }
    request_.interrupt();
    changed_.notify_one();
    thread_.join();
}

Credentials::Look TokenKeeper::look(Time now) {
    const MutexLock lock(mutex_);
    if (header_ != nullptr && now >= ends_) header_.reset();
    return {header_, serial_, header_ == nullptr && error_.empty(), error_};
}

bool TokenKeeper::refused(uint64_t serial, Time now) {
    const MutexLock lock(mutex_);
    if (serial != serial_ || header_ == nullptr) return true;
    if (now < doubted_) return false;
    header_.reset();
    replaces_refused_ = true;
    due_ = {};  // at once
    changed_.notify_one();
    return true;
}

Credentials::Figures TokenKeeper::figures() const {
    const MutexLock lock(mutex_);
    return figures_;
}

void TokenKeeper::run() {
    MutexLock lock(mutex_);
    for (;;) {
        progress_.waiting();
        while (!stopping_ && Clock::now() < due_) {
            if (due_ == Time::max()) {
                changed_.wait(lock.native());
            } else {
                changed_.wait_until(lock.native(), due_);
            }
        }
        if (stopping_) return;
        progress_.working();
        due_ = Time::max();  // what is refused meanwhile sets it again
        lock.unlock();
        TokenAnswer answer;
        try {
            answer = request_.ask();
        } catch (const std::exception& error) {  // no memory
            answer.error = error.what();
        }
        lock.lock();
        if (stopping_) return;
        const std::string error = answer.error;
        take(std::move(answer), Clock::now());
        lock.unlock();
        if (!error.empty()) {
            if (const auto more = failed_log_.due())
                spdlog::warn("exporter {}: no token of {}: {}{}", exporter_, place_, error, *more);
        }
        wake_();
        lock.lock();
    }
}

void TokenKeeper::take(TokenAnswer answer, Time now) {
    if (answer.header.empty()) {
        ++figures_.tokens_failed;
        error_ = "no token of " + place_ + ": " + answer.error;
        due_ = now + pause_;
        pause_ = std::min(2 * pause_, kLongestPause);
        return;
    }
    if (!error_.empty()) spdlog::info("exporter {}: a token of {} again", exporter_, place_);
    ++figures_.tokens_obtained;
    error_.clear();
    pause_ = kFirstPause;
    header_ = std::make_shared<const Header>(Header{"Authorization", std::move(answer.header)});
    ++serial_;
    if (std::exchange(replaces_refused_, false)) doubted_ = now + kDoubt;
    if (!answer.lifetime) {
        ends_ = due_ = Time::max();
        return;
    }
    const Clock::duration life = *answer.lifetime;
    ends_ = now + life;
    // A second at least, however short its life: the token server is not to be stormed.
    due_ = now + std::max<Clock::duration>({life - margin_, life / 2, kFirstPause});
}

}  // namespace spanring::agent
