// SPDX-License-Identifier: Apache-2.0
#include "store/store_exporter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/private_directory.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kGroups = 8;                       // at least as many fill the store: room is made a group at a time
constexpr uint64_t kGroupBytes = uint64_t{16} << 20;  // of one transaction; also what the log may grow by
constexpr std::chrono::seconds kSweep{30};            // how often age is looked at when nothing comes
constexpr std::chrono::seconds kOperations{1};        // how often what they did is written, at most
constexpr int kShareOfTime = 50;                      // and for that no more than one part in so many of the time

}  // namespace

StoreExporter::StoreExporter(std::string name, uint32_t index, bool required, StoreOptions options,
                             Operations operations)
    : QueuedExporter(std::move(name), index, required, "store",
                     {options.queue_bytes, std::min(kGroupBytes, options.max_bytes / kGroups)}),
      options_(std::move(options)),
      operations_(std::move(operations)),
      sweep_at_(Clock::now() + kSweep) {
    try {
        prepare_private_directory(std::filesystem::path(options_.path).parent_path().string());
        open();
    } catch (const std::system_error& error) {  // no room, or a disk that is read-only: it may pass
        trouble(error.what());
    } catch (const DatabaseError& error) {
        trouble(error.what());
    }
    start();
}

StoreExporter::~StoreExporter() { shutdown(Clock::now()); }

uint64_t StoreExporter::evicted_spans() const { return evicted_.load(std::memory_order_relaxed); }

// One transaction.
void StoreExporter::write(const Batches& group, size_t&) { add(group); }

void StoreExporter::add(const Batches& group) {
    if (!database_) open();
    uint64_t evicted = 0;
    try {
        evicted = database_->add(group);
    } catch (const DatabaseError& error) {
        if (!error.damaged()) throw;
        written_ = database_->written_operations();
        database_.reset();
        Database::set_aside(options_.path, error.what());
        open();
        evicted = database_->add(group);
    }
    evicted_.fetch_add(evicted, std::memory_order_relaxed);
    operations_pending_ |= !group.empty() && operations_;
    sweep_at_ = Clock::now() + kSweep;
}

StoreExporter::Clock::time_point StoreExporter::tend_at() const {
    return operations_pending_ ? std::min(sweep_at_, operations_due_) : sweep_at_;
}

void StoreExporter::tend(bool end) {
    const Clock::time_point now = Clock::now();
    if (!end && now >= sweep_at_) {
        sweep_at_ = now + kSweep;
        try {
            add({});
            well();
        } catch (const std::exception& error) {
            trouble(error.what());
        }
    }
    if (end || now >= operations_due_) put_operations();
}

// What keeps them from being written keeps spans from it too, and these say so.
void StoreExporter::put_operations() {
    if (!operations_ || !database_) return;
    const auto begin = Clock::now();
    try {
        database_->put_operations(operations_());
    } catch (const std::exception& error) {
        spdlog::debug("{}: what operations did is not written: {}", name(), error.what());
    }
    const auto end = Clock::now();
    operations_due_ = end + std::max<Clock::duration>(kOperations, kShareOfTime * (end - begin));
    operations_pending_ = false;
}

void StoreExporter::open() {
    make_private_directories(std::filesystem::path(options_.path).parent_path().string());
    uint64_t evicted = 0;
    try {
        database_.emplace(options_, written_);
        evicted = database_->evicted_spans();
    } catch (const DatabaseError& error) {
        database_.reset();
        if (!error.damaged()) throw;
        Database::set_aside(options_.path, error.what());
        database_.emplace(options_, written_);
    }
    evicted_.store(evicted, std::memory_order_relaxed);
}

}  // namespace spanring::agent
