// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/tracing.hpp"
#include "trace/base/key_hash.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::Tracing;

int set(const spr_span& span, const std::string& key, int64_t value) {
    return spr_span_set_int64(&span, key.data(), key.size(), value);
}
int set(const spr_span& span, const std::string& key, const std::string& value) {
    return spr_span_set_string(&span, key.data(), key.size(), value.data(), value.size());
}

TEST_IN_PROCESS(AttributeTest, HasEachType) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_set_string(&span, "string", SPR_NUL, "text", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_bool(&span, "yes", SPR_NUL, 2), 0);
    EXPECT_EQ(spr_span_set_bool(&span, "no", SPR_NUL, 0), 0);
    EXPECT_EQ(spr_span_set_int64(&span, "int", SPR_NUL, 42), 0);
    EXPECT_EQ(spr_span_set_double(&span, "double", SPR_NUL, 0.1), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    EXPECT_EQ(attribute(written, "string"), "string:text");
    EXPECT_EQ(attribute(written, "yes"), "bool:true");
    EXPECT_EQ(attribute(written, "no"), "bool:false");
    EXPECT_EQ(attribute(written, "int"), "int:42");
    EXPECT_EQ(attribute(written, "double"), "double:0.10000000000000001");
    EXPECT_EQ(written.attributes_size(), 5);
    EXPECT_EQ(written.dropped_attributes_count(), 0u);
}

TEST_IN_PROCESS(AttributeTest, HoldsTheExtremesOfItsTypes) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    constexpr int64_t kInts[] = {
        0, 1, -1, 127, 128, 16383, 16384, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
    for (size_t i = 0; i < std::size(kInts); ++i) EXPECT_EQ(set(span, "int" + std::to_string(i), kInts[i]), 0);
    const double kDoubles[] = {
        0.0, -0.0, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(), INFINITY, -INFINITY};
    for (size_t i = 0; i < std::size(kDoubles); ++i)
        EXPECT_EQ(spr_span_set_double(&span, ("double" + std::to_string(i)).c_str(), SPR_NUL, kDoubles[i]), 0);
    EXPECT_EQ(spr_span_set_double(&span, "nan", SPR_NUL, NAN), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    for (size_t i = 0; i < std::size(kInts); ++i)
        EXPECT_EQ(attribute(written, "int" + std::to_string(i)), "int:" + std::to_string(kInts[i]));
    for (const otlp::KeyValue& pair : written.attributes()) {
        if (pair.key() == "nan") {
            EXPECT_TRUE(std::isnan(pair.value().double_value()));
        }
        if (pair.key().substr(0, 6) != "double") continue;
        const double wanted = kDoubles[pair.key()[6] - '0'];
        EXPECT_EQ(pair.value().double_value(), wanted);
        EXPECT_EQ(std::signbit(pair.value().double_value()), std::signbit(wanted));
    }
}

// Specification: common/attribute-type-mapping.md, Integer Values.
TEST_IN_PROCESS(AttributeTest, AnUnsignedIntegerThatNoInt64HoldsIsText) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    constexpr uint64_t kNumbers[] = {
        0, 7, INT64_MAX, uint64_t{INT64_MAX} + 1, 9'999'999'999'999'999'999u, 10'000'000'000'000'000'000u, UINT64_MAX};
    spr_attribute attributes[std::size(kNumbers) + 1];
    spr_value elements[std::size(kNumbers)];
    std::string keys = "0123456", wanted;
    for (size_t i = 0; i < std::size(kNumbers); ++i) {
        attributes[i] = {&keys[i], 1, SPR_TYPE_UINT64, 0, {}};
        attributes[i].value.int64 = static_cast<int64_t>(kNumbers[i]);
        elements[i] = {SPR_TYPE_UINT64, 0, attributes[i].value};
        wanted += (i == 0 ? "" : ",") + std::string(kNumbers[i] > INT64_MAX ? "string:" : "int:") +
                  std::to_string(kNumbers[i]);
    }
    attributes[std::size(kNumbers)] = {"list", SPR_NUL, SPR_TYPE_ARRAY, 0, {}};
    attributes[std::size(kNumbers)].value.array = {elements, std::size(elements)};
    EXPECT_EQ(spr_span_set_attributes(&span, attributes, std::size(attributes)), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    for (size_t i = 0; i < std::size(kNumbers); ++i)
        EXPECT_EQ(attribute(segment.named("span"), keys.substr(i, 1)),
                  (kNumbers[i] > INT64_MAX ? "string:" : "int:") + std::to_string(kNumbers[i]));
    EXPECT_EQ(attribute(segment.named("span"), "list"), "array:[" + wanted + "]");
}

TEST_IN_PROCESS(AttributeTest, HasKeysAndShortValuesOfEverySize) {
    Tracing tracing(test::large_ring());
    const auto text = [](size_t size) {
        std::string result(size, 0);
        for (size_t i = 0; i < size; ++i) result[i] = static_cast<char>('a' + (i * 5 + size) % 26);
        return result;
    };
    for (size_t key_size = 1; key_size <= 40; ++key_size) {
        const spr_span span = tracing.start(("key" + std::to_string(key_size)).c_str());
        ASSERT_EQ(set(span, text(key_size), text(key_size + 1)), 0) << key_size;
        ASSERT_EQ(set(span, "n", int64_t{-1}), 0) << key_size;
        ASSERT_EQ(spr_span_end(&span), 0);
    }
    for (size_t size = 0; size <= 130; ++size) {
        const spr_span span = tracing.start(("value" + std::to_string(size)).c_str());
        ASSERT_EQ(set(span, "text", text(size)), 0) << size;
        ASSERT_EQ(set(span, "after", int64_t{7}), 0) << size;
        ASSERT_EQ(spr_span_end(&span), 0);
    }
    const auto segment = tracing.read();
    for (size_t key_size = 1; key_size <= 40; ++key_size) {
        const auto& written = segment.named("key" + std::to_string(key_size));
        EXPECT_EQ(attribute(written, text(key_size)), "string:" + text(key_size + 1)) << key_size;
        if (key_size > 1) {
            EXPECT_EQ(attribute(written, "n"), "int:-1");
        }
    }
    for (size_t size = 0; size <= 130; ++size) {
        const auto& written = segment.named("value" + std::to_string(size));
        EXPECT_EQ(attribute(written, "text"), "string:" + text(size)) << size;
        EXPECT_EQ(attribute(written, "after"), "int:7") << size;
    }
}

TEST_IN_PROCESS(AttributeTest, SeesABadByteAtEveryPlaceOfAKeyOfEverySize) {
    Tracing tracing(test::large_ring());
    for (size_t size = 1; size <= 40; ++size) {
        const spr_span span = tracing.start("span");
        for (size_t place = 0; place < size; ++place) {
            std::string key(size, 'k');
            key[place] = static_cast<char>(0xff);
            ASSERT_EQ(set(span, key, int64_t{1}), -EINVAL) << size << " at " << place;
            if (place + 1 == size) continue;
            key[place] = static_cast<char>(0xc3);  // with the next byte a letter of two
            key[place + 1] = static_cast<char>(0xa9);
            ASSERT_EQ(set(span, key, int64_t{1}), 0) << size << " at " << place;
            ASSERT_EQ(set(span, key, int64_t{2}), 0) << "again: one entry, the last value";
        }
        ASSERT_EQ(spr_span_end(&span), 0);
    }
    const auto segment = tracing.read();
    for (const test::WrittenSpan& written : segment.spans())
        for (const otlp::KeyValue& pair : written.span.attributes())
            EXPECT_EQ(pair.value().int_value(), 2) << pair.key();
}

TEST_IN_PROCESS(AttributeTest, HasTextOfAnyLengthUpToTheSpans) {
    Tracing tracing(test::large_ring());
    for (const size_t size : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{9}, size_t{127}, size_t{128},
                              size_t{200}, size_t{255}, size_t{256}, size_t{257}, size_t{300}, size_t{4095},
                              size_t{4096}, size_t{4097}, size_t{16384}, size_t{50000}}) {
        const std::string name = "span" + std::to_string(size);
        std::string text(size, 0);
        for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 4096) % 26);
        const spr_span span = tracing.start(name.c_str());
        ASSERT_EQ(set(span, "text", text), 0) << size;
        ASSERT_EQ(set(span, "after", int64_t{1}), 0) << size;
        ASSERT_EQ(spr_span_end(&span), 0) << size;
        const auto segment = tracing.read();
        EXPECT_EQ(attribute(segment.named(name), "text"), "string:" + text);
        EXPECT_EQ(attribute(segment.named(name), "after"), "int:1");
        if (size >= 16384) tracing.agent().release_full();
    }
}

TEST_IN_PROCESS(AttributeTest, HasKeysOfAnyLength) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    for (const size_t size : {1, 6, 7, 8, 9, 15, 16, 17, 127, 128, 129, 400}) {
        const std::string key(size, static_cast<char>('a' + size % 26));
        EXPECT_EQ(set(span, key, static_cast<int64_t>(size)), 0);
        EXPECT_EQ(set(span, key, static_cast<int64_t>(size + 1)), 0) << "found again";
    }
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").attributes_size(), 12);
    for (const otlp::KeyValue& pair : segment.named("span").attributes())
        EXPECT_EQ(pair.value().int_value(), static_cast<int64_t>(pair.key().size() + 1));
}

TEST_IN_PROCESS(AttributeTest, MayHoldANulAndAnEmptyText) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_set_string(&span, "nul", SPR_NUL, "a\0b", 3), 0);
    EXPECT_EQ(spr_span_set_string(&span, "k\0y", 3, "x", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_string(&span, "empty", SPR_NUL, "", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_string(&span, "null", SPR_NUL, nullptr, 17), 0) << "a NULL pointer is an empty string";
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(attribute(segment.named("span"), "nul"), std::string("string:a\0b", 10));
    EXPECT_EQ(attribute(segment.named("span"), std::string("k\0y", 3)), "string:x");
    EXPECT_EQ(attribute(segment.named("span"), "empty"), "string:");
    EXPECT_EQ(attribute(segment.named("span"), "null"), "string:");
}

TEST_IN_PROCESS(AttributeTest, WithoutAKeyOrWithOneThatIsNoTextIsRefusedAndCounted) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(set(span, "", int64_t{1}), -EINVAL);
    EXPECT_EQ(spr_span_set_int64(&span, nullptr, SPR_NUL, 1), -EINVAL);
    EXPECT_EQ(spr_span_set_int64(&span, "key", 0, 1), -EINVAL);
    // Continuation without a start, a cut sequence, an overlong form, a surrogate, above U+10FFFF, and each behind
    // ASCII.
    const std::string bad[] = {
        "\x80", "\xc3",    "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xff", "\xe2\x82"};
    int refused = 3;
    for (const std::string& key : bad)
        for (const std::string& prefix :
             {std::string(), std::string("abc"), std::string("abcdefgh"), std::string("abcdefghijklmnop")}) {
            EXPECT_EQ(set(span, prefix + key, int64_t{1}), -EINVAL) << prefix << " and " << testing::PrintToString(key);
            EXPECT_EQ(set(span, prefix + key + "tail", int64_t{1}), -EINVAL);
            refused += 2;
        }
    EXPECT_EQ(set(span, "h\xc3\xa9", int64_t{1}), 0);
    EXPECT_EQ(set(span, "\xf0\x9f\x98\x80\xe2\x82\xac\xed\x9f\xbf\xf4\x8f\xbf\xbf", int64_t{2}), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").attributes_size(), 2);
    EXPECT_EQ(segment.named("span").dropped_attributes_count(), static_cast<uint32_t>(refused));
    EXPECT_EQ(tracing.statistics().refused_data, static_cast<uint64_t>(refused));
}

// The search for a key reads fields where they lie: each step of padding moves them over the end of the slot, or of a
// block.
TEST_IN_PROCESS(AttributeTest, SetAgainIsFoundWhereverItLies) {
    Tracing tracing;
    for (const size_t before : {0, 4000}) {
        for (size_t padding = 1; padding < 60; ++padding) {
            const std::string name = std::to_string(before) + " and " + std::to_string(padding);
            const spr_span span = tracing.start(name.c_str());
            ASSERT_EQ(set(span, "padding", std::string(before + padding, 'p')), 0);
            constexpr int kKeys = 30;
            const auto key = [](int i) {
                return "key" + std::string(static_cast<size_t>(i % 17), '.') + std::to_string(i);
            };
            for (const char* value : {"first", "the last"})
                for (int i = 0; i < kKeys; ++i) ASSERT_EQ(set(span, key(i).c_str(), value + std::to_string(i)), 0);
            EXPECT_EQ(spr_span_end(&span), 0);
            const auto segment = tracing.read();
            const auto& written = segment.named(name);
            ASSERT_EQ(written.attributes_size(), 1 + kKeys) << name;
            for (int i = 0; i < kKeys; ++i)
                ASSERT_EQ(attribute(written, key(i).c_str()), "string:the last" + std::to_string(i)) << name;
            tracing.agent().release_full();
        }
    }
}

TEST_IN_PROCESS(AttributeTest, WithKeysOfOneLengthAndOneEndAreTwo) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(set(span, "client.address", "10.0.0.1"), 0);
    EXPECT_EQ(set(span, "server.address", "10.0.0.2"), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_NE(trace::KeyHash("client.address", 14).added_to(0), trace::KeyHash("server.address", 14).added_to(0))
        << "not even in the filter";
    const auto segment = tracing.read();
    EXPECT_EQ(attribute(segment.named("span"), "client.address"), "string:10.0.0.1");
    EXPECT_EQ(attribute(segment.named("span"), "server.address"), "string:10.0.0.2");
}

// Two keys of the same tag.
std::pair<std::string, std::string> keys_of_one_tag() {
    std::map<uint16_t, std::string> found;
    for (int i = 0;; ++i) {
        const std::string key = "http.request.header." + std::to_string(i * 7919);
        const auto [other, is_new] = found.emplace(trace::KeyHash(key.data(), key.size()).tag(), key);
        if (!is_new) return {other->second, key};
    }
}

// The tags that a span leaves in its slot say which keys are new in the next one. One after the other has some keys of
// the one before, in its order or another, and some of them twice.
TEST_IN_PROCESS(AttributeTest, IsThereOnceWhateverTheSpanBeforeInItsSlotHad) {
    Tracing tracing;
    const auto [one, like_it] = keys_of_one_tag();
    std::vector<std::string> keys{one, like_it, "x"};
    for (int i = 0; i < 27; ++i) keys.push_back("key." + std::to_string(i));
    std::mt19937 random(1);
    const auto draw = [&](size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random); };
    std::vector<std::string> order;
    for (int round = 0; round < 1500; ++round) {
        for (size_t changes = draw(4); changes != 0; --changes) {
            const size_t at = draw(order.size() + 1);
            if (at == order.size() || draw(3) == 0)
                order.insert(order.begin() + static_cast<ptrdiff_t>(at), keys[draw(keys.size())]);
            else if (draw(2) == 0)
                order[at] = keys[draw(keys.size())];
            else
                order.erase(order.begin() + static_cast<ptrdiff_t>(at));
        }
        if (order.size() > 40) order.resize(draw(30));
        std::map<std::string, std::string> last;
        const std::string name = "span " + std::to_string(round);
        const spr_span span = tracing.start(name.c_str());
        for (size_t i = 0; i < order.size(); ++i) {
            const bool is_text = draw(4) != 0;
            const std::string value =
                is_text ? std::string(draw(10) == 0 ? 200 : 9, 't') + std::to_string(i) : std::to_string(i);
            if (is_text)
                ASSERT_EQ(set(span, order[i], value), 0);
            else
                ASSERT_EQ(set(span, order[i], static_cast<int64_t>(i)), 0);
            last[order[i]] = (is_text ? "string:" : "int:") + value;
        }
        ASSERT_EQ(spr_span_end(&span), 0);
        const auto segment = tracing.read();
        const auto& written = segment.named(name);
        ASSERT_EQ(written.attributes_size(), static_cast<int>(last.size())) << name;
        for (const auto& [key, value] : last) ASSERT_EQ(attribute(written, key.c_str()), value) << name;
        tracing.agent().release_full();
    }
}

// A count that went beyond its end (a handler that interrupts a call on the same span counts as well) is none.
TEST_IN_PROCESS(AttributeTest, IsFoundWhereTagsWereCountedTwice) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const auto key = [](int i) { return "key" + std::to_string(i); };
    for (int i = 0; i < 23; ++i) ASSERT_EQ(set(span, key(i), int64_t{i}), 0);
    ring::Slot& slot = tracing.view().slot(0);
    ASSERT_EQ(slot.tags_left, 0u);
    slot.tags_left = 65535;
    for (int i = 0; i < 46; ++i) ASSERT_EQ(set(span, key(i), int64_t{-i}), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").attributes_size(), 46);
    for (int i = 0; i < 46; ++i)
        EXPECT_EQ(attribute(segment.named("span"), key(i).c_str()), "int:" + std::to_string(-i));
}

// Values are repaired by the agent, in its copy: checking each would cost the hot path what the agent pays anyway.
TEST_IN_PROCESS(AttributeTest, WithAValueThatIsNoTextIsLeftToTheAgent) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(set(span, "key", std::string("v\xff")), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const ring::Slot slot = tracing.view().slot(0);
    const char* bytes = reinterpret_cast<const char*>(test::chunk_bytes(tracing.view(), slot.intent_chunk));
    const std::string chunk(bytes, ring::ChunkWord::unpack(slot.intent_word).length);
    EXPECT_NE(chunk.find("v\xff"), std::string::npos);
}

TEST_IN_PROCESS(AttributeTest, OfNoKnownTypeIsRefused) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    for (const uint32_t type : {0u, 8u, 9u, 99u, ~0u}) {
        spr_attribute attribute = test::int_attribute("key", 1);
        attribute.type = type;
        EXPECT_EQ(spr_span_set_attributes(&span, &attribute, 1), 1) << type;
    }
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().named("span").dropped_attributes_count(), 5u);
}

TEST_IN_PROCESS(AttributeTest, SetAgainKeepsTheLastValueOfWhateverType) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(set(span, "first", int64_t{1}), 0);
    EXPECT_EQ(set(span, "key", std::string("long text that is replaced by a number")), 0);
    EXPECT_EQ(set(span, "other", int64_t{2}), 0);
    EXPECT_EQ(set(span, "key", int64_t{3}), 0);
    EXPECT_EQ(spr_span_set_bool(&span, "key", SPR_NUL, 1), 0);
    EXPECT_EQ(set(span, "key", std::string(5000, 'x')), 0) << "across blocks";
    EXPECT_EQ(set(span, "first", int64_t{9}), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    EXPECT_EQ(written.attributes_size(), 3);
    EXPECT_EQ(attribute(written, "key"), "string:" + std::string(5000, 'x'));
    EXPECT_EQ(attribute(written, "first"), "int:9");
    EXPECT_EQ(attribute(written, "other"), "int:2");
    EXPECT_EQ(written.dropped_attributes_count(), 0u);
}

TEST_IN_PROCESS(AttributeTest, KeepsKeysApartThatDifferInOneByte) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const std::string base = "http.request.header.x-forwarded-for";
    for (int round = 0; round < 2; ++round)
        for (size_t i = 0; i < base.size(); ++i) {
            std::string key = base;
            key[i] = '#';
            EXPECT_EQ(set(span, key, static_cast<int64_t>(i)), 0);
        }
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().named("span").attributes_size(), static_cast<int>(base.size()));
}

TEST_IN_PROCESS(AttributeTest, OverTheLimitIsRefusedAndCountedButAKnownKeyMayChange) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    for (int i = 0; i < 128; ++i) ASSERT_EQ(set(span, "key" + std::to_string(i), int64_t{i}), 0) << i;
    for (int i = 128; i < 140; ++i) EXPECT_EQ(set(span, "key" + std::to_string(i), int64_t{i}), -EDQUOT);
    EXPECT_EQ(set(span, "key5", int64_t{500}), 0);
    EXPECT_EQ(set(span, "key128", int64_t{0}), -EDQUOT);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").attributes_size(), 128);
    EXPECT_EQ(attribute(segment.named("span"), "key5"), "int:500");
    EXPECT_EQ(attribute(segment.named("span"), "key127"), "int:127");
    EXPECT_EQ(segment.named("span").dropped_attributes_count(), 13u);
    EXPECT_EQ(tracing.statistics().refused_data, 13u);
}

TEST_IN_PROCESS(AttributeTest, IsLimitedAsTheEnvironmentSays) {
    setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "3", 1);
    Tracing general;
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2", 1);
    Tracing own;
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "nonsense", 1);
    setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "", 1);
    Tracing none;
    const auto accepted = [](Tracing& tracing) {
        const spr_span span = tracing.start("span");
        int count = 0;
        for (int i = 0; i < 200; ++i) count += set(span, "key" + std::to_string(i), int64_t{i}) == 0;
        EXPECT_EQ(spr_span_end(&span), 0);
        return count;
    };
    EXPECT_EQ(accepted(general), 3);
    EXPECT_EQ(accepted(own), 2);
    EXPECT_EQ(accepted(none), 128);
}

TEST_IN_PROCESS(AttributeTest, SeveralAtOnceSayHowManyWereRefused) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_attribute attributes[] = {test::text_attribute("one", "1"), test::text_attribute("", "2"),
                                        test::int_attribute("three", 3), test::int_attribute("\xff", 4),
                                        test::int_attribute("one", 5)};
    EXPECT_EQ(spr_span_set_attributes(&span, attributes, 5), 2);
    EXPECT_EQ(spr_span_set_attributes(&span, nullptr, 0), 0);
    EXPECT_EQ(spr_span_set_attributes(&span, nullptr, 1), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(attribute(segment.named("span"), "one"), "int:5");
    EXPECT_EQ(attribute(segment.named("span"), "three"), "int:3");
    EXPECT_EQ(segment.named("span").dropped_attributes_count(), 2u);
}

}  // namespace
}  // namespace spanring
