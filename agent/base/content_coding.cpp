// SPDX-License-Identifier: Apache-2.0
#include "base/content_coding.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <zlib.h>
#include <zstd.h>

namespace spanring::agent {
namespace {

constexpr size_t kFirst = 16 << 10;
// What a decompressor may ask for by itself: as the format demands of every one (RFC 8878, 3.1.1.1.2).
constexpr int kZstdWindowLog = 23;

// Memory that grows by doubling, up to one byte more than may come out.
class Growing {
public:
    Growing(size_t expected, size_t most) : limit_(most + 1), size_(std::min(std::max(expected, kFirst), limit_)) {
        bytes_ = std::make_unique_for_overwrite<uint8_t[]>(size_);
    }

    uint8_t* free() { return bytes_.get() + used_; }
    size_t room() const { return size_ - used_; }
    void take(size_t bytes) { used_ += bytes; }
    bool past_limit() const { return used_ == limit_; }
    void grow() {
        const size_t larger = std::min(2 * size_, limit_);
        auto bytes = std::make_unique_for_overwrite<uint8_t[]>(larger);
        std::memcpy(bytes.get(), bytes_.get(), used_);
        bytes_ = std::move(bytes);
        size_ = larger;
    }
    Body body() && { return {std::move(bytes_), used_}; }

private:
    const size_t limit_;
    size_t size_;
    size_t used_ = 0;
    std::unique_ptr<uint8_t[]> bytes_;
};

Decoding gunzip(std::span<const uint8_t> bytes, size_t most, Body& ret_body) {
    constexpr int kGzipWindow = 15 + 16;  // the largest; 16 asks for gzip's header and check sum
    z_stream stream{};
    if (::inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, ::inflateEnd);
    stream.next_in = const_cast<uint8_t*>(bytes.data());  // only read
    stream.avail_in = static_cast<uInt>(bytes.size());
    Growing out(4 * bytes.size(), most);
    for (;;) {
        if (out.room() == 0) out.grow();
        stream.next_out = out.free();
        stream.avail_out = static_cast<uInt>(out.room());
        const int result = ::inflate(&stream, Z_NO_FLUSH);
        out.take(out.room() - stream.avail_out);
        if (out.past_limit()) return Decoding::kTooLarge;
        if (result == Z_STREAM_END) {
            if (stream.avail_in == 0) break;
            // A file may have several members (RFC 1952, 2.2), and what follows each other is one body.
            if (::inflateReset(&stream) != Z_OK) return Decoding::kBroken;
            continue;
        }
        if (result != Z_OK) return Decoding::kBroken;  // also where it ends in the middle
    }
    ret_body = std::move(out).body();
    return Decoding::kDone;
}

Decoding unzstd(std::span<const uint8_t> bytes, size_t most, Body& ret_body) {
    const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (context == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLog);
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    Growing out(4 * bytes.size(), most);
    size_t left = 1;  // 0: a frame is whole
    while (left != 0 || in.pos < in.size) {
        ZSTD_outBuffer piece{out.free(), out.room(), 0};
        const size_t before = in.pos;
        left = ZSTD_decompressStream(context.get(), &piece, &in);
        if (ZSTD_isError(left)) return Decoding::kBroken;
        out.take(piece.pos);
        if (out.past_limit()) return Decoding::kTooLarge;
        if (out.room() == 0)
            out.grow();
        else if (piece.pos == 0 && in.pos == before)
            return Decoding::kBroken;  // it ends in the middle
    }
    ret_body = std::move(out).body();
    return Decoding::kDone;
}

}  // namespace

std::optional<ContentCoding> content_coding(std::string_view name) {
    if (name.empty() || name == "identity") return ContentCoding::kNone;
    if (name == "gzip" || name == "x-gzip") return ContentCoding::kGzip;
    if (name == "zstd") return ContentCoding::kZstd;
    return std::nullopt;
}

Decoding decode_body(ContentCoding coding, std::span<const uint8_t> bytes, size_t most, Body& ret_body) {
    if (coding == ContentCoding::kGzip) return gunzip(bytes, most, ret_body);
    if (coding == ContentCoding::kZstd) return unzstd(bytes, most, ret_body);
    if (bytes.size() > most) return Decoding::kTooLarge;
    ret_body.bytes = std::make_unique_for_overwrite<uint8_t[]>(bytes.size());
    ret_body.size = bytes.size();
    if (!bytes.empty()) std::memcpy(ret_body.bytes.get(), bytes.data(), bytes.size());
    return Decoding::kDone;
}

}  // namespace spanring::agent
