// SPDX-License-Identifier: Apache-2.0
//
// W3C baggage through the functions of the header. The cases "as the W3C tests it" are those of github.com/w3c/baggage,
// test/test_baggage.py (June 2025), which are about the meaning of a header.
#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "support/carried.hpp"

namespace spanring {
namespace {

using test::Text;

int extract(const std::string& header, Text& baggage) {
    return spr_baggage_extract(header.data(), header.size(), baggage.get());
}
std::string normal(const std::string& header) {
    Text baggage(SPR_BAGGAGE_SIZE);
    EXPECT_EQ(extract(header, baggage), 0) << header;
    return baggage.str();
}

// The decoded value; "-": no such key.
std::string value_of(const std::string& baggage, const std::string& key) {
    Text value(baggage.size());
    const int found = spr_baggage_get(baggage.data(), baggage.size(), key.data(), key.size(), value.get());
    EXPECT_GE(found, 0);
    return found == 1 ? value.str() : "-";
}
std::string decoded(const std::string& encoded) {
    Text value(encoded.size());
    EXPECT_EQ(spr_baggage_decode(encoded.data(), encoded.size(), value.get()), 0)
        << "never longer than it was: " << encoded;
    return value.str();
}
int set(Text& baggage, const std::string& key, const std::string& value, const std::string& properties = "") {
    return spr_baggage_set(baggage.get(), key.data(), key.size(), value.data(), value.size(), properties.data(),
                           properties.size());
}

std::string many(int count) {
    std::string list;
    for (int i = 0; i < count; ++i) list += (i == 0 ? "k" : ",k") + std::to_string(i) + "=v";
    return list;
}

// Members and properties, with what they have.
std::string walk(const std::string& list) {
    std::string found;
    spr_member member, property;
    for (size_t cursor = 0; spr_baggage_next(list.data(), list.size(), &cursor, &member) == 1;) {
        found += "(" + std::string(member.key, member.key_size) + "|" + std::string(member.value, member.value_size);
        for (size_t at = 0; spr_baggage_next_property(member.properties, member.properties_size, &at, &property) == 1;)
            found += ";" + std::string(property.key, property.key_size) +
                     (property.value != nullptr ? "|" + decoded({property.value, property.value_size}) : "");
        found += ")";
    }
    return found;
}

TEST(BaggageTest, AsTheW3cTestsIt) {
    EXPECT_EQ(walk("SomeKey=SomeValue"), "(SomeKey|SomeValue)");
    EXPECT_EQ(walk("SomeKey=SomeValue;SomeProp,SomeKey2=SomeValue2;ValueProp=PropVal"),
              "(SomeKey|SomeValue;SomeProp)(SomeKey2|SomeValue2;ValueProp|PropVal)");
    EXPECT_EQ(walk("SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t SomeKey2 \t = \t SomeValue2 \t ; \t ValueProp "
                   "\t = \t PropVal"),
              "(SomeKey|SomeValue;SomeProp)(SomeKey2|SomeValue2;ValueProp|PropVal)");
    EXPECT_EQ(walk("SomeKey=SomeValue=equals"), "(SomeKey|SomeValue=equals)");
    const std::string encoded = "%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29",
                      plain = "\t \"';=asdf!@#$%^&*()";
    EXPECT_EQ(value_of("SomeKey=" + encoded, "SomeKey"), plain);
    EXPECT_EQ(walk("SomeKey=SomeValue;SomePropKey=" + encoded), "(SomeKey|SomeValue;SomePropKey|" + plain + ")");
    EXPECT_EQ(walk("SomeKey=SomeValue;SomeProp;SomeProp=PropValue;SomeProp=AnotherPropValue"),
              "(SomeKey|SomeValue;SomeProp;SomeProp|PropValue;SomeProp|AnotherPropValue)");
    EXPECT_EQ(walk("SomeKey=SomeValue;ValueProp%20%09%20%3D%20%09%20PropVal"),
              "(SomeKey|SomeValue;ValueProp%20%09%20%3D%20%09%20PropVal)")
        << "a key is not decoded";
    EXPECT_EQ(walk(normal(many(64))), walk(many(64)));
    const std::string longest = "a=" + std::string(8190, '0');
    EXPECT_EQ(normal(longest), longest) << "8192 bytes";
}

TEST(BaggageTest, IsKeptWithoutSpacesAndEmptyMembers) {
    EXPECT_EQ(normal(" a = 1 ;p ; q = 2,, b=\t,"), "a=1;p;q=2,b=");
    EXPECT_EQ(normal(""), "");
}

TEST(BaggageTest, LosesMalformedMembersAlone) {
    for (const char* bad : {"b", "=1", "b@=1", "b c=1", "b=\"1\"", "b=1 2", "b=1;", "b=1;;p", "b=1;=", "b=1;p=\\",
                            "b=\x01", "b=\xc3\xa9", "b=a\\"}) {
        Text baggage(SPR_BAGGAGE_SIZE);
        EXPECT_EQ(extract("a=1," + std::string(bad) + ",c=3", baggage), 1) << bad;
        EXPECT_EQ(baggage.str(), "a=1,c=3") << bad;
    }
}

// OpenTelemetry specification, baggage/api.md: exactly one value for a name, and the new one takes precedence.
TEST(BaggageTest, OfEqualKeysTheLastCounts) {
    EXPECT_EQ(normal("a=1,b=2,a=3;p"), "b=2,a=3;p");
    EXPECT_EQ(normal("a=1,A=2"), "a=1,A=2") << "case counts";
    Text baggage(SPR_BAGGAGE_SIZE);
    extract("a=1,b=2", baggage);
    extract("a=3", baggage);
    EXPECT_EQ(baggage.str(), "b=2,a=3");
}

TEST(BaggageTest, HasNoMoreThan180MembersAnd8192Bytes) {
    Text baggage(2 * SPR_BAGGAGE_SIZE);
    EXPECT_EQ(extract(many(180), baggage), 0);
    EXPECT_EQ(extract("x=1,k7=changed", baggage), 1) << "one too many; one for one";
    EXPECT_EQ(value_of(baggage.str(), "x"), "-");
    EXPECT_EQ(value_of(baggage.str(), "k7"), "changed");

    Text full(2 * SPR_BAGGAGE_SIZE);
    EXPECT_EQ(extract("a=" + std::string(8186, '0') + ",b=12,c=1", full), 1) << "c fits where b does not";
    EXPECT_EQ(full.raw().size, 8192u);
    EXPECT_EQ(extract("c=2,d=1", full), 1) << "one for one; no room";
    EXPECT_EQ(value_of(full.str(), "c"), "2");
}

TEST(BaggageTest, IsEncodedAndDecoded) {
    Text baggage(SPR_BAGGAGE_SIZE);
    const std::string all = "B% \xf0\x9f\x92\xbc,;\\\"=\r\n\x7f";
    EXPECT_EQ(set(baggage, "a", all), 0);
    EXPECT_EQ(baggage.str(), "a=B%25%20%F0%9F%92%BC%2C%3B%5C%22=%0D%0A%7F");
    EXPECT_EQ(value_of(baggage.str(), "a"), all);
}

// W3C Baggage: octets that are not UTF-8 become U+FFFD.
TEST(BaggageTest, DecodesWhatIsNotUtf8ToReplacements) {
    const std::string replacement = "\xef\xbf\xbd";
    EXPECT_EQ(decoded("a%FFb"), "a" + replacement + "b");
    EXPECT_EQ(decoded("%C3"), replacement);
    EXPECT_EQ(decoded("%C3a"), replacement + "a");
    EXPECT_EQ(decoded("%E2%82a"), replacement + "a") << "one for a sequence that ends early";
    EXPECT_EQ(decoded("%C0%80"), replacement + replacement) << "overlong";
    EXPECT_EQ(decoded("%ED%A0%80"), replacement + replacement + replacement) << "a surrogate";
    EXPECT_EQ(decoded("%F4%90%80%80"), replacement + replacement + replacement + replacement) << "above U+10FFFF";
    EXPECT_EQ(decoded("%E2%82%AC%c3%a9"), "\xe2\x82\xac\xc3\xa9") << "digits of either case";
    EXPECT_EQ(decoded("%"), "%");
    EXPECT_EQ(decoded("%4"), "%4");
    EXPECT_EQ(decoded("%zz%41"), "%zzA");
}

TEST(BaggageTest, SaysWhenADecodedValueDoesNotFit) {
    Text value(2);
    EXPECT_EQ(spr_baggage_decode("abc", 3, value.get()), -ENOSPC);
    EXPECT_EQ(spr_baggage_decode("%41%42", 6, value.get()), 0);
    EXPECT_EQ(value.str(), "AB");
    EXPECT_EQ(spr_baggage_get("k=abc", SPR_NUL, "k", 1, value.get()), -ENOSPC);
}

TEST(BaggageTest, IsSetAndRemoved) {
    Text baggage(SPR_BAGGAGE_SIZE);
    EXPECT_EQ(set(baggage, "a", "1"), 0);
    EXPECT_EQ(set(baggage, "b", "", " p = x ; q"), 0);
    EXPECT_EQ(baggage.str(), "a=1,b=;p=x;q");
    EXPECT_EQ(set(baggage, "a", "2"), 0);
    EXPECT_EQ(baggage.str(), "b=;p=x;q,a=2");
    EXPECT_EQ(spr_baggage_remove(baggage.get(), "b", SPR_NUL), 1);
    EXPECT_EQ(spr_baggage_remove(baggage.get(), "b", SPR_NUL), 0);
    EXPECT_EQ(baggage.str(), "a=2");
    EXPECT_EQ(spr_baggage_remove(baggage.get(), "a", SPR_NUL), 1);
    EXPECT_EQ(baggage.str(), "");
}

TEST(BaggageTest, RefusesToSetWhatIsNotValid) {
    Text baggage(SPR_BAGGAGE_SIZE, "a=1");
    EXPECT_EQ(set(baggage, "", "1"), -EINVAL);
    EXPECT_EQ(set(baggage, "b c", "1"), -EINVAL);
    EXPECT_EQ(set(baggage, "b\r\n", "1"), -EINVAL);
    EXPECT_EQ(set(baggage, "b", "\xff"), -EINVAL);
    EXPECT_EQ(set(baggage, "b", "1", "p q"), -EINVAL);
    EXPECT_EQ(set(baggage, "b", "1", "p=1,c=2"), -EINVAL);
    EXPECT_EQ(set(baggage, "b", "1", ";"), -EINVAL);
    EXPECT_EQ(set(baggage, "b", std::string(SPR_BAGGAGE_SIZE, 'x')), -ENOSPC);
    EXPECT_EQ(set(baggage, "a", std::string(SPR_BAGGAGE_SIZE, 'x')), -ENOSPC);
    EXPECT_EQ(baggage.str(), "a=1") << "unchanged";
}

TEST(BaggageTest, NeverLeavesItsMemory) {
    for (size_t capacity = 0; capacity < 16; ++capacity) {
        Text baggage(capacity);
        EXPECT_GE(extract("a=1,bb=22,c=3", baggage), 0);
        EXPECT_LE(baggage.raw().size, capacity);
        EXPECT_EQ(baggage.str(), capacity >= 13  ? "a=1,bb=22,c=3"
                                 : capacity >= 9 ? "a=1,bb=22"
                                 : capacity >= 7 ? "a=1,c=3"
                                 : capacity >= 3 ? "a=1"
                                                 : "");
        spr_baggage_remove(baggage.get(), "c", 1);
        const std::string before = baggage.str(), after = before + (before.empty() ? "" : ",") + "c=%25";
        EXPECT_EQ(set(baggage, "c", "%"), after.size() <= capacity ? 0 : -ENOSPC) << capacity;
        EXPECT_EQ(baggage.str(), after.size() <= capacity ? after : before);
    }
}

TEST(BaggageTest, TakesNullForAMistake) {
    size_t cursor = 0;
    spr_member member;
    Text value(8);
    spr_text nowhere = {nullptr, 0, 8};
    EXPECT_EQ(spr_baggage_extract("a=1", 3, nullptr), -EINVAL);
    EXPECT_EQ(spr_baggage_extract("a=1", 3, &nowhere), -EINVAL);
    EXPECT_EQ(spr_baggage_next("a=1", 3, nullptr, &member), -EINVAL);
    EXPECT_EQ(spr_baggage_next("a=1", 3, &cursor, nullptr), -EINVAL);
    EXPECT_EQ(spr_baggage_next(nullptr, 0, &cursor, &member), 0);
    EXPECT_EQ(spr_baggage_next_property("p", 1, nullptr, &member), -EINVAL);
    EXPECT_EQ(spr_baggage_get("a=1", 3, nullptr, 0, value.get()), -EINVAL);
    EXPECT_EQ(spr_baggage_get("a=1", 3, "a", 1, nullptr), -EINVAL);
    EXPECT_EQ(spr_baggage_decode("a", 1, nullptr), -EINVAL);
    EXPECT_EQ(spr_baggage_set(nullptr, "a", 1, "1", 1, nullptr, 0), -EINVAL);
    EXPECT_EQ(spr_baggage_remove(nullptr, "a", 1), -EINVAL);
}

}  // namespace
}  // namespace spanring
