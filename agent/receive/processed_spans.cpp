// SPDX-License-Identifier: Apache-2.0
#include "receive/processed_spans.hpp"

#include <algorithm>
#include <utility>

#include "otlp/wire.hpp"
#include "receive/decided_spans.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kPiece = 64 << 10;

}  // namespace

// Each part has its runs in their order.
void ProcessedSpans::take(ReceivedSpans& spans) {
    if (processors_ == nullptr) return;
    free_ = nullptr;
    room_ = 0;
    std::vector<Run> runs;
    runs.reserve(spans.runs.size());
    auto run = spans.runs.begin();
    for (ReceivedPart& part : spans.parts) {
        const size_t first = runs.size();
        for (uint32_t i = std::exchange(part.runs, 0); i != 0; --i, ++run) part.filtered += take_run(*run, spans, runs);
        part.runs = static_cast<uint32_t>(runs.size() - first);
        spans.filtered += part.filtered;
    }
    spans.runs = std::move(runs);
}

// Returns how many of its spans are left out.
uint32_t ProcessedSpans::take_run(const Run& run, ReceivedSpans& spans, std::vector<Run>& runs) {
    const ProcessedProducer& producer = this->producer(run.producer);
    const std::shared_ptr<const Scope>& scope = this->scope(run.scope);
    const size_t first = runs.size();
    uint32_t filtered = 0;
    wire::Cursor cursor(run.bytes);
    const uint8_t* begin = cursor.at;
    for (wire::Field record; wire::next(cursor, record); begin = cursor.at) {
        switch (processors_->take(producer, record.bytes)) {
            case Processed::kFiltered: ++filtered; break;
            case Processed::kUntouched:
                append_run(runs, first, {producer.producer, scope, {begin, cursor.at}, 1});
                break;
            case Processed::kChanged: {
                const size_t size = processors_->record_size();
                uint8_t* const changed = allocate(spans, size);
                processors_->write_record(changed);
                append_run(runs, first, {producer.producer, scope, {changed, size}, 1});
                break;
            }
        }
    }
    return filtered;
}

uint8_t* ProcessedSpans::allocate(ReceivedSpans& spans, size_t size) {
    if (size > room_) {
        room_ = std::max(size, kPiece);
        spans.more.emplace_back(std::make_unique_for_overwrite<uint8_t[]>(room_));
        spans.more_bytes += room_;
        free_ = spans.more.back().get();
    }
    room_ -= size;
    return std::exchange(free_, free_ + size);
}

const ProcessedProducer& ProcessedSpans::producer(const std::shared_ptr<const Producer>& from) {
    const auto known = producers_.find(from.get());
    if (known != producers_.end()) return known->second.processed;
    if (producers_.size() >= kMostKnown) producers_.clear();
    return producers_.emplace(from.get(), KnownProducer{from, processors_->producer(from)}).first->second.processed;
}

const std::shared_ptr<const Scope>& ProcessedSpans::scope(const std::shared_ptr<const Scope>& from) {
    const auto known = scopes_.find(from.get());
    if (known != scopes_.end()) return known->second.processed;
    if (scopes_.size() >= kMostKnown) scopes_.clear();
    return scopes_.emplace(from.get(), KnownScope{from, processors_->scope(from)}).first->second.processed;
}

}  // namespace spanring::agent
