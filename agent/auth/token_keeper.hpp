// SPDX-License-Identifier: Apache-2.0
//
// A token that ends, and its successor before it does: fetched by a thread of its own, so that a token server that
// hangs keeps nobody waiting. While a token is good it is sent, whatever becomes of the request for the next one.
//
// A token that the backend refuses is replaced, and what was refused is worth one more attempt with the new one. One
// that is refused as well is not replaced for kDoubt: then it is not the token, and the token server is left alone.
//
// Header bill: a thread, a condition and std::function; credentials.cpp alone includes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "auth/credentials.hpp"
#include "auth/token_request.hpp"
#include "base/log_pace.hpp"
#include "base/mutex.hpp"
#include "base/thread_progress.hpp"

namespace spanring::agent {

class TokenKeeper final : public Credentials {
public:
    static constexpr std::chrono::seconds kFirstPause{1}, kLongestPause{30};  // between requests that failed
    static constexpr std::chrono::seconds kDoubt{30};

    // As make_credentials(), which calls it.
    TokenKeeper(const AuthOptions& options, const std::string& exporter, std::function<void()> wake);
    ~TokenKeeper() override;

    Look look(Time now) override;
    bool refused(uint64_t serial, Time now) override;
    Figures figures() const override;

private:
    using Clock = std::chrono::steady_clock;

    void run();
    void take(TokenAnswer answer, Time now) SPR_REQUIRES(mutex_);

    const std::string exporter_, place_;  // for messages
    const std::chrono::milliseconds margin_;
    const std::function<void()> wake_;
    ThreadProgress progress_;
    TokenRequest request_;

    mutable Mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<const Header> header_ SPR_GUARDED_BY(mutex_);
    uint64_t serial_ SPR_GUARDED_BY(mutex_) = 0;
    Time ends_ SPR_GUARDED_BY(mutex_){};     // the header is not sent any more
    Time due_ SPR_GUARDED_BY(mutex_){};      // when the next one is asked for
    Time doubted_ SPR_GUARDED_BY(mutex_){};  // a token that came in place of a refused one is believed until then
    bool replaces_refused_ SPR_GUARDED_BY(mutex_) = false;  // the one that is asked for
    std::chrono::seconds pause_ SPR_GUARDED_BY(mutex_) = kFirstPause;
    std::string error_ SPR_GUARDED_BY(mutex_);
    Figures figures_ SPR_GUARDED_BY(mutex_);
    bool stopping_ SPR_GUARDED_BY(mutex_) = false;

    LogPace failed_log_;  // the thread's
    std::thread thread_;
};

}  // namespace spanring::agent
