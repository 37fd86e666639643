// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>

#include "otlp/span_validator.hpp"
#include "otlp/wire.hpp"
#include "ring/unfinished_span.hpp"
#include "support/extents.hpp"
#include "support/segment_image.hpp"

namespace spanring::ring {
namespace {

namespace wire = agent::wire;
using test::BufferImage;
using test::Bytes;

struct Parsed {
    std::multimap<uint32_t, wire::Field> fields;
    std::map<std::string, Bytes> attributes;  // key, AnyValue
    Bytes record;
};

std::string text(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

Parsed unfinished(BufferImage& image, uint32_t slot, uint64_t death = 5000) {
    Parsed parsed;
    SlotCopy copy;
    EXPECT_TRUE(copy_slot(image.view(), test::extents_of(image.view()), test::kFirstSlot + slot, copy));
    EXPECT_TRUE(append_unfinished_span(copy, death, parsed.record));
    wire::Cursor outer(parsed.record);
    wire::Field span;
    EXPECT_TRUE(wire::next(outer, span));
    EXPECT_TRUE(outer.done());
    Bytes checked(span.bytes.begin(), span.bytes.end());
    EXPECT_EQ(agent::validate_span(checked).defect, agent::SpanDefect::kNone);
    wire::Cursor fields(span.bytes);
    for (wire::Field field; wire::next(fields, field);) {
        parsed.fields.emplace(field.number, field);
        if (field.number != 9) continue;
        wire::Cursor pair(field.bytes);
        wire::Field key, value;
        EXPECT_TRUE(wire::next(pair, key) && wire::next(pair, value));
        EXPECT_TRUE(parsed.attributes.emplace(text(key.bytes), Bytes(value.bytes.begin(), value.bytes.end())).second)
            << "a key twice: " << text(key.bytes);
    }
    return parsed;
}

uint64_t value(const Parsed& parsed, uint32_t field) {
    EXPECT_EQ(parsed.fields.count(field), 1u) << "field " << field;
    return parsed.fields.count(field) == 1 ? parsed.fields.find(field)->second.value : 0;
}

Bytes status(const std::string& message, uint8_t code) {
    Bytes inner, field;
    if (!message.empty()) test::put_text(inner, 0x12, message);
    inner.insert(inner.end(), {0x18, code});
    field.insert(field.end(), {0x7a, static_cast<uint8_t>(inner.size())});
    test::put(field, inner.data(), inner.size());
    return field;
}

std::string status_message(const Parsed& parsed, uint64_t& ret_code) {
    EXPECT_EQ(parsed.fields.count(15), 1u);
    std::string message;
    wire::Cursor fields(parsed.fields.find(15)->second.bytes);
    for (wire::Field field; wire::next(fields, field);) {
        if (field.number == 2) message = text(field.bytes);
        if (field.number == 3) ret_code = field.value;
    }
    return message;
}

TEST(UnfinishedSpanTest, SaysThatAndWhenItsProcessEnded) {
    BufferImage image;
    Slot& slot = image->open_slot(1, test::span_start(6, "handle"));
    slot.trace_flags = 1;
    slot.parent_flags = 3;
    slot.dropped_attributes = 4;
    slot.dropped_events = 300;
    slot.dropped_links = 6;
    const Parsed parsed = unfinished(image, 1);
    EXPECT_EQ(value(parsed, 7), 1006u);
    EXPECT_EQ(value(parsed, 8), 5000u);
    EXPECT_EQ(value(parsed, 6), 2u);
    EXPECT_EQ(value(parsed, 10), 4u);
    EXPECT_EQ(value(parsed, 12), 300u);
    EXPECT_EQ(value(parsed, 14), 6u);
    EXPECT_EQ(value(parsed, 16), 0x301u);
    EXPECT_EQ(text(parsed.fields.find(5)->second.bytes), "handle");
    EXPECT_EQ(parsed.attributes.at("spanring.unfinished"), (Bytes{0x10, 0x01}));
    uint64_t code = 0;
    EXPECT_EQ(status_message(parsed, code), kUnfinishedMessage);
    EXPECT_EQ(code, 2u);
}

TEST(UnfinishedSpanTest, NeverEndsBeforeItStarted) {
    BufferImage image;
    image->open_slot(1, test::span_start(6, "handle")).start_unix_nano = 9000;
    const Parsed parsed = unfinished(image, 1, 5000);
    EXPECT_EQ(value(parsed, 8), 9000u);
    EXPECT_EQ(value(parsed, 16), 0x100u);
}

TEST(UnfinishedSpanTest, TakesTheLastOfWhatACrashLeftTwiceAndNothingSuperseded) {
    BufferImage image;
    Bytes data = test::span_start(6, "first");
    const auto add = [&](const Bytes& field) { test::put(data, field.data(), field.size()); };
    add(test::make_attribute("color", "red"));
    data[data.size() - test::make_attribute("color", "red").size()] = kSuperseded;
    add(test::make_attribute("color", "green"));
    add(test::make_attribute("size", "small"));
    add(status("one", 2));
    test::put_text(data, 0x2a, "second");
    add(test::make_attribute("color", "blue"));
    add(status("two", 2));
    image->open_slot(1, data);
    const Parsed parsed = unfinished(image, 1);
    EXPECT_EQ(parsed.fields.count(5), 1u);
    EXPECT_EQ(text(parsed.fields.find(5)->second.bytes), "second");
    EXPECT_EQ(parsed.attributes.size(), 3u);
    EXPECT_EQ(text(parsed.attributes.at("color")).substr(2), "blue");
    EXPECT_EQ(text(parsed.attributes.at("size")).substr(2), "small");
    uint64_t code = 0;
    EXPECT_EQ(status_message(parsed, code), "two") << "an error of the application keeps its message";
}

TEST(UnfinishedSpanTest, IsAnErrorEvenWhereTheApplicationSaidOk) {
    BufferImage image;
    Bytes data = test::span_start(6, "span");
    const Bytes ok = status("", 1);
    test::put(data, ok.data(), ok.size());
    image->open_slot(1, data);
    uint64_t code = 0;
    EXPECT_EQ(status_message(unfinished(image, 1), code), kUnfinishedMessage);
    EXPECT_EQ(code, 2u);
}

TEST(UnfinishedSpanTest, ReadsDataThatGoesOnInBlocks) {
    BufferImage image;
    Bytes data = test::span_start(6, "long");
    for (int i = 0; i < 120; ++i) {
        const Bytes attribute = test::make_attribute("key." + std::to_string(i), std::string(80, 'x'));
        test::put(data, attribute.data(), attribute.size());
    }
    ASSERT_GT(data.size(), block_size(1));
    image->open_slot(1, data);
    EXPECT_EQ(unfinished(image, 1).attributes.size(), 121u);
}

TEST(UnfinishedSpanTest, GivesNothingForDataThatIsNoRunOfFields) {
    for (const Bytes& data : {Bytes{0x4a, 0x7f, 1, 2}, Bytes{0x0b, 1, 2}, Bytes{0x39, 1, 2}, Bytes{0x07}}) {
        BufferImage image;
        image->open_slot(1, data);
        SlotCopy copy;
        ASSERT_TRUE(copy_slot(image.view(), test::extents_of(image.view()), test::kFirstSlot + 1, copy));
        Bytes record;
        EXPECT_FALSE(append_unfinished_span(copy, 5000, record));
        EXPECT_TRUE(record.empty());
    }
    BufferImage image;
    image->open_slot(1, Bytes(kSlotInlineData + 1, 0)).blocks[0] = test::kFirstBlock + kBlockNumbers + 1;
    SlotCopy copy;
    EXPECT_FALSE(copy_slot(image.view(), test::extents_of(image.view()), test::kFirstSlot + 1, copy))
        << "a block that is not there";
}

TEST(UnfinishedSpan, OneThatGoesOnHasItsOwnStatusAndAnotherMark) {
    BufferImage image;
    Bytes data = test::span_start(1, "work");
    const Bytes ok = status("", 1);
    data.insert(data.end(), ok.begin(), ok.end());
    image->open_slot(0, data);
    image->open_slot(1, test::span_start(2, "work"));
    for (uint32_t slot = 0; slot < 2; ++slot) {
        SlotCopy copy;
        Bytes record;
        ASSERT_TRUE(copy_slot(image.view(), test::extents_of(image.view()), test::kFirstSlot + slot, copy));
        ASSERT_TRUE(append_partial_span(copy, 5000, record));
        const std::string whole(record.begin(), record.end());
        EXPECT_NE(whole.find(kPartialKey), std::string::npos);
        EXPECT_EQ(whole.find(kUnfinishedKey), std::string::npos);
        EXPECT_EQ(whole.find(kUnfinishedMessage), std::string::npos);
        wire::Cursor outer(record);
        wire::Field span;
        ASSERT_TRUE(wire::next(outer, span));
        Bytes checked(span.bytes.begin(), span.bytes.end());
        EXPECT_EQ(agent::validate_span(checked).defect, agent::SpanDefect::kNone);
        size_t statuses = 0;
        wire::Cursor fields(span.bytes);
        for (wire::Field field; wire::next(fields, field);) statuses += field.number == 15;
        EXPECT_EQ(statuses, slot == 0 ? 1u : 0u);
    }
}

}  // namespace
}  // namespace spanring::ring
