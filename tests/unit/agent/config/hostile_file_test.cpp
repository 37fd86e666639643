// SPDX-License-Identifier: Apache-2.0
//
// Files that are made to cost, to hang or to mislead: each is refused, named, and soon done with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>

#include <sys/stat.h>

#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

using HostileFileTest = test::ConfigTest;

std::string repeated(const std::string& text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

TEST_F(HostileFileTest, ABillionLaughsAreNotLaughed) {
    std::string file = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        file +=
            "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated(before + ", ", 8) + before + "]\n";
    }
    EXPECT_THAT(load(file).problems,
                ElementsAre(AllOf(StartsWith(file_ + ":5:"), HasSubstr("more than 20000 values"))));
    // Of merge keys likewise.
    file = "a0: &a0 {k: [x, x, x, x, x, x, x, x, x]}\n";
    for (int i = 1; i < 30; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        file += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: " + before + ", l" + std::to_string(i) +
                ": " + before + "}\n";
    }
    EXPECT_THAT(load(file).problems, ElementsAre(HasSubstr("more than 20000 values")));
    // One long text, many times.
    file = "a: &a " + std::string(100'000, 'x') + "\nb: [" + repeated("*a, ", 60) + "*a]\n";
    EXPECT_THAT(load(file).problems, ElementsAre(HasSubstr("more than 4MiB, aliases counted")));
}

TEST_F(HostileFileTest, AnAliasWithinWhatItNamesIsRefused) {
    EXPECT_THAT(load("exporters: &a\n  debug: *a\n").problems,
                ElementsAre(at(2, 10) + "not valid YAML: an alias within what it names"));
    EXPECT_THAT(load("a: &a [*a]\n").problems, ElementsAre(HasSubstr("an alias within what it names")));
    EXPECT_THAT(load("a: &a {<<: *a}\n").problems, ElementsAre(HasSubstr("an alias within what it names")));
    EXPECT_THAT(load("a: *nothing\n").problems, ElementsAre(HasSubstr("not valid YAML")));
}

TEST_F(HostileFileTest, NestingHasAnEnd) {
    EXPECT_THAT(load("a: " + repeated("[", 100) + repeated("]", 100) + "\n").problems,
                ElementsAre(HasSubstr("nested too deeply")));
    EXPECT_THAT(load(repeated("[", 100'000)).problems, SizeIs(1));
    EXPECT_THAT(load(repeated("{a: ", 100'000)).problems, SizeIs(1));
    // By aliases, each of which is flat enough.
    std::string file = "a0: &a0 " + repeated("[", 40) + repeated("]", 40) + "\n";
    file += "a1: " + repeated("[", 40) + "*a0" + repeated("]", 40) + "\n";
    EXPECT_THAT(load(file).problems, ElementsAre(HasSubstr("nested too deeply")));
    std::string path = "a";
    path += repeated(".a", 30'000) + "=1";
    EXPECT_THAT(load("", {"--set", path}).problems, ElementsAre(HasSubstr("not of the form KEY=VALUE")));
}

TEST_F(HostileFileTest, WhatIsTooLargeOrNoTextIsRefused) {
    EXPECT_THAT(load(std::string((4 << 20) + 1, '#')).problems,
                ElementsAre(file_ + ": cannot read: is larger than 4MiB"));
    EXPECT_THAT(load("", {"--config", "/dev/zero"}).problems,
                ElementsAre("/dev/zero: cannot read: is larger than 4MiB"));
    EXPECT_THAT(load("", {"--config", "/dev/null"}).problems, IsEmpty());
    EXPECT_THAT(load(std::string("\x7f"
                                 "ELF\0\0\0\1",
                                 8) +
                     std::string(1000, '\xff'))
                    .problems,
                SizeIs(testing::Ge(1u)));
    EXPECT_THAT(load(std::string("exporters:\0 debug", 17)).problems, SizeIs(testing::Ge(1u)));
    EXPECT_THAT(load("- a\n- b\n").problems, ElementsAre(at(1, 1) + "must be a mapping of keys to values"));
    EXPECT_THAT(load("just words\n").problems, ElementsAre(at(1, 1) + "must be a mapping of keys to values"));
    EXPECT_THAT(load("[a, b]: c\n").problems, ElementsAre(at(1, 1) + "a key must be a word"));
}

TEST_F(HostileFileTest, OfAPipeIsWaitedForAWhileAndASecretIsNone) {
    const std::string pipe = directory_.file("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::thread writer([&] { std::ofstream(pipe) << "processors: {batch: {timeout: 3s}}\n"; });
    const LoadedConfig loaded = load("", {"--config", pipe});
    writer.join();
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.batch.timeout, std::chrono::seconds(3));
    EXPECT_THAT(load("", {"--config", pipe}).problems, ElementsAre(pipe + ": cannot read: nobody writes into it"));
    EXPECT_THAT(load("exporters: {otlp_http: {headers: {a: \"${file:" + pipe + "}\"}}}\n").problems,
                ElementsAre(HasSubstr("is not a regular file")));
}

TEST_F(HostileFileTest, WhatIsSubstitutedHasABound) {
    environment_["LONG"] = std::string(100'000, 'x');
    EXPECT_THAT(load("exporters:\n  otlp_http:\n    headers: {a: \"" + repeated("${env:LONG}", 200) + "\"}\n").problems,
                ElementsAre(HasSubstr("is too long, with what stands for ${...}")));
    std::ofstream(directory_.file("big")) << std::string(100'000, 'x');
    EXPECT_THAT(load("exporters: {otlp_http: {headers: {a: \"${file:" + directory_.file("big") + "}\"}}}\n").problems,
                ElementsAre(HasSubstr("is larger than 64KiB")));
}

TEST_F(HostileFileTest, ManyKeysTakeNoTimeToSpeakOf) {
    std::string file = "exporters:\n  otlp_http:\n    headers:\n";
    for (int i = 0; i < 9'000; ++i) file += "      k" + std::to_string(i) + ": v\n";
    EXPECT_THAT(load(file, {"--config", file_}).problems, IsEmpty());  // over itself
    std::string names;
    for (int i = 0; i < 9000; ++i) names += "n" + std::to_string(i) + ", ";
    EXPECT_THAT(load("service: {pipelines: {traces: {exporters: [" + names + "x]}}}\n").problems, SizeIs(9001));
}

}  // namespace
}  // namespace spanring::agent
