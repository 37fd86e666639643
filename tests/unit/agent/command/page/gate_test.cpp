// SPDX-License-Identifier: Apache-2.0
#include "command/page/gate.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

unsigned status(const Gate& gate, const RequestHead& head, bool document = false) {
    const auto refused = gate.refuses(head, document);
    return refused ? refused->status : 200;
}

RequestHead asks(std::string_view host) {
    RequestHead head;
    head.method = "GET";
    head.host = host;
    return head;
}

TEST(PageGate, AnswersToLoopbacksNamesAlone) {
    const Gate gate("http", {"trace.example"}, false);
    for (const char* host : {"127.0.0.1:80", "127.0.0.1", "127.9.8.7:1", "localhost", "LOCALHOST:65535", "[::1]",
                             "[::1]:8080", "trace.example", "Trace.Example:443"})
        EXPECT_EQ(status(gate, asks(host)), 200u) << host;
    for (const char* host : {"",
                             "evil.example",
                             "127.0.0.1.evil.example",
                             "localhost.evil.example",
                             "evil.example:80",
                             "10.0.0.1",
                             "[::2]",
                             "::1",
                             "[::1",
                             "localhost:",
                             "localhost:x",
                             "localhost:123456",
                             "localhost:80:80",
                             "localhost@evil",
                             "2130706433",
                             "0x7f.1",
                             "127.1",
                             "localhost ",
                             "[::1]x",
                             "[]",
                             ":80",
                             "0.0.0.0",
                             "localhost.",
                             "user@localhost"})
        EXPECT_EQ(status(gate, asks(host)), 421u) << host;
}

TEST(PageGate, ElsewhereAnyAddressIsItsOwnAndNoOtherName) {
    const Gate gate("https", {"trace.example"}, true);
    for (const char* host : {"10.0.0.1:8443", "[2001:db8::1]:8443", "trace.example:8443", "localhost"})
        EXPECT_EQ(status(gate, asks(host)), 200u) << host;
    for (const char* host : {"evil.example", "10.0.0.1.evil.example", "10.0.1"})
        EXPECT_EQ(status(gate, asks(host)), 421u) << host;
}

TEST(PageGate, AnswersItsOwnPagesAndWhoeverIsNoPage) {
    const Gate gate("http", {}, false);
    RequestHead head = asks("localhost:80");
    EXPECT_EQ(status(gate, head), 200u) << "curl";
    head.fetch_site = "same-origin";
    head.origin = "http://localhost:80";
    EXPECT_EQ(status(gate, head), 200u);
    head.fetch_site = "none";
    EXPECT_EQ(status(gate, head), 200u);
    for (const char* site : {"cross-site", "same-site", "", "Same-Origin, none"}) {
        head.fetch_site = site;
        EXPECT_EQ(status(gate, head), 403u) << site;
        EXPECT_EQ(status(gate, head, true), 403u) << "no navigation";
    }
    head.fetch_site = "same-origin";
    for (const char* origin : {"null", "", "http://evil.example", "https://localhost:80", "http://localhost",
                               "http://localhost:81", "http://localhost:80/", "http://localhost:80.evil.example"}) {
        head.origin = origin;
        EXPECT_EQ(status(gate, head), 403u) << origin;
    }
}

TEST(PageGate, AnotherSiteMayLeadToAPageAndToNothingElse) {
    const Gate gate("http", {}, false);
    RequestHead head = asks("localhost:80");
    head.fetch_site = "cross-site";
    head.fetch_mode = "navigate";
    head.fetch_destination = "document";
    EXPECT_EQ(status(gate, head, true), 200u);
    EXPECT_EQ(status(gate, head, false), 403u);
    head.fetch_destination = "iframe";
    EXPECT_EQ(status(gate, head, true), 403u);
    head.fetch_destination = "document";
    head.fetch_mode = "no-cors";
    EXPECT_EQ(status(gate, head, true), 403u);
}

TEST(PageGate, OnlyReads) {
    const Gate gate("http", {}, false);
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", ""}) {
        RequestHead head = asks("localhost");
        head.method = method;
        EXPECT_EQ(status(gate, head), 405u) << method;
    }
    RequestHead head = asks("localhost");
    head.method = "HEAD";
    EXPECT_EQ(status(gate, head), 200u);
    head.twice = true;
    EXPECT_EQ(status(gate, head), 400u);
}

}  // namespace
}  // namespace spanring::agent
