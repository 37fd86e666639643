// SPDX-License-Identifier: Apache-2.0
//
// Compresses requests for a transport. Contexts and the scratch memory are made once and used again for each request.
// A compressor reads its input more than once and believes it stable: never give it memory that a process can still
// write. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "otlp/request.hpp"

namespace spanring::agent {

class Compressor {
public:
    Compressor() = default;
    virtual ~Compressor() = default;
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;

    virtual const char* encoding() const = 0;  // as HTTP's Content-Encoding names it
    // One complete stream. Throws std::runtime_error where the library fails, which means that memory is gone.
    virtual std::string compress(const Request& request) = 0;
};

// `name`: none or empty (null comes back), gzip, zstd; `level` 0: 1. Throws std::invalid_argument for another name or
// level, std::runtime_error where there is no memory.
std::unique_ptr<Compressor> make_compressor(const std::string& name, uint32_t level);

}  // namespace spanring::agent
