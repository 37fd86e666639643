// SPDX-License-Identifier: Apache-2.0
//
// The processors of a pipeline, in their order, as one thread of those that take spans in uses them: after everything
// was measured, before a span is in a batch. A span that nobody changes is not copied; one that is changed is written
// once, whoever changed it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "batch/batch.hpp"
#include "otlp/span_form.hpp"
#include "processors/processor.hpp"
#include "processors/processors.hpp"

namespace spanring::agent {

// A producer as the chain leaves it, and what the chain has to know of it.
struct ProcessedProducer {
    std::shared_ptr<const Producer> producer;
    ResourceMarks marks;
};

enum class Processed : uint8_t { kUntouched, kChanged, kFiltered };

class ProcessorChain {
public:
    // Throws std::invalid_argument.
    explicit ProcessorChain(const std::vector<ProcessorOptions>& processors);
    ProcessorChain(const ProcessorChain&) = delete;
    ProcessorChain& operator=(const ProcessorChain&) = delete;

    ProcessedProducer producer(const std::shared_ptr<const Producer>& producer);
    std::shared_ptr<const Scope> scope(const std::shared_ptr<const Scope>& scope);

    // Attributes of spans that it looks at.
    const KeyInterest& interest() const { return interest_.attributes; }

    // `span`: the inside of a Span that was found sound. Of one that is changed there is a record, `0x12 len <Span>`,
    // to be written before the next call, while `span` is still there. `form`: of the span, if it is known by a
    // check that was interested in these attributes.
    Processed take(const ProcessedProducer& producer, std::span<const uint8_t> span, const SpanForm& form = {});
    size_t record_size() const { return record_size_; }
    void write_record(uint8_t* to) const;

    ProcessorFigures figures(size_t processor) const;  // any thread

private:
    // One thread adds, anybody reads.
    struct Counter {
        // relaxed: a number by itself, of which nobody concludes anything else.
        void add(uint64_t more) {
            value.store(value.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
        }
        uint64_t get() const { return value.load(std::memory_order_relaxed); }
        std::atomic<uint64_t> value{0};
    };
    struct Place {
        std::unique_ptr<Processor> processor;
        size_t first_mark = 0;
        std::unique_ptr<Counter[]> counters = std::make_unique<Counter[]>(3);  // changed, filtered, redacted

        void count_redacted() {
            if (const uint64_t redacted = processor->take_redacted(); redacted != 0) counters[2].add(redacted);
        }
    };

    bool pass_at_a_glance(const ProcessedProducer& producer, std::span<const uint8_t> span, const SpanForm& form);

    std::vector<Place> places_;
    bool glances_ = true;  // all of them can
    SpanInterest interest_;
    Scratch scratch_;
    SpanEdit span_{scratch_};
    size_t span_size_ = 0;
    size_t record_size_ = 0;
};

}  // namespace spanring::agent
