// SPDX-License-Identifier: Apache-2.0
//
// Each bit of a golden segment flipped alone, the process dead. What the reader makes of it: the same spans; or others
// missing, and it says so (refused, given up, invalid, or accounts that do not add up); or the one record that the bit
// lies in is another (a span; or a scope or the resource, which spans refer to). Never a fault, or a span that nobody
// wrote; a span twice only where the accounts say so.
//
// What no reader can see: bits of marks and journal. They are the agent's own word for what is behind it, so it
// believes them; what they say is acknowledged is not sent again. Here, too, what is sent is as it was written.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fuzz/segment_reading.hpp"
#include "otlp/wire.hpp"
#include "ring/unfinished_span.hpp"

namespace spanring::test {
namespace {

using Bytes = std::vector<uint8_t>;

struct Sent {
    Bytes span;
    std::string scope;
    std::string resource;

    bool operator==(const Sent&) const = default;
};

// Of an unfinished span the end is the time of the reading.
void forget_end(Bytes& span) {
    const std::string_view text(reinterpret_cast<const char*>(span.data()), span.size());
    if (text.find(ring::kUnfinishedKey) == text.npos) return;
    agent::wire::Cursor fields(span);
    for (agent::wire::Field field; agent::wire::next(fields, field);)
        if (field.number == 8 && field.type == agent::wire::Type::kFixed64)
            std::fill_n(span.begin() + (fields.at - span.data()) - 8, 8, uint8_t{0});
}

// By both ids, which a span begins with.
using Spans = std::map<std::string, Sent>;

Spans by_ids(const Reading& reading, bool& ret_twice) {
    Spans sent;
    ret_twice = false;
    for (const SeenSpan& seen : reading.spans) {
        Sent one{seen.bytes, seen.scope, seen.service};
        forget_end(one.span);
        ret_twice |= !sent.emplace(std::string(seen.bytes.begin(), seen.bytes.begin() + 28), one).second;
    }
    return sent;
}

class EveryBit {
public:
    explicit EveryBit(Golden kind) : image_(golden_image(kind)) {
        restore();
        golden_ = read();
        // What was written, whatever of it is behind the agent.
        restore();
        std::memset(reader_.base() + ring::kControlOffset, 0, sizeof(ring::Control));
        std::memset(reader_.base() + ring::chunk_mark_offset(0), 0,
                    kImageSet * ring::kChunksPerExtent * sizeof(uint64_t));
        written_ = read().sent;
    }

    struct Outcome {
        Reading reading;
        Spans sent;
        bool twice = false;
    };

    const Spans& written() const { return written_; }
    const Outcome& golden_outcome() const { return golden_; }

    Outcome flip(uint64_t offset, uint32_t bit) {
        restore();
        reader_.base()[offset] ^= static_cast<uint8_t>(1u << bit);
        return read();
    }

    // Whether the accounts say by themselves that spans are missing, or that somebody counted wrong.
    static bool adds_up(const Outcome& outcome) {
        const auto& writer = outcome.reading.row.writer;
        const auto counted = [&](ring::Counter which) { return writer[static_cast<size_t>(which)]; };
        const ring::Totals& agent = outcome.reading.row.agent;
        const uint64_t dropped = counted(ring::Counter::kDroppedFull) + counted(ring::Counter::kDroppedTooBig) +
                                 counted(ring::Counter::kDroppedNested) + counted(ring::Counter::kDroppedOverwritten);
        return counted(ring::Counter::kEnded) == agent.acknowledged + dropped &&
               counted(ring::Counter::kStarted) == counted(ring::Counter::kEnded) + agent.unfinished;
    }

private:
    // All but the second region of scopes, which is empty, and nobody's to write.
    void restore() {
        std::copy_n(image_.begin(), ring::kMoreScopesOffset, reader_.base());
        std::copy(image_.begin() + ring::kGroupsOffset, image_.end(), reader_.base() + ring::kGroupsOffset);
    }

    Outcome read() {
        Outcome outcome;
        outcome.reading = reader_.read(false);
        outcome.sent = by_ids(outcome.reading, outcome.twice);
        return outcome;
    }

    SegmentReader reader_;
    const Bytes image_;
    Outcome golden_;
    Spans written_;
};

// A flipped bit may change what it lies in: a record, a field of a slot, a scope, the resource.
bool is_content(const std::string& piece) {
    static const std::set<std::string> all = {"header", "resource",     "scopes",      "scope bytes",  "slots",
                                              "block",  "small chunks", "large chunk", "waiting slots"};
    return all.contains(piece);
}
bool is_believed(const std::string& piece) { return piece == "marks" || piece == "control"; }

// What is the same in all of them is flipped in the first alone.
bool is_flipped(Golden kind, const std::string& piece) {
    if (kind != Golden::kWaiting) return piece != "waiting slots";
    return piece == "waiting slots" || piece == "control" || piece == "counters" || piece == "writer page";
}

void flip_all(Golden kind, size_t spans, size_t written = 10) {
    EveryBit bits(kind);
    ASSERT_EQ(bits.golden_outcome().reading.quarantined, "");
    const Spans& golden = bits.golden_outcome().sent;
    ASSERT_EQ(golden.size(), spans);
    ASSERT_EQ(bits.written().size(), written);
    ASSERT_TRUE(EveryBit::adds_up(bits.golden_outcome()));
    uint64_t flips = 0, same = 0, named = 0, unbalanced = 0, content = 0, believed = 0, failures = 0;
    for (const Piece& piece : pieces()) {
        if (!is_flipped(kind, piece.name)) continue;
        for (uint64_t at = 0; at < piece.size; ++at) {
            for (uint32_t bit = 0; bit < 8; ++bit) {
                const EveryBit::Outcome outcome = bits.flip(piece.offset + at, bit);
                ++flips;
                const auto fail = [&](const char* what) {
                    if (++failures < 20) ADD_FAILURE() << piece.name << " + " << at << ", bit " << bit << ": " << what;
                };
                // The one that was ending: its slot and its chunk contradict each other.
                if (outcome.twice && EveryBit::adds_up(outcome)) fail("a span was sent twice and nothing says so");
                size_t others = 0, strangers = 0, elsewhere = 0;  // elsewhere: the span itself is as it was
                for (const auto& [ids, sent] : outcome.sent) {
                    const auto written = bits.written().find(ids);
                    if (written == bits.written().end())
                        ++strangers;
                    else if (written->second.span != sent.span)
                        ++others;
                    else if (!(written->second == sent))
                        ++elsewhere;
                }
                size_t missing = 0;
                for (const auto& [ids, sent] : golden) missing += !outcome.sent.contains(ids);
                const bool is_named = !outcome.reading.refused.empty() || !outcome.reading.quarantined.empty() ||
                                      outcome.reading.invalid != 0;
                if (others + strangers + elsewhere != 0 && !is_content(piece.name))
                    fail("a span was sent that nobody wrote");
                if (others + strangers > 1) fail("more than the record with the bit is another");
                if (missing > strangers && !is_named) {
                    if (!EveryBit::adds_up(outcome)) {
                        ++unbalanced;
                    } else if (is_believed(piece.name)) {
                        ++believed;
                    } else {
                        fail("a span is missing and nothing says so");
                    }
                } else if (is_named) {
                    ++named;
                } else if (others + strangers + elsewhere != 0) {
                    ++content;
                } else {
                    ++same;
                }
            }
        }
    }
    std::printf("%llu bits: %llu make no difference, %llu named, %llu in the accounts, %llu another content, "
                "%llu believed\n",
                static_cast<unsigned long long>(flips), static_cast<unsigned long long>(same),
                static_cast<unsigned long long>(named), static_cast<unsigned long long>(unbalanced),
                static_cast<unsigned long long>(content), static_cast<unsigned long long>(believed));
}

TEST(EveryBitOfASegmentTest, IsReadOrNamed) { flip_all(Golden::kPlain, 9); }
TEST(EveryBitOfASegmentTest, IsReadOrNamedWhereSpansMayBeOverwritten) { flip_all(Golden::kOverwrite, 10); }
TEST(EveryBitOfASegmentTest, IsReadOrNamedWithAJournalThatIsArmed) { flip_all(Golden::kJournal, 7); }
TEST(EveryBitOfASegmentTest, IsReadOrNamedWhereSpansWait) { flip_all(Golden::kWaiting, 11, 13); }

}  // namespace
}  // namespace spanring::test
