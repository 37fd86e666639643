// SPDX-License-Identifier: Apache-2.0
#include "export/stream/frame.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/foreign_text.hpp"

namespace spanring::agent {
namespace {

// Of an answer, at its fifth byte.
enum class Word : uint8_t { kAccepted = 1, kRetry = 2, kRejected = 3, kTooLarge = 4 };

template <class Number>
void put(Number value, uint8_t* at) {
    for (size_t i = sizeof value; i-- > 0; value = static_cast<Number>(value >> 8)) at[i] = static_cast<uint8_t>(value);
}

uint64_t get(const uint8_t* at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | at[i];
    return value;
}

size_t rest_of(const std::vector<uint8_t>& held) { return get(held.data(), 4); }

constexpr size_t kLeastRest = kAnswerHeader - 4;

std::chrono::nanoseconds delay_of(uint64_t milliseconds) {
    const auto most = static_cast<uint64_t>(std::chrono::milliseconds(kLongestDelay).count());
    return std::chrono::milliseconds(std::min(milliseconds, most));
}

// What is wrong with a header; null: nothing.
const char* fault_of(const std::vector<uint8_t>& header) {
    if (header[4] < uint8_t(Word::kAccepted) || header[4] > uint8_t(Word::kTooLarge)) return "an unknown verdict";
    if (header[5] != 0 || header[6] != 0 || header[7] != 0) return "bytes that must be zero and are not";
    return nullptr;
}

AnswerFrame frame_of(const std::vector<uint8_t>& held) {
    AnswerFrame frame;
    frame.id = get(&held[8], 8);
    const uint64_t number = get(&held[16], 8);
    Answer& answer = frame.answer;
    switch (static_cast<Word>(held[4])) {
        case Word::kAccepted:
            answer.verdict = Verdict::kAccepted;
            answer.rejected = number;
            break;
        case Word::kRetry:
            answer.verdict = Verdict::kRetry;
            if (number != 0) answer.delay = delay_of(number);
            break;
        case Word::kTooLarge: answer.too_large = true; [[fallthrough]];
        case Word::kRejected: answer.verdict = Verdict::kRejected; break;
    }
    answer.message = foreign({reinterpret_cast<const char*>(held.data()) + kAnswerHeader, held.size() - kAnswerHeader});
    if (answer.message.empty() && answer.verdict == Verdict::kRetry) answer.message = "it wants it again later";
    if (answer.message.empty() && answer.verdict == Verdict::kRejected) answer.message = "it gave no reason";
    return frame;
}

}  // namespace

RequestFrameHeader request_frame_header(uint64_t id, Signal signal, size_t body_bytes) {
    RequestFrameHeader header{};
    put(static_cast<uint32_t>(kRequestHeader - 4 + body_bytes), &header[0]);
    header[4] = signal == Signal::kTraces ? 1 : signal == Signal::kLogs ? 2 : 3;
    header[5] = kFrameVersion;
    put(id, &header[8]);
    return header;
}

// False: more is needed.
bool AnswerReader::fill(std::span<const uint8_t>& bytes, size_t size) {
    const size_t more = std::min(size - std::min(size, held_.size()), bytes.size());
    held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(more));
    bytes = bytes.subspan(more);
    return held_.size() >= size;
}

std::optional<AnswerFrame> AnswerReader::next(std::span<const uint8_t>& bytes) {
    if (!fill(bytes, 4)) return std::nullopt;
    const size_t rest = rest_of(held_);
    if (rest < kLeastRest || rest > kLeastRest + kMostAnswerText) {
        fault_ = "an answer of " + std::to_string(rest) + " bytes, where " + std::to_string(kLeastRest) + " to " +
                 std::to_string(kLeastRest + kMostAnswerText) + " can be";
        return std::nullopt;
    }
    if (!fill(bytes, kAnswerHeader)) return std::nullopt;
    if (const char* const fault = fault_of(held_)) {
        fault_ = std::string("an answer with ") + fault;
        return std::nullopt;
    }
    if (!fill(bytes, 4 + rest)) return std::nullopt;
    AnswerFrame frame = frame_of(held_);
    held_.clear();
    return frame;
}

std::vector<AnswerFrame> AnswerReader::take(std::span<const uint8_t> bytes) {
    std::vector<AnswerFrame> frames;
    while (fault_.empty()) {
        std::optional<AnswerFrame> frame = next(bytes);
        if (!frame) break;
        frames.push_back(std::move(*frame));
    }
    return frames;
}

}  // namespace spanring::agent
