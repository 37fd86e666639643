// SPDX-License-Identifier: Apache-2.0
//
// Whatever a program answers: the reader takes the same from bytes in one piece as in many, holds no more than one
// answer, and after a fault nothing more.
#include "export/stream/frame.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace spanring::agent;

namespace {

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

bool same(const AnswerFrame& one, const AnswerFrame& other) {
    return one.id == other.id && one.answer.verdict == other.answer.verdict &&
           one.answer.rejected == other.answer.rejected && one.answer.delay == other.answer.delay &&
           one.answer.too_large == other.answer.too_large && one.answer.message == other.answer.message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const size_t step = 1 + data[0] % 40;
    const std::span<const uint8_t> bytes(data + 1, size - 1);
    AnswerReader whole, pieces;
    const std::vector<AnswerFrame> at_once = whole.take(bytes);
    std::vector<AnswerFrame> in_steps;
    for (size_t at = 0; at < bytes.size(); at += step) {
        const bool over = !pieces.fault().empty();
        std::vector<AnswerFrame> more = pieces.take(bytes.subspan(at, std::min(step, bytes.size() - at)));
        demand(!over || more.empty(), "nothing comes after a fault");
        std::move(more.begin(), more.end(), std::back_inserter(in_steps));
    }
    demand(whole.fault() == pieces.fault(), "the same fault");
    demand(at_once.size() == in_steps.size(), "as many answers");
    demand(at_once.size() <= bytes.size() / kAnswerHeader, "an answer has a header");
    for (size_t i = 0; i < at_once.size(); ++i) {
        demand(same(at_once[i], in_steps[i]), "the same answers");
        const Answer& answer = at_once[i].answer;
        demand(answer.message.find('\n') == std::string::npos && answer.message.size() <= kMostAnswerText,
               "a text of one line");
        demand(!answer.delay || *answer.delay <= kLongestDelay, "a delay has a bound");
        demand(answer.verdict != Verdict::kRetry || answer.rejected == 0, "what comes again is not rejected");
    }
    return 0;
}
