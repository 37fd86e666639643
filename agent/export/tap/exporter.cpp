// SPDX-License-Identifier: Apache-2.0
#include "export/tap/exporter.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/descriptor.hpp"
#include "base/mutex.hpp"
#include "base/named_thread.hpp"
#include "base/thread_progress.hpp"
#include "base/wall_clock.hpp"
#include "batch/exporter.hpp"
#include "crash/alternate_stack.hpp"
#include "crash/crash_scope.hpp"
#include "export/private_runs.hpp"
#include "export/tap/helper.hpp"
#include "export/tap/span_filter.hpp"
#include "programs/programs.hpp"

namespace spanring::agent {
namespace {

// What iceoryx knows the program by: the same one after a restart, and no other's on this host.
std::string runtime_of(const std::string& state_directory, const std::string& name) {
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : state_directory + '\0' + name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    return fmt::format("spanring-tap-{}-{:016x}", ::geteuid(), hash);
}

class TapExporter final : public Exporter {
public:
    using Clock = TapHelper::Clock;

    TapExporter(const std::string& name, uint32_t index, const TapOptions& options, const std::string& state_directory,
                ProgramLine& line)
        : Exporter(name, index, false),
          options_(options),
          wakes_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
          progress_("tap/" + name),
          helper_("exporter " + name, runtime_of(state_directory, name), options, line) {
        if (!wakes_) throw std::system_error(errno, std::generic_category(), "eventfd");
        for (const TapSubscription& each : options.all_subscriptions()) filters_.emplace_back(each.where);
        status_.queue_limit = options.queue_bytes;
        status_.tap = helper_.status();
        thread_ = named_thread("tap/" + name, [this] { run(); });
    }
    ~TapExporter() override { shutdown(Clock::now()); }

    void submit(std::shared_ptr<Batch> batch) override {
        // relaxed: a hint. Who subscribes a moment later gets what comes later.
        if (!wanted_.load(std::memory_order_relaxed)) return resolve(batch, {Outcome::kExported, 0});
        if (!take_room(batch->held())) return turn_away(batch);
        bool taken = false;
        try {
            taken = enqueue(batch);
        } catch (const std::bad_alloc&) {  // nothing of it is in the queue
        }
        if (!taken) {
            give_room(batch->held());
            return turn_away(batch);
        }
        if (batch->pin != nullptr) resolve(batch, {Outcome::kExported, 0});
        wake();
    }

    bool flush(Clock::time_point deadline) override {
        MutexLock lock(mutex_);
        const uint64_t ticket = accepted_;
        return changed_.wait_until(lock.native(), deadline, [&]() SPR_REQUIRES(mutex_) { return finished_ >= ticket; });
    }

    void shutdown(Clock::time_point deadline) override {
        {
            const MutexLock lock(mutex_);
            if (!stopping_ || deadline < stop_at_) stop_at_ = deadline;
            stopping_ = true;
        }
        wake();
        if (thread_.joinable()) thread_.join();
    }

    ExporterStatus status() const override {
        const MutexLock lock(mutex_);
        ExporterStatus status = status_;
        status.queued_bytes = queued_bytes_;
        return status;
    }

private:
    struct Item {
        std::shared_ptr<Batch> batch;  // null: `own` has the bytes, and nobody waits for a resolution
        PrivateRuns own;
        uint64_t spans = 0;
        size_t bytes = 0;
        bool partial = false;
        bool taken = false;     // somebody subscribed
        bool lost = false;      // some of it, for some of these
        uint32_t messages = 0;  // that are not done

        std::span<const Run> runs() const { return batch != nullptr ? std::span(batch->runs) : std::span(own.runs); }
    };
    using ItemPtr = std::shared_ptr<Item>;

    // Before anything is copied.
    bool take_room(size_t bytes) {
        const MutexLock lock(mutex_);
        if (stopping_ || queued_bytes_ + bytes > options_.queue_bytes) return false;
        queued_bytes_ += bytes;
        return true;
    }

    void give_room(size_t bytes) {
        const MutexLock lock(mutex_);
        queued_bytes_ -= bytes;
    }

    void turn_away(const std::shared_ptr<Batch>& batch) {
        {
            const MutexLock lock(mutex_);
            if (!batch->partial) status_.dropped += batch->spans;
            unsorted_ += batch->spans;
        }
        resolve(batch, {Outcome::kDroppedQueue, 0});
    }

    // What has room. False: the thread takes nothing any more. Throws std::bad_alloc.
    bool enqueue(const std::shared_ptr<Batch>& batch) {
        auto item = std::make_shared<Item>();
        item->spans = batch->spans;
        item->partial = batch->partial;
        item->bytes = batch->held();
        if (batch->pin != nullptr)
            item->own = copy_runs(batch->runs);  // a process's memory: nobody has to wait for the tap
        else
            item->batch = batch;
        const MutexLock lock(mutex_);
        if (stopping_) return false;
        queue_.push_back(std::move(item));
        status_.queued_spans += batch->spans;
        ++accepted_;
        return true;
    }

    void wake() {
        const uint64_t one = 1;
        static_cast<void>(!::write(wakes_.get(), &one, sizeof one));  // full: it is readable
    }

    void run() {
        const AlternateStack stack;
        const std::string place = kCrashInExporter + name();
        const CrashScope scope(place);
        for (bool ends = false, over = false; !over;) {
            progress_.working();
            try {
                ends = ends || !work(Clock::now());
                if (ends) helper_.abandon();
                over = ends;
            } catch (const std::exception& error) {  // memory; the agent and its other exporters go on
                spdlog::error("{}: {}", name(), error.what());
                const MutexLock lock(mutex_);
                ++status_.restarts;
            }
        }
        settle();
        while (const ItemPtr item = next(true)) finish(item, Outcome::kLeftBehind);
    }

    // False: it is time to end.
    bool work(Clock::time_point now) {
        helper_.look(now);
        settle();
        while (helper_.has_room()) {
            const ItemPtr item = next(false);
            if (item == nullptr) break;
            try {
                take(item);
            } catch (...) {  // what was handed over of it is waited for, and no more
                item->lost = true;
                if (item->messages == 0) finish(item, Outcome::kDroppedQueue);
                throw;
            }
            if (item->messages == 0) finish(item, item->lost ? Outcome::kDroppedQueue : Outcome::kExported);
        }
        helper_.write(now);
        settle();
        bool idle = true;
        Clock::time_point until = helper_.next_event();
        {
            const MutexLock lock(mutex_);
            tell();
            idle = finished_ == accepted_;
            if (stopping_) {
                if (idle || Clock::now() >= stop_at_) return false;
                until = std::min(until, stop_at_);
            }
        }
        std::vector<pollfd> waits = {{wakes_.get(), POLLIN, 0}};
        helper_.add_waits(waits);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
        progress_.waiting();
        ::poll(waits.data(), waits.size(), static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
        uint64_t woken = 0;
        static_cast<void>(!::read(wakes_.get(), &woken, sizeof woken));
        return true;
    }

    void tell() SPR_REQUIRES(mutex_) {
        status_.tap = helper_.status();
        wanted_.store(helper_.is_wanted(), std::memory_order_relaxed);
        const std::string& trouble = helper_.trouble();
        if (!trouble.empty() && (status_.healthy || status_.last_error != trouble)) {
            if (status_.healthy) status_.unhealthy_since_unix_nano = unix_nano();
            status_.last_error = trouble;
            status_.last_error_unix_nano = unix_nano();
        }
        status_.healthy = trouble.empty();
        if (status_.healthy) status_.unhealthy_since_unix_nano = 0;
    }

    ItemPtr next(bool end) {
        const MutexLock lock(mutex_);
        if (queue_.empty() || (!end && stopping_ && Clock::now() >= stop_at_)) return nullptr;
        ItemPtr item = std::move(queue_.front());
        queue_.pop_front();
        return item;
    }

    // Messages for each subscription that has subscribers.
    void take(const ItemPtr& item) {
        uint64_t unsorted = 0;
        {
            const MutexLock lock(mutex_);
            unsorted = unsorted_;
        }
        const size_t room = helper_.most_bytes(), most = std::min<size_t>(options_.chunk_bytes, room);
        for (uint32_t i = 0; i < filters_.size(); ++i) {
            if (!helper_.is_wanted(i)) continue;
            item->taken = true;
            std::vector<Run> selected;
            std::span<const Run> runs = item->runs();
            if (!filters_[i].takes_all()) runs = selected = filters_[i].select(runs);
            for (const std::vector<Run>& part : split(runs, most)) {
                Request message = assemble(part);
                uint32_t spans = 0;
                for (const Run& run : part) spans += run.spans;
                if (message.bytes > room) {  // a single span
                    helper_.too_large(i, spans);
                    item->lost = true;
                    continue;
                }
                helper_.publish(i, std::move(message), spans, unsorted, item);
                ++item->messages;
            }
        }
    }

    void settle() {
        for (const TapHelper::Done& each : helper_.take_done()) {
            const ItemPtr item = std::static_pointer_cast<Item>(each.owner);
            item->lost = item->lost || !each.published;
            if (--item->messages == 0) finish(item, item->lost ? Outcome::kDroppedQueue : Outcome::kExported);
        }
    }

    // Where it was left behind by one that goes on, its heir has it.
    void finish(const ItemPtr& item, Outcome outcome) {
        if (item->batch != nullptr) resolve(item->batch, {outcome, 0});
        const MutexLock lock(mutex_);
        queued_bytes_ -= item->bytes;
        status_.queued_spans -= item->spans;
        ++finished_;
        changed_.notify_all();
        const bool exported = outcome == Outcome::kExported;
        if (exported && !item->taken) return;
        if (item->partial)
            status_.partial += exported ? item->spans : 0;
        else
            (exported ? status_.exported : status_.dropped) += item->spans;
    }

    const TapOptions options_;
    std::vector<SpanFilter> filters_;  // by subscription
    const Descriptor wakes_;           // an eventfd
    std::atomic<bool> wanted_ = false;

    mutable Mutex mutex_;
    std::condition_variable changed_;  // for flush()
    std::deque<ItemPtr> queue_ SPR_GUARDED_BY(mutex_);
    size_t queued_bytes_ SPR_GUARDED_BY(mutex_) = 0;  // of what is not finished
    uint64_t unsorted_ SPR_GUARDED_BY(mutex_) = 0;
    uint64_t accepted_ SPR_GUARDED_BY(mutex_) = 0, finished_ SPR_GUARDED_BY(mutex_) = 0;
    bool stopping_ SPR_GUARDED_BY(mutex_) = false;
    Clock::time_point stop_at_ SPR_GUARDED_BY(mutex_);
    ExporterStatus status_ SPR_GUARDED_BY(mutex_);

    ThreadProgress progress_;
    TapHelper helper_;  // the thread's own
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Exporter> make_tap_exporter(const std::string& name, uint32_t index, const TapOptions& options,
                                            const std::string& state_directory, Programs* programs) {
    for (const OptionFault& fault : faults_of(options)) throw std::invalid_argument(fault.key + ": " + fault.what);
    ProgramLine* const line = programs != nullptr ? programs->line(name) : nullptr;
    if (line == nullptr)
        throw std::runtime_error("exporter " + name +
                                 ": its program was not named when the agent started; a restart, "
                                 "which loses no span, starts it");
    return std::make_unique<TapExporter>(name, index, options, state_directory, *line);
}

}  // namespace spanring::agent
