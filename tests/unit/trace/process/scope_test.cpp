// SPDX-License-Identifier: Apache-2.0
//
// Tracers, and the scopes that their spans belong to.
#include <atomic>
#include <cerrno>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/small_tmpfs.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::int_attribute;
using test::text_attribute;
using test::Tracing;

TEST_IN_PROCESS(ScopeTest, BelongsToTheScopeOfItsTracer) {
    Tracing tracing;
    spr_tracer *versioned, *again, *other;
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.2", SPR_NUL, "https://example.org/schema", SPR_NUL,
                             &versioned),
              0);
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.2", SPR_NUL, "https://example.org/schema", SPR_NUL,
                             &again),
              0);
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.3", SPR_NUL, nullptr, 0, &other), 0);
    EXPECT_EQ(versioned, again);
    EXPECT_NE(versioned, other);
    for (int round = 0; round < 3; ++round) {
        tracing.make("plain");
        for (const auto& [tracer, name] : {std::pair(versioned, "versioned"), std::pair(other, "other")}) {
            spr_span span;
            ASSERT_EQ(spr_span_start(tracer, name, SPR_NUL, &span), 1);
            EXPECT_EQ(spr_span_end(&span), 0);
        }
    }
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 9u);
    for (const test::WrittenSpan& written : segment.spans()) {
        const auto& scope = segment.scope(written.scope);
        if (written.span.name() == "plain") {
            EXPECT_EQ(scope.scope().name(), "test");
            EXPECT_EQ(scope.scope().version(), "");
        } else {
            EXPECT_EQ(scope.scope().name(), "lib");
            EXPECT_EQ(scope.scope().version(), written.span.name() == "versioned" ? "1.2" : "1.3");
            EXPECT_EQ(scope.schema_url(), written.span.name() == "versioned" ? "https://example.org/schema" : "");
        }
    }
}

// Of each span, which is of the scope of that name.
std::set<std::string> names_in(const test::SegmentSpans& segment) {
    std::set<std::string> names;
    for (const test::WrittenSpan& written : segment.spans()) {
        EXPECT_EQ(segment.scope(written.scope).scope().name(), written.span.name());
        names.insert(written.span.name());
    }
    EXPECT_EQ(names.size(), segment.spans().size());
    return names;
}

[[maybe_unused]] uint64_t mapped_pages() {
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages;
}

TEST_IN_PROCESS(ScopeTest, HasOneOfThousandsAndNoMore) {
    Tracing tracing(test::large_ring());
    std::vector<spr_tracer*> tracers;
    const auto name_of = [](size_t number) { return "scope" + std::to_string(number); };
    for (spr_tracer* tracer; spr_tracer_get(tracing.provider(), name_of(tracers.size()).c_str(), SPR_NUL, nullptr, 0,
                                            nullptr, 0, &tracer) == 0;)
        tracers.push_back(tracer);
    EXPECT_EQ(tracers.size() + 1, 8191u) << "with the one of `tracing`";
    spr_tracer* untouched = tracers.back();
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "one more", SPR_NUL, nullptr, 0, nullptr, 0, &untouched), -ENOSPC);
    EXPECT_EQ(untouched, tracers.back());
    const auto record = [&](size_t number) {
        spr_span span;
        ASSERT_EQ(spr_span_start(tracers[number], name_of(number).c_str(), SPR_NUL, &span), 1) << number;
        EXPECT_EQ(spr_span_end(&span), 0);
    };
    std::set<std::string> expected;
    for (size_t number = 0; number < tracers.size(); ++number) {
        record(number);
        expected.insert(name_of(number));
        spr_tracer* again = nullptr;
        EXPECT_EQ(spr_tracer_get(tracing.provider(), name_of(number).c_str(), SPR_NUL, nullptr, 0, nullptr, 0, &again),
                  0);
        EXPECT_EQ(again, tracers[number]);
    }
    EXPECT_EQ(names_in(tracing.read()), expected);
    // A child's segment gets those that it uses.
    const std::string parents = tracing.directory().files().at(0);
    test::in_child([&] {
        const size_t last = tracers.size() - 1;
        for (const size_t number : {last, size_t{0}, size_t{500}}) record(number);
        std::vector<std::string> files = tracing.directory().files();
        std::erase(files, parents);
        ASSERT_EQ(files.size(), 1u);
        EXPECT_EQ(names_in(test::SegmentSpans(tracing.directory().path() + "/" + files[0])),
                  (std::set<std::string>{name_of(last), name_of(0), name_of(500)}));
    });
}

// Whoever is first makes it; what is made at once is found by all.
TEST_IN_PROCESS(ScopeTest, IsOneForAllThreadsThatAskForItAtOnce) {
    constexpr size_t kScopes = 2000, kThreads = 4;
    Tracing tracing(test::large_ring());
    std::vector<std::vector<spr_tracer*>> of(kThreads, std::vector<spr_tracer*>(kScopes));
    std::vector<std::thread> threads;
    for (size_t me = 0; me < kThreads; ++me)
        threads.emplace_back([&, me] {
            for (size_t i = 0; i < kScopes; ++i) {
                const size_t number = me % 2 == 0 ? i : kScopes - 1 - i;
                EXPECT_EQ(spr_tracer_get(tracing.provider(), ("scope" + std::to_string(number)).c_str(), SPR_NUL,
                                         nullptr, 0, nullptr, 0, &of[me][number]),
                          0);
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (size_t me = 1; me < kThreads; ++me) EXPECT_EQ(of[me], of[0]);
    EXPECT_EQ(std::set<spr_tracer*>(of[0].begin(), of[0].end()).size(), kScopes);
    spr_tracer* last = nullptr;
    size_t made = kScopes + 1;  // with the one of `tracing`
    while (spr_tracer_get(tracing.provider(), ("more" + std::to_string(made)).c_str(), SPR_NUL, nullptr, 0, nullptr, 0,
                          &last) == 0)
        ++made;
    EXPECT_EQ(made, 8191u) << "some were made more than once";
}

// Children that are forked off while another thread makes scopes: what that had not finished is in nobody's way.
TEST_IN_PROCESS(ScopeTest, IsFoundInChildrenThatAreForkedOffMeanwhile) {
    Tracing tracing(test::large_ring());
    const auto get = [&](const std::string& name) {
        spr_tracer* tracer = nullptr;
        EXPECT_EQ(spr_tracer_get(tracing.provider(), name.c_str(), SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
        return tracer;
    };
    std::atomic<bool> over{false};
    std::atomic<uint32_t> made{0};
    std::thread maker([&] {
        for (; !over && made < 4000; ++made) get("scope" + std::to_string(made));
    });
    for (int i = 0; i < 40 && made < 4000; ++i) {
        const uint32_t before = made;
        test::in_child([&] {
            std::set<spr_tracer*> tracers;
            for (uint32_t number = 0; number < 50; ++number) {
                const std::string name = "child's " + std::to_string(number);
                spr_tracer* const tracer = get(name);
                EXPECT_EQ(get(name), tracer);
                EXPECT_TRUE(tracers.insert(tracer).second) << name;
                spr_span span;
                ASSERT_EQ(spr_span_start(tracer, name.c_str(), SPR_NUL, &span), 1);
                EXPECT_EQ(spr_span_end(&span), 0);
            }
            if (before == 0) return;
            const std::string latest = "scope" + std::to_string(before - 1);
            EXPECT_EQ(get(latest), get(latest));
        });
    }
    over = true;
    maker.join();
}

TEST_IN_PROCESS(ScopeTest, MayBeLongUntilTheirRoomIsUsedUp) {
    Tracing tracing(test::large_ring());
    std::set<std::string> expected;
    for (int number = 0;; ++number) {
        const std::string name = std::to_string(number) + std::string(3900, 'x');
        spr_tracer* tracer = nullptr;
        const int result = spr_tracer_get(tracing.provider(), name.c_str(), SPR_NUL, nullptr, 0, nullptr, 0, &tracer);
        if (result != 0) {
            EXPECT_EQ(result, -ENOSPC);
            break;
        }
        spr_span span;
        ASSERT_EQ(spr_span_start(tracer, name.c_str(), SPR_NUL, &span), 1);
        EXPECT_EQ(spr_span_end(&span), 0);
        expected.insert(name);
    }
    EXPECT_EQ(expected.size(), 3 + 234u) << "in 14 and in 896 KiB";
    spr_tracer* small = nullptr;
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "small", SPR_NUL, nullptr, 0, nullptr, 0, &small), 0);
    EXPECT_EQ(names_in(tracing.read()), expected);
}

// Nothing of the second region is there before it is needed.
TEST_IN_PROCESS(ScopeTest, WithoutMemoryInItsSegmentIsRefusedAtTheStartUntilThereIsSome) {
    test::SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    spr_provider* provider = nullptr;
    ASSERT_EQ(spr_provider_open(nullptr, &provider), 0);
    std::vector<spr_tracer*> tracers(300);
    for (size_t number = 0; number < tracers.size(); ++number)
        ASSERT_EQ(spr_tracer_get(provider, ("scope" + std::to_string(number)).c_str(), SPR_NUL, nullptr, 0, nullptr, 0,
                                 &tracers[number]),
                  0);
    const auto record = [&](size_t number) {
        spr_span span;
        const int started = spr_span_start(tracers[number], "span", SPR_NUL, &span);
        return started == 1 ? spr_span_end(&span) : started;
    };
    EXPECT_EQ(record(0), 0);
    test::fill_up(directory.path());
    EXPECT_EQ(record(126), 0) << "the last of the first region";
    EXPECT_EQ(record(127), -EBUSY);
    EXPECT_EQ(record(299), -EBUSY);
    EXPECT_EQ(test::statistics_of(provider).not_started_nested, 2u);
    test::make_room(directory.path());
    EXPECT_EQ(record(127), 0);
    EXPECT_EQ(record(299), 0);
    const test::SegmentSpans segment(directory.path() + "/" + directory.files().at(0));
    std::multiset<std::string> scopes;
    for (const test::WrittenSpan& written : segment.spans()) scopes.insert(segment.scope(written.scope).scope().name());
    EXPECT_EQ(scopes, (std::multiset<std::string>{"scope0", "scope126", "scope127", "scope299"}));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their runtimes keep what was freed, and map
// Each provider of thousands in turn has as many as the first, and what they were mapped for goes with them.
TEST_IN_PROCESS(ScopeTest, GivesItsRoomBackWithItsProvider) {
    uint64_t mapped = 0;
    for (int round = 0; round < 8; ++round) {
        Tracing tracing;
        size_t made = 0;
        for (spr_tracer* tracer; made < 3000; ++made) {
            const std::string name = "scope" + std::to_string(made);
            ASSERT_EQ(spr_tracer_get(tracing.provider(), name.c_str(), SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
            if (made % 500 != 0) continue;
            spr_span span;
            ASSERT_EQ(spr_span_start(tracer, name.c_str(), SPR_NUL, &span), 1);
            EXPECT_EQ(spr_span_end(&span), 0);
        }
        EXPECT_EQ(names_in(tracing.read()).size(), 6u);
        EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), -ETIMEDOUT) << "no agent";
        // By then the pool of tracers is as large as it gets, and as many ended lives are mapped as a thread keeps.
        if (round == 3) mapped = mapped_pages();
        if (round > 3) {
            EXPECT_LE(mapped_pages(), mapped) << "after round " << round;
        }
    }
}
#endif

TEST_IN_PROCESS(ScopeTest, HasOneOf127WhereAllMemoryIsTakenAtOpen) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory = SPR_MEMORY_AT_OPEN;
    Tracing tracing(options);
    spr_tracer* tracer = nullptr;
    int made = 1;  // the one of `tracing`
    while (spr_tracer_get(tracing.provider(), ("scope" + std::to_string(made)).c_str(), SPR_NUL, nullptr, 0, nullptr, 0,
                          &tracer) == 0)
        ++made;
    EXPECT_EQ(made, 127);
    spr_tracer* untouched = tracer;
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "one more", SPR_NUL, nullptr, 0, nullptr, 0, &untouched), -ENOSPC);
    EXPECT_EQ(untouched, tracer);
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "scope5", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0)
        << "one that is there";
    EXPECT_EQ(tracing.make("span"), 0);
}

TEST_IN_PROCESS(ScopeTest, HasAttributesOfEachTypeAndASchema) {
    Tracing tracing;
    const spr_value values[] = {{SPR_TYPE_EMPTY, 0, {}}};
    spr_attribute attributes[] = {text_attribute("a", "first"),
                                  int_attribute("n", 1),
                                  text_attribute("a", "last"),
                                  {"list", SPR_NUL, SPR_TYPE_ARRAY, 0, {}}};
    attributes[3].value.array = {values, 1};
    spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    options.name = "scope";
    options.version = "1.2";
    options.schema_url = "https://example.com/1";
    options.attributes = attributes;
    options.attribute_count = 4;
    spr_tracer *tracer = nullptr, *again = nullptr, *plain = nullptr;
    ASSERT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), 0);
    ASSERT_EQ(spr_tracer_get_with(tracing.provider(), &options, &again), 0);
    EXPECT_EQ(tracer, again);
    options.attribute_count = 0;
    ASSERT_EQ(spr_tracer_get_with(tracing.provider(), &options, &plain), 0);
    EXPECT_NE(plain, tracer);
    ASSERT_EQ(
        spr_tracer_get(tracing.provider(), "scope", SPR_NUL, "1.2", SPR_NUL, "https://example.com/1", SPR_NUL, &again),
        0);
    EXPECT_EQ(plain, again) << "the same arguments, said in the other way";

    spr_span span;
    ASSERT_EQ(spr_span_start(tracer, "span", SPR_NUL, &span), 1);
    ASSERT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 1u);
    const auto& written = segment.scope(segment.spans()[0].scope);
    EXPECT_EQ(written.scope().name(), "scope");
    EXPECT_EQ(written.scope().version(), "1.2");
    EXPECT_EQ(written.schema_url(), "https://example.com/1");
    EXPECT_EQ(written.scope().attributes_size(), 3);
    EXPECT_EQ(attribute(written.scope(), "a"), "string:last");
    EXPECT_EQ(attribute(written.scope(), "n"), "int:1");
    EXPECT_EQ(attribute(written.scope(), "list"), "array:[none]");
}

TEST_IN_PROCESS(ScopeTest, RefusesAttributesThatAreNoneOrDoNotFit) {
    Tracing tracing;
    spr_tracer* tracer = nullptr;
    spr_attribute bad = int_attribute("", 1);
    spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    options.attribute_count = 1;
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -EINVAL);
    options.attributes = &bad;
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -EINVAL);
    const std::string text(5000, 'x');
    bad = text_attribute("long", text.c_str());
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -ENOSPC);
    options.struct_size = 2;
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -EINVAL);
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, nullptr), -EINVAL);
    EXPECT_EQ(spr_tracer_get_with(nullptr, &options, &tracer), -EINVAL);
    EXPECT_EQ(tracer, nullptr);
}

}  // namespace
}  // namespace spanring
