// SPDX-License-Identifier: Apache-2.0
//
// The process context, read from outside as OTEP 4719 tells a profiler to.
#include <string>

#include "support/process_context_reader.hpp"
#include "support/segment_spans.hpp"
#include "trace/process/mapping_names.hpp"

namespace spanring {
namespace {

using test::ProfiledProcess;

std::string of_resource(const std::optional<otlp::ProcessContext>& context, const char* key) {
    return context ? test::attribute(context->resource(), key) : "no process context";
}

TEST(ProcessContextTest, HasTheResourceFromTheOpenOn) {
    ProfiledProcess program;
    EXPECT_TRUE(test::process_context_mappings(program.id()).empty());
    ASSERT_EQ(program.ask("open shop"), 0);
    ASSERT_EQ(test::process_context_mappings(program.id()).size(), 1u);
    const auto context = test::read_process_context(program.id());
    EXPECT_EQ(of_resource(context, "service.name"), "string:shop");
    EXPECT_EQ(of_resource(context, "process.pid"), "int:" + std::to_string(program.id()));
    EXPECT_EQ(of_resource(context, "service.instance.id").size(), 36 + sizeof "string:" - 1);
    ASSERT_EQ(context->attributes_size(), 2);
    EXPECT_EQ(context->attributes(0).key(), "threadlocal.schema_version");
    EXPECT_EQ(context->attributes(0).value().string_value(), "tlsdesc_v1_dev");
    EXPECT_EQ(context->attributes(1).key(), "threadlocal.attribute_key_map");
    EXPECT_TRUE(context->attributes(1).value().has_array_value());
    EXPECT_EQ(context->attributes(1).value().array_value().values_size(), 0);
}

TEST(ProcessContextTest, SaysWhatTheSpansSay) {
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open shop"), 0);
    ASSERT_EQ(program.ask("span"), 0);
    const auto context = test::read_process_context(program.id());
    ASSERT_TRUE(context);
    const test::SegmentSpans segment(program.segment());
    EXPECT_EQ(context->resource().SerializeAsString(), segment.resource().SerializeAsString());
}

TEST(ProcessContextTest, IsOneForAllProviders) {
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open first"), 0);
    ASSERT_EQ(program.ask("shutdown"), 0);
    ASSERT_EQ(program.ask("open second"), 0);
    ASSERT_EQ(program.ask("span"), 0);
    EXPECT_EQ(test::process_context_mappings(program.id()).size(), 1u);
    EXPECT_EQ(of_resource(test::read_process_context(program.id()), "service.name"), "string:first");
}

TEST(ProcessContextTest, OfAChildIsItsOwn) {
    for (const char* kind : {"fork", "clone"}) {
        ProfiledProcess program;
        ASSERT_EQ(program.ask("open shop"), 0);
        const auto parents = test::read_process_context(program.id());
        const pid_t child = program.ask(kind);
        EXPECT_TRUE(test::process_context_mappings(child).empty())
            << "nothing of the parent's in a child that never traced";
        ASSERT_EQ(program.ask("span"), 0);
        EXPECT_EQ(test::process_context_mappings(child).size(), 1u);
        const auto own = test::read_process_context(child);
        EXPECT_EQ(of_resource(own, "service.name"), "string:shop");
        EXPECT_EQ(of_resource(own, "process.pid"), "int:" + std::to_string(child));
        EXPECT_NE(of_resource(own, "service.instance.id"), of_resource(parents, "service.instance.id"));
        program.end_child();
        const auto after = test::read_process_context(program.id());
        EXPECT_EQ(of_resource(after, "service.instance.id"), of_resource(parents, "service.instance.id"));
    }
}

// Whichever of its providers traces first there.
TEST(ProcessContextTest, OfAChildIsThatOfTheProviderThatOpenedFirst) {
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open first"), 0);
    ASSERT_EQ(program.ask("open second"), 0);
    const pid_t child = program.ask("fork");
    ASSERT_EQ(program.ask("span"), 0);
    EXPECT_EQ(of_resource(test::read_process_context(child), "service.name"), "string:first");
    program.end_child();
}

TEST(ProcessContextTest, GivesWayToAnotherLibrarys) {
    ProfiledProcess program;
    ASSERT_EQ(program.ask("foreign OTEL_CTX"), 0);
    ASSERT_EQ(program.ask("open shop"), 0);
    EXPECT_EQ(test::process_context_mappings(program.id()).size(), 1u);
    EXPECT_FALSE(test::read_process_context(program.id())) << "its content is the other's";
    EXPECT_EQ(program.ask("span"), 0) << "and tracing goes on";
}

TEST(ProcessContextTest, IsNotConfusedByOtherNames) {
    ProfiledProcess program;
    ASSERT_EQ(program.ask("foreign MY_OTEL_CTX"), 0);
    ASSERT_EQ(program.ask("open shop"), 0);
    EXPECT_TRUE(test::read_process_context(program.id()));
}

TEST(ProcessContextTest, IsOffByTheEnvironment) {
    for (const char* value : {"off", "OFF", "false", "0"}) {
        setenv("SPANRING_PROFILER_CONTEXT", value, 1);
        ProfiledProcess program;
        unsetenv("SPANRING_PROFILER_CONTEXT");
        ASSERT_EQ(program.ask("open shop"), 0);
        EXPECT_EQ(program.ask("span"), 0);
        EXPECT_TRUE(test::process_context_mappings(program.id()).empty());
        const pid_t child = program.ask("fork");
        EXPECT_EQ(program.ask("span"), 0);
        EXPECT_TRUE(test::process_context_mappings(child).empty());
        program.end_child();
    }
}

TEST(ProcessContextTest, IsOffWhereTracingIs) {
    setenv("SPANRING_DISABLED", "1", 1);
    ProfiledProcess program;
    unsetenv("SPANRING_DISABLED");
    ASSERT_EQ(program.ask("open shop"), 0);
    EXPECT_TRUE(test::process_context_mappings(program.id()).empty());
}

// Without a memory file there is an anonymous mapping, if the kernel names such ones, and else none.
TEST(ProcessContextTest, TakesAnAnonymousMappingWhereMemoryFilesAreForbidden) {
    ProfiledProcess program;
    if (program.ask("deny-memfd") != 0) GTEST_SKIP() << "no seccomp filters here";
    ASSERT_EQ(program.ask("open shop"), 0);
    EXPECT_EQ(program.ask("span"), 0);
    const auto mappings = test::process_context_mappings(program.id());
    if (!test::kernel_names_mappings()) {
        EXPECT_TRUE(mappings.empty());
        GTEST_SKIP() << "this kernel names no anonymous mappings (CONFIG_ANON_VMA_NAME)";
    }
    ASSERT_EQ(mappings.size(), 1u);
    EXPECT_EQ(mappings[0].name, "[anon:OTEL_CTX]");
    EXPECT_EQ(of_resource(test::read_process_context(program.id()), "service.name"), "string:shop");
}

// ---- the names of mappings ----

bool finds(const std::string& maps) {
    test::PrivateDirectory directory;
    const std::string path = directory.path() + "/maps";
    std::ofstream(path) << maps;
    return trace::has_mapping_named(path.c_str(), "OTEL_CTX");
}

constexpr char kFields[] = "7f976f557000-7f976f558000 rw-p 00000000 00:01 135667                     ";

TEST(MappingNamesTest, AreFoundAsTheSpecificationSpellsThem) {
    for (const char* name :
         {"/memfd:OTEL_CTX (deleted)", "/memfd:OTEL_CTX", "[anon:OTEL_CTX]", "[anon_shmem:OTEL_CTX]"})
        EXPECT_TRUE(finds(std::string(kFields) + "[heap]\n" + kFields + "\n" + kFields + name + "\n")) << name;
    for (const char* name :
         {"/memfd:OTEL_CT", "/memfd:MY_OTEL_CTX", "/home/memfd:OTEL_CTX", "[anon:OTEL]", "", "[stack]", "/OTEL_CTX"})
        EXPECT_FALSE(finds(std::string(kFields) + name + "\n")) << name;
}

TEST(MappingNamesTest, AreFoundBehindLongLinesAndAcrossReads) {
    const std::string endless = kFields + std::string("/") + std::string(10'000, 'x') + "\n";
    const std::string found = std::string(kFields) + "/memfd:OTEL_CTX (deleted)\n";
    for (size_t before = 0; before < 200; ++before)
        EXPECT_TRUE(finds(kFields + std::string("/") + std::string(4'000 + before, 'y') + "\n" + found)) << before;
    EXPECT_TRUE(finds(endless + found));
    EXPECT_FALSE(finds(endless));
    EXPECT_FALSE(trace::has_mapping_named("/nonexistent/maps", "OTEL_CTX"));
}

}  // namespace
}  // namespace spanring
