// SPDX-License-Identifier: Apache-2.0
#include "export/tenants.hpp"

#include <algorithm>
#include <utility>

#include "otlp/request.hpp"
#include "otlp/request_runs.hpp"
#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMostKnown = 1024;  // producers; beyond it, those that are gone are forgotten

RequestHeaders read_headers(const Producer& producer, const std::vector<HeaderFrom>& headers_from) {
    DecodedResource resource;
    decode_resource(wire::body_of(producer.resource), resource);  // validated; of a part, what there is
    RequestHeaders headers;
    for (const HeaderFrom& header : headers_from) {
        const Value* const value = find(resource.attributes, header.attribute);
        if (value != nullptr && !value->text.empty()) headers.emplace_back(header.key, header_value(value->text));
    }
    return headers;
}

}  // namespace

std::string header_value(const std::string& text) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    std::string value;
    for (const char c : text) {
        const auto byte = static_cast<uint8_t>(c);
        const bool plain = c > ' ' && c <= '~' && c != '%';
        const std::string next = plain ? std::string(1, c) : std::string{'%', kDigits[byte >> 4], kDigits[byte & 15]};
        if (value.size() + next.size() > kMostHeaderValue) break;
        value += next;
    }
    return value;
}

const RequestHeaders& Tenants::headers_of(const std::shared_ptr<const Producer>& producer) {
    Known& known = known_[producer.get()];
    if (known.producer.lock() == producer) return known.headers;
    known = {producer, read_headers(*producer, headers_from_)};
    if (known_.size() > kMostKnown)
        std::erase_if(known_, [](const auto& each) { return each.second.producer.expired(); });
    return known.headers;
}

std::vector<std::vector<Run>> Tenants::apart(std::span<const Run> runs) {
    std::vector<std::pair<RequestHeaders, std::vector<Run>>> tenants;
    for (const Run& run : runs) {
        const RequestHeaders headers = headers_of(run.producer);
        auto tenant =
            std::find_if(tenants.begin(), tenants.end(), [&](const auto& each) { return each.first == headers; });
        if (tenant == tenants.end()) tenant = tenants.insert(tenant, {headers, {}});
        tenant->second.push_back(run);
    }
    std::vector<std::vector<Run>> apart;
    for (auto& [headers, theirs] : tenants) apart.push_back(std::move(theirs));
    return apart;
}

bool Tenants::are_several(std::span<const Run> runs) {
    if (runs.empty()) return false;
    const RequestHeaders first = headers_of(runs.front().producer);
    const Producer* last = runs.front().producer.get();  // mostly it is the same one
    return std::any_of(runs.begin(), runs.end(), [&](const Run& run) {
        return std::exchange(last, run.producer.get()) != run.producer.get() && headers_of(run.producer) != first;
    });
}

std::vector<std::vector<Run>> Tenants::split(std::span<const Run> runs, size_t max_bytes) {
    if (!asked_for()) return agent::split(runs, max_bytes, signal_);
    std::vector<std::vector<Run>> parts;
    for (const std::vector<Run>& tenant : apart(runs)) {
        for (std::vector<Run>& part : agent::split(tenant, max_bytes, signal_)) parts.push_back(std::move(part));
    }
    return parts;
}

Tenants::Look Tenants::look(const Shipment& shipment) {
    if (!asked_for()) return {};
    std::vector<Run> of_entry;
    if (shipment.entry) {
        const std::string& request = shipment.entry->request;
        of_entry =
            runs_of({reinterpret_cast<const uint8_t*>(request.data()), request.size()}).value_or(std::vector<Run>());
    }
    const std::span<const Run> runs = shipment.entry ? std::span<const Run>(of_entry) : shipment.runs();
    if (runs.empty()) return {};
    return {are_several(runs), headers_of(runs.front().producer)};
}

}  // namespace spanring::agent
