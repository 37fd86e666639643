// SPDX-License-Identifier: Apache-2.0
//
// What a receiver does with a compressed body. Nothing where it is not exactly one sound stream.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <optional>
#include <string>

namespace spanring::agent::test {

inline std::optional<std::string> gunzip(const std::string& bytes) {
    z_stream stream{};
    if (::inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    int result = Z_OK;
    while (result == Z_OK) {
        char buffer[16384];
        stream.next_out = reinterpret_cast<Bytef*>(buffer);
        stream.avail_out = sizeof buffer;
        result = ::inflate(&stream, Z_NO_FLUSH);
        out.append(buffer, sizeof buffer - stream.avail_out);
    }
    const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
    ::inflateEnd(&stream);
    return whole ? std::optional(out) : std::nullopt;
}

// Also asks that the frame names its size, so that a receiver can refuse it before it makes room.
inline std::optional<std::string> unzstd(const std::string& bytes) {
    const unsigned long long size = ::ZSTD_getFrameContentSize(bytes.data(), bytes.size());
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > (1u << 30)) return std::nullopt;
    std::string out(size, '\0');
    const size_t got = ::ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
    return !::ZSTD_isError(got) && got == size ? std::optional(out) : std::nullopt;
}

// As Content-Encoding says.
inline std::optional<std::string> decode_body(const std::string& encoding, const std::string& bytes) {
    if (encoding.empty()) return bytes;
    if (encoding == "gzip") return gunzip(bytes);
    if (encoding == "zstd") return unzstd(bytes);
    return std::nullopt;
}

}  // namespace spanring::agent::test
