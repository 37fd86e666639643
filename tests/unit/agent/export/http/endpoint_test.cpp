// SPDX-License-Identifier: Apache-2.0
#include "export/http/endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace spanring::agent::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string url(std::string_view endpoint, std::string_view traces_endpoint = {}) {
    return parse_http_endpoint(endpoint, traces_endpoint).url;
}

std::string complaint(std::string_view endpoint, std::string_view traces_endpoint = {}) {
    try {
        return "(none): " + url(endpoint, traces_endpoint);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

TEST(HttpEndpointTest, AppendsThePathWithoutDoublingSlashes) {
    EXPECT_EQ(url("http://localhost:4318"), "http://localhost:4318/v1/traces");
    EXPECT_EQ(url("http://localhost:4318/"), "http://localhost:4318/v1/traces");
    EXPECT_EQ(url("https://otlp.example/base/path"), "https://otlp.example/base/path/v1/traces");
    EXPECT_EQ(url("https://otlp.example/base/"), "https://otlp.example/base/v1/traces");
    EXPECT_EQ(url("http://[::1]:4318"), "http://[::1]:4318/v1/traces");
}

TEST(HttpEndpointTest, TakesTracesEndpointAsItIs) {
    EXPECT_EQ(url("http://other:1", "https://otlp.example:9/custom"), "https://otlp.example:9/custom");
    EXPECT_EQ(url("", "https://otlp.example/in?key=1"), "https://otlp.example/in?key=1");
    EXPECT_EQ(url("", "https://otlp.example"), "https://otlp.example/") << "the root where there is no path";
}

TEST(HttpEndpointTest, LeavesAPathAsItStands) {
    EXPECT_EQ(url("http://x:1/a/../b"), "http://x:1/a/../b/v1/traces");
    EXPECT_EQ(url("", "http://x:1/a/./../b"), "http://x:1/a/./../b");
}

TEST(HttpEndpointTest, TakesUnixSockets) {
    const HttpEndpoint path = parse_http_endpoint("unix:/run/collector.sock", "");
    EXPECT_EQ(path.socket, "/run/collector.sock");
    EXPECT_EQ(path.url, "http://localhost/v1/traces");
    EXPECT_FALSE(path.tls);
    EXPECT_TRUE(path.loopback);
    EXPECT_EQ(parse_http_endpoint("unix:///run/collector.sock", "").socket, "/run/collector.sock");
    EXPECT_EQ(parse_http_endpoint("unix-abstract:collector", "").socket, std::string("\0collector", 10));
}

TEST(HttpEndpointTest, KnowsTlsByTheSchemeAndThisHostByItsNames) {
    EXPECT_TRUE(parse_http_endpoint("https://x", "").tls);
    EXPECT_TRUE(parse_http_endpoint("HTTPS://x", "").tls);
    EXPECT_FALSE(parse_http_endpoint("http://x", "").tls);
    for (const char* here : {"http://localhost:1", "http://127.0.0.1", "http://127.1.2.3:4318", "http://[::1]:4318"}) {
        EXPECT_TRUE(parse_http_endpoint(here, "").loopback) << here;
    }
    EXPECT_FALSE(parse_http_endpoint("http://collector:4318", "").loopback);
}

TEST(HttpEndpointTest, SaysWhatIsWrongWithWhichText) {
    EXPECT_THAT(complaint(""), StartsWith("endpoint \"\": it is empty"));
    EXPECT_THAT(complaint("localhost:4318"), StartsWith("endpoint \"localhost:4318\": it must begin with http://"));
    EXPECT_THAT(complaint("http://x:4318/v1/traces"), HasSubstr("traces_endpoint is the whole URL"));
    EXPECT_THAT(complaint("http://x/base/v1/traces/"), HasSubstr("it must not end in it"));
    EXPECT_THAT(complaint("unix:"), HasSubstr("path of the socket is missing"));
    EXPECT_THAT(complaint("ftp://host"), HasSubstr("the scheme \"ftp\" is not one of http, https"));
    EXPECT_THAT(complaint("http://"), StartsWith("endpoint \"http://\": "));
    EXPECT_THAT(complaint("http://ho st"), HasSubstr("white space"));
    for (const char* port : {"http://host:0", "http://host:65536", "http://host:port"}) {
        EXPECT_THAT(complaint(port), HasSubstr("port")) << port;
    }
    EXPECT_THAT(complaint("http://me:secret@host"),
                HasSubstr("\"http://...@host\": user and password belong in headers"));
    EXPECT_THAT(complaint("http://host/?key=1"), HasSubstr("traces_endpoint may"));
    EXPECT_THAT(complaint("http://host/#part"), HasSubstr("\"#\""));
    EXPECT_THAT(complaint("http://fine", "gopher://x/"), StartsWith("traces_endpoint \"gopher://x/\": the scheme"));
}

}  // namespace
}  // namespace spanring::agent::test
