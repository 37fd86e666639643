// SPDX-License-Identifier: Apache-2.0
//
// A batch: what one export request carries, and what is to be acknowledged when every exporter is done with it.
//
// The drain thread fills a batch, then shares it, immutable except for its resolutions, with the exporters. Each
// exporter resolves it exactly once, on any thread. When the last required exporter has, the batch goes to the
// Acknowledgements queue and the drain thread, alone, moves the marks. So shared memory has one writer on the agent's
// side.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/process_identity.hpp"
#include "batch/buffer_pool.hpp"
#include "ring/layout.hpp"

namespace spanring::agent {

// The process that wrote a run, as the agent knows it; shared by its batches. Copied out of the segment at attach.
struct Producer : ProcessIdentity {
    std::string resource;  // OTLP: `0x0a len Resource`, field 1 of ResourceSpans, then its schema URL, field 3;
                           // validated
};

// An instrumentation scope of one producer; validated copies.
struct Scope {
    std::string scope;       // OTLP: `0x0a len InstrumentationScope`, field 1 of ScopeSpans; may be empty
    std::string schema_url;  // OTLP: `0x1a len bytes`, field 3 of ScopeSpans; may be empty
};

// Consecutive validated spans of one scope: bytes is a run of `0x12 len <Span>`.
struct Run {
    std::shared_ptr<const Producer> producer;
    std::shared_ptr<const Scope> scope;
    std::span<const uint8_t> bytes;  // in a buffer of the batch or, zero copy, in the mapping that Batch::pin holds
    uint32_t spans = 0;
};

// What a batch took out of a segment. `source` is the drain's; exporters do not look inside.
struct Receipt {
    uint64_t source = 0;      // which attached segment
    uint32_t chunk = 0;       // or slot
    uint32_t generation = 0;  // of the chunk or slot
    uint32_t begin = 0;       // bytes, in the chunk
    uint32_t end = 0;
    uint32_t spans = 0;       // records taken, invalid ones included
    uint32_t invalid = 0;     // of these, failed validation and are in no run
    uint32_t filtered = 0;    // likewise, were to be left out
    bool unfinished = false;  // of a slot: the process died before the span ended
    bool waited = false;      // of a slot: the span had ended and waited there

    bool is_of_slot() const { return unfinished || waited; }
    uint32_t in_runs() const { return spans - invalid - filtered; }
};

enum class Outcome : uint8_t {
    kPending,
    kExported,      // the backend accepted it (except for `rejected` of its spans: partial success)
    kRejected,      // the backend will never take it
    kSpooled,       // in the exporter's spool: durable, the spool answers for it now
    kDroppedQueue,  // had to wait, and there was no room or no time left for it
    kLeftBehind,    // the agent ends before it could be sent or spooled: not acknowledged, the next agent finds it
};

struct Resolution {
    Outcome outcome = Outcome::kPending;
    uint64_t rejected = 0;  // with kExported: spans rejected by partial success
};

// Keeps the memory alive that zero-copy runs point into; released with the last slice. See drain/epoch.hpp.
class Pin {
public:
    virtual ~Pin() = default;
};

class Acknowledgements;

struct Batch {
    std::vector<Run> runs;
    std::vector<BufferPool::Buffer> buffers;  // copy mode: own the bytes of the runs
    std::shared_ptr<Pin> pin;                 // zero copy: set, and all runs are of one producer
    std::vector<Receipt> receipts;
    uint32_t spans = 0;
    size_t bytes = 0;   // of all runs
    size_t memory = 0;  // copy mode: that `buffers` give for it, invalid spans included
    // Spans that go on, as they are now (drain/heartbeat.hpp). It has no receipts: nothing is acknowledged by it or
    // counted as exported, and where it would have to wait it is dropped, for there will be a newer one.
    bool partial = false;
    std::chrono::steady_clock::time_point opened{};  // when the first span was put into it

    // What a queue holds by it.
    size_t held() const { return bytes < memory ? memory : bytes; }

    // One for each configured exporter, by its index; written once by that exporter through resolve().
    std::array<Resolution, ring::kExporterRows> resolutions{};
    std::atomic<uint32_t> open{0};  // required exporters that have not resolved it
    Acknowledgements* acknowledgements = nullptr;
    std::shared_ptr<const void> plan;  // by which it was submitted (drain/export_plan.hpp): kept, not used
};

// Any thread, once for each exporter and batch.
// `required` exporters hold the acknowledgement back; best-effort ones only leave their resolution if they are in time.
void resolve(const std::shared_ptr<Batch>& batch, uint32_t exporter, bool required, Resolution resolution);

}  // namespace spanring::agent
