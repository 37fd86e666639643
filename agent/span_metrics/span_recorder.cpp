// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/span_recorder.hpp"

#include <algorithm>
#include <utility>

#include "otlp/span_decoder.hpp"
#include "otlp/wire_append.hpp"
#include "span_metrics/service_graph.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kBeyondTheLimit = 0;

std::string_view text_of(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// An AnyValue.
std::string text_value(std::string_view text) {
    std::string value;
    wire::append_bytes(value, 1, text);
    return value;
}

// As people read it, cut like a name.
std::string shown(EncodedValue value) {
    DecodedResource as_attribute;
    std::string attribute, attributes;  // of a resource: KeyValue {key 1, value 2}
    wire::append_bytes(attribute, 1, "");
    wire::append_bytes(attribute, 2, text_of(value));
    wire::append_bytes(attributes, 1, attribute);
    if (!decode_resource(bytes_of(attributes), as_attribute) || as_attribute.attributes.empty()) return {};
    const std::string& text = as_attribute.attributes.front().second.text;
    return std::string(SeriesKey::cut(text));
}

// Of what people look at: whatever is configured for metrics.
const SpanMetricsOptions& operation_options() {
    static const SpanMetricsOptions kOptions = [] {
        SpanMetricsOptions options;
        options.unit = DurationUnit::kSeconds;
        options.exponential = true;
        options.series_of_a_service = 1000;
        options.series = 5000;
        return options;
    }();
    return kOptions;
}

std::vector<std::string> wanted_by(const SpanMetricsOptions& options, const ServiceGraph* graph) {
    std::vector<std::string> names;
    for (const Dimension& dimension : options.dimensions) names.push_back(dimension.name);
    if (graph != nullptr) {
        const std::vector<std::string>& databases = graph->options().database_attributes;
        names.insert(names.end(), databases.begin(), databases.end());
    }
    return names;
}

}  // namespace

SpanRecorder::SpanRecorder(const SpanMetricsOptions* options, ServiceGraph* graph, bool operations)
    : measures_(options != nullptr),
      options_(options != nullptr ? *options : SpanMetricsOptions()),
      buckets_(options_.duration_buckets()),
      exemplars_(options_.exemplars ? options_.exemplars_of_each : 0),
      graph_(graph),
      operations_(operations ? std::make_unique<SpanRecorder>(&operation_options(), nullptr, false) : nullptr),
      wanted_(wanted_by(options_, graph)),
      services_(1) {}

void SpanRecorder::begin_pass(std::chrono::steady_clock::time_point now) {
    now_ = now;
    if (graph_ != nullptr) graph_->expire(now);
}

SpanSource SpanRecorder::source(const std::string& service, std::span<const uint8_t> resource) {
    SpanSource source;
    if (graph_ != nullptr) source.node_ = graph_->service(service);
    if (operations_ != nullptr) source.of_operations_ = std::make_unique<SpanSource>(operations_->source(service, {}));
    const std::string_view name = SeriesKey::cut(service);
    const auto known = services_by_name_.find(name);
    if (known != services_by_name_.end()) {
        source.service_ = known->second;
    } else if (services_by_name_.size() < options_.services) {
        source.service_ = static_cast<uint32_t>(services_.size());
        services_by_name_.emplace(name, source.service_);
        services_.push_back({std::string(name)});
    }
    wanted_.forget();
    wire::each_field(resource, [&](const wire::Field& field) {
        if (field.tag() == wire::tags::bytes(1)) wanted_.take(field.bytes);
    });
    for (size_t i = 0; i < options_.dimensions.size(); ++i) {
        const EncodedValue value = wanted_.values()[i];
        const std::string& otherwise = options_.dimensions[i].otherwise;
        source.values_.emplace_back(value.data() == nullptr && !otherwise.empty() ? text_value(otherwise)
                                                                                  : text_of(value));
    }
    return source;
}

// The first that the span has, of what may name one.
EncodedValue SpanRecorder::database() const {
    const auto& values = wanted_.values();
    for (size_t i = options_.dimensions.size(); i < values.size(); ++i) {
        if (values[i].data() != nullptr) return values[i];
    }
    return {};
}

EncodedValue SpanRecorder::value(const SpanSource& source, size_t dimension) const {
    const EncodedValue own = wanted_.values()[dimension];
    if (own.data() != nullptr) return own;
    const std::string& otherwise = source.values_[dimension];
    return otherwise.empty() ? EncodedValue() : bytes_of(otherwise);
}

[[gnu::always_inline]] inline void SpanRecorder::build_key(const SpanSource& source, const SpanOutline& outline) {
    key_.begin(source.service_, outline.kind, outline.status, outline.name);
    for (size_t i = 0; i < options_.dimensions.size(); ++i) key_.add(value(source, i));
}

[[gnu::always_inline]] inline void SpanRecorder::measure(const SpanSource& source, const SpanOutline& outline) {
    build_key(source, outline);
    const uint64_t hash = table_.hash(key_);
    Series* series = table_.find(key_, hash);
    if (series == nullptr) [[unlikely]]
        series = &stranger(source, outline, hash);
    const uint64_t nanoseconds = outline.nanoseconds();
    const uint32_t bucket = buckets_.index(nanoseconds);
    series->add(bucket, nanoseconds);
    if (exemplars_ != 0)
        series->exemplars().set(bucket, outline.trace_id, outline.span_id, nanoseconds, outline.end_unix_nano);
}

void SpanRecorder::record(const SpanSource& source, std::span<const uint8_t> span) {
    SpanOutline outline;
    if (!wanted_.empty()) wanted_.forget();
    if (!read_outline(span, wanted_, outline)) return;  // the validator would not have let it through
    if (measures_) measure(source, outline);
    if (operations_ != nullptr) operations_->measure(*source.of_operations_, outline);
    if (graph_ != nullptr && ServiceGraph::is_of_interest(outline))
        graph_->add(source.node_, outline, database(), now_);
}

Series& SpanRecorder::stranger(const SpanSource& source, const SpanOutline& outline, uint64_t hash) {
    Service& service = services_[source.service_];
    if (source.service_ == kBeyondTheLimit || service.series >= options_.series_of_a_service ||
        series_ >= options_.series)
        return overflow(source.service_);
    ++service.series;
    ++series_;
    SeriesIdentity identity;
    identity.service = service.name;
    identity.name = text_of(SeriesKey::cut(outline.name));
    identity.kind = outline.kind;
    identity.status = outline.status;
    identity.dimensions = dimensions_of(source);
    return table_.add(key_, hash, std::move(identity), exemplars_);
}

Series& SpanRecorder::overflow(uint32_t number) {
    Service& service = services_[number];
    if (service.overflow == nullptr) {
        SeriesIdentity identity;
        identity.overflow = true;
        if (number != kBeyondTheLimit) identity.service = service.name;
        service.overflow = &table_.add_apart(std::move(identity), exemplars_);
    }
    return *service.overflow;
}

std::vector<std::optional<std::string>> SpanRecorder::dimensions_of(const SpanSource& source) const {
    std::vector<std::optional<std::string>> dimensions;
    for (size_t i = 0; i < options_.dimensions.size(); ++i) {
        const EncodedValue encoded = value(source, i);
        dimensions.push_back(encoded.data() == nullptr ? std::nullopt : std::optional(shown(encoded)));
    }
    return dimensions;
}

}  // namespace spanring::agent
