// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/text.hpp"

namespace spanring::agent::test {
namespace {

using testing::HasSubstr;

TEST(EndpointTest, TakesHostAndPort) {
    const Endpoint endpoint = parse_endpoint("collector.example:4317", true);
    EXPECT_EQ(endpoint.host, "collector.example");
    EXPECT_EQ(endpoint.port, "4317");
    EXPECT_EQ(endpoint.target(), "collector.example:4317");
    EXPECT_FALSE(endpoint.tls);
}

TEST(EndpointTest, UsesTlsBySchemeAndOtherwiseByInsecure) {
    EXPECT_TRUE(parse_endpoint("localhost:4317", false).tls);
    EXPECT_FALSE(parse_endpoint("localhost:4317", true).tls);
    EXPECT_FALSE(parse_endpoint("http://localhost:4317", false).tls);
    EXPECT_TRUE(parse_endpoint("https://localhost:4317", true).tls);
    EXPECT_TRUE(parse_endpoint("HTTPS://localhost", true).tls);
    EXPECT_FALSE(parse_endpoint("unix:/run/collector.sock", false).tls);
}

TEST(EndpointTest, DefaultsThePort) {
    EXPECT_EQ(parse_endpoint("localhost", true).target(), "localhost:4317");
    EXPECT_EQ(parse_endpoint("http://localhost/", true).target(), "localhost:4317");
    EXPECT_EQ(parse_endpoint("[::1]", true).target(), "[::1]:4317");
}

TEST(EndpointTest, TakesIpv6InBrackets) {
    const Endpoint endpoint = parse_endpoint("http://[fe80::1%eth0]:9", true);
    EXPECT_EQ(endpoint.host, "fe80::1%eth0");
    EXPECT_EQ(endpoint.target(), "[fe80::1%eth0]:9");
}

TEST(EndpointTest, TakesUnixSockets) {
    EXPECT_EQ(parse_endpoint("unix:relative.sock", true).target(), "unix:relative.sock");
    EXPECT_EQ(parse_endpoint("unix:/run/a.sock", true).path, "/run/a.sock");
    EXPECT_EQ(parse_endpoint("unix:///run/a.sock", true).target(), "unix:/run/a.sock");
    EXPECT_EQ(parse_endpoint("unix:/run/a.sock", true).authority(), "localhost");
}

TEST(EndpointTest, TakesAbstractSockets) {
    const Endpoint endpoint = parse_endpoint("unix-abstract:collector", false);
    EXPECT_EQ(endpoint.path, std::string("\0collector", 10));
    EXPECT_EQ(endpoint.target(), "unix-abstract:collector");
    EXPECT_EQ(endpoint.authority(), "localhost");
    EXPECT_FALSE(endpoint.tls);
}

TEST(EndpointTest, TakesTargetsOfGrpcs) {
    EXPECT_EQ(parse_endpoint("dns:///collector:9", true).target(), "dns:///collector:9");
    EXPECT_EQ(parse_endpoint("dns:///collector", true).target(), "dns:///collector:4317");
    EXPECT_EQ(parse_endpoint("dns:collector", true).target(), "dns:collector:4317");
    EXPECT_EQ(parse_endpoint("dns://8.8.8.8/collector:9", true).target(), "dns://8.8.8.8/collector:9");
    EXPECT_EQ(parse_endpoint("ipv4:10.0.0.1:9,10.0.0.2", true).target(), "ipv4:10.0.0.1:9,10.0.0.2:4317");
    EXPECT_EQ(parse_endpoint("ipv6:[fe80::1]:9", true).target(), "ipv6:[fe80::1]:9");
    const Endpoint first = parse_endpoint("ipv4:10.0.0.1:9,10.0.0.2", false);
    EXPECT_EQ(first.host, "10.0.0.1");
    EXPECT_EQ(first.authority(), "10.0.0.1:9");
    EXPECT_TRUE(first.tls) << "no scheme says otherwise";
    EXPECT_EQ(parse_endpoint("dns:4317", true).host, "dns") << "a host may be called so";
}

TEST(EndpointTest, SaysWhatIsWrong) {
    struct Case {
        const char* text;
        const char* complaint;
    };
    const Case cases[] = {
        {"", "it is empty"},
        {"local host:4317", "white space"},
        {"ftp://localhost:4317", "scheme \"ftp\""},
        {"://localhost", "scheme \"\""},
        {"http://", "the host is missing"},
        {":4317", "the host is missing"},
        {"localhost:", "the port after \":\" is missing"},
        {"localhost:http", "the port \"http\" is not a number"},
        {"localhost:43x", "the port \"43x\" is not a number"},
        {"localhost:0", "not in the range 1 to 65535"},
        {"localhost:65536", "not in the range 1 to 65535"},
        {"localhost:99999999999999999999", "is not a number"},
        {"::1", "must be in brackets"},
        {"[::1:4317", "bracket after the IPv6 address is missing"},
        {"[::1]4317", "not a port"},
        {"http://user:pw@host:1", "\"http://...@host:1\": user and password belong in headers"},
        {"user:pw@host", "\"...@host\": user and password belong in headers"},
        {"http://user@host:1", "belong in headers"},
        {"ho\"st:1", "'\"'"},
        {"http://localhost:4318/v1/traces", "\"/v1/traces\" follows the port"},
        {"localhost?x", "\"?...\" follows the port"},
        {"unix:", "path of the socket is missing"},
        {"unix://relative", "is not absolute"},
        {"unix-abstract:", "name of the socket is missing"},
        {"dns://server", "the host after"},
        {"dns:///", "the host is missing"},
        {"ipv4:10.0.0.1,", "the host is missing"},
        {"ipv6:fe80::1", "must be in brackets"},
    };
    for (const Case& c : cases) {
        try {
            parse_endpoint(c.text, true);
            ADD_FAILURE() << "accepted " << c.text;
        } catch (const std::invalid_argument& error) {
            EXPECT_THAT(error.what(), HasSubstr(c.complaint));
            EXPECT_THAT(error.what(), HasSubstr("\"" + shown_url(c.text) + "\""));
        }
    }
    EXPECT_THROW(parse_endpoint("unix:/" + std::string(200, 'x'), true), std::invalid_argument);
}

}  // namespace
}  // namespace spanring::agent::test
