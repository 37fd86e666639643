// SPDX-License-Identifier: Apache-2.0
//
// What a span costs: in the application, while the real agent drains it into a real gRPC receiver; and in the agent.
//
//     span_bench --agent FILE --sink FILE [--rounds N] [--json FILE]
//
// A round is a burst of spans (two string attributes and an integer, parent, real clock; about 183 bytes), timed, then a
// pause until the agent has taken everything over. The floor is measured in the same rounds: two clock reads and a copy
// of as many bytes into a ring in shared memory that another process drains on a timer. The application runs on the
// first core, agent and receiver on the second. Medians over the rounds; all CPU times are those the kernel counted.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spanring/spanring.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

namespace {

constexpr int kBurst = 5000;
constexpr size_t kSpanBytes = 183;
constexpr uint64_t kWatchdog = 20'000'000'000;  // nanoseconds

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "span_bench: %s\n", what.c_str());
    std::exit(1);
}

uint64_t now(clockid_t clock = CLOCK_MONOTONIC) {
    timespec time;
    clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

// A program that was started here and is ended here. Its first line with `mark` in it is waited for.
class Program {
public:
    Program(std::vector<std::string> arguments, const std::string& mark, int core) {
        int pipe_ends[2];
        if (pipe(pipe_ends) != 0) fail("pipe");
        pid_ = fork();
        if (pid_ == 0) {
            pin(core);
            dup2(pipe_ends[1], 1);
            dup2(pipe_ends[1], 2);
            close(pipe_ends[0]);
            std::vector<char*> words;
            for (std::string& argument : arguments) words.push_back(argument.data());
            words.push_back(nullptr);
            execv(words[0], words.data());
            _exit(127);
        }
        close(pipe_ends[1]);
        output_ = pipe_ends[0];
        std::string text;
        while (text.find(mark) == std::string::npos || text.find('\n', text.find(mark)) == std::string::npos) {
            char buffer[512];
            pollfd ready{output_, POLLIN, 0};
            const ssize_t size = poll(&ready, 1, 10'000) == 1 ? read(output_, buffer, sizeof buffer) : 0;
            if (size <= 0) fail(arguments[0] + " did not start: " + text);
            text.append(buffer, static_cast<size_t>(size));
        }
        const size_t at = text.find(mark) + mark.size();
        line_ = text.substr(at, text.find('\n', at) - at);
        clock_getcpuclockid(pid_, &clock_);
    }
    ~Program() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
        close(output_);
    }
    const std::string& line() const { return line_; }  // behind the mark
    uint64_t cpu() const { return now(clock_); }

private:
    pid_t pid_;
    int output_;
    clockid_t clock_;
    std::string line_;
};

// The floor: one ring, one writer, a reader in another process that wakes up every 500 us.
class FloorRing {
public:
    FloorRing() {
        void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED) fail("mmap");
        shared_ = new (memory) Shared;
        reader_ = fork();
        if (reader_ == 0) drain();
    }
    ~FloorRing() {
        kill(reader_, SIGKILL);
        waitpid(reader_, nullptr, 0);
        munmap(shared_, sizeof(Shared));
    }

    bool write(const uint8_t* span) {
        const uint64_t head = head_;
        if (head + kSpanBytes - tail_ > kSize) {
            tail_ = shared_->tail.load(std::memory_order_acquire);  // the reader has copied up to here
            if (head + kSpanBytes - tail_ > kSize) return false;
        }
        std::memcpy(shared_->bytes + head % kSize, span, kSpanBytes);  // room for a span behind the end: no wrapping
        head_ = head + kSpanBytes;
        shared_->head.store(head_, std::memory_order_release);  // the span's bytes, for drain()
        return true;
    }
    bool drained() const { return shared_->tail.load(std::memory_order_acquire) == head_; }

private:
    static constexpr uint64_t kSize = 4 << 20;
    struct Shared {
        alignas(64) std::atomic<uint64_t> head{0};
        alignas(64) std::atomic<uint64_t> tail{0};
        alignas(64) uint8_t bytes[kSize + 256];
    };
    [[noreturn]] void drain() {
        pin(1);
        std::vector<uint8_t> copy(kSize + 256);
        for (uint64_t tail = 0;; usleep(500)) {
            const uint64_t head = shared_->head.load(std::memory_order_acquire);
            while (tail < head) {
                const uint64_t piece = std::min(head - tail, kSize - tail % kSize);
                std::memcpy(copy.data(), shared_->bytes + tail % kSize, piece);
                tail += piece;
            }
            shared_->tail.store(tail, std::memory_order_release);  // the copy is made; write() may reuse it
        }
    }

    Shared* shared_;
    pid_t reader_;
    uint64_t head_ = 0, tail_ = 0;
};

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

double span_burst(spr_tracer* tracer) {
    const uint64_t start = now();
    for (int i = 0; i < kBurst; ++i) {
        spr_span span;
        spr_span_start(tracer, "GET /api/checkout", 17, &span);
        spr_span_set_string(&span, "http.request.method", 19, "GET", 3);
        spr_span_set_string(&span, "url.path", 8, "/api/checkout/items", 19);
        spr_span_set_int64(&span, "http.response.status_code", 25, 200);
        spr_span_end(&span);
    }
    return static_cast<double>(now() - start) / kBurst;
}

double floor_burst(FloorRing& ring) {
    uint8_t span[kSpanBytes] = {};
    const uint64_t start = now();
    for (int i = 0; i < kBurst; ++i) {
        const uint64_t begin = __rdtsc();
        std::memcpy(span, &begin, sizeof begin);
        const uint64_t end = __rdtsc();
        std::memcpy(span + 8, &end, sizeof end);
        ring.write(span);
    }
    return static_cast<double>(now() - start) / kBurst;
}

}  // namespace

int main(int count, char** words) {
    std::string agent_file, sink_file, json_file;
    int rounds = 60;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string flag = words[i];
        if (flag == "--agent") agent_file = words[i + 1];
        else if (flag == "--sink") sink_file = words[i + 1];
        else if (flag == "--json") json_file = words[i + 1];
        else if (flag == "--rounds") rounds = std::atoi(words[i + 1]);
        else fail("unknown flag " + flag);
    }
    if (agent_file.empty() || sink_file.empty() || rounds < 1) fail("needs --agent FILE --sink FILE");

    char directory[] = "/dev/shm/spanring-bench-XXXXXX";
    if (mkdtemp(directory) == nullptr) fail("mkdtemp");
    setenv("SPANRING_DIR", directory, 1);
    {
        FloorRing floor_ring;  // forks before there is a thread or a segment
        const Program sink({sink_file}, "listening on ", 1);
        const Program agent({agent_file, "--endpoint", "http://" + sink.line(), "--directory", directory, "--state-dir",
                             std::string(directory) + "/state"}, "ready", 1);
        pin(0);
        spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
        options.service_name = "bench";
        options.memory_limit = 32 << 20;
        spr_provider* provider;
        spr_tracer* tracer;
        if (spr_provider_open(&options, &provider) != 0 ||
            spr_tracer_get(provider, "bench", SPR_NUL, "1", SPR_NUL, nullptr, 0, &tracer) != 0)
            fail("the library does not open");

        spr_span root;
        if (spr_span_start(tracer, "root", 4, &root) != 1) fail(spr_strerror(spr_provider_state(provider)));
        spr_token token;
        spr_context_attach(&root.context, &token);
        for (int i = 0; i < 5; ++i) span_burst(tracer);  // the ring grows to what a burst needs
        if (spr_provider_flush(provider, kWatchdog) != 0) fail("the agent does not take the spans over");

        std::vector<double> span_ns, floor_ns;
        const uint64_t cpu_before = agent.cpu();
        for (int round = 0; round < rounds; ++round) {
            floor_ns.push_back(floor_burst(floor_ring));
            const uint64_t start = now();
            while (!floor_ring.drained())
                if (now() - start > kWatchdog) fail("the floor's ring is not drained");
            span_ns.push_back(span_burst(tracer));
            if (round % 10 == 9 && spr_provider_flush(provider, kWatchdog) != 0) fail("the agent does not take the spans over");
        }
        const double agent_ns = static_cast<double>(agent.cpu() - cpu_before) / (static_cast<double>(rounds) * kBurst);

        // Flat out, agent and receiver on the other core: what arrives, and what it costs the agent when it is busy.
        constexpr int kFlatOut = 200;
        const uint64_t busy_before = agent.cpu();
        const uint64_t start = now();
        for (int i = 0; i < kFlatOut; ++i) span_burst(tracer);
        const double produced_s = static_cast<double>(now() - start) / 1e9;
        if (spr_provider_flush(provider, kWatchdog) != 0) fail("the agent does not take the spans over");
        const double seconds = static_cast<double>(now() - start) / 1e9;
        const double busy_cpu = static_cast<double>(agent.cpu() - busy_before);

        spr_context_detach(&token);
        spr_span_end(&root);
        spr_statistics statistics = SPR_STATISTICS_INIT;
        spr_provider_statistics(provider, &statistics);
        const double delivered = static_cast<double>(kFlatOut) * kBurst - static_cast<double>(statistics.dropped_full);
        const double values[] = {median(span_ns), median(floor_ns), median(span_ns) / median(floor_ns), agent_ns, busy_cpu / delivered,
                                 delivered / seconds, static_cast<double>(statistics.dropped_full)};
        const char* names[] = {"app.span_ns", "app.floor_ns", "app.span_to_floor", "agent.cpu_ns_per_span", "agent.busy_cpu_ns_per_span",
                               "pipeline.spans_per_s", "pipeline.lost"};
        for (size_t i = 0; i < std::size(values); ++i) std::printf("%-28s %12.1f\n", names[i], values[i]);
        std::printf("offered flat out             %12.1f spans/s\n", kFlatOut * kBurst / produced_s);
        if (!json_file.empty()) {
            FILE* file = std::fopen(json_file.c_str(), "w");
            if (file == nullptr) fail("cannot write " + json_file);
            std::fprintf(file, "{");
            for (size_t i = 0; i < std::size(values); ++i) std::fprintf(file, "%s\"%s\": %.3f", i == 0 ? "" : ", ", names[i], values[i]);
            std::fprintf(file, "}\n");
            std::fclose(file);
        }
    }
    std::filesystem::remove_all(directory);
}
