// SPDX-License-Identifier: Apache-2.0
#include "processors/processor_chain.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "otlp/wire.hpp"
#include "processors/attributes_processor.hpp"
#include "processors/filter_processor.hpp"
#include "processors/limits_processor.hpp"
#include "processors/probabilistic_sampler_processor.hpp"
#include "processors/processor_options.hpp"
#include "processors/redaction_processor.hpp"
#include "processors/resource_processor.hpp"
#include "processors/transform_processor.hpp"

namespace spanring::agent {
namespace {

using wire::tags::bytes;

constexpr uint8_t kSpanTag = bytes(2);  // of ScopeSpans

KeyInterest everything() {
    KeyInterest interest;
    interest.add_all();
    return interest;
}

// The message as it is now, as field 1 of what it is in.
std::string field_of(MessageEdit& message) {
    const size_t size = message.size();
    std::string field(1 + wire::varint_size(size) + size, '\0');
    uint8_t* at = reinterpret_cast<uint8_t*>(field.data());
    *at++ = bytes(1);
    message.write(wire::put_varint(at, size));
    return field;
}

std::unique_ptr<Processor> make_processor(const ProcessorOptions& options) {
    switch (options.type) {
        case ProcessorType::kAttributes: return std::make_unique<AttributesProcessor>(options.attributes);
        case ProcessorType::kResource: return std::make_unique<ResourceProcessor>(options.resource);
        case ProcessorType::kFilter: return std::make_unique<FilterProcessor>(options.filter);
        case ProcessorType::kRedaction: return std::make_unique<RedactionProcessor>(options.redaction);
        case ProcessorType::kTransform: return std::make_unique<TransformProcessor>(options.transform);
        case ProcessorType::kLimits: return std::make_unique<LimitsProcessor>(options.limits);
        case ProcessorType::kProbabilisticSampler:
            return std::make_unique<ProbabilisticSamplerProcessor>(options.probabilistic_sampler);
    }
    throw std::invalid_argument("no such processor");
}

std::string_view service_of(MessageEdit& resource) {
    const Attribute* const service = resource.find("service.name");
    return service != nullptr ? view_value(service->value).text() : std::string_view();
}

}  // namespace

ProcessorChain::ProcessorChain(const std::vector<ProcessorOptions>& processors) {
    size_t marks = 0;
    for (const ProcessorOptions& options : processors) {
        Place& place = places_.emplace_back();
        place.processor = make_processor(options);
        place.first_mark = marks;
        marks += place.processor->marks();
        place.processor->add_interest(interest_);
        glances_ = glances_ && place.processor->can_glance();
    }
}

ProcessedProducer ProcessorChain::producer(const std::shared_ptr<const Producer>& producer) {
    ProcessedProducer processed{producer, {}};
    scratch_.forget();
    MessageEdit resource(1, scratch_);
    const std::span<const uint8_t> body = wire::body_of(producer->resource);
    resource.read(body, everything());
    for (Place& place : places_) {
        place.processor->take_resource(resource, service_of(resource), processed.marks);
        place.count_redacted();
    }
    if (resource.edits() == 0) return processed;
    const auto changed = std::make_shared<Producer>(*producer);
    const size_t whole =
        body.empty() ? 0 : static_cast<size_t>(body.data() + body.size() - bytes_of(producer->resource).data());
    changed->resource = field_of(resource) + producer->resource.substr(whole);  // and its schema URL
    processed.producer = changed;
    return processed;
}

std::shared_ptr<const Scope> ProcessorChain::scope(const std::shared_ptr<const Scope>& scope) {
    if (scope == nullptr || scope->scope.empty()) return scope;
    scratch_.forget();
    MessageEdit edit(3, scratch_);
    edit.read(wire::body_of(scope->scope), everything());
    for (Place& place : places_) {
        place.processor->take_scope(edit);
        place.count_redacted();
    }
    if (edit.edits() == 0) return scope;
    return std::make_shared<Scope>(Scope{field_of(edit), scope->schema_url});
}

bool ProcessorChain::pass_at_a_glance(const ProcessedProducer& producer, std::span<const uint8_t> span,
                                      const SpanForm& form) {
    SpanGlance glance;
    if (!glance.read(span, interest_.attributes, form)) return false;
    for (const Place& place : places_) {
        if (!place.processor->passes(glance, producer.marks, place.first_mark)) return false;
    }
    return true;
}

Processed ProcessorChain::take(const ProcessedProducer& producer, std::span<const uint8_t> span, const SpanForm& form) {
    if (glances_ && pass_at_a_glance(producer, span, form)) return Processed::kUntouched;
    scratch_.forget();
    if (!span_.read(span, interest_)) return Processed::kUntouched;  // the validator would not have let it through
    for (Place& place : places_) {
        const uint32_t before = span_.edits();
        const bool stays = place.processor->take_span(span_, producer.marks, place.first_mark);
        if (span_.edits() != before) {
            place.counters[0].add(1);
            place.count_redacted();
        }
        if (!stays) {
            place.counters[1].add(1);
            return Processed::kFiltered;
        }
    }
    if (span_.edits() == 0) return Processed::kUntouched;
    span_size_ = span_.size();
    record_size_ = 1 + wire::varint_size(span_size_) + span_size_;
    return Processed::kChanged;
}

void ProcessorChain::write_record(uint8_t* to) const {
    *to++ = kSpanTag;
    span_.write(wire::put_varint(to, span_size_));
}

ProcessorFigures ProcessorChain::figures(size_t processor) const {
    const auto& counters = places_[processor].counters;
    return {counters[0].get(), counters[1].get(), counters[2].get()};
}

}  // namespace spanring::agent
