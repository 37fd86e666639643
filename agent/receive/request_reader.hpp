// SPDX-License-Identifier: Apache-2.0
//
// An ExportTraceServiceRequest that came from outside, as runs: each span is checked to the bottom, as one of a segment
// is, and stays where it is; what is around the spans is copied, checked, and kept for the requests that say the same.
// Of logs and metrics nothing is read but where a record or a metric begins and ends, and how many data points it has;
// their resources and instrumentation scopes go on byte by byte. What is said of spans is then meant of these. One
// thread.
//
// Header bill: batch.hpp and the gate for spans; the receiver includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "batch/batch.hpp"
#include "decide/rule_shares.hpp"
#include "otlp/signal.hpp"
#include "otlp/span_gate.hpp"

namespace spanring::agent {

// What a request has of one ResourceSpans.
struct ReceivedPart {
    AccountId account{};
    uint32_t spans = 0;        // invalid ones included
    uint32_t invalid = 0;      // in no run
    uint32_t filtered = 0;     // likewise, and was to be left out
    uint32_t sampled_out = 0;  // likewise, of traces that were decided against
    RuleShares rules;          // by these
    uint32_t runs = 0;

    uint32_t left_out() const { return invalid + filtered + sampled_out; }
};

struct ReceivedSpans {
    std::vector<Run> runs;            // into the bytes that were read
    std::vector<ReceivedPart> parts;  // each with spans, in the order of the runs
    uint64_t spans = 0;               // invalid ones included
    uint64_t invalid = 0;
    uint64_t filtered = 0;                 // likewise
    uint64_t sampled_out = 0;              // likewise
    std::vector<BufferPool::Buffer> more;  // where runs lie that were changed ...
    size_t more_bytes = 0;                 // ... and how much that is
    const char* defect = nullptr;          // of an invalid one
};

class RequestReader {
public:
    static constexpr size_t kMostParts = 10'000;  // a request of more resources than that is no request
    static constexpr size_t kMostKnown = 256;     // resources, and scopes, that are kept
    static constexpr size_t kLargestKnown = 16 << 10;
    static constexpr size_t kLongestService = 256;  // bytes of a name, in metrics

    // Whose spans a service's and its instance's are.
    using IdentityOf = std::function<ProcessIdentity(const std::string& service, const std::string& instance)>;

    // `known`: how many resources, and scopes, are kept. With none, `identity_of` is asked for each resource of a
    // request, in their order.
    explicit RequestReader(IdentityOf identity_of, size_t known = kMostKnown, Signal signal = Signal::kTraces)
        : identity_of_(std::move(identity_of)), most_known_(known), signal_(signal) {}

    // What is wrong with the bytes as a whole; empty: nothing. Strings are repaired in place. `owner` is the user whose
    // spans they are for the quotas of spools and store.
    std::string read(std::span<uint8_t> request, uint32_t owner, ReceivedSpans& ret_spans);

private:
    template <class Value>
    using Known = std::unordered_map<std::string, std::shared_ptr<const Value>>;

    template <class Value>
    void remember(Known<Value>& known, std::string key, const std::shared_ptr<Value>& value) const;

    // An element: how many spans it is, 0 or 1, or data points; and what is wrong with it, else null.
    struct Element {
        uint32_t items = 1;
        const char* defect = nullptr;
    };

    std::string no_request() const;
    Element look(std::span<uint8_t> element);
    std::string read_resource_spans(std::span<uint8_t> message, ReceivedSpans& spans);
    bool read_scope_spans(std::span<uint8_t> message, const std::shared_ptr<const Producer>& producer,
                          ReceivedSpans& spans, ReceivedPart& part);
    std::shared_ptr<const Producer> producer_of(std::span<const uint8_t> resource, std::string_view schema_url);
    std::shared_ptr<const Scope> scope_of(std::span<const uint8_t> scope, std::string_view schema_url);

    const IdentityOf identity_of_;
    const size_t most_known_;
    const Signal signal_;
    uint32_t owner_ = 0;
    SpanGate gate_;
    Known<Producer> producers_;
    Known<Scope> scopes_;
};

}  // namespace spanring::agent
