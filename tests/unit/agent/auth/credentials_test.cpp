// SPDX-License-Identifier: Apache-2.0
#include "auth/credentials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "auth/auth_options.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

class CredentialsTest : public testing::Test {
protected:
    std::unique_ptr<Credentials> make(const AuthOptions& options) {
        return make_credentials(options, "otlp", [] {});
    }
    std::string write(const std::string& name, const std::string& text) {
        // As whoever rotates secrets does it: the name has one whole file or the other.
        std::ofstream(directory_.file("new")) << text;
        std::filesystem::rename(directory_.file("new"), directory_.file(name));
        return directory_.file(name);
    }
    Credentials::Time later() { return now_ += std::chrono::seconds(1); }

    spanring::test::TemporaryDirectory directory_;
    Credentials::Time now_{std::chrono::hours(1)};
};

AuthOptions bearer(const std::string& token, const std::string& file = {}) {
    AuthOptions options;
    options.id = "bearertokenauth";
    options.token = {token, file};
    return options;
}

AuthOptions basic(Secret name, Secret password) {
    AuthOptions options;
    options.id = "basicauth/shop";
    options.type = AuthType::kBasic;
    options.username = std::move(name);
    options.password = std::move(password);
    return options;
}

TEST_F(CredentialsTest, ATokenStandsBehindItsScheme) {
    AuthOptions options = bearer("abc");
    EXPECT_EQ(make(options)->look(now_).header->name, "Authorization");
    EXPECT_EQ(make(options)->look(now_).header->value, "Bearer abc");
    options.scheme = "";
    options.header = "X-Api-Key";
    EXPECT_EQ(make(options)->look(now_).header->name, "X-Api-Key");
    EXPECT_EQ(make(options)->look(now_).header->value, "abc");
}

TEST_F(CredentialsTest, ATokenOfAFileIsItsFirstLineAndReadAgainWhenItChanges) {
    const std::string file = write("token", "  first \r\nsecond\n");
    const auto credentials = make(bearer("", file));
    const Credentials::Look before = credentials->look(later());
    EXPECT_EQ(before.header->value, "Bearer first");
    EXPECT_EQ(credentials->look(later()).serial, before.serial);
    write("token", "other");
    const Credentials::Look after = credentials->look(later());
    EXPECT_EQ(after.header->value, "Bearer other");
    EXPECT_NE(after.serial, before.serial);
}

TEST_F(CredentialsTest, AFileGoesBeforeAText) {
    EXPECT_EQ(make(bearer("text", write("token", "of the file")))->look(now_).header->value, "Bearer of the file");
}

TEST_F(CredentialsTest, WhatCannotBeReadAnyMoreStaysAndIsTold) {
    const std::string file = write("token", "good");
    const auto credentials = make(bearer("", file));
    std::filesystem::remove(file);
    const Credentials::Look look = credentials->look(later());
    EXPECT_EQ(look.header->value, "Bearer good");
    EXPECT_THAT(look.error, HasSubstr(file));
    write("token", "a\x01secret");
    EXPECT_EQ(credentials->look(later()).header->value, "Bearer good");
    EXPECT_THAT(credentials->look(later()).error, Not(HasSubstr("secret")));
    write("token", "good");
    EXPECT_EQ(credentials->look(later()).error, "");
}

// The sender's thread reads it, and would never come back.
TEST_F(CredentialsTest, WhatHasNoEndOrNoWriterIsNotReadAndALinkIs) {
    const std::string file = write("token", "good");
    const auto credentials = make(bearer("", file));
    std::filesystem::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    Credentials::Look look = credentials->look(later());
    EXPECT_EQ(look.header->value, "Bearer good");
    EXPECT_THAT(look.error, HasSubstr("not a regular file"));
    for (const std::string& other : {std::string("/dev/zero"), file, directory_.path()}) {
        EXPECT_THAT([&] { make(bearer("", other)); },
                    ThrowsMessage<std::invalid_argument>(HasSubstr("not a regular file")))
            << other;
    }
    write("token", std::string(1 << 20, 'a'));
    look = credentials->look(later());
    EXPECT_EQ(look.header->value, "Bearer good");
    EXPECT_THAT(look.error, HasSubstr("longer than a header can be"));
    write("token", std::string(10'000, 'a') + "\n" + std::string(1 << 20, 'b'));
    EXPECT_EQ(credentials->look(later()).header->value, "Bearer " + std::string(10'000, 'a'));
    std::filesystem::remove(file);
    std::filesystem::create_symlink(write("other", "linked"), file);
    look = credentials->look(later());
    EXPECT_EQ(look.header->value, "Bearer linked");
    EXPECT_EQ(look.error, "");
}

TEST_F(CredentialsTest, WhatIsRefusedIsWorthAnotherAttemptOnlyWithAnother) {
    const std::string file = write("token", "one");
    const auto credentials = make(bearer("", file));
    const uint64_t serial = credentials->look(now_).serial;
    EXPECT_FALSE(credentials->refused(serial, now_));
    write("token", "two");
    EXPECT_TRUE(credentials->refused(serial, now_)) << "it looks at once";
    EXPECT_TRUE(credentials->refused(serial, now_)) << "so it is for all that were on their way";
    EXPECT_FALSE(credentials->refused(credentials->look(now_).serial, now_));
}

TEST_F(CredentialsTest, APasswordIsSentAsRfc7617HasIt) {
    EXPECT_EQ(make(basic({"Aladdin", {}}, {"open sesame", {}}))->look(now_).header->value,
              "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    const auto credentials = make(basic({"Aladdin", {}}, {{}, write("password", "closed\n")}));
    const std::string before = credentials->look(later()).header->value;
    write("password", "open sesame\n");
    EXPECT_NE(before, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(credentials->look(later()).header->value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST_F(CredentialsTest, WhatIsMissingIsNamedByItsKey) {
    EXPECT_THAT([&] { make(bearer("")); }, ThrowsMessage<std::invalid_argument>(HasSubstr("bearertokenauth.token")));
    EXPECT_THAT([&] { make(bearer("", directory_.file("none"))); },
                ThrowsMessage<std::invalid_argument>(HasSubstr("bearertokenauth.filename")));
    EXPECT_THAT(
        [&] {
            make(basic({"me", {}}, {}));
        },
        ThrowsMessage<std::invalid_argument>(HasSubstr("basicauth/shop.client_auth.password")));
    EXPECT_THAT([&] { make(basic({"m:e", {}}, {"x", {}})); }, ThrowsMessage<std::invalid_argument>(HasSubstr("colon")));
    EXPECT_THAT(
        [&] {
            make(basic({{}, write("name", "m:e")}, {"x", {}}));
        },
        ThrowsMessage<std::invalid_argument>(HasSubstr("client_auth.username_file: must not contain a colon")));
}

}  // namespace
}  // namespace spanring::agent
