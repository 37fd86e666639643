// SPDX-License-Identifier: Apache-2.0
#include "export/gunzip.hpp"

#include <zlib.h>

#include <algorithm>

namespace spanring::agent {

bool is_gzip(std::span<const uint8_t> bytes) { return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

std::optional<std::string> gunzip(std::span<const uint8_t> bytes, size_t most) {
    constexpr int kGzipWindow = 15 + 16;  // the largest; 16 asks for gzip's header and check sum
    constexpr size_t kStep = 64 << 10;
    z_stream stream{};
    if (::inflateInit2(&stream, kGzipWindow) != Z_OK) return std::nullopt;
    stream.next_in = const_cast<uint8_t*>(bytes.data());  // only read
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    int result = Z_OK;
    while (result == Z_OK && out.size() <= most) {
        const size_t before = out.size();
        out.resize(std::min(before + kStep, most + 1));
        stream.next_out = reinterpret_cast<uint8_t*>(out.data() + before);
        stream.avail_out = static_cast<uInt>(out.size() - before);
        result = ::inflate(&stream, Z_NO_FLUSH);
        out.resize(out.size() - stream.avail_out);
    }
    ::inflateEnd(&stream);
    if (result != Z_STREAM_END || out.size() > most) return std::nullopt;
    return out;
}

}  // namespace spanring::agent
