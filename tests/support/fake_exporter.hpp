// SPDX-License-Identifier: Apache-2.0
//
// An exporter that keeps what it gets and answers when the test says so.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "batch/exporter.hpp"
#include "otlp/wire.hpp"

namespace spanring::test {

struct SeenSpan {
    uint64_t number = 0;  // see make_span()
    std::string name;
    std::string scope;
    std::string service;
    std::vector<uint8_t> bytes;  // the message
};

class FakeExporter final : public agent::Exporter {
public:
    explicit FakeExporter(uint32_t index = 0, bool required = true, std::string name = "fake")
        : Exporter(std::move(name), index, required) {}

    bool answers = true;  // at once; otherwise the test calls answer()
    agent::Resolution resolution{agent::Outcome::kExported, 0};

    std::function<void()> on_submit;  // before it looks at the batch

    void submit(std::shared_ptr<agent::Batch> batch) override {
        if (on_submit) on_submit();
        std::lock_guard lock(mutex_);
        for (const agent::Run& run : batch->runs) read(run);
        sizes.push_back(batch->spans);
        byte_sizes.push_back(batch->bytes);
        if (answers) {
            resolve(batch, resolution);
        } else {
            waiting.push_back(std::move(batch));
        }
    }

    // In any order; the batch is let go.
    void answer(size_t index, agent::Resolution with = {agent::Outcome::kExported, 0}) {
        std::lock_guard lock(mutex_);
        const std::shared_ptr<agent::Batch> batch = std::move(waiting.at(index));
        waiting.erase(waiting.begin() + static_cast<ptrdiff_t>(index));
        resolve(batch, with);
    }

    bool flush(std::chrono::steady_clock::time_point) override { return true; }
    void shutdown(std::chrono::steady_clock::time_point) override {
        while (!waiting.empty()) answer(0, {agent::Outcome::kLeftBehind, 0});
    }
    uint64_t leaves_in_rings() const override { return may_wait_in_rings; }
    uint64_t may_wait_in_rings = 0;
    agent::ExporterStatus status() const override { return {}; }
    bool pause(bool how) override { return paused = how, true; }
    bool paused = false;

    std::vector<uint64_t> numbers() const {
        std::vector<uint64_t> result;
        for (const SeenSpan& span : spans) result.push_back(span.number);
        return result;
    }

    std::vector<SeenSpan> spans;
    std::vector<uint32_t> sizes;
    std::vector<size_t> byte_sizes;
    std::vector<std::shared_ptr<agent::Batch>> waiting;

private:
    void read(const agent::Run& run) {
        namespace wire = agent::wire;
        uint32_t count = 0;
        wire::Cursor records(run.bytes);
        for (wire::Field record; wire::next(records, record); ++count) {
            SeenSpan span;
            wire::Cursor fields(record.bytes);
            for (wire::Field field; wire::next(fields, field);) {
                if (field.number == 2) std::memcpy(&span.number, field.bytes.data(), sizeof span.number);
                if (field.number == 5) span.name.assign(field.bytes.begin(), field.bytes.end());
            }
            span.number -= 1;
            span.scope = run.scope->scope;
            span.service = run.producer->service;
            span.bytes.assign(record.bytes.begin(), record.bytes.end());
            spans.push_back(std::move(span));
        }
        if (!records.done() || count != run.spans) throw std::logic_error("a run is not what it says");
    }

    std::mutex mutex_;
};

}  // namespace spanring::test
