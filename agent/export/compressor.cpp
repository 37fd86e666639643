// SPDX-License-Identifier: Apache-2.0
#include "export/compressor.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "export/compression_levels.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMargin = size_t{128} << 10;  // beyond the bounds of the libraries, which are for one piece

// Room for the largest output so far. Only what is written to it costs memory, which is a fraction of the room.
class Scratch {
public:
    std::span<uint8_t> room(size_t size) {
        if (size > size_) {
            bytes_ = std::make_unique_for_overwrite<uint8_t[]>(size);
            size_ = size;
        }
        return {bytes_.get(), size_};
    }

private:
    std::unique_ptr<uint8_t[]> bytes_;
    size_t size_ = 0;
};

std::string text(std::span<const uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class Gzip final : public Compressor {
public:
    explicit Gzip(int level) {
        constexpr int kGzipWindow = 15 + 16;  // the largest; 16 asks for gzip's header and check sum
        constexpr int kMemory = 8;            // zlib's default
        if (::deflateInit2(&stream_, level, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
            throw std::runtime_error("compression: gzip cannot be set up");
        }
    }
    ~Gzip() override { ::deflateEnd(&stream_); }

    const char* encoding() const override { return "gzip"; }

    std::string compress(const Request& request) override {
        ::deflateReset(&stream_);
        const auto out = scratch_.room(::deflateBound(&stream_, request.bytes) + kMargin);
        stream_.next_out = out.data();
        stream_.avail_out = static_cast<uInt>(std::min<size_t>(out.size(), std::numeric_limits<uInt>::max()));
        for (const auto piece : request.slices) {
            stream_.next_in = const_cast<Bytef*>(piece.data());  // only read
            stream_.avail_in = static_cast<uInt>(piece.size());
            // Of an empty piece zlib says that it could do nothing with it, which is right.
            ::deflate(&stream_, Z_NO_FLUSH);
            if (stream_.avail_in != 0) throw std::runtime_error("compression: gzip needs more room than it said");
        }
        if (::deflate(&stream_, Z_FINISH) != Z_STREAM_END) {
            throw std::runtime_error("compression: gzip needs more room than it said");
        }
        return text(out.first(stream_.total_out));
    }

private:
    z_stream stream_{};
    Scratch scratch_;
};

class Zstd final : public Compressor {
public:
    explicit Zstd(int level) : context_(::ZSTD_createCCtx()) {
        if (context_ == nullptr) throw std::runtime_error("compression: zstd cannot be set up");
        check(::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
    }

    const char* encoding() const override { return "zstd"; }

    std::string compress(const Request& request) override {
        check(::ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only));
        check(::ZSTD_CCtx_setPledgedSrcSize(context_.get(), request.bytes));
        const auto room = scratch_.room(::ZSTD_compressBound(request.bytes) + kMargin);
        ZSTD_outBuffer out{room.data(), room.size(), 0};
        for (const auto piece : request.slices) {
            ZSTD_inBuffer in{piece.data(), piece.size(), 0};
            while (in.pos != in.size && out.pos != out.size) {
                check(::ZSTD_compressStream2(context_.get(), &out, &in, ZSTD_e_continue));
            }
        }
        ZSTD_inBuffer nothing{nullptr, 0, 0};
        if (check(::ZSTD_compressStream2(context_.get(), &out, &nothing, ZSTD_e_end)) != 0) {
            throw std::runtime_error("compression: zstd needs more room than it said");
        }
        return text(room.first(out.pos));
    }

private:
    struct Free {
        void operator()(ZSTD_CCtx* context) const { ::ZSTD_freeCCtx(context); }
    };

    static size_t check(size_t result) {
        if (::ZSTD_isError(result)) {
            throw std::runtime_error(std::string("compression: zstd: ") + ::ZSTD_getErrorName(result));
        }
        return result;
    }

    std::unique_ptr<ZSTD_CCtx, Free> context_;
    Scratch scratch_;
};

}  // namespace

std::unique_ptr<Compressor> make_compressor(const std::string& name, uint32_t level) {
    if (name.empty() || name == "none") return nullptr;
    if (name != "gzip" && name != "zstd") {
        throw std::invalid_argument("compression \"" + name + "\" is not one of none, gzip, zstd");
    }
    const uint32_t most = name == "gzip" ? kMostGzip : kMostZstd;
    if (level > most) {
        throw std::invalid_argument("compression level " + std::to_string(level) + " is not in 1 to " +
                                    std::to_string(most) + ", those of " + name);
    }
    const int chosen = level == 0 ? 1 : static_cast<int>(level);
    if (name == "gzip") return std::make_unique<Gzip>(chosen);
    return std::make_unique<Zstd>(chosen);
}

}  // namespace spanring::agent
