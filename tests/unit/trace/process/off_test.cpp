// SPDX-License-Identifier: Apache-2.0
//
// Tracing that is off, or was shut down: every call is a cheap no-op and the application runs on.
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

// A provider and tracer under the environment of the moment.
struct Opened {
    explicit Opened(const spr_provider_options* options = nullptr) {
        EXPECT_EQ(spr_provider_open(options, &provider), 0) << "tracing that is off is no error";
        EXPECT_EQ(spr_tracer_get(provider, "test", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
    }
    spr_provider* provider = nullptr;
    spr_tracer* tracer = nullptr;
};

// `state`: what the provider says once a span was tried.
void expect_off(Opened& off, int state) {
    spr_context parent = {};
    parent.trace_id[0] = parent.span_id[0] = 1;
    parent.trace_flags = SPR_TRACE_FLAG_SAMPLED;
    spr_token token;
    spr_context_attach(&parent, &token);
    spr_span span;
    EXPECT_EQ(spr_span_start(off.tracer, "span", SPR_NUL, &span), state);
    EXPECT_EQ(span.handle, 0u);
    EXPECT_EQ(test::span_id(span.context), test::span_id(parent)) << "the trace passes through";
    EXPECT_EQ(span.context.trace_flags, parent.trace_flags);
    spr_context_detach(&token);
    EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(spr_tracer_enabled(off.tracer), 0);
    EXPECT_EQ(spr_provider_state(off.provider), state);
    EXPECT_EQ(spr_provider_flush(off.provider, 0), 0);
    const spr_statistics statistics = test::statistics_of(off.provider);
    EXPECT_EQ(statistics.started + statistics.ended, 0u);
}

TEST_IN_PROCESS(OffTest, ByItsOwnVariable) {
    for (const char* value : {"1", "true"}) {
        test::PrivateDirectory directory;
        setenv("SPANRING_DISABLED", value, 1);
        Opened off;
        EXPECT_EQ(spr_provider_state(off.provider), -ECANCELED) << "from the start";
        expect_off(off, -ECANCELED);
        EXPECT_TRUE(directory.files().empty());
    }
}

TEST_IN_PROCESS(OffTest, ByTheStandardsVariable) {
    test::PrivateDirectory directory;
    for (const char* value : {"true", "TRUE", "True"}) {
        setenv("OTEL_SDK_DISABLED", value, 1);
        Opened off;
        expect_off(off, -ECANCELED);
    }
    EXPECT_TRUE(directory.files().empty());
}

TEST_IN_PROCESS(OffTest, ByAnExporterCalledNone) {
    test::PrivateDirectory directory;
    for (const char* value : {"none", " NONE "}) {
        setenv("OTEL_TRACES_EXPORTER", value, 1);
        Opened off;
        expect_off(off, -ECANCELED);
    }
    EXPECT_TRUE(directory.files().empty());
}

TEST_IN_PROCESS(OffTest, NotByAnythingElseInThoseVariables) {
    test::PrivateDirectory directory;
    setenv("OTEL_TRACES_EXPORTER", "otlp,none", 1);
    setenv("SPANRING_DISABLED", "0", 1);
    setenv("OTEL_SDK_DISABLED", "1", 1);  // the specification: only "true"
    Opened on;
    EXPECT_EQ(spr_tracer_enabled(on.tracer), 1);
    spr_span span;
    EXPECT_EQ(spr_span_start(on.tracer, "span", SPR_NUL, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(spr_provider_state(on.provider), 1);
}

TEST_IN_PROCESS(OffTest, WhereTheRuntimeDirectoryCannotBeUsed) {
    test::PrivateDirectory directory;
    setenv("SPANRING_DIR", (directory.path() + "/none/deeper").c_str(), 1);
    Opened missing;
    expect_off(missing, -ENOENT);
    setenv("SPANRING_DIR", "relative/path", 1);
    Opened relative;
    expect_off(relative, -EINVAL);
    ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
    setenv("SPANRING_DIR", directory.path().c_str(), 1);
    Opened open_to_others;
    expect_off(open_to_others, -EACCES);
    EXPECT_TRUE(directory.files().empty());
}

TEST_IN_PROCESS(OffTest, IsSaidByAPhraseForEachError) {
    for (const int error : {-EINVAL,       -E2BIG,  -ESTALE,      -ENOBUFS,   -EBUSY,   -EDQUOT,
                            -ETIMEDOUT,    -EMFILE, -ENOSPC,      -ECANCELED, -EPERM,   -ESHUTDOWN,
                            -EBADMSG,      -EACCES, -EMEDIUMTYPE, -ENOENT,    -ENOTDIR, -ELOOP,
                            -ENAMETOOLONG, -EIO,    -99999,       0,          1,        7})
        EXPECT_GT(std::string(spr_strerror(error)).size(), 4u) << error;
    EXPECT_STREQ(spr_strerror(0), "success");
    EXPECT_STREQ(spr_strerror(3), "success") << "a positive value is none";
    EXPECT_STREQ(spr_version(), "0.2.0");
}

// ---- Shutdown
// -------------------------------------------------------------------------------------------------------------

TEST_IN_PROCESS(ShutdownTest, RefusesEveryLaterCallAndKeepsWhatWasWritten) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("before"), 0);
    const spr_span open = tracing.start("open");
    EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), -ETIMEDOUT) << "there is no agent to take the spans over";
    EXPECT_EQ(spr_provider_state(tracing.provider()), -ESHUTDOWN);
    EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 0);
    spr_span span;
    EXPECT_EQ(spr_span_start(tracing.tracer(), "after", SPR_NUL, &span), -ESHUTDOWN);
    EXPECT_EQ(spr_span_set_int64(&open, "key", SPR_NUL, 1), -ESTALE);
    EXPECT_EQ(spr_span_is_recording(&open), 0);
    EXPECT_EQ(spr_span_end(&open), -ESTALE);
    EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), -ETIMEDOUT) << "twice is no harm";
    std::thread([&] { EXPECT_EQ(spr_span_start(tracing.tracer(), "thread", SPR_NUL, &span), -ESHUTDOWN); }).join();
    const auto segment = tracing.read();
    EXPECT_EQ(segment.spans().size(), 1u);
    EXPECT_EQ(segment.open_slots().size(), 1u) << "the agent exports it as unfinished";
    test::expect_balance(tracing.statistics(), 1, 1);
}

TEST_IN_PROCESS(ShutdownTest, BeforeAnySpanMakesNoSegment) {
    Tracing tracing;
    EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 1'000'000'000), 0);
    EXPECT_EQ(tracing.make("after"), -ESHUTDOWN);
    EXPECT_TRUE(tracing.directory().files().empty());
}

TEST_IN_PROCESS(ShutdownTest, LeavesOtherProvidersAlone) {
    Tracing tracing;
    spr_provider* other;
    spr_tracer* tracer;
    ASSERT_EQ(spr_provider_open(nullptr, &other), 0);
    ASSERT_EQ(spr_tracer_get(other, "other", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
    EXPECT_EQ(tracing.make("one"), 0);
    EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), -ETIMEDOUT);
    spr_span span;
    EXPECT_EQ(spr_span_start(tracer, "other", SPR_NUL, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.directory().files().size(), 2u) << "a segment each";
}

// A mapping of the segment for who looks at it after a shutdown, which unmaps the process's own.
class OtherMapping {
public:
    explicit OtherMapping(const std::string& path) {
        const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
        struct stat file;
        EXPECT_EQ(fstat(fd, &file), 0) << path;
        size_ = static_cast<size_t>(file.st_size);
        base_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        EXPECT_NE(base_, MAP_FAILED) << path;
        close(fd);
    }
    ~OtherMapping() { munmap(base_, size_); }
    OtherMapping(const OtherMapping&) = delete;

    ring::SegmentView view() const { return ring::SegmentView(static_cast<uint8_t*>(base_)); }

private:
    size_t size_ = 0;
    void* base_ = nullptr;
};

TEST_IN_PROCESS(FlushTest, ReturnsWhenTheAgentHasAnswered) {
    Tracing tracing;
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), 0) << "nothing was ever written";
    EXPECT_EQ(tracing.make("span"), 0);
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 2'000'000), -ETIMEDOUT);
    const OtherMapping mapping(tracing.directory().path() + "/" + tracing.directory().files().at(0));
    test::StandInAgent agent(mapping.view());
    std::atomic<bool> done{false};
    std::thread stand_in([&] {
        while (!done) {
            agent.serve_flush();
            std::this_thread::yield();
        }
    });
    EXPECT_EQ(spr_provider_flush(tracing.provider(), uint64_t{60} * 1'000'000'000), 0);
    EXPECT_EQ(spr_provider_shutdown(tracing.provider(), uint64_t{60} * 1'000'000'000), 0);
    done = true;
    stand_in.join();
}

// Without waiting, and without an agent that answers: it may have done its work and be gone.
TEST_IN_PROCESS(FlushTest, SucceedsAtOnceWhereEverythingWasTakenOver) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("span"), 0);
    EXPECT_EQ(tracing.make("span"), 0);
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), -ETIMEDOUT);
    tracing.agent().acknowledge_but(1);
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), -ETIMEDOUT) << "one is not";
    tracing.agent().acknowledge_but(0);
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), 0);
    const spr_span open = tracing.start("open");
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), 0) << "what has not ended is not waited for";
    EXPECT_EQ(spr_span_end(&open), 0);
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), -ETIMEDOUT);
    tracing.agent().acknowledge_but(0);
    EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), 0);
}

TEST_IN_PROCESS(FlushTest, SucceedsAtOnceWhereTheChunksWereFreed) {
    Tracing tracing;
    spr_span span;
    for (int i = 0; i < 100; ++i) {  // several chunks, the last of which is still open
        span = tracing.start("span");
        EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, std::string(1000, 'x').c_str(), SPR_NUL), 0);
        EXPECT_EQ(spr_span_end(&span), 0);
    }
    EXPECT_GT(tracing.agent().release_full(), 0u);
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), -ETIMEDOUT);
    tracing.agent().acknowledge_but(0);
    EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), 0);
}

// ---- A segment that cannot be made at first

// No descriptor is left for as long as it lives.
class NoDescriptors {
public:
    NoDescriptors() {
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none = {0, before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_;
};

TEST_IN_PROCESS(FirstSpanTest, IsTriedAgainWhereWhatFailedMayPass) {
    Tracing tracing;
    {
        const NoDescriptors none;
        for (int i = 0; i < 3; ++i) EXPECT_EQ(tracing.make("too early"), -EMFILE);
        EXPECT_EQ(spr_provider_state(tracing.provider()), -EMFILE);
        EXPECT_EQ(tracing.statistics().not_started_slot, 3u);
    }
    uint64_t refused = 3;
    int result;
    while ((result = tracing.make("span")) == -EMFILE) {  // until the next try is due
        ++refused;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(result, 0);
    EXPECT_EQ(spr_provider_state(tracing.provider()), 1);
    EXPECT_EQ(tracing.statistics().not_started_slot, refused) << "and the segment knows of them";
    EXPECT_EQ(tracing.statistics().started, 1u);
    EXPECT_EQ(tracing.directory().files().size(), 1u) << "nothing is left of the tries";
}

TEST_IN_PROCESS(FirstSpanTest, IsTriedAgainInAChildAtOnce) {
    Tracing tracing;
    {
        const NoDescriptors none;
        EXPECT_EQ(tracing.make("too early"), -EMFILE);
    }
    const pid_t child = fork();
    if (child == 0) _exit(tracing.make("span") == 0 && tracing.statistics().not_started_slot == 0 ? 0 : 1);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

// ---- The environment

TEST_IN_PROCESS(MisreadVariablesTest, AreCounted) {
    setenv("OTEL_TRACES_SAMPLER", "alwayson", 1);
    setenv("OTEL_SDK_DISABLED", "yes", 1);
    setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "many", 1);
    setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "-2", 1);
    setenv("OTEL_RESOURCE_ATTRIBUTES", "key", 1);
    setenv("SPANRING_PROFILER_CONTEXT", "perhaps", 1);
    setenv("SPANRING_MEMORY_LIMIT", "much", 1);
    Tracing tracing(test::large_ring());
    EXPECT_EQ(tracing.statistics().misread_variables, 7u);
    Tracing other(test::small_ring());
    EXPECT_EQ(other.statistics().misread_variables, 6u) << "what the options say is not asked for";
    EXPECT_EQ(tracing.make("span"), 0);
}

// ---- RLIMIT_FSIZE, beyond which the kernel ends a process

void limit_files(rlim_t size) {
    rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    setrlimit(RLIMIT_FSIZE, &limit);
}

TEST_IN_PROCESS(FileSizeTest, OfFewExtentsMakesASmallerSegment) {
    limit_files(ring::segment_size(40) - 1);
    Tracing tracing(test::large_ring());
    EXPECT_EQ(tracing.make("span"), 0);
    EXPECT_EQ(tracing.view().header().segment_size, ring::segment_size(39));
    int result;
    while ((result = tracing.make("span")) == 0) {
    }
    EXPECT_EQ(result, -ENOBUFS) << "it is full, at its own end";
}

TEST_IN_PROCESS(FileSizeTest, OfLessThanASegmentRefusesUntilItIsRaised) {
    limit_files(0);
    Tracing tracing;
    EXPECT_EQ(tracing.make("too early"), -EFBIG);
    EXPECT_EQ(spr_provider_state(tracing.provider()), -EFBIG);
    EXPECT_EQ(tracing.statistics().not_started_slot, 1u);
    EXPECT_TRUE(tracing.directory().files().empty());
    limit_files(ring::segment_size(ring::kLeastExtents));
    test::in_child([&] { EXPECT_EQ(tracing.make("span"), 0) << "in a child it is tried at once"; });
}

// ---- Memory that is taken at open

TEST_IN_PROCESS(MemoryAtOpenTest, MakesTheWholeSegment) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory = SPR_MEMORY_AT_OPEN;
    options.memory_limit = 2 << 20;
    Tracing tracing(options);
    EXPECT_EQ(spr_provider_state(tracing.provider()), 1);
    const std::vector<std::string> files = tracing.directory().files();
    ASSERT_EQ(files.size(), 1u);
    struct stat status;
    ASSERT_EQ(stat((tracing.directory().path() + "/" + files[0]).c_str(), &status), 0);
    // It has the first region's scopes alone, and no huge places.
    constexpr auto kHole = static_cast<off_t>(ring::kGroupsOffset - ring::kMoreScopesOffset);
    EXPECT_GE(status.st_blocks * 512, status.st_size - kHole);
    EXPECT_EQ(tracing.make("span"), 0);
    test::in_child([&] { EXPECT_EQ(tracing.make("a child's"), 0); });
}

TEST_IN_PROCESS(MemoryAtOpenTest, IsOffForGoodWhereThereIsNone) {
    limit_files(4096);
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory = SPR_MEMORY_AT_OPEN;
    Tracing tracing(options);
    EXPECT_EQ(spr_provider_state(tracing.provider()), -EFBIG);
    EXPECT_EQ(tracing.make("span"), -EFBIG);
    EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 0);
    options.memory = SPR_MEMORY_AT_OPEN + 1;
    spr_provider* other = nullptr;
    EXPECT_EQ(spr_provider_open(&options, &other), -EINVAL);
}

// ---- errno
// ----------------------------------------------------------------------------------------------------------------

TEST_IN_PROCESS(ErrnoTest, IsTouchedByNoCall) {
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "1e999", 1);  // out of range for strtod()
    setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "99999999999999999999999", 1);
    setenv("SPANRING_MEMORY_LIMIT", "99999999999999999999999", 1);
    test::PrivateDirectory directory;
    errno = 4711;
    spr_provider* provider = nullptr;
    spr_tracer* tracer = nullptr;
    EXPECT_EQ(spr_provider_open(nullptr, &provider), 0);
    EXPECT_EQ(errno, 4711) << "spr_provider_open";
    errno = 4711;
    EXPECT_EQ(spr_tracer_get(provider, "test", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
    EXPECT_EQ(errno, 4711) << "spr_tracer_get";
    spr_span span;
    EXPECT_EQ(spr_span_start(tracer, "span", SPR_NUL, &span), 1);
    EXPECT_EQ(errno, 4711) << "spr_span_start, which made the segment in a directory that was there";
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, std::string(30000, 'x').c_str(), SPR_NUL), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(errno, 4711) << "spr_span_end";
    EXPECT_EQ(spr_provider_flush(provider, 1'000'000), -ETIMEDOUT);
    EXPECT_EQ(errno, 4711) << "spr_provider_flush";
    test::statistics_of(provider);
    EXPECT_EQ(spr_provider_state(provider), 1);
    EXPECT_EQ(spr_provider_shutdown(provider, 0), -ETIMEDOUT);
    spr_strerror(-99999);
    EXPECT_EQ(errno, 4711);
}

}  // namespace
}  // namespace spanring
