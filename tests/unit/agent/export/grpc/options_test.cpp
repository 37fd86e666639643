// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include <grpc/grpc.h>

#include "export/grpc/options.hpp"

namespace spanring::agent {
namespace {

bool is_legal(const std::string& key, const std::string& value) {
    OtlpGrpcOptions options;
    options.headers[key] = value;
    return header_faults(options).empty();
}

grpc_slice slice_of(const std::string& text) { return grpc_slice_from_static_buffer(text.data(), text.size()); }

TEST(GrpcOptionsTest, HeadersAreLegalWhereGrpcSaysSo) {
    for (int byte = 0; byte < 256; ++byte) {
        for (const std::string& text :
             {std::string(1, static_cast<char>(byte)), "a" + std::string(1, static_cast<char>(byte))}) {
            EXPECT_EQ(is_legal(text, "value"), grpc_header_key_is_legal(slice_of(text)) != 0) << byte;
            EXPECT_EQ(is_legal("key", text), grpc_header_nonbin_value_is_legal(slice_of(text)) != 0) << byte;
            EXPECT_TRUE(is_legal("key-bin", text)) << byte;
        }
    }
    EXPECT_FALSE(is_legal("", "value"));
}

}  // namespace
}  // namespace spanring::agent
