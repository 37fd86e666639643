// SPDX-License-Identifier: Apache-2.0
#include "export/http/bodies.hpp"

#include <utility>

#include "otlp/json.hpp"
#include "otlp/request.hpp"

namespace spanring::agent {

HttpBodies::HttpBodies(const OtlpHttpOptions& options, Rule rule, std::function<void()> wake)
    : options_(options),
      json_(options.encoding == OtlpHttpOptions::Encoding::kJson),
      rule_(rule),
      wake_(std::move(wake)),
      pool_(EncodingPool::of_this_process()) {
    std::unique_ptr<Compressor> first = take_compressor();
    if (first == nullptr) return;
    encoding_ = first->encoding();
    give_back(std::move(first));
}

HttpBodies::~HttpBodies() { wait_for_pool(); }

void HttpBodies::make(ShipmentPtr shipment, bool probe, RequestHeaders headers) {
    Entry& entry = entries_.emplace_back();
    entry.body.shipment = std::move(shipment);
    entry.body.probe = probe;
    entry.body.headers = std::move(headers);
    if (is_own()) {
        // relaxed: this thread's own.
        entry.made.store(true, std::memory_order_relaxed);
        return;
    }
    decide(Clock::now());
    if (!pooled_) return make(entry);
    {
        const MutexLock lock(mutex_);
        ++in_pool_;
    }
    try {
        pool_->give([this, &entry] {
            make(entry);
            wake_();
            const MutexLock lock(mutex_);
            if (--in_pool_ == 0) left_.notify_all();
        });
    } catch (...) {  // for lack of memory: nobody makes it, and nobody may wait for that
        const MutexLock lock(mutex_);
        --in_pool_;
        throw;
    }
}

std::optional<HttpBodies::Body> HttpBodies::next() {
    // acquire: the body. Pairs with make()'s store; else this thread sends what is half written.
    if (entries_.empty() || !entries_.front().made.load(std::memory_order_acquire)) return std::nullopt;
    Body body = std::move(entries_.front().body);
    const std::string failure = std::move(entries_.front().failure);
    entries_.pop_front();
    if (!failure.empty()) throw FailedShipment(failure, std::move(body.shipment));
    return body;
}

std::vector<ShipmentPtr> HttpBodies::all() {
    // relaxed: it spares work that has not begun, and no more.
    for (Entry& entry : entries_) entry.unwanted.store(true, std::memory_order_relaxed);
    wait_for_pool();
    std::vector<ShipmentPtr> left;
    for (Entry& entry : entries_) left.push_back(std::move(entry.body.shipment));
    entries_.clear();
    return left;
}

void HttpBodies::make(Entry& entry) noexcept {
    try {
        const Clock::time_point begin = Clock::now();
        if (!entry.unwanted.load(std::memory_order_relaxed)) {
            std::unique_ptr<Compressor> compressor = take_compressor();
            entry.body.bytes = body_of(entry.body.shipment->request, compressor.get());
            give_back(std::move(compressor));
        }
        // relaxed: a sum.
        busy_.fetch_add((Clock::now() - begin).count(), std::memory_order_relaxed);
    } catch (const std::exception& error) {
        entry.failure = *error.what() != '\0' ? error.what() : "no reason given";
    }
    // release: the body, for next()'s load of made. From here on the entry is the sender's thread's.
    entry.made.store(true, std::memory_order_release);
}

std::string HttpBodies::body_of(const Request& request, Compressor* compressor) const {
    if (!json_) return compressor->compress(request);
    const std::string bytes = flatten(request);
    std::string text = otlp_json_of_request({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    if (compressor == nullptr) return text;
    Request of_text;
    of_text.slices.emplace_back(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    of_text.bytes = text.size();
    return compressor->compress(of_text);
}

void HttpBodies::decide(Clock::time_point now) {
    const Clock::duration passed = now - since_;
    if (passed < rule_.period) return;
    const Clock::rep busy = busy_.exchange(0, std::memory_order_relaxed);
    const double share = static_cast<double>(busy) / static_cast<double>(passed.count());
    pooled_ = share >= (pooled_ ? rule_.calm : rule_.full);
    since_ = now;
}

void HttpBodies::wait_for_pool() {
    MutexLock lock(mutex_);
    while (in_pool_ != 0) left_.wait(lock.native());
}

std::unique_ptr<Compressor> HttpBodies::take_compressor() {
    {
        const MutexLock lock(mutex_);
        if (!compressors_.empty()) {
            std::unique_ptr<Compressor> kept = std::move(compressors_.back());
            compressors_.pop_back();
            return kept;
        }
    }
    return make_compressor(options_.compression, options_.compression_level);
}

void HttpBodies::give_back(std::unique_ptr<Compressor> compressor) {
    if (compressor == nullptr) return;
    const MutexLock lock(mutex_);
    compressors_.push_back(std::move(compressor));
}

}  // namespace spanring::agent
