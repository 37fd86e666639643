// SPDX-License-Identifier: Apache-2.0
//
// Attributes of every kind and size, in lists of every length: what is written in one pass and what goes the general
// way read alike, on both sides of each limit between them.
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::Tracing;

// Texts and keys of the sizes at which something changes: words, lengths of one byte and of two, what is short.
constexpr size_t kTextSizes[] = {0,   1,   2,   3,   4,   5,   7,   8,   15,  16,  31,  32,   33,   60,
                                 63,  64,  65,  80,  88,  89,  90,  91,  95,  96,  97,  99,   104,  105,
                                 110, 113, 119, 120, 121, 126, 127, 128, 129, 200, 500, 8191, 8192, 8193};
constexpr size_t kKeySizes[] = {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 130};

// What is said of something, with the memory that it is said in, and how the last value of each key reads.
class Said {
public:
    Said(std::mt19937& random, size_t count) : random_(random) {
        texts_.reserve(2 * count);
        for (size_t i = 0; i < count; ++i) add(i);
    }

    const spr_attribute* data() const { return attributes_.data(); }
    size_t size() const { return attributes_.size(); }

    template <class Owner>
    void is_said_of(const Owner& owner, const std::string& where) const {
        EXPECT_EQ(static_cast<size_t>(owner.attributes_size()), values_.size()) << where;
        EXPECT_EQ(owner.dropped_attributes_count(), invalid_) << where;
        for (const auto& [key, value] : values_)
            EXPECT_TRUE(attribute(owner, key) == value) << where << ", key " << key << ": " << value.substr(0, 99);
    }

private:
    template <size_t kCount>
    size_t one_of(const size_t (&sizes)[kCount]) {
        return sizes[random_() % kCount];
    }

    const std::string& text(size_t size, char with) {
        texts_.emplace_back(size, with);
        for (size_t i = 0; i < size; ++i) texts_.back()[i] ^= static_cast<char>(i % 13);  // none is as its neighbours
        return texts_.back();
    }

    void add(size_t i) {
        spr_attribute one = {};
        const std::string& key = text(one_of(kKeySizes), static_cast<char>('a' + i % 26));
        std::string& changed = const_cast<std::string&>(key);
        if (random_() % 16 == 0 && key.size() >= 2) changed.replace(0, 2, "\xc3\xa4");  // not ASCII
        if (random_() % 16 == 0 && i > 0) changed = std::string(attributes_[i - 1].key, sizes_[i - 1]);
        one.key = key.data();
        const bool until_nul = random_() % 2 == 0;
        one.key_size = until_nul ? SPR_NUL : key.size();
        sizes_.push_back(key.size());
        std::string value;
        switch (random_() % 8) {
            case 0:
                one.type = SPR_TYPE_BOOL;
                one.value.boolean = random_() % 2 == 0 ? 0 : 2;
                value = one.value.boolean != 0 ? "bool:true" : "bool:false";
                break;
            case 1:
                one.type = SPR_TYPE_INT64;
                one.value.int64 =
                    static_cast<int64_t>(uint64_t{random_()} << random_() % 33) * (random_() % 2 == 0 ? 1 : -1);
                value = "int:" + std::to_string(one.value.int64);
                break;
            case 2:
                one.type = SPR_TYPE_DOUBLE;
                one.value.float64 = 0.5;
                value = "double:0.5";
                break;
            case 3:
                if (random_() % 4 == 0) {
                    one.type = 99;  // there is no such type
                    attributes_.push_back(one);
                    ++invalid_;
                    return;
                }
                [[fallthrough]];
            default: {
                const std::string& said = text(one_of(kTextSizes), static_cast<char>('A' + i % 26));
                one.type = SPR_TYPE_STRING;
                one.value.string = {said.data(), until_nul ? SPR_NUL : said.size()};
                value = "string:" + said;
            }
        }
        attributes_.push_back(one);
        values_[key] = value;
    }

    std::mt19937& random_;
    std::vector<std::string> texts_;
    std::vector<size_t> sizes_;
    std::vector<spr_attribute> attributes_;
    std::map<std::string, std::string> values_;
    uint32_t invalid_ = 0;
};

TEST_IN_PROCESS(OnePassTest, ReadsAsWhatGoesTheGeneralWay) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory_limit = 8 << 20;
    Tracing tracing(options);
    std::mt19937 random(20261129);
    for (int round = 0; round < 300; ++round) {
        const std::string where = "round " + std::to_string(round);
        const Said of_span(random, random() % 30), of_event(random, random() % 10), of_link(random, random() % 10);
        const std::string name(kTextSizes[random() % std::size(kTextSizes)], 'n');
        const spr_event event = {name.data(),
                                 random() % 2 == 0 ? SPR_NUL : name.size(),
                                 random() % 2,
                                 of_event.data(),
                                 of_event.size(),
                                 0,
                                 0};
        const spr_link link = {
            test::make_context(1, 2, 1, random() % 2 == 0), of_link.data(), of_link.size(), nullptr, 0, 0, 0};
        const spr_span span = tracing.start(where.c_str());
        uint32_t refused = 0;
        for (size_t i = 0; i < of_span.size(); ++i)
            refused += spr_span_set_attributes(&span, of_span.data() + i, 1) != 0 ? 1 : 0;
        EXPECT_EQ(spr_span_add_event(&span, &event), 0) << where;
        EXPECT_EQ(spr_span_add_link(&span, &link), 0) << where;
        EXPECT_EQ(spr_span_end(&span), 0) << where;
        const auto segment = tracing.read();
        const otlp::Span& written = segment.named(where);
        of_span.is_said_of(written, where + ", span");
        ASSERT_EQ(written.events_size(), 1) << where;
        ASSERT_EQ(written.links_size(), 1) << where;
        EXPECT_EQ(written.events(0).name(), name) << where;
        EXPECT_EQ(written.events(0).time_unix_nano() == 1, event.time_ns == 1) << where;
        of_event.is_said_of(written.events(0), where + ", event");
        EXPECT_EQ(written.links(0).trace_id(), std::string(16, '\1')) << where;
        EXPECT_EQ(written.links(0).flags(), link.context.is_remote != 0 ? 0x301u : 0x101u) << where;
        of_link.is_said_of(written.links(0), where + ", link");
        EXPECT_EQ(refused, written.dropped_attributes_count()) << where;
        tracing.agent().release_full();
    }
}

}  // namespace
}  // namespace spanring
