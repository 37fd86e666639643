// SPDX-License-Identifier: Apache-2.0
//
// Puts a chance into spans. One thread.
//
// Header bill: span_edit.hpp; who sends decided spans includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "decide/chance.hpp"
#include "decide/trace_key.hpp"
#include "processors/span_edit.hpp"

namespace spanring::agent {

class ChanceWriter {
public:
    // `span`: the inside of a Span that was found sound. False: its trace state stays as it is. Else there is a record,
    // `0x12 len <Span>`, to be written while `span` is still there.
    bool take(std::span<const uint8_t> span, const Chance& chance);
    size_t record_size() const { return record_size_; }
    void write_record(uint8_t* to) const;

private:
    Scratch scratch_;
    SpanEdit span_{scratch_};
    std::string list_;
    size_t span_size_ = 0;
    size_t record_size_ = 0;
};

}  // namespace spanring::agent
