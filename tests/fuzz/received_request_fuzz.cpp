// SPDX-License-Identifier: Apache-2.0
//
// What a sender may send to the receiver: any bytes, in any content coding, as protobuf or as JSON. Decompression keeps
// its bound. What the reader accepts protobuf accepts, as it came and as it goes on, with the same spans but for those
// that are invalid; and read once more, as from a file that was kept, it is the same.
#include <cstring>
#include <memory>
#include <string>

#include "base/content_coding.hpp"
#include "demand.hpp"
#include "otlp.pb.h"
#include "otlp/request.hpp"
#include "receive/json_request.hpp"
#include "receive/request_reader.hpp"

using namespace spanring::agent;

namespace {

constexpr size_t kMost = 1 << 16;

// `known`: none for a file that was kept, so that what became the same by a repair stays apart, as it was written.
RequestReader reader(size_t known) {
    return RequestReader([](const std::string&, const std::string&) { return ProcessIdentity(); }, known);
}

int spans_of(const spanring::otlp::Request& request) {
    int spans = 0;
    for (const auto& resource : request.resource_spans()) {
        for (const auto& scope : resource.scope_spans()) spans += scope.spans_size();
    }
    return spans;
}

void read_request(std::span<uint8_t> bytes) {
    RequestReader first = reader(RequestReader::kMostKnown);
    ReceivedSpans spans;
    if (!first.read(bytes, 0, spans).empty()) return;
    uint64_t in_runs = 0, in_parts = 0, invalid = 0;
    for (const Run& run : spans.runs) {
        in_runs += run.spans;
        demand(run.bytes.data() >= bytes.data() && run.bytes.data() + run.bytes.size() <= bytes.data() + bytes.size(),
               "a run lies in the request");
    }
    for (const ReceivedPart& part : spans.parts) {
        in_parts += part.spans;
        invalid += part.invalid;
    }
    demand(in_parts == spans.spans && invalid == spans.invalid && in_runs + invalid == in_parts, "the counts add up");

    std::string sent = flatten(assemble(spans.runs));
    spanring::otlp::Request parsed;
    demand(parsed.ParseFromString(sent), "protobuf parses what goes on");
    demand(spans_of(parsed) == static_cast<int>(in_runs), "it has all of the valid spans");

    RequestReader again = reader(0);
    ReceivedSpans kept;
    const std::span<uint8_t> copy(reinterpret_cast<uint8_t*>(sent.data()), sent.size());
    demand(again.read(copy, 0, kept).empty() && kept.spans == in_runs && kept.invalid == 0, "it is read once more");
    demand(flatten(assemble(kept.runs)) == sent, "and is the same then");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const auto coding = static_cast<ContentCoding>(data[0] % 3);
    // Exactly as large as the input, so that a read beyond its end is seen.
    const size_t rest = size - 1;
    const std::unique_ptr<uint8_t[]> copy(new uint8_t[rest]);
    if (rest != 0) std::memcpy(copy.get(), data + 1, rest);
    Body body;
    if (decode_body(coding, {copy.get(), rest}, kMost, body) != Decoding::kDone) return 0;
    demand(body.size <= kMost, "no more comes out than may");
    Body of_json;
    if (request_of_json(body.span(), of_json).empty()) {
        demand(of_json.size <= 4 * body.size, "of JSON comes nothing that is much larger");
        read_request(of_json.span());
    }
    read_request(body.span());
    return 0;
}
