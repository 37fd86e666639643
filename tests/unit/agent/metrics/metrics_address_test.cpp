// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics_address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace spanring::agent {
namespace {

using testing::HasSubstr;

TEST(MetricsAddressTest, APortAloneIsThisHostAlone) {
    EXPECT_EQ(parse_metrics_address("8888"), (MetricsAddress{"127.0.0.1", 8888}));
    EXPECT_EQ(parse_metrics_address(":8888"), (MetricsAddress{"127.0.0.1", 8888}));
}

TEST(MetricsAddressTest, TakesNamesAndAddresses) {
    EXPECT_EQ(parse_metrics_address("localhost:0"), (MetricsAddress{"localhost", 0}));
    EXPECT_EQ(parse_metrics_address("0.0.0.0:65535"), (MetricsAddress{"0.0.0.0", 65535}));
    EXPECT_EQ(parse_metrics_address("[::1]:9"), (MetricsAddress{"::1", 9}));
}

TEST(MetricsAddressTest, ComesBackFromItsText) {
    for (const char* text : {"127.0.0.1:8888", "[::1]:9", "localhost:0"}) {
        EXPECT_EQ(parse_metrics_address(text).text(), text);
    }
}

TEST(MetricsAddressTest, SaysWhatIsWrong) {
    const auto wrong = [](const std::string& text) -> std::string {
        try {
            parse_metrics_address(text);
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return "nothing";
    };
    EXPECT_THAT(wrong(""), HasSubstr("'' is not a port"));
    EXPECT_THAT(wrong("localhost"), HasSubstr("'localhost' is not a port"));
    EXPECT_THAT(wrong("localhost:"), HasSubstr("'' is not a port"));
    EXPECT_THAT(wrong("localhost:65536"), HasSubstr("'65536' is not a port"));
    EXPECT_THAT(wrong("localhost:-1"), HasSubstr("'-1' is not a port"));
    EXPECT_THAT(wrong("::1:8888"), HasSubstr("brackets"));
    EXPECT_THAT(wrong("[1.2.3.4]:8888"), HasSubstr("not an IPv6 address"));
    EXPECT_THAT(wrong("256.0.0.1:8888"), HasSubstr("not a name or address"));
    EXPECT_THAT(wrong("http://localhost:8888"), HasSubstr("brackets"));
    EXPECT_THAT(wrong("a/b:8888"), HasSubstr("not a name or address"));
}

}  // namespace
}  // namespace spanring::agent
