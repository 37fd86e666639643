// SPDX-License-Identifier: Apache-2.0
//
// What it costs the drain to decide traces when they are over: the CPU time of its passes for each span, with tail
// sampling and, in the same run, without. Eight processes, traces of five spans that lie in several of them, 10 to 20
// attributes with values that vary, about 500 bytes; what waits does not fit into a processor's cache. Passes go by
// hand: all is taken, it lingers, is decided, sent where it is kept, answered, and its memory given back. Decisions are
// written to a file, as ever.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <time.h>

#include "decide/decision_counters.hpp"
#include "decide/policies.hpp"
#include "drain/drainer.hpp"
#include "support/memory_ledger.hpp"
#include "support/segment_image.hpp"
#include "support/varied_spans.hpp"

namespace {

using namespace spanring::agent;
namespace ring = spanring::ring;
namespace image = spanring::test;
using std::chrono::milliseconds;

constexpr uint32_t kProcesses = 8;
constexpr uint32_t kExtents = 32 * image::kImageSet;
constexpr uint32_t kChunkOfExtent = 4;  // large ones
constexpr uint32_t kSpansOfTrace = 5;
constexpr uint32_t kTracesAtOnce = 200;  // that are under way at once
constexpr milliseconds kLinger{2};

// Answers when it is told.
class HeldExporter final : public Exporter {
public:
    HeldExporter() : Exporter("held", 0, true) {}
    void submit(std::shared_ptr<Batch> batch) override { batches_.push_back(std::move(batch)); }
    void answer() {
        for (const std::shared_ptr<Batch>& batch : batches_) resolve(batch, {Outcome::kExported, 0});
        batches_.clear();
    }
    bool flush(std::chrono::steady_clock::time_point) override { return true; }
    void shutdown(std::chrono::steady_clock::time_point) override { answer(); }
    ExporterStatus status() const override { return {}; }

private:
    std::vector<std::shared_ptr<Batch>> batches_;
};

// Chunks full of spans, for each process.
struct Load {
    Load() {
        spanring::agent::test::VariedSpans source;
        chunks.resize(kProcesses);
        for (auto& of_process : chunks) of_process.emplace_back();
        const size_t most = size_t{kExtents} / image::kImageSet * kChunkOfExtent;
        for (uint64_t number = 0;; ++number) {
            const uint64_t group = number / (kTracesAtOnce * kSpansOfTrace), place = number % kTracesAtOnce;
            const uint64_t step = number / kTracesAtOnce % kSpansOfTrace;
            auto& of_process = chunks[(place + step * 3) % kProcesses];
            std::string span = source.next(static_cast<uint32_t>(place + step));
            const uint64_t trace[2] = {group * kTracesAtOnce + place + 1, 0x9e3779b97f4a7c15 * (number + 1)};
            std::memcpy(span.data() + 2, &trace[0], sizeof trace[0]);
            std::memset(span.data() + 10, 0x55, 8);  // the half by which a trace is chosen is set when it is written
            const image::Bytes record = image::record_of(image::Bytes(span.begin(), span.end()));
            if (of_process.back().bytes.size() + record.size() + 16 > ring::kLargeChunk) {
                if (of_process.size() == most) return;
                of_process.emplace_back();
            }
            Chunk& chunk = of_process.back();
            chunk.ids.push_back(chunk.bytes.size() + record.size() - span.size() + 10);
            chunk.bytes.insert(chunk.bytes.end(), record.begin(), record.end());
            ++spans;
        }
    }

    struct Chunk {
        image::Bytes bytes;
        std::vector<size_t> ids;  // of trace ids in it: where their second halves are
    };
    std::vector<std::vector<Chunk>> chunks;
    uint64_t spans = 0;
};

const Load& load() {
    static const Load load;
    return load;
}

class Host {
public:
    explicit Host(std::vector<PolicyOptions> policies) {
        options_.directories = {directory_.path()};
        options_.state_directory = state_.path();
        options_.batch.age = milliseconds(0);
        options_.pace = {std::chrono::microseconds(0), std::chrono::microseconds(0), std::chrono::microseconds(0)};
        options_.pace.awake = std::chrono::hours(24);
        options_.pass_bytes = uint64_t{1} << 30;
        options_.scan_period = std::chrono::hours(1);
        if (!policies.empty()) {
            options_.tail_sampling.enabled = true;
            options_.tail_sampling.linger = kLinger;
            options_.tail_sampling.policies = std::move(policies);
            counters_ = std::make_unique<DecisionCounters>(Policies(options_.tail_sampling.policies).names());
            options_.decisions = counters_.get();
        }
        image::ImageOptions as;
        as.extents = kExtents;
        as.extent_limit = 8 * kExtents;  // of which what waits is no quarter
        for (uint32_t i = 0; i < kProcesses; ++i) images_.push_back(std::make_unique<image::FileImage>(directory_, as));
        drainer_ = std::make_unique<Drainer>(options_, std::vector<Exporter*>{&exporter_}, &ledger_);
        drainer_->do_work();
    }

    // What a round over all spans of the load takes.
    std::chrono::nanoseconds round() {
        ++round_;
        for (uint32_t i = 0; i < kProcesses; ++i) {
            for (size_t chunk = 0; chunk < load().chunks[i].size(); ++chunk) write(*images_[i], place(chunk), i, chunk);
        }
        std::chrono::nanoseconds took{0};
        do {
            took += pass();
            if (counters_ != nullptr) std::this_thread::sleep_for(kLinger + milliseconds(1));
            took += pass();
            exporter_.answer();
            took += pass();
        } while (!all_free());
        return took;
    }

    uint64_t early() const {
        uint64_t early = 0;
        for (uint8_t i = 0; i < static_cast<uint8_t>(EarlyCause::kCount); ++i)
            early += counters_ != nullptr ? counters_->early(static_cast<EarlyCause>(i)).get() : 0;
        return early;
    }

private:
    static uint32_t place(size_t chunk) {
        return static_cast<uint32_t>((chunk / kChunkOfExtent * image::kImageSet + 1) * ring::kChunksPerExtent +
                                     chunk % kChunkOfExtent);
    }
    void write(image::FileImage& to, uint32_t place, uint32_t process, size_t chunk) const {
        const Load::Chunk& from = load().chunks[process][chunk];
        to->claim(place);
        const uint32_t begin = to->word(place).length;
        to->append(place, from.bytes, static_cast<uint32_t>(from.ids.size()));
        for (const size_t id : from.ids) {  // another trace each time
            uint8_t* const at = to->bytes(place) + begin + id;
            uint64_t first = 0;
            std::memcpy(&first, at - 8, sizeof first);
            const uint64_t second = (first + 1) * 0x9e3779b97f4a7c15 ^ round_ << 17;
            std::memcpy(at, &second, sizeof second);
        }
        to->count(from.ids.size());
        to->seal(place);
    }
    bool all_free() const {
        for (uint32_t i = 0; i < kProcesses; ++i) {
            for (size_t chunk = 0; chunk < load().chunks[i].size(); ++chunk) {
                if ((*images_[i])->word(place(chunk)).state != ring::ChunkState::kFree) return false;
            }
        }
        return true;
    }
    std::chrono::nanoseconds pass() {
        const auto before = cpu_time();
        drainer_->do_work();
        return cpu_time() - before;
    }
    static std::chrono::nanoseconds cpu_time() {
        timespec now{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
    }

    image::TemporaryDirectory directory_, state_;
    image::MemoryLedger ledger_;
    HeldExporter exporter_;
    DrainOptions options_;
    std::unique_ptr<DecisionCounters> counters_;
    std::vector<std::unique_ptr<image::FileImage>> images_;
    std::unique_ptr<Drainer> drainer_;
    uint64_t round_ = 0;
};

PolicyOptions policy(const char* name, PolicyType type) {
    PolicyOptions options;
    options.name = name;
    options.type = type;
    return options;
}

// As somebody would have them: errors, slow traces, one customer, and a share of the rest.
std::vector<PolicyOptions> usual(double percentage) {
    PolicyOptions errors = policy("errors", PolicyType::kStatusCode);
    errors.status_codes = {"ERROR"};
    PolicyOptions slow = policy("slow", PolicyType::kLatency);
    slow.threshold_ms = 3'600'000;
    PolicyOptions customer = policy("customer", PolicyType::kStringAttribute);
    customer.string_attribute.key = "enduser.id";
    customer.string_attribute.values = {"nobody has this one"};
    PolicyOptions some = policy("some", PolicyType::kProbabilistic);
    some.sampling_percentage = percentage;
    return {errors, slow, customer, some};
}

void drain(benchmark::State& state, std::vector<PolicyOptions> policies) {
    Host host(std::move(policies));
    std::chrono::nanoseconds took{0};
    for (auto _ : state) {
        const std::chrono::nanoseconds round = host.round();
        state.SetIterationTime(std::chrono::duration<double>(round).count());
        took += round;
    }
    if (host.early() != 0) return state.SkipWithError("traces were decided early");
    const uint64_t spans = static_cast<uint64_t>(state.iterations()) * load().spans;
    state.SetItemsProcessed(static_cast<int64_t>(spans));
    state.counters["ns_a_span"] = static_cast<double>(took.count()) / static_cast<double>(spans);
}

void off(benchmark::State& state) { drain(state, {}); }
void kept_percent(benchmark::State& state) { drain(state, usual(static_cast<double>(state.range(0)))); }

BENCHMARK(off)->UseManualTime();
BENCHMARK(kept_percent)->Arg(1)->Arg(10)->Arg(100)->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
