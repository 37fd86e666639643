// SPDX-License-Identifier: Apache-2.0
//
// What the agent and a user's program say to each other over a stream: docs/frames.md. A request is a header and the
// serialized message of OTLP; an answer is a header and a text. Integers have the highest byte first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "export/answer.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {

inline constexpr size_t kRequestHeader = 16;
inline constexpr size_t kAnswerHeader = 24;
inline constexpr size_t kMostAnswerText = 4096;
inline constexpr uint8_t kFrameVersion = 1;

using RequestFrameHeader = std::array<uint8_t, kRequestHeader>;

RequestFrameHeader request_frame_header(uint64_t id, Signal signal, size_t body_bytes);

struct AnswerFrame {
    uint64_t id = 0;
    Answer answer;
};

// Takes what comes in pieces of any size. What it holds is at most one answer. After a fault it takes nothing more: it
// is not known where the next answer would begin.
class AnswerReader {
public:
    // The answers that are whole by now.
    std::vector<AnswerFrame> take(std::span<const uint8_t> bytes);
    const std::string& fault() const { return fault_; }  // empty: there was none
    bool is_between_answers() const { return held_.empty(); }

private:
    std::optional<AnswerFrame> next(std::span<const uint8_t>& bytes);
    bool fill(std::span<const uint8_t>& bytes, size_t size);

    std::vector<uint8_t> held_;
    std::string fault_;
};

}  // namespace spanring::agent
