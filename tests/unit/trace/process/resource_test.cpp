// SPDX-License-Identifier: Apache-2.0
#include "trace/process/resource.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/tracing.hpp"
#include "trace/process/process_facts.hpp"

namespace spanring::trace {
namespace {

using test::attribute;
using test::int_attribute;
using test::text_attribute;

class ResourceTest : public testing::Test {
protected:
    ~ResourceTest() override {
        unsetenv("OTEL_SERVICE_NAME");
        unsetenv("OTEL_RESOURCE_ATTRIBUTES");
    }

    void set(const char* variable, const char* value) { setenv(variable, value, 1); }
    int build() { return resource_->build(options_); }

    // What the agent will read.
    otlp::Resource finish() {
        std::vector<uint8_t> bytes(ring::kResourceSize);
        const uint32_t size = resource_->finish(random_, bytes.data());
        otlp::Resource parsed;
        EXPECT_LE(size, bytes.size());
        EXPECT_TRUE(test::parse_strictly(bytes.data(), size, parsed));
        return parsed;
    }
    otlp::Resource built() {
        EXPECT_EQ(build(), 0);
        return finish();
    }

    uint8_t random_[16] = {};
    spr_provider_options options_ = SPR_PROVIDER_OPTIONS_INIT;
    std::unique_ptr<Resource> resource_ = std::make_unique<Resource>();
};

TEST_F(ResourceTest, SaysWhichLibraryAndWhichProcess) {
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "telemetry.sdk.name"), "string:spanring");
    EXPECT_EQ(attribute(resource, "telemetry.sdk.language"), "string:cpp");
    EXPECT_EQ(attribute(resource, "telemetry.sdk.version"), std::string("string:") + spr_version());
    EXPECT_EQ(attribute(resource, "process.pid"), "int:" + std::to_string(getpid()));
}

TEST_F(ResourceTest, NamesAServiceThatNobodyNamedAfterItsProgram) {
    char name[32] = {};
    prctl(PR_GET_NAME, name);
    EXPECT_EQ(attribute(built(), "service.name"), std::string("string:unknown_service:") + name);
}

TEST_F(ResourceTest, TakesTheServicesNameFromTheOptionsThenFromItsVariableThenFromTheList) {
    set("OTEL_RESOURCE_ATTRIBUTES", "service.name=listed");
    EXPECT_EQ(attribute(built(), "service.name"), "string:listed");
    set("OTEL_SERVICE_NAME", "variable");
    EXPECT_EQ(attribute(built(), "service.name"), "string:variable");
    const spr_attribute given[] = {text_attribute("service.name", "attribute")};
    options_.resource_attributes = given;
    options_.resource_attribute_count = 1;
    EXPECT_EQ(attribute(built(), "service.name"), "string:attribute");
    options_.service_name = "option";
    EXPECT_EQ(attribute(built(), "service.name"), "string:option");
}

TEST_F(ResourceTest, TakesAnEmptyVariableForUnset) {
    set("OTEL_SERVICE_NAME", "");
    set("OTEL_RESOURCE_ATTRIBUTES", "");
    EXPECT_EQ(attribute(built(), "service.name").substr(0, 22), "string:unknown_service");
    options_.service_name = "";
    EXPECT_EQ(attribute(built(), "service.name").substr(0, 22), "string:unknown_service");
}

TEST_F(ResourceTest, SaysTheLanguageOfTheBindingThatOpened) {
    const spr_attribute given[] = {text_attribute("telemetry.sdk.language", "go")};
    options_.resource_attributes = given;
    options_.resource_attribute_count = 1;
    set("OTEL_RESOURCE_ATTRIBUTES", "telemetry.sdk.language=php");
    EXPECT_EQ(attribute(built(), "telemetry.sdk.language"), "string:go");
    options_.resource_attribute_count = 0;
    EXPECT_EQ(attribute(built(), "telemetry.sdk.language"), "string:cpp");
}

TEST_F(ResourceTest, TakesAServicesNameOfAGivenLength) {
    options_.service_name = "shopping";
    options_.service_name_size = 4;
    EXPECT_EQ(attribute(built(), "service.name"), "string:shop");
}

TEST_F(ResourceTest, PrefersTheOptionsAttributesToTheEnvironments) {
    set("OTEL_RESOURCE_ATTRIBUTES", "both=environment,one=environment");
    const spr_attribute given[] = {text_attribute("both", "option"), int_attribute("number", -7)};
    options_.resource_attributes = given;
    options_.resource_attribute_count = 2;
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "both"), "string:option");
    EXPECT_EQ(attribute(resource, "one"), "string:environment");
    EXPECT_EQ(attribute(resource, "number"), "int:-7");
}

TEST_F(ResourceTest, DecodesPercentSignsAndTrimsSpaces) {
    set("OTEL_RESOURCE_ATTRIBUTES", " key.one = a%20b%2Cc%3d%C3%a9 ,%6bey.two=\t2\t,key.three=a=b");
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "key.one"), "string:a b,c=\xc3\xa9");
    EXPECT_EQ(attribute(resource, "key.two"), "string:2");
    EXPECT_EQ(attribute(resource, "key.three"), "string:a=b");
}

TEST_F(ResourceTest, AMalformedPairDiscardsTheWholeListAndNothingElse) {
    for (const char* bad : {"=no key", "no equals sign", "cut=%4", "wrong=%zz", "bytes=%ff", "%ff=bytes", " =blank"}) {
        set("OTEL_RESOURCE_ATTRIBUTES", (std::string("good=1,") + bad + ",last=2").c_str());
        const auto resource = built();
        EXPECT_EQ(attribute(resource, "good"), "") << bad;
        EXPECT_EQ(attribute(resource, "last"), "") << bad;
        EXPECT_NE(attribute(resource, "process.pid"), "") << bad;
        EXPECT_EQ(resource.dropped_attributes_count(), 2u) << "what came before it, and itself: " << bad;
    }
}

TEST_F(ResourceTest, AnEmptyElementIsNoPair) {
    set("OTEL_RESOURCE_ATTRIBUTES", "good=1,, ,last=2,");
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "good"), "string:1");
    EXPECT_EQ(attribute(resource, "last"), "string:2");
    EXPECT_EQ(resource.dropped_attributes_count(), 0u);
}

TEST_F(ResourceTest, AnEmptyServicesNameIsNone) {
    set("OTEL_RESOURCE_ATTRIBUTES", "service.name=,other=1");
    EXPECT_EQ(attribute(built(), "service.name").substr(0, 22), "string:unknown_service");
    const spr_attribute given[] = {text_attribute("service.name", "")};
    options_.resource_attributes = given;
    options_.resource_attribute_count = 1;
    EXPECT_EQ(attribute(built(), "service.name").substr(0, 22), "string:unknown_service");
    set("OTEL_RESOURCE_ATTRIBUTES", "service.name=listed");
    EXPECT_EQ(attribute(built(), "service.name"), "string:listed");
}

TEST_F(ResourceTest, KeepsAnEmptyValue) {
    set("OTEL_RESOURCE_ATTRIBUTES", "empty=");
    EXPECT_EQ(attribute(built(), "empty"), "string:");
}

TEST_F(ResourceTest, RefusesAnAttributeOfTheOptionsThatIsNone) {
    spr_attribute given = text_attribute("", "x");
    options_.resource_attributes = &given;
    options_.resource_attribute_count = 1;
    EXPECT_EQ(build(), -EINVAL);
    given = text_attribute("\xff", "x");
    EXPECT_EQ(build(), -EINVAL);
    given = int_attribute("x", 1);
    given.type = 99;
    EXPECT_EQ(build(), -EINVAL);
}

// A profiler reads the resource without the agent between.
TEST_F(ResourceTest, RepairsATextThatIsNotUtf8) {
    set("OTEL_SERVICE_NAME", "sh\xffp");
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "service.name"), "string:sh?p");
    EXPECT_EQ(attribute(resource, "process.pid"), "int:" + std::to_string(getpid()));
    options_.service_name = "m\xfcller \xe2\x82";
    EXPECT_EQ(attribute(built(), "service.name"), "string:m?ller ??");
}

TEST_F(ResourceTest, RefusesOptionsThatDoNotFit) {
    const std::string long_text(9000, 'x');
    spr_attribute given[] = {text_attribute("one", long_text.c_str()), text_attribute("two", long_text.c_str())};
    options_.resource_attributes = given;
    options_.resource_attribute_count = 1;
    EXPECT_EQ(build(), 0);
    options_.resource_attribute_count = 2;
    EXPECT_EQ(build(), -E2BIG);
}

TEST_F(ResourceTest, AnEnvironmentThatDoesNotFitLosesOnlyItself) {
    std::string list;
    for (int i = 0; i < 10; ++i) list += "key" + std::to_string(i) + "=" + std::string(2000, 'x') + ",";
    set("OTEL_RESOURCE_ATTRIBUTES", (list + "last=1").c_str());
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "key0"), "string:" + std::string(2000, 'x'));
    EXPECT_EQ(attribute(resource, "key9"), "");
    EXPECT_EQ(attribute(resource, "last"), "string:1");
    EXPECT_NE(attribute(resource, "process.pid"), "");
    EXPECT_NE(attribute(resource, "service.name"), "");
}

TEST_F(ResourceTest, SaysWhichProgramAndWhoseAndWhichContainer) {
    char path[4096];
    const size_t size = executable_path(path, sizeof path);
    ASSERT_NE(size, 0u);
    const std::string program(path, size);
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "process.executable.path"), "string:" + program);
    EXPECT_EQ(attribute(resource, "process.executable.name"), "string:" + program.substr(program.rfind('/') + 1));
    EXPECT_EQ(attribute(resource, "process.command_args"), "") << "they may be secrets";
    char text[64];
    const std::string owner(text, user_name(geteuid(), text, sizeof text));
    EXPECT_EQ(attribute(resource, "process.owner"), owner.empty() ? "" : "string:" + owner);
    const std::string container(text, container_id(text));
    EXPECT_EQ(attribute(resource, "container.id"), container.empty() ? "" : "string:" + container);
}

TEST_F(ResourceTest, SaysWhichInstanceAsARandomUuid) {
    EXPECT_EQ(attribute(built(), "service.instance.id"), "") << "no randomness";
    for (int i = 0; i < 16; ++i) random_[i] = static_cast<uint8_t>(0x11 * i);
    EXPECT_EQ(attribute(built(), "service.instance.id"), "string:00112233-4455-4677-8899-aabbccddeeff");
    memset(random_, 0xff, sizeof random_);
    EXPECT_EQ(attribute(built(), "service.instance.id"), "string:ffffffff-ffff-4fff-bfff-ffffffffffff");
    set("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=mine,process.owner=nobody,container.id=none");
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "service.instance.id"), "string:mine");
    EXPECT_EQ(attribute(resource, "process.owner"), "string:nobody");
    EXPECT_EQ(attribute(resource, "container.id"), "string:none");
}

TEST_F(ResourceTest, KeepsTheLastOfEqualKeysOfOneSource) {
    set("OTEL_RESOURCE_ATTRIBUTES", "a=1,b=only,a=22,both=environment");
    const spr_attribute given[] = {text_attribute("x", "1"), text_attribute("both", "first"), int_attribute("x", 2),
                                   text_attribute("both", "last")};
    options_.resource_attributes = given;
    options_.resource_attribute_count = 4;
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "a"), "string:22");
    EXPECT_EQ(attribute(resource, "b"), "string:only");
    EXPECT_EQ(attribute(resource, "x"), "int:2");
    EXPECT_EQ(attribute(resource, "both"), "string:last");
    std::set<std::string> keys;
    for (const auto& pair : resource.attributes()) EXPECT_TRUE(keys.insert(pair.key()).second) << pair.key();
    EXPECT_EQ(resource.dropped_attributes_count(), 0u);
}

TEST_F(ResourceTest, CountsWhatOfTheEnvironmentIsLeftOut) {
    set("OTEL_RESOURCE_ATTRIBUTES",
        ("good=1,large=" + std::string(4000, 'x') + ",big=" + std::string(4000, 'x') +
         ",bigger=" + std::string(4000, 'x') + ",biggest=" + std::string(5000, 'x') + ",last=2")
            .c_str());
    const auto resource = built();
    EXPECT_EQ(attribute(resource, "last"), "string:2");
    EXPECT_EQ(attribute(resource, "biggest"), "");
    EXPECT_EQ(resource.dropped_attributes_count(), 2u);
}

TEST_F(ResourceTest, HasASchemaBehindIt) {
    options_.resource_schema_url = "https://opentelemetry.io/schemas/1.37.0";
    ASSERT_EQ(build(), 0);
    std::vector<uint8_t> bytes(ring::kResourceSize);
    const uint32_t size = resource_->finish(random_, bytes.data());
    EXPECT_EQ(std::string(bytes.begin() + size, bytes.begin() + size + resource_->schema_size()),
              options_.resource_schema_url);
    const std::string long_url(1025, 'x');
    options_.resource_schema_url = long_url.c_str();
    EXPECT_EQ(build(), -E2BIG);
    options_.resource_schema_url = nullptr;
    ASSERT_EQ(build(), 0);
    EXPECT_EQ(resource_->schema_size(), 0u);
}

// Nothing is written behind the region's end, whatever it is filled with.
TEST_F(ResourceTest, FillsItsRoomAndNoMore) {
    options_.resource_schema_url = "https://example.com/schema";
    memset(random_, 1, sizeof random_);
    for (size_t size = 11000; size < ring::kResourceSize; size += 7) {
        const std::string text(size, 'x');
        const spr_attribute given[] = {text_attribute("big", text.c_str())};
        options_.resource_attributes = given;
        options_.resource_attribute_count = 1;
        const int error = build();
        if (error != 0) {
            EXPECT_EQ(error, -E2BIG);
            EXPECT_GT(size, 11500u) << "there was room";
            return;
        }
        std::vector<uint8_t> bytes(ring::kResourceSize + 64, 0x5a);
        const uint32_t used = resource_->finish(random_, bytes.data()) + resource_->schema_size();
        ASSERT_LE(used, ring::kResourceSize);
        ASSERT_EQ(bytes[ring::kResourceSize], 0x5a);
    }
    FAIL() << "it never was full";
}

TEST_F(ResourceTest, LeavesAProcessIdThatWasGivenAlone) {
    const spr_attribute given[] = {int_attribute("process.pid", 5)};
    options_.resource_attributes = given;
    options_.resource_attribute_count = 1;
    EXPECT_EQ(attribute(built(), "process.pid"), "int:5");
}

TEST_F(ResourceTest, StartsAnewWithEachBuild) {
    options_.service_name = "first";
    built();
    options_.service_name = "second";
    EXPECT_EQ(attribute(built(), "service.name"), "string:second");
}

}  // namespace
}  // namespace spanring::trace
