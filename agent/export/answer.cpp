// SPDX-License-Identifier: Apache-2.0
#include "export/answer.hpp"

#include "base/content_coding.hpp"
#include "base/foreign_text.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

// By its first bytes. No protobuf message begins like this: it would be field 3, of a wire type that there is not.
bool is_gzip(std::span<const uint8_t> bytes) { return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

}  // namespace

using namespace wire::tags;
using wire::Field;

Answer kept_busy() {
    Answer answer;
    answer.verdict = Verdict::kRetry;
    answer.message = "it keeps the agent busy with what is not an answer; its connections were closed";
    return answer;
}

std::optional<Answer> accepted(std::span<const uint8_t> response) {
    Body plain;
    if (is_gzip(response)) {
        if (decode_body(ContentCoding::kGzip, response, kMostAnswer, plain) != Decoding::kDone) return std::nullopt;
        response = plain.span();
    }
    Answer answer;
    answer.verdict = Verdict::kAccepted;
    bool sound = true;
    const auto each = [&](std::span<const uint8_t> message, auto take) {
        wire::Cursor cursor(message);
        for (Field field; wire::next(cursor, field);) take(field);
        sound = sound && cursor.done();
    };
    each(response, [&](const Field& partial_success) {
        if (partial_success.tag() != bytes(1)) return;
        each(partial_success.bytes, [&](const Field& field) {
            const auto count = static_cast<int64_t>(field.value);
            if (field.tag() == varint(1)) answer.rejected = count > 0 ? static_cast<uint64_t>(count) : 0;
            if (field.tag() == bytes(2)) answer.message = foreign(field.text());
        });
    });
    if (!sound) return std::nullopt;
    return answer;
}

}  // namespace spanring::agent
