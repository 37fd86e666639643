// SPDX-License-Identifier: Apache-2.0
#include "receive/request_reader.hpp"

#include <gtest/gtest.h>

#include <string>

#include "otlp.pb.h"
#include "otlp/request.hpp"
#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

std::string resource(const std::string& service, const std::string& instance = {}) {
    std::string attributes = bytes(1, key_value("service.name", text_value(service)));
    if (!instance.empty()) attributes += bytes(1, key_value("service.instance.id", text_value(instance)));
    return bytes(1, attributes);
}

class RequestReaderTest : public testing::Test {
protected:
    // Senders are numbered in the order in which they are asked for.
    RequestReader reader_{[this](const std::string& service, const std::string& instance) {
        asked_.push_back(service + "/" + instance);
        ProcessIdentity identity;
        identity.service = service;
        identity.instance[0] = static_cast<uint8_t>(asked_.size());
        return identity;
    }};
    std::vector<std::string> asked_;
    std::string request_;
    ReceivedSpans spans_;

    std::string read(std::string request) {
        request_ = std::move(request);
        spans_ = {};
        return reader_.read(writable(request_), 1000, spans_);
    }

    otlp::Request sent() const {
        otlp::Request parsed;
        EXPECT_TRUE(parsed.ParseFromString(flatten(assemble(spans_.runs))));
        return parsed;
    }
};

TEST_F(RequestReaderTest, SpansStayWhereTheyAreAndMakeTheSameRequest) {
    const std::string scopes = bytes(2, bytes(1, bytes(1, "http")) + bytes(2, full_span(1)) + bytes(2, full_span(2)) +
                                            bytes(3, "https://schema/scope")) +
                               bytes(2, bytes(1, bytes(1, "sql")) + bytes(2, full_span(3)));
    const std::string request = bytes(1, resource("shop", "7") + scopes + bytes(3, "https://schema/1"));
    ASSERT_EQ(read(request), "");
    EXPECT_EQ(spans_.spans, 3u);
    EXPECT_EQ(spans_.invalid, 0u);
    ASSERT_EQ(spans_.runs.size(), 2u);
    EXPECT_EQ(spans_.runs[0].spans, 2u);
    EXPECT_GE(spans_.runs[0].bytes.data(), writable(request_).data());
    EXPECT_EQ(spans_.runs[0].producer->uid, 1000u);
    EXPECT_EQ(asked_, std::vector<std::string>{"shop/7"});
    otlp::Request original;
    ASSERT_TRUE(original.ParseFromString(request));
    EXPECT_EQ(sent().SerializeAsString(), original.SerializeAsString());
}

TEST_F(RequestReaderTest, ARequestThatSaysTheSameSharesItsResource) {
    const std::string request = bytes(1, resource("shop") + bytes(2, bytes(2, bare_span(1))));
    ASSERT_EQ(read(request), "");
    const auto producer = spans_.runs[0].producer;
    const auto scope = spans_.runs[0].scope;
    ASSERT_EQ(read(request), "");
    EXPECT_EQ(spans_.runs[0].producer, producer);
    EXPECT_EQ(spans_.runs[0].scope, scope);
    EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(RequestReaderTest, AnInvalidSpanIsCutOutAndCounted) {
    const std::string bad = bytes(1, "short") + bytes(2, span_id(2));
    ASSERT_EQ(
        read(bytes(1, resource("shop") + bytes(2, bytes(2, bare_span(1)) + bytes(2, bad) + bytes(2, bare_span(3))))),
        "");
    EXPECT_EQ(spans_.spans, 3u);
    EXPECT_EQ(spans_.invalid, 1u);
    ASSERT_NE(spans_.defect, nullptr);
    ASSERT_EQ(sent().resource_spans(0).scope_spans(0).spans_size(), 2);
    EXPECT_EQ(sent().resource_spans(0).scope_spans(0).spans(1).span_id(), span_id(3));
}

TEST_F(RequestReaderTest, ResourceMayComeAfterItsSpans) {
    ASSERT_EQ(read(bytes(1, bytes(2, bytes(2, bare_span(1)) + bytes(1, bytes(1, "late"))) + resource("shop"))), "");
    EXPECT_EQ(sent().resource_spans(0).resource().attributes(0).value().string_value(), "shop");
    EXPECT_EQ(sent().resource_spans(0).scope_spans(0).scope().name(), "late");
}

TEST_F(RequestReaderTest, FieldsOfALaterVersionAroundTheSpansAreLeftOut) {
    const std::string body = bytes(1, key_value("service.name", text_value("shop"))) + bytes(3, "entity");
    ASSERT_EQ(read(bytes(1, bytes(1, body) + bytes(2, bytes(2, bare_span(1)) + bytes(9, "new")) + bytes(1000, "old")) +
                   bytes(7, "more")),
              "");
    EXPECT_EQ(spans_.invalid, 0u);
    EXPECT_EQ(sent().resource_spans(0).resource().attributes_size(), 1);
}

TEST_F(RequestReaderTest, WithoutAResourceItIsSomebodyWithoutAName) {
    ASSERT_EQ(read(bytes(1, bytes(2, bytes(2, bare_span(1))))), "");
    EXPECT_EQ(spans_.spans, 1u);
    EXPECT_EQ(asked_, std::vector<std::string>{"/"});
}

TEST_F(RequestReaderTest, OfAMalformedResourceNoSpanGoesOn) {
    const std::string twice = bytes(1, bytes(1, "k") + bytes(2, text_value("a")) + bytes(2, text_value("b")));
    ASSERT_EQ(read(bytes(1, bytes(1, twice) + bytes(2, bytes(2, bare_span(1)) + bytes(2, bare_span(2))))), "");
    EXPECT_EQ(spans_.spans, 2u);
    EXPECT_EQ(spans_.invalid, 2u);
    ASSERT_EQ(read(bytes(1, resource("a") + resource("b") + bytes(2, bytes(2, bare_span(1))))), "");
    EXPECT_EQ(spans_.invalid, 1u);
}

TEST_F(RequestReaderTest, AServiceKeepsItsNameWhateverAccountItsSpansAreBookedTo) {
    RequestReader reader([](const std::string&, const std::string&) {
        ProcessIdentity other;
        other.service = "(other senders)";
        return other;
    });
    std::string request = bytes(1, resource("shop") + bytes(2, bytes(2, bare_span(1))));
    ReceivedSpans spans;
    ASSERT_EQ(reader.read(writable(request), 1000, spans), "");
    EXPECT_EQ(spans.runs.at(0).producer->service, "shop");
}

TEST_F(RequestReaderTest, TextThatIsNoUtf8IsRepaired) {
    ASSERT_EQ(
        read(bytes(1, resource("sh\xffp") + bytes(3, "\xc0") + bytes(2, bytes(2, bare_span(1) + bytes(5, "n\xfe"))))),
        "");
    const otlp::Request request = sent();
    EXPECT_EQ(request.resource_spans(0).resource().attributes(0).value().string_value(), "sh?p");
    EXPECT_EQ(request.resource_spans(0).schema_url(), "?");
    EXPECT_EQ(request.resource_spans(0).scope_spans(0).spans(0).name(), "n?");
}

TEST_F(RequestReaderTest, WhatIsNoRequestIsRefusedAsAWhole) {
    const std::string good = bytes(1, resource("shop") + bytes(2, bytes(2, bare_span(1))));
    EXPECT_NE(read("GET / HTTP/1.1"), "");
    EXPECT_NE(read(number(1, 5)), "");
    EXPECT_NE(read(bytes(1, number(2, 5))), "");
    EXPECT_NE(read(bytes(1, bytes(2, number(2, 5)))), "");
    EXPECT_NE(read(good.substr(0, good.size() - 1)), "");
    EXPECT_EQ(read(good), "");
    EXPECT_EQ(read(""), "");
}

TEST_F(RequestReaderTest, TheNumberOfResourcesIsBounded) {
    std::string request;
    for (size_t i = 0; i <= RequestReader::kMostParts; ++i)
        request += bytes(1, resource(std::to_string(i)) + bytes(2, bytes(2, bare_span(i))));
    EXPECT_NE(read(request), "");
    std::string empty;
    for (size_t i = 0; i <= RequestReader::kMostParts; ++i) empty += bytes(1, "");
    EXPECT_EQ(read(empty), "");
}

// ---- Logs and metrics ----

ReceivedSpans read_as(Signal signal, std::string& request, std::string& fault) {
    RequestReader reader([](const std::string&, const std::string&) { return ProcessIdentity(); },
                         RequestReader::kMostKnown, signal);
    ReceivedSpans received;
    fault = reader.read(writable(request), 1000, received);
    return received;
}

std::string metric(uint32_t field, int points) {
    std::string data;
    for (int i = 0; i < points; ++i) data += bytes(1, fixed64(3, 7));
    return bytes(1, "name") + bytes(field, data + number(2, 1));
}

TEST_F(RequestReaderTest, LogsGoOnByteByByteAndWhatIsAroundThemToo) {
    const std::string later = bytes(99, "of a later version");
    const std::string around = bytes(1, bytes(1, key_value("service.name", text_value("shop"))) + later);
    const std::string scope = bytes(1, bytes(1, "scope") + later);
    const std::string records = bytes(2, fixed64(1, 5) + later) + bytes(2, bytes(5, text_value("x")));
    std::string request = bytes(1, around + bytes(3, "https://schema") + bytes(2, scope + records));
    const std::string before = request;
    std::string fault;
    const ReceivedSpans received = read_as(Signal::kLogs, request, fault);
    ASSERT_EQ(fault, "");
    EXPECT_EQ(received.spans, 2u);
    EXPECT_EQ(received.invalid, 0u);
    EXPECT_EQ(flatten(assemble(received.runs)), before);
}

TEST_F(RequestReaderTest, OfMetricsTheirPointsAreCounted) {
    std::string request = bytes(
        1, bytes(2, bytes(2, metric(5, 2)) + bytes(2, metric(7, 1)) + bytes(2, metric(9, 3)) + bytes(2, metric(10, 4)) +
                        bytes(2, metric(11, 5)) + bytes(2, metric(5, 0)) + bytes(2, metric(8, 9)) + bytes(2, "\xff")));
    std::string fault;
    const ReceivedSpans received = read_as(Signal::kMetrics, request, fault);
    ASSERT_EQ(fault, "");
    EXPECT_EQ(received.spans, 16u);  // one of them is no message
    EXPECT_EQ(received.invalid, 1u);
    ASSERT_EQ(received.runs.size(), 1u) << "those without a point are left out";
    EXPECT_EQ(received.runs[0].spans, 15u);
    const auto parts = split(received.runs, 1, Signal::kMetrics);
    ASSERT_EQ(parts.size(), 5u);
    EXPECT_EQ(parts[3].at(0).spans, 4u);
}

TEST_F(RequestReaderTest, WhatIsNoRequestIsNamedByItsSignal) {
    std::string request = "no", fault;
    read_as(Signal::kLogs, request, fault);
    EXPECT_EQ(fault, "not an ExportLogsServiceRequest");
}

}  // namespace
}  // namespace spanring::agent::test
