// SPDX-License-Identifier: Apache-2.0
//
// span_worker SHAPE CORE REQUESTS: an application that traces with the library. span_worker_static is the same, with
// the library linked into it by link-time optimization.
//
//     burst BURSTS SPANS           ns of a span: the median over bursts with a pause of 1 ms between them, in which the
//                                  agent goes on draining as it does during the burst
//     calls BURSTS SPANS           the same of nothing but start and end, made as floor_worker makes its calls; calls5
//                                  with three attributes: for where nothing is recorded
//     tail SPANS                   p50_ns, p999_ns of single spans, each timed on its own: one clock read is in it
//     paced RATE MILLISECONDS      a steady rate, in steps of a millisecond or of a span
//     open TURNS SPANS             ns of a span (start_ns: without its end), of which SPANS are open at once and then
//                                  end in another order; the median over turns with the agent's acknowledgement
//                                  between them. The shape is `http`
//     turns THREADS TURNS SPANS    THREADS threads live and take turns, TURNS each, of SPANS spans: ns of a span, CPU
//     time
//                                  of its thread, the median over turns. A turn ends with a pause of 1 ms, each tenth
//                                  with the agent's acknowledgement: what is dropped then had no room, however fast the
//                                  agent is
//     traces RATE MILLISECONDS SPANS FIRST  spans at a steady rate, SPANS of each trace, one after the other: of the
//                                  traces from number FIRST on, which are the same in every worker. Of five spans two
//                                  have the worker's shape, three are of `three`. The agent is not asked to take them
//                                  over
//     flat SPANS                   as fast as it goes: what does not fit into the ring is dropped and counted
//     unflushed SPANS              the same, and no more: the agent is not asked to take them over. Answers spans alone
//     threads COUNT SPANS WHERE    COUNT threads with SPANS spans each: on core 0 (0), core 1 (1), or dealt out to all
//                                  cores (2)
//
// SPANS counts what a shape makes in one go: `nested` makes two. Every answer has what the library counted meanwhile:
// spans (committed), dropped, refused (attributes, events, links), and seconds until the agent has taken over what was
// committed. Spans that the library did not count end the worker.
#include <barrier>
#include <cstring>
#include <memory>
#include <semaphore>
#include <thread>

#include "bursts.hpp"
#include "core.hpp"
#include "shape.hpp"
#include "shuffled.hpp"
#include "varied_shapes.hpp"

namespace {

using bench::Answer;
using bench::Numbers;

constexpr uint64_t kWatchdog = 120'000'000'000;
constexpr uint64_t kMillisecond = 1'000'000;

class Application {
public:
    Application(bench::Shape shape, const std::string& requests) : shape_(shape), requests_(requests) {
        spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
        options.service_name = "bench";
        if (spr_provider_open(&options, &provider_) != 0 ||
            spr_tracer_get(provider_, "bench", SPR_NUL, "1", SPR_NUL, nullptr, 0, &tracer_) != 0)
            bench::fail("the library does not open");
        const int started = spr_span_start(tracer_, "root", SPR_NUL, &root_);  // the parent of all spans here
        if (started < 0 && started != -ECANCELED) bench::fail(spr_strerror(started));
        recording_ = started == 1;
        spr_context_attach(&root_.context, &token_);
    }
    ~Application() {
        spr_context_detach(&token_);
        spr_span_end(&root_);
    }

    Answer bursts(const Numbers& numbers) {
        const Total total(*this);
        const double median = bench::burst_median(
            numbers, [this](uint64_t count) { spans(count); },
            [](uint64_t end) { bench::sleep_until(end + kMillisecond); });
        return total.settle().add("ns", median);
    }

    // As floor_worker's two_calls() and five_calls(): what is more than there is the library's.
    Answer calls(const Numbers& numbers) {
        return calls(numbers, [this] {
            spr_span span;
            spr_span_start(tracer_, "GET /api/checkout", 17, &span);
            spr_span_end(&span);
        });
    }
    Answer calls5(const Numbers& numbers) {
        return calls(numbers, [this] {
            spr_span span;
            spr_span_start(tracer_, "GET /api/checkout", 17, &span);
            spr_span_set_string(&span, "http.request.method", 19, "GET", 3);
            spr_span_set_string(&span, "url.path", 8, "/api/checkout/items", 19);
            spr_span_set_string(&span, "http.response.status_code", 25, "200", 3);
            spr_span_end(&span);
        });
    }

    Answer tail(const Numbers& numbers) {
        const Total total(*this);
        std::vector<uint64_t> each(numbers[0]);
        const uint64_t begin = bench::now(), first = bench::ticks();
        for (uint64_t i = 0; i < numbers[0]; ++i) {
            const uint64_t before = bench::ticks();
            one(i);
            each[i] = bench::ticks() - before;
            if (i % kTailBurst == kTailBurst - 1) bench::sleep_until(bench::now() + kMillisecond);
        }
        const double scale = static_cast<double>(bench::now() - begin) / static_cast<double>(bench::ticks() - first);
        const auto quantile = [&](double part) {
            const auto at = each.begin() + static_cast<long>(part * static_cast<double>(each.size() - 1));
            std::nth_element(each.begin(), at, each.end());
            return static_cast<double>(*at) * scale;
        };
        return total.settle().add("p50_ns", quantile(0.5)).add("p999_ns", quantile(0.999));
    }

    Answer paced(const Numbers& numbers) {
        const Total total(*this);
        const uint64_t rate = std::max<uint64_t>(numbers[0], 1);
        const uint64_t step = std::max(kMillisecond, 1'000'000'000 / rate), length = numbers[1] * kMillisecond;
        const uint64_t begin = bench::now();
        uint64_t made = 0;
        for (uint64_t at = step; at <= length; at += step) {
            bench::sleep_until(begin + at);
            const uint64_t due = static_cast<uint64_t>(static_cast<double>(rate) * static_cast<double>(at) / 1e9);
            spans(due - made);
            made = due;
        }
        const double produced = static_cast<double>(bench::now() - begin) / 1e9;
        return total.settle().add("produced_s", produced);
    }

    Answer traces(const Numbers& numbers) {
        const Total total(*this);
        const uint64_t rate = std::max<uint64_t>(numbers[0], 1), of_each = std::max<uint64_t>(numbers[2], 1);
        const uint64_t begin = bench::now(), length = numbers[1] * kMillisecond;
        uint64_t made = 0;
        for (uint64_t at = kMillisecond; at <= length; at += kMillisecond) {
            bench::sleep_until(begin + at);
            const uint64_t due = static_cast<uint64_t>(static_cast<double>(rate) * static_cast<double>(at) / 1e9);
            for (; made < due; ++made) {
                const spr_context parent = parent_of(numbers[3] + made / of_each);
                spr_token token;
                spr_context_attach(&parent, &token);
                (made % 5 < 2 ? shape_ : three_)(tracer_, requests_[made]);
                spr_context_detach(&token);
            }
        }
        return total.count();
    }

    Answer flat(const Numbers& numbers) {
        const Total total(*this);
        const uint64_t begin = bench::now();
        spans(numbers[0]);
        const double produced = static_cast<double>(bench::now() - begin) / 1e9;
        return total.settle().add("produced_s", produced);
    }

    Answer unflushed(const Numbers& numbers) {
        spans(numbers[0]);
        return Answer().add("spans", static_cast<double>(numbers[0]));
    }

    Answer open(const Numbers& numbers) {
        const Total total(*this);
        const std::vector<uint32_t> order = bench::shuffled(numbers[1]);
        std::vector<spr_span> spans(numbers[1]);
        std::vector<double> starts;
        const auto turn = [&](uint64_t count) {
            const uint64_t begin = bench::now();
            for (uint64_t i = 0; i < count; ++i)
                spans[i] = bench::Shapes<bench::WithLength>::start_http(tracer_, requests_[i]);
            starts.push_back(static_cast<double>(bench::now() - begin) / static_cast<double>(count));
            for (const uint32_t one : order) spr_span_end(&spans[one]);
        };
        const double median = bench::burst_median(numbers, turn, [this](uint64_t) { flush(); });
        return total.settle().add("ns", median).add("start_ns", bench::median(std::move(starts)));
    }

    Answer turns(const Numbers& numbers) {
        const Total total(*this);
        const uint64_t count = std::max<uint64_t>(numbers[0], 1);
        std::vector<std::unique_ptr<std::binary_semaphore>> mine;  // given to a thread when it is its turn
        for (uint64_t i = 0; i < count; ++i) mine.push_back(std::make_unique<std::binary_semaphore>(0));
        std::binary_semaphore over(0);
        std::vector<double> each;  // written by the one whose turn it is
        std::vector<std::thread> threads;
        for (uint64_t i = 0; i < count; ++i) {
            threads.emplace_back([&, i] {
                spr_token token;
                spr_context_attach(&root_.context, &token);
                for (uint64_t turn = 0; turn <= numbers[1]; ++turn) {  // the first makes its place in the ring
                    mine[i]->acquire();
                    const uint64_t cpu = bench::now(CLOCK_THREAD_CPUTIME_ID);
                    spans(turn == 0 ? 1 : numbers[2]);
                    const uint64_t used = bench::now(CLOCK_THREAD_CPUTIME_ID) - cpu;
                    if (turn != 0) each.push_back(static_cast<double>(used) / static_cast<double>(numbers[2]));
                    over.release();
                }
                spr_context_detach(&token);
            });
        }
        for (uint64_t turn = 0; turn <= numbers[1]; ++turn) {
            for (uint64_t i = 0; i < count; ++i) {
                mine[i]->release();
                over.acquire();
                if ((turn * count + i) % kTurnsToFlush == kTurnsToFlush - 1) flush();
                if (turn != 0) bench::sleep_until(bench::now() + kMillisecond);
            }
        }
        for (std::thread& thread : threads) thread.join();
        return total.settle().add("ns", bench::median(std::move(each)));
    }

    // ns, first_ns, last_ns: CPU time a span of all threads, of the first and of the last: what the agent takes of a
    // shared core is not in it. wall_s: from the first thread's first span to the last one's last.
    Answer threads(const Numbers& numbers) {
        const Total total(*this);
        const uint64_t count = std::max<uint64_t>(numbers[0], 1), each = numbers[1];
        struct Thread {
            double ns;
            uint64_t begin, end;
        };
        std::vector<Thread> done(count);
        std::barrier gate(static_cast<long>(count));
        std::vector<std::thread> threads;
        const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
        for (uint64_t i = 0; i < count; ++i) {
            threads.emplace_back([&, i] {
                bench::pin(numbers[2] < 2 ? static_cast<int>(numbers[2]) : static_cast<int>(i) % cores);
                spr_token token;
                spr_context_attach(&root_.context, &token);
                one(i);  // a thread's first span also makes its place in the ring
                gate.arrive_and_wait();
                const uint64_t begin = bench::now(), cpu = bench::now(CLOCK_THREAD_CPUTIME_ID);
                spans(each);
                const uint64_t used = bench::now(CLOCK_THREAD_CPUTIME_ID) - cpu;
                done[i] = {static_cast<double>(used) / static_cast<double>(each), begin, bench::now()};
                spr_context_detach(&token);
            });
        }
        for (std::thread& thread : threads) thread.join();
        double sum = 0;
        uint64_t begin = UINT64_MAX, end = 0;
        for (const Thread& thread : done) {
            sum += thread.ns;
            begin = std::min(begin, thread.begin);
            end = std::max(end, thread.end);
        }
        return total.settle()
            .add("ns", sum / static_cast<double>(count))
            .add("first_ns", done.front().ns)
            .add("last_ns", done.back().ns)
            .add("wall_s", static_cast<double>(end - begin) / 1e9);
    }

private:
    static constexpr uint64_t kTailBurst = 5000, kTurnsToFlush = 10;

    // What the library counted since it was made.
    class Total {
    public:
        explicit Total(Application& application)
            : application_(application), before_(application.statistics()), begin_(bench::now()) {}

        // Waits until the agent has taken over what was committed.
        Answer settle() const {
            application_.flush();
            return count();
        }
        Answer count() const {
            const spr_statistics after = application_.statistics();
            const auto since = [&](uint64_t spr_statistics::*member) {
                return static_cast<double>(after.*member - before_.*member);
            };
            const double dropped = since(&spr_statistics::dropped_full) + since(&spr_statistics::dropped_too_big) +
                                   since(&spr_statistics::dropped_nested);
            const double never_started =
                since(&spr_statistics::not_started_slot) + since(&spr_statistics::not_started_nested);
            const double ended = since(&spr_statistics::ended);
            if (since(&spr_statistics::started) != ended) bench::fail("a span that started has not ended");
            if (application_.recording_ && ended + never_started == 0) bench::fail("no span reached the library");
            return Answer()
                .add("spans", ended - dropped)
                .add("dropped", dropped + never_started)
                .add("refused", since(&spr_statistics::refused_data))
                .add("seconds", static_cast<double>(bench::now() - begin_) / 1e9);
        }

    private:
        Application& application_;
        spr_statistics before_;
        uint64_t begin_;
    };

    // A remote one that nobody has, of that trace. Its id looks as one that is drawn (splitmix64).
    static spr_context parent_of(uint64_t trace) {
        spr_context context{};
        uint64_t words[3];
        for (uint64_t i = 0; i < 3; ++i) {
            uint64_t word = (3 * trace + i + 1) * 0x9e3779b97f4a7c15;
            word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
            word = (word ^ word >> 27) * 0x94d049bb133111eb;
            words[i] = word ^ word >> 31;
        }
        std::memcpy(context.trace_id, words, sizeof context.trace_id);
        std::memcpy(context.span_id, words + 2, sizeof context.span_id);
        context.trace_flags = 1;
        context.is_remote = 1;
        return context;
    }

    template <class One>
    Answer calls(const Numbers& numbers, One one) {
        const Total total(*this);
        const double median = bench::burst_median(
            numbers,
            [&](uint64_t count) {
                for (uint64_t i = 0; i < count; ++i) one();
            },
            [](uint64_t end) { bench::sleep_until(end + kMillisecond); });
        return total.settle().add("ns", median);
    }
    void spans(uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) one(i);
    }
    void flush() {
        if (spr_provider_state(provider_) != 1) return;
        const int flushed = spr_provider_flush(provider_, kWatchdog);
        if (flushed != 0) bench::fail(std::string("the agent takes no spans over: ") + spr_strerror(flushed));
    }
    void one(uint64_t number) { shape_(tracer_, requests_[number]); }
    spr_statistics statistics() const {
        spr_statistics statistics = SPR_STATISTICS_INIT;
        spr_provider_statistics(provider_, &statistics);
        return statistics;
    }

    bench::Shape shape_;
    const bench::Shape three_ = bench::find_shape("three");
    bench::Requests requests_;
    bool recording_ = false;
    spr_provider* provider_ = nullptr;
    spr_tracer* tracer_ = nullptr;
    spr_span root_{};
    spr_token token_;
};

}  // namespace

int main(int count, char** words) {
    if (count < 4) bench::fail("needs a shape, a core and the file of requests");
    bench::pin(std::atoi(words[2]));
    const bench::Shape varied = bench::VariedShapes::find(words[1]);
    Application application(varied != nullptr ? varied : bench::find_shape(words[1]), words[3]);
    bench::serve({
        {"burst", [&](const Numbers& numbers) { return application.bursts(numbers); }},
        {"calls", [&](const Numbers& numbers) { return application.calls(numbers); }},
        {"calls5", [&](const Numbers& numbers) { return application.calls5(numbers); }},
        {"tail", [&](const Numbers& numbers) { return application.tail(numbers); }},
        {"paced", [&](const Numbers& numbers) { return application.paced(numbers); }},
        {"open", [&](const Numbers& numbers) { return application.open(numbers); }},
        {"turns", [&](const Numbers& numbers) { return application.turns(numbers); }},
        {"traces", [&](const Numbers& numbers) { return application.traces(numbers); }},
        {"flat", [&](const Numbers& numbers) { return application.flat(numbers); }},
        {"unflushed", [&](const Numbers& numbers) { return application.unflushed(numbers); }},
        {"threads", [&](const Numbers& numbers) { return application.threads(numbers); }},
    });
}
