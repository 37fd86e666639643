// SPDX-License-Identifier: Apache-2.0
//
// All that happens to places of providers, at once and at random.
#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/held_file.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::PrivateDirectory;

// Eight threads open, use and shut down providers that they share, with handles of every age. Whatever an end said is
// so: what ended is in the file of its provider, once, under the scope of the same name.
TEST_IN_PROCESS(PlacesAtRandomTest, KeepEachEndedSpanOnce) {
    PrivateDirectory directory;
    constexpr int kShared = 12;
    constexpr int kSteps = 4'000;
    struct Shared {
        spr_provider* provider = nullptr;
        spr_tracer* tracer = nullptr;
        char name[16] = {};
    };
    std::mutex mutex;  // of the handles alone
    Shared shared[kShared];
    std::map<std::string, uint64_t> ended;
    std::atomic<int> opened{0};
    const auto work = [&](unsigned seed) {
        std::mt19937 random(seed);
        std::map<std::string, uint64_t> own;
        std::vector<std::pair<spr_span, std::string>> open;
        for (int step = 0; step < kSteps; ++step) {
            Shared at;
            const size_t index = random() % kShared;
            {
                const std::lock_guard lock(mutex);
                at = shared[index];
            }
            switch (random() % 40) {
                case 0: {
                    if (opened > 500) break;
                    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
                    options.memory_limit = 1 << 20;
                    Shared made;
                    if (spr_provider_open(&options, &made.provider) != 0) break;
                    snprintf(made.name, sizeof made.name, "p%d", opened++);
                    if (spr_tracer_get(made.provider, made.name, SPR_NUL, nullptr, 0, nullptr, 0, &made.tracer) != 0)
                        break;
                    {
                        const std::lock_guard lock(mutex);
                        std::swap(shared[index], made);
                    }
                    spr_provider_shutdown(made.provider, 0);  // mostly again
                    break;
                }
                case 1: spr_provider_shutdown(at.provider, 0); break;
                case 2: spr_provider_flush(at.provider, random() % 2 * 100'000); break;
                case 3: {
                    spr_statistics statistics = SPR_STATISTICS_INIT;
                    spr_provider_statistics(at.provider, &statistics);
                    spr_provider_state(at.provider);
                    break;
                }
                case 4: {
                    spr_tracer* tracer = nullptr;
                    spr_tracer_get(at.provider, at.name, SPR_NUL, nullptr, 0, nullptr, 0, &tracer);
                    spr_tracer_enabled(tracer);
                    break;
                }
                case 5: spr_tracer_enabled(at.tracer); break;
                default: {
                    spr_span span;
                    if (at.tracer != nullptr && spr_span_start(at.tracer, at.name, SPR_NUL, &span) == 1)
                        open.emplace_back(span, at.name);
                    if (open.empty()) break;
                    const auto [last, name] = open[random() % open.size()];
                    spr_span_set_int64(&last, "key", SPR_NUL, step);
                    spr_span_set_string(&last, "text", SPR_NUL, "value", SPR_NUL);
                    if (random() % 2 == 0 && spr_span_end(&last) == 0) ++own[name];
                    if (open.size() > 30) open.erase(open.begin(), open.begin() + 15);
                }
            }
        }
        const std::lock_guard lock(mutex);
        for (const auto& [name, count] : own) ended[name] += count;
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 8; ++i) threads.emplace_back(work, 100 + i);
    for (std::thread& thread : threads) thread.join();
    for (const Shared& at : shared) spr_provider_shutdown(at.provider, 0);
    EXPECT_GT(opened, 20);
    std::map<std::string, uint64_t> written_ends;
    std::set<std::string> ids;
    uint64_t all = 0;
    for (const std::string& path : directory.paths()) {
        EXPECT_FALSE(test::is_held(path));
        const test::SegmentSpans segment(path);
        for (const test::WrittenSpan& written : segment.spans()) {
            EXPECT_EQ(segment.scope(written.scope).scope().name(), written.span.name());
            ++written_ends[written.span.name()];
            ids.insert(written.span.span_id());
            ++all;
        }
    }
    EXPECT_EQ(ids.size(), all);
    EXPECT_EQ(written_ends, ended);
    Shared after;
    spr_span span;
    EXPECT_EQ(spr_provider_open(nullptr, &after.provider), 0) << "all places are free";
    EXPECT_EQ(spr_tracer_get(after.provider, "after", SPR_NUL, nullptr, 0, nullptr, 0, &after.tracer), 0);
    EXPECT_EQ(spr_span_start(after.tracer, "after", SPR_NUL, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
}

}  // namespace
}  // namespace spanring
