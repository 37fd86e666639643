// SPDX-License-Identifier: Apache-2.0
//
// design_worker DESIGN: spans handed over by another design than the library's: `mutex` (a vector behind one), `mpsc`
// (a queue with a node from the heap for each span), `shared` (one lock-free ring for all threads). A thread on core 1
// takes what comes, by the agent's own rule. None of them survives a kill: they are what a process could do in itself.
//
//     threads COUNT SPANS    COUNT threads on all cores with SPANS spans each
//
// Answers ns (CPU of the threads, a span), spans, dropped, wall_s. A span is two clock reads, random ids and one copy,
// then it is handed over: the least, where the library encodes all it is told.
#include <atomic>
#include <barrier>
#include <cstring>
#include <thread>

#include "core.hpp"
#include "designs/mpsc_queue.hpp"
#include "designs/mutex_vector.hpp"
#include "designs/shared_ring.hpp"
#include "drain/pace.hpp"
#include "random_ids.hpp"
#include "worker.hpp"

namespace {

using bench::Record;

// Takes what comes until it is destroyed, and counts it.
template <class Design>
class Reader {
public:
    explicit Reader(Design& design) : design_(design), thread_([this](const std::stop_token& stop) { run(stop); }) {}
    uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

private:
    void run(const std::stop_token& stop) {
        bench::pin(1);
        using spanring::agent::Pace;
        const spanring::agent::PaceLimits limits;
        Pace pace;
        Record copy{};
        while (!stop.stop_requested()) {
            uint64_t spans = 0;
            design_.take([&](const Record& record) {
                copy = record;
                asm volatile("" ::"r"(copy.data()) : "memory");  // the copy is made
                ++spans;
            });
            // relaxed: a count, for one who waits until it comes out even.
            taken_.fetch_add(spans, std::memory_order_relaxed);
            pace.looked(limits, spans * sizeof(Record), true, Pace::Clock::now());
            std::this_thread::sleep_until(pace.due());
        }
    }

    Design& design_;
    std::atomic<uint64_t> taken_{0};
    std::jthread thread_;
};

// As the floor's span (floor_worker.cpp): what is in it is of no matter, only that it is written.
void make(Record& record, bench::RandomIds& ids) {
    const uint64_t head[] = {bench::ticks(), ids.next(), ids.next(), ids.next()};
    std::memcpy(record.data(), head, sizeof head);
    asm volatile("" ::"r"(record.data()) : "memory");
    const uint64_t end = bench::ticks();
    std::memcpy(record.data() + sizeof head, &end, sizeof end);
}

template <class Design>
bench::Answer threads(Design& design, const Reader<Design>& reader, const bench::Numbers& numbers) {
    const uint64_t count = std::max<uint64_t>(numbers[0], 1), each = numbers[1];
    struct Thread {
        uint64_t cpu, begin, end, dropped;
    };
    std::vector<Thread> done(count);
    const uint64_t before = reader.taken();
    std::barrier gate(static_cast<long>(count));
    {
        std::vector<std::jthread> running;
        for (uint64_t i = 0; i < count; ++i) {
            running.emplace_back([&, i] {
                if (count > 1) bench::pin(static_cast<int>(i % 2));
                bench::RandomIds ids;
                Record record{};
                uint64_t dropped = 0;
                gate.arrive_and_wait();
                const uint64_t begin = bench::now(), cpu = bench::now(CLOCK_THREAD_CPUTIME_ID);
                for (uint64_t span = 0; span < each; ++span) {
                    make(record, ids);
                    dropped += !design.put(record);
                }
                done[i] = {bench::now(CLOCK_THREAD_CPUTIME_ID) - cpu, begin, bench::now(), dropped};
            });
        }
    }
    Thread all{0, ~uint64_t{0}, 0, 0};
    for (const Thread& one : done) {
        all.cpu += one.cpu;
        all.dropped += one.dropped;
        all.begin = std::min(all.begin, one.begin);
        all.end = std::max(all.end, one.end);
    }
    const uint64_t spans = count * each - all.dropped;
    while (reader.taken() - before != spans) bench::sleep_until(bench::now() + 1'000'000);
    return bench::Answer()
        .add("ns", static_cast<double>(all.cpu) / static_cast<double>(count * each))
        .add("spans", static_cast<double>(spans))
        .add("dropped", static_cast<double>(all.dropped))
        .add("wall_s", static_cast<double>(all.end - all.begin) / 1e9);
}

template <class Design>
void serve() {
    Design design;
    Reader<Design> reader(design);
    bench::pin(0);
    bench::serve({{"threads", [&](const bench::Numbers& numbers) { return threads(design, reader, numbers); }}});
}

}  // namespace

int main(int count, char** words) {
    const std::string design = count > 1 ? words[1] : "";
    if (design == "mutex") {
        serve<bench::MutexVector>();
    } else if (design == "mpsc") {
        serve<bench::MpscQueue>();
    } else if (design == "shared") {
        serve<bench::SharedRing>();
    } else {
        bench::fail("no design is called '" + design + "'");
    }
}
