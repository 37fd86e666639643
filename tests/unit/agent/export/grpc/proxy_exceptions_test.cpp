// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/proxy_exceptions.hpp"

#include <gtest/gtest.h>

namespace spanring::agent::test {
namespace {

bool direct(const char* host, const char* exceptions) { return is_reached_directly(host, "4317", exceptions); }

TEST(ProxyExceptionsTest, AlwaysHaveThisHost) {
    for (const char* host : {"localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"}) {
        EXPECT_TRUE(direct(host, "")) << host;
    }
    EXPECT_FALSE(direct("collector", ""));
}

TEST(ProxyExceptionsTest, AreNamesWithEverythingBelowThem) {
    EXPECT_TRUE(direct("otlp.example.com", "other, example.com"));
    EXPECT_TRUE(direct("otlp.Example.com", ".EXAMPLE.com"));
    EXPECT_TRUE(direct("example.com", "example.com"));
    EXPECT_FALSE(direct("badexample.com", "example.com"));
    EXPECT_FALSE(direct("example.com.evil", "example.com"));
    EXPECT_FALSE(direct("collector", ",, ,"));
}

TEST(ProxyExceptionsTest, MayBeAllHosts) {
    EXPECT_TRUE(direct("anything", "*"));
    EXPECT_TRUE(direct("anything", "a, * "));
}

TEST(ProxyExceptionsTest, MayHaveAPortAndBeAddresses) {
    EXPECT_TRUE(direct("collector", "collector:4317"));
    EXPECT_FALSE(direct("collector", "collector:4318"));
    EXPECT_TRUE(direct("10.0.0.7", "10.0.0.7"));
    EXPECT_TRUE(direct("fe80::1", "fe80::1"));
    EXPECT_TRUE(direct("fe80::1", "[fe80::1]:4317"));
    EXPECT_FALSE(direct("fe80::1", "[fe80::1]:9"));
}

}  // namespace
}  // namespace spanring::agent::test
