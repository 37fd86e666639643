// SPDX-License-Identifier: Apache-2.0
//
// The environment as a carrier: OpenTelemetry specification, context/env-carriers.md.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "support/carried.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Carried;

const std::string kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// A copy of an environment, with room for what is set.
struct Copy {
    std::vector<std::string> texts;
    std::vector<char*> places;
    test::Text memory{2000};
    spr_environment environment = SPR_ENVIRONMENT_INIT;
    spr_carrier carrier = SPR_CARRIER_INIT;

    explicit Copy(std::vector<std::string> variables, size_t spare = 4) : texts(std::move(variables)) {
        for (std::string& text : texts) places.push_back(text.data());
        places.resize(texts.size() + 1 + spare);
        environment.variables = places.data();
        environment.capacity = places.size();
        environment.memory = memory.raw();
        EXPECT_EQ(spr_environment_carrier(&environment, &carrier), 0);
    }
    std::vector<std::string> variables() const {
        std::vector<std::string> all;
        for (char* const* at = environment.variables; *at != nullptr; ++at) all.emplace_back(*at);
        return all;
    }
    int get(const std::string& key, std::string& value) {
        const char* data;
        size_t size;
        const int found = carrier.get(carrier.user, key.c_str(), key.size(), 0, &data, &size);
        if (found == 1) value.assign(data, size);
        return found;
    }
};

using Variables = std::vector<std::string>;

TEST(EnvironmentTest, NormalizesKeys) {
    Copy copy({"X_B3_TRACEID=yes", "x-b3-traceid=no", "_1KEY=digit", "_=empty", "A_B_C=dots", "EMPTY="});
    std::string value;
    const auto read = [&](const char* key) {
        value = "none";
        copy.get(key, value);
        return value;
    };
    EXPECT_EQ(read("x-b3-traceid"), "yes");
    EXPECT_EQ(read("1key"), "digit");
    EXPECT_EQ(read(""), "empty");
    EXPECT_EQ(read("a.b c"), "dots");
    EXPECT_EQ(read("X_B3"), "none") << "not a part of a name";
    EXPECT_EQ(read("empty"), "");
    EXPECT_EQ(copy.get(std::string(64, 'x'), value), -ENAMETOOLONG);
    EXPECT_EQ(copy.get(std::string(63, 'x'), value), 0);
    EXPECT_EQ(copy.get("1" + std::string(62, 'x'), value), 0) << "with an underscore in front";
}

TEST_IN_PROCESS(EnvironmentTest, IsReadAtTheStartOfAProcess) {
    setenv("TRACEPARENT", kTraceparent.c_str(), 1);
    setenv("TRACESTATE", "a=1", 1);
    setenv("BAGGAGE", "k=v", 1);
    spr_environment environment = SPR_ENVIRONMENT_INIT;
    spr_carrier carrier;
    ASSERT_EQ(spr_environment_carrier(&environment, &carrier), 0);
    Carried carried;
    EXPECT_EQ(spr_extract(&carrier, &carried.raw), 1);
    EXPECT_EQ(carried.raw.context.span_id[7], 0x31);
    EXPECT_EQ(carried.state() + " " + carried.bag(), "a=1 k=v");
    EXPECT_EQ(spr_inject_with(&carried.raw, &carrier), -EROFS) << "that of the process is never written";
    clearenv();
    EXPECT_EQ(spr_extract(&carrier, &carried.raw), 0);
}

TEST(EnvironmentTest, IsWrittenIntoTheCopyForAChild) {
    Copy copy({"PATH=/bin", "TRACESTATE=stale=1", "TRACEPARENT=stale"});
    Carried carried;
    ASSERT_EQ(spr_traceparent_extract(kTraceparent.c_str(), SPR_NUL, &carried.raw.context), 0);
    EXPECT_EQ(spr_baggage_set(&carried.raw.baggage, "k", 1, "v w", 3, nullptr, 0), 0);
    EXPECT_EQ(spr_inject_with(&carried.raw, &copy.carrier), 0);
    EXPECT_EQ(copy.variables(), (Variables{"PATH=/bin", "TRACEPARENT=" + kTraceparent, "BAGGAGE=k=v%20w"}))
        << "what has no value this time is not the parent's";
}

TEST(EnvironmentTest, SaysWhenThereIsNoRoom) {
    Copy no_place({"PATH=/bin"}, 0), no_memory({"PATH=/bin"});
    no_memory.environment.memory.capacity = 10;
    const auto set = [](Copy& copy, const char* key, const char* value) {
        return copy.carrier.set(copy.carrier.user, key, strlen(key), value, strlen(value));
    };
    EXPECT_EQ(set(no_place, "key", "value"), -ENOSPC);
    EXPECT_EQ(set(no_place, "path", "other"), 0) << "in place of another";
    EXPECT_EQ(no_place.variables(), (Variables{"PATH=other"}));
    EXPECT_EQ(set(no_memory, "key", "value+"), -ENOSPC) << "11 bytes";
    EXPECT_EQ(set(no_memory, "key", "value"), 0);
    EXPECT_EQ(no_memory.variables(), (Variables{"PATH=/bin", "KEY=value"}));
}

TEST_IN_PROCESS(EnvironmentTest, LeadsIntoAChild) {
    Copy copy({"PATH=/bin:/usr/bin"});
    Carried carried;
    ASSERT_EQ(spr_traceparent_extract(kTraceparent.c_str(), SPR_NUL, &carried.raw.context), 0);
    ASSERT_EQ(spr_inject_with(&carried.raw, &copy.carrier), 0);
    const std::string script = "test \"$TRACEPARENT\" = " + kTraceparent;
    const pid_t child = fork();
    if (child == 0) {
        execle("/bin/sh", "sh", "-c", script.c_str(), nullptr, copy.environment.variables);
        _exit(99);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << test::describe_status(status);
}

TEST(EnvironmentTest, TakesNullForAMistake) {
    spr_environment environment = SPR_ENVIRONMENT_INIT;
    spr_carrier carrier;
    EXPECT_EQ(spr_environment_carrier(nullptr, &carrier), -EINVAL);
    EXPECT_EQ(spr_environment_carrier(&environment, nullptr), -EINVAL);
    environment.struct_size = 8;
    EXPECT_EQ(spr_environment_carrier(&environment, &carrier), -EINVAL);
}

}  // namespace
}  // namespace spanring
