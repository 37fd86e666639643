// SPDX-License-Identifier: Apache-2.0
#include "segment/host_facts.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <sys/utsname.h>

#include "otlp/span_decoder.hpp"
#include "segment/producer_reader.hpp"
#include "support/segment_image.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

class HostFactsTest : public testing::Test {
protected:
    HostFactsTest() {
        std::filesystem::create_directory(root_.file("etc"));
        unsetenv("K8S_NODE_NAME");
    }
    ~HostFactsTest() override { unsetenv("K8S_NODE_NAME"); }

    void file(const char* name, const std::string& text) { std::ofstream(root_.path() + name) << text; }
    std::map<std::string, std::string> facts() const {
        const HostFacts found = find_host_facts(root_.path());
        std::map<std::string, std::string> map(found.begin(), found.end());
        EXPECT_EQ(map.size(), found.size()) << "a key is there twice";
        return map;
    }

    test::TemporaryDirectory root_;
};

TEST_F(HostFactsTest, AreThoseOfTheKernelAndTheFiles) {
    file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    file("/etc/os-release",
         "PRETTY_NAME=\"Some Linux 12 (name)\"\nNAME='Some Linux'\nVERSION_ID=12\nVERSION=other\nNAMESAKE=x\n");
    utsname kernel{};
    uname(&kernel);
    const auto found = facts();
    EXPECT_EQ(found.at("host.name"), kernel.nodename);
    EXPECT_EQ(found.at("host.id"), "0123456789abcdef0123456789abcdef");
    EXPECT_FALSE(found.at("host.arch").empty());
    EXPECT_EQ(found.at("os.type"), "linux");
    EXPECT_EQ(found.at("os.name"), "Some Linux");
    EXPECT_EQ(found.at("os.version"), "12");
    EXPECT_EQ(found.at("os.description"), "Some Linux 12 (name)");
    EXPECT_FALSE(found.contains("k8s.node.name"));
}

TEST_F(HostFactsTest, DoWithoutFiles) {
    const auto found = facts();
    EXPECT_TRUE(found.contains("host.name"));
    EXPECT_FALSE(found.contains("host.id"));
    EXPECT_FALSE(found.contains("os.version"));
}

TEST_F(HostFactsTest, TakeNoNonsense) {
    file("/etc/machine-id", "uninitialized\n");
    file("/etc/os-release", "NAME=\nVERSION_ID=" + std::string(1000, 'x') + "\nPRETTY_NAME=\"a\xff\"\n");
    const auto found = facts();
    EXPECT_FALSE(found.contains("host.id"));
    EXPECT_FALSE(found.contains("os.name"));
    EXPECT_FALSE(found.contains("os.version"));
    EXPECT_EQ(found.at("os.description").size(), 2u) << "repaired, at the same length";
    EXPECT_NE(found.at("os.description"), "a\xff");
}

TEST_F(HostFactsTest, NameTheNodeOfAPod) {
    setenv("K8S_NODE_NAME", "node-7", 1);
    const auto found = facts();
    EXPECT_EQ(found.at("k8s.node.name"), "node-7");
    EXPECT_EQ(found.at("host.name"), "node-7");
}

TEST_F(HostFactsTest, AreAddedWhereTheProcessDoesNotSaySoItself) {
    test::TemporaryDirectory directory;
    test::FileImage image{directory};
    ring::Header header = image.view().header();
    memcpy(image.view().resource() + header.resource_size, "https://schema", 14);
    header.schema_size = 14;
    const auto producer =
        read_producer(header, image.view(), 1, {{"host.name", "here"}, {"service.name", "not the host's to say"}});
    ASSERT_NE(producer, nullptr);
    const std::string span = {0x12, 4, 0x12, 2, 0x2a, 0};  // one ScopeSpans with one Span
    const std::string inside = producer->resource + span;  // fields 1, 3 and 2 of ResourceSpans
    const std::string request = std::string(1, 0x0a) + static_cast<char>((inside.size() & 0x7f) | 0x80) +
                                static_cast<char>(inside.size() >> 7) + inside;
    int spans = 0;
    const auto visit = [&](const DecodedResource& resource, const DecodedScope&, std::span<const uint8_t>) {
        ++spans;
        std::multimap<std::string, std::string> said;
        for (const auto& [key, value] : resource.attributes) said.emplace(key, value.text);
        EXPECT_EQ(said.count("service.name"), 1u);
        EXPECT_EQ(said.find("service.name")->second, producer->service);
        EXPECT_NE(producer->service, "not the host's to say");
        ASSERT_EQ(said.count("host.name"), 1u);
        EXPECT_EQ(said.find("host.name")->second, "here");
        EXPECT_EQ(resource.schema_url, "https://schema");
    };
    EXPECT_TRUE(visit_spans({reinterpret_cast<const uint8_t*>(request.data()), request.size()}, visit));
    EXPECT_EQ(spans, 1);
}

}  // namespace
}  // namespace spanring::agent
