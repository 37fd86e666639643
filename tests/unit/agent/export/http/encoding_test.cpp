// SPDX-License-Identifier: Apache-2.0
//
// However a request is encoded and compressed, the backend gets the same.
#include "otlp/json.hpp"
#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

TEST_F(OtlpHttpExporterTest, EveryCompressionCarriesTheSameBytes) {
    options_.endpoint = "http://" + backend_.start();
    std::vector<std::string> plain;
    for (const std::string name : {"none", "gzip", "zstd"}) {
        options_.compression = name;
        make();
        const size_t before = backend_.received().size();
        for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(send(batch(i * 1000, 1000)).outcome, Outcome::kExported);
        const auto received = backend_.received();
        std::string all;
        for (size_t i = before; i < received.size(); ++i) {
            EXPECT_EQ(received[i].header("content-encoding"), name == "none" ? "" : name);
            EXPECT_TRUE(received[i].parsed);
            if (name != "none") {
                EXPECT_LT(received[i].body.size(), received[i].bytes.size() / 4);
            }
            all += received[i].bytes;
        }
        plain.push_back(all);
    }
    EXPECT_EQ(plain[0].size(), plain[1].size());
    EXPECT_TRUE(plain[0] == plain[1] && plain[1] == plain[2]);
}

TEST_F(OtlpHttpExporterTest, JsonSaysTheSame) {
    options_.endpoint = "http://" + backend_.start();
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    const std::string binary = backend_.received().back().bytes;
    options_.encoding = OtlpHttpOptions::Encoding::kJson;
    for (const std::string name : {"none", "gzip", "zstd"}) {
        options_.compression = name;
        make();
        EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
        const auto received = backend_.received().back();
        EXPECT_EQ(received.header("content-type"), "application/json");
        EXPECT_EQ(received.header("content-encoding"), name == "none" ? "" : name);
        EXPECT_EQ(received.bytes, otlp_json_of_request(readable(binary)));
    }
}

TEST_F(OtlpHttpExporterTest, CompressesAsHardAsItIsTold) {
    options_.endpoint = "http://" + backend_.start();
    for (const std::string name : {"gzip", "zstd"}) {
        options_.compression = name;
        std::vector<size_t> sizes;
        for (const uint32_t level : {0u, 1u, 9u}) {
            options_.compression_level = level;
            make();
            EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kExported);
            sizes.push_back(backend_.received().back().body.size());
        }
        EXPECT_EQ(sizes[0], sizes[1]) << "1 is the default";
        EXPECT_LT(sizes[2], sizes[1]);
    }
}

}  // namespace
}  // namespace spanring::agent::test
