// SPDX-License-Identifier: Apache-2.0
//
// Makes the bodies of HTTP requests out of shipments where these are not the shipments' own bytes: as JSON, compressed.
// On the sender's thread, while that has the time; once it spends kFull of it on bodies they are made in the pool,
// until all together are kCalm of one core's time again. Whoever makes them, they come out in the order in which they
// were asked for, each once. Of private copies only: mapped shipments never come here.
//
// Header bill: std::function and std::list.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "export/compressor.hpp"
#include "export/encoding_pool.hpp"
#include "export/http/options.hpp"
#include "export/shipment.hpp"
#include "export/transport.hpp"

namespace spanring::agent {

class HttpBodies {
public:
    using Clock = std::chrono::steady_clock;

    // When the pool is to help, of the time since the last decision.
    struct Rule {
        double full = 0.7;
        double calm = 0.4;
        std::chrono::milliseconds period{1000};
    };
    struct Body {
        ShipmentPtr shipment;
        bool probe = false;
        RequestHeaders headers;
        std::string bytes;  // where they are not the shipment's own
    };

    // `wake` is called by threads of the pool when one is ready, until all() or the destructor returned. Throws
    // std::invalid_argument and std::runtime_error as make_compressor().
    HttpBodies(const OtlpHttpOptions& options, Rule rule, std::function<void()> wake);
    ~HttpBodies();
    HttpBodies(const HttpBodies&) = delete;
    HttpBodies& operator=(const HttpBodies&) = delete;

    const char* content_encoding() const { return encoding_; }  // null: none

    // The sender's thread.

    void make(ShipmentPtr shipment, bool probe, RequestHeaders headers);
    // The next one, when it is ready. Throws FailedShipment where it could not be made.
    std::optional<Body> next();
    // The end: those that nobody took.
    std::vector<ShipmentPtr> all();

private:
    struct Entry {
        Body body;
        std::string failure;  // what was thrown
        std::atomic<bool> made = false;
        std::atomic<bool> unwanted = false;
    };

    bool is_own() const { return !json_ && encoding_ == nullptr; }
    std::string body_of(const Request& request, Compressor* compressor) const;
    void make(Entry& entry) noexcept;
    void decide(Clock::time_point now);
    void wait_for_pool();
    std::unique_ptr<Compressor> take_compressor();
    void give_back(std::unique_ptr<Compressor> compressor);

    const OtlpHttpOptions& options_;
    const bool json_;
    const char* encoding_ = nullptr;
    const Rule rule_;
    const std::function<void()> wake_;
    const std::shared_ptr<EncodingPool> pool_;

    std::list<Entry> entries_;  // the sender's thread has the list, who makes an entry has that
    bool pooled_ = false;
    Clock::time_point since_ = Clock::now();
    std::atomic<Clock::rep> busy_{0};  // with bodies since then, of all threads: time that goes by, so a core that
                                       // others fill counts as full

    Mutex mutex_;
    std::condition_variable left_;
    size_t in_pool_ SPR_GUARDED_BY(mutex_) = 0;
    std::vector<std::unique_ptr<Compressor>> compressors_ SPR_GUARDED_BY(mutex_);  // nobody uses them now
};

}  // namespace spanring::agent
