// SPDX-License-Identifier: Apache-2.0
//
// scattered_floor_worker BYTES: what many open spans cannot cost less than: their bytes are written to as many places,
// and copied out of them in another order.
//
//     open TURNS SPANS    ns of a span, the median over turns: a clock read and a copy to its place for each of SPANS,
//     then
//                         in another order a clock read and a copy into the ring, which is empty at the start of each
//                         turn
#include <memory>

#include "bursts.hpp"
#include "floor_ring.hpp"
#include "shuffled.hpp"

namespace {

constexpr size_t kLine = 64, kLargest = 4096;
constexpr uint64_t kRing = 64 << 20;

// Where the spans are while they are open: each begins with a line of its own. All of it is there before the first
// turn.
class Places {
public:
    Places(uint64_t count, size_t size)
        : distance_((size + kLine - 1) / kLine * kLine), bytes_(new uint8_t[count * distance_]()) {}
    uint8_t* operator[](uint64_t place) { return bytes_.get() + place * distance_; }

private:
    size_t distance_;
    std::unique_ptr<uint8_t[]> bytes_;
};

}  // namespace

int main(int count, char** words) {
    const size_t size = count > 1 ? std::strtoul(words[1], nullptr, 10) : 0;
    if (size < 64 || size > kLargest) bench::fail("needs a number of bytes, 64 to 4096");
    bench::FloorRing ring(1, kRing);
    bench::pin(0);
    bench::serve({{"open", [&](const bench::Numbers& numbers) {
                       const std::vector<uint32_t> order = bench::shuffled(numbers[1]);
                       Places places(numbers[1], size);
                       std::vector<uint8_t> record(size);
                       std::vector<double> starts;
                       const auto spans = [&](uint64_t number) {
                           const uint64_t before = bench::now();
                           for (uint64_t i = 0; i < number; ++i) {
                               const uint64_t begin = bench::ticks();
                               std::memcpy(record.data(), &begin, sizeof begin);
                               std::memcpy(places[i], record.data(), size);
                           }
                           starts.push_back(static_cast<double>(bench::now() - before) / static_cast<double>(number));
                           for (const uint32_t place : order) {
                               const uint64_t end = bench::ticks();
                               std::memcpy(places[place] + sizeof end, &end, sizeof end);
                               if (!ring.write(places[place], size)) bench::fail("the floor's ring is full");
                           }
                       };
                       const auto rest = [&](uint64_t) {
                           while (!ring.drained()) bench::sleep_until(bench::now() + 1'000'000);
                       };
                       const double median = bench::burst_median(numbers, spans, rest);
                       return bench::Answer().add("ns", median).add("start_ns", bench::median(std::move(starts)));
                   }}});
}
