// SPDX-License-Identifier: Apache-2.0
//
// What the local store takes to store spans and to search them: `store_search FILE [SPANS [REPETITIONS]]`. FILE is made
// anew and stays. Three spans a trace, ten attributes a span: three that are the same in all, five of few values each,
// two of which each span has its own; batches of 8,190 spans. Searches are those of `spanring traces`: the median and
// the best of the repetitions, in this process, which reads the file as the command does; on a busy machine its CPU
// tells more.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "otlp/wire.hpp"
#include "store/span_store.hpp"
#include "store/store_reader.hpp"

namespace {

using namespace spanring::agent;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kSpansOfBatch = 8190;
constexpr uint64_t kBegin = 1'700'000'000'000'000'000;

std::string varint(uint64_t value) {
    uint8_t buffer[10];
    return {reinterpret_cast<char*>(buffer), static_cast<size_t>(wire::put_varint(buffer, value) - buffer)};
}
std::string bytes(uint32_t field, const std::string& inside) {
    return varint(field << 3 | 2) + varint(inside.size()) + inside;
}
std::string number(uint32_t field, uint64_t value) { return varint(field << 3) + varint(value); }
std::string word(uint32_t field, uint64_t value) {
    return varint(field << 3 | 1) + std::string(reinterpret_cast<const char*>(&value), sizeof value);
}
std::string attribute(const std::string& key, const std::string& value) {
    return bytes(9, bytes(1, key) + bytes(2, value));
}
std::string text(const std::string& key, const std::string& value) { return attribute(key, bytes(1, value)); }

uint64_t mixed(uint64_t n) {
    n = (n ^ n >> 31) * 0x9e3779b97f4a7c15;
    n = (n ^ n >> 29) * 0xd6e8feb86659fd93;
    return n ^ n >> 32;
}
std::string id(uint64_t n) { return {reinterpret_cast<const char*>(&n), sizeof n}; }

// The n-th span: of each trace a root and two children.
std::string span(uint64_t n) {
    static const char* const kRoutes[] = {"/pay", "/stock", "/cart", "/checkout", "/orders/{id}", "/login", "/search"};
    const uint64_t trace = n / 3, chance = mixed(n);
    const std::string route = kRoutes[chance % 7];
    const uint64_t start = kBegin + trace * 20'000 + n % 3 * 5'000;
    return bytes(1, id(mixed(trace)) + id(mixed(trace + 1'000'000'007))) + bytes(2, id(mixed(n) | 1)) +
           (n % 3 == 0 ? "" : bytes(4, id(mixed(trace * 3) | 1))) +
           bytes(5, n % 3 == 2 ? "SELECT stock" : "GET " + route) + number(6, n % 3 == 0 ? 2 : 3) + word(7, start) +
           word(8, start + chance % 40'000'000) + text("http.request.method", "GET") + text("url.scheme", "https") +
           text("network.protocol.version", "1.1") + text("http.route", route) +
           attribute("http.response.status_code", number(3, 200 + chance % 5)) +
           text("server.address", "node-" + std::to_string(chance % 40)) + text("db.system", "postgresql") +
           text("db.query.text", "SELECT quantity FROM stock WHERE shelf = " + std::to_string(chance % 500)) +
           text("user.id", std::to_string(chance)) + text("url.path", "/orders/" + std::to_string(n)) +
           (chance % 1000 == 0 ? bytes(15, bytes(2, "connection reset by peer") + number(3, 2)) : "");
}

std::shared_ptr<Batch> make_batch(const std::string& records, uint32_t spans) {
    static const auto producer = [] {
        auto made = std::make_shared<Producer>();
        made->resource = bytes(1, bytes(1, bytes(1, "service.name") + bytes(2, bytes(1, "shop"))));
        return made;
    }();
    static const auto scope = [] {
        auto made = std::make_shared<Scope>();
        made->scope = bytes(1, bytes(1, "bench"));
        return made;
    }();
    auto batch = std::make_shared<Batch>();
    auto buffer = std::make_unique<uint8_t[]>(records.size());
    std::copy(records.begin(), records.end(), buffer.get());
    batch->runs.push_back({producer, scope, {buffer.get(), records.size()}, spans});
    batch->buffers.push_back(std::move(buffer));
    batch->spans = spans;
    batch->bytes = records.size();
    return batch;
}

double cpu_microseconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

double microseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

void fill(const StoreOptions& options, uint64_t spans) {
    SpanStore store(options);
    double wall = 0, cpu = 0;
    uint64_t content = 0;
    for (uint64_t first = 0; first < spans; first += kSpansOfBatch) {
        const uint64_t count = std::min<uint64_t>(kSpansOfBatch, spans - first);
        std::string records;
        for (uint64_t n = first; n < first + count; ++n) records += bytes(2, span(n));
        content += records.size();
        auto batch = make_batch(records, static_cast<uint32_t>(count));
        const Clock::time_point begin = Clock::now();
        const double before = cpu_microseconds();
        store.add({&batch, 1});
        cpu += cpu_microseconds() - before;
        wall += microseconds_since(begin);
    }
    const auto each = static_cast<double>(spans);
    std::printf("store   %llu spans of %.0f bytes: %.2f us CPU a span, %.2f us of time, %.0f spans/s\n",
                static_cast<unsigned long long>(spans), static_cast<double>(content) / each, cpu / each, wall / each,
                each / wall * 1e6);
}

void measure(const std::string& file, const char* what, TraceFilter filter, const std::vector<std::string>& words,
             int repetitions) {
    std::string problem;
    if (!search::parse_query(words, filter.query, problem)) std::abort();
    std::vector<double> times, cpu;
    size_t found = 0;
    for (int i = 0; i < repetitions; ++i) {
        const Clock::time_point begin = Clock::now();
        const double before = cpu_microseconds();
        StoreReader reader(file);
        found = reader.recent(filter).size();
        times.push_back(microseconds_since(begin) / 1e3);
        cpu.push_back((cpu_microseconds() - before) / 1e3);
    }
    std::sort(times.begin(), times.end());
    std::sort(cpu.begin(), cpu.end());
    std::printf("search  %-34s median %6.1f ms  best %6.1f ms  CPU %6.1f ms  %zu found\n", what,
                times[times.size() / 2], times.front(), cpu[cpu.size() / 2], found);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    StoreOptions options;
    options.path = argv[1];
    options.max_bytes = uint64_t{16} << 30;
    const uint64_t spans = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
    const int repetitions = argc > 3 ? std::atoi(argv[3]) : 9;
    for (const char* end : {"", "-wal", "-shm"}) ::unlink((options.path + end).c_str());
    fill(options, spans);
    const std::string& file = options.path;
    measure(file, "(newest start)", {}, {}, repetitions);
    measure(file, "(newest arrival)", {.order = TraceOrder::kArrival}, {}, repetitions);
    for (const char* word :
         {"service=shop", "http.route=/pay", "db.*~select", "db.*~nowhere", "user.id=4711", "url.path~99999",
          "*~nowhere", "nowhere", "error", "duration>39ms", "http.response.status_code>=204", "name!=nothing"}) {
        measure(file, word, {}, {word}, repetitions);
    }
    measure(file, "--min-duration 10h", {.min_duration_nano = 36'000'000'000'000}, {}, repetitions);
    measure(file, "error http.route=/pay reset", {}, {"error", "http.route=/pay", "reset"}, repetitions);
    const Clock::time_point begin = Clock::now();
    StoreReader reader(file);
    const std::vector<TraceId> traces = reader.matching("42", 2);
    const size_t of_trace = traces.empty() ? 0 : reader.spans(traces.front()).size();
    std::printf("trace   by the beginning of its id: %.1f ms, %zu spans\n", microseconds_since(begin) / 1e3, of_trace);
}
