// SPDX-License-Identifier: Apache-2.0
//
// Hashes are those that other programs make: `htpasswd`, `openssl passwd`, `mkpasswd`.
#include "auth/gatekeeper.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "auth/allowed_senders.hpp"
#include "auth/password_list.hpp"
#include "support/scarce_memory.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using spanring::test::TemporaryDirectory;
using Verdict = Gatekeeper::Verdict;

const Gatekeeper::Time kNow = std::chrono::steady_clock::now();

PasswordList list_of(const std::string& text) {
    PasswordList list;
    std::string fault;
    list.add(text, fault);
    EXPECT_EQ(fault, "");
    return list;
}

std::string fault_in(const std::string& text) {
    PasswordList list;
    std::string fault;
    list.add(text, fault);
    return fault;
}

AuthOptions bearer(const std::string& token, const std::string& file = "") {
    AuthOptions options;
    options.id = "bearertokenauth";
    options.token = {token, file};
    return options;
}

AuthOptions basic(const std::string& text, const std::string& file = "") {
    AuthOptions options;
    options.id = "basicauth/server";
    options.type = AuthType::kBasic;
    options.htpasswd = {text, file};
    return options;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

TEST(PasswordListTest, KnowsWhatOthersWrite) {
    const std::string hashes[] = {
        "$apr1$salt1234$gum57uX3bCGZxFNO7//Yk.",                    // openssl passwd -apr1
        "$1$salt1234$C40rllcxaNRNtAstiasOb0",                       // openssl passwd -1
        "$5$salt1234$akig3mxwWOtxGnUKdSzgftZ5SupBxiz8XZ2BGhGvYe3",  // -5
        "$6$salt1234$1.L3V9CNnvhe2fZz1lgVG3JO9aNCtB/5tWscB13kd0RHg8x5Tu.t4s.gDFjZ.oQEGB.ljfzMMd1uKKxMkXh3k0",  // -6
        "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW",  // htpasswd -B
        "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=",                             // htpasswd -s
        "{SSHA}hNYeQ/3/SXXXY9MY8GjJRoIGc95wZXBwZXI=",
        "open sesame",
    };
    for (const std::string& hash : hashes) {
        const PasswordList list = list_of("somebody:x\nann:" + hash + "\n");
        EXPECT_TRUE(list.matches("ann", "open sesame")) << hash;
        EXPECT_FALSE(list.matches("ann", "open sesam")) << hash;
        EXPECT_FALSE(list.matches("ann", "")) << hash;
        EXPECT_FALSE(list.matches("ann", hash == "open sesame" ? "" : hash)) << hash;
        EXPECT_FALSE(list.matches("bob", "open sesame")) << hash;
    }
}

TEST(PasswordListTest, TheLastLineOfAUserCounts) {
    const PasswordList list = list_of("# who may send\n\n  ann:one\r\nbob:b\nann:two\n");
    EXPECT_TRUE(list.matches("ann", "two"));
    EXPECT_FALSE(list.matches("ann", "one"));
    EXPECT_TRUE(list.matches("bob", "b"));
    EXPECT_FALSE(list.matches("# who may send", ""));
    EXPECT_FALSE(PasswordList().matches("", ""));
}

TEST(PasswordListTest, SaysWhichLineIsWrongAndKeepsTheSecret) {
    EXPECT_EQ(fault_in("ann:x\nsecret\n"), "line 2 is not USER:PASSWORD");
    EXPECT_EQ(fault_in(":secret"), "line 1 is not USER:PASSWORD");
    EXPECT_EQ(fault_in("ann:"), "line 1 has no password");
    EXPECT_EQ(fault_in("ann:$9$secret"), "line 1 has a hash that is not known here");
    EXPECT_EQ(fault_in("ann:{SHA}c2VjcmV0"), "line 1 has a broken hash");
}

TEST(PasswordListTest, WhatTakesTooLongIsRefused) {
    const std::string salt = "abcdefghijklmnopqrstuu";
    for (const std::string& hash :
         {"$2y$12$" + salt, std::string("$6$rounds=200000$salt1234$x"), std::string("$6$salt1234$x"),
          std::string("$y$j9T$salt$x"), std::string("$y$jBT$salt$x")})
        EXPECT_EQ(fault_in("ann:" + hash), "") << hash;
    for (const std::string& hash : {"$2y$13$" + salt, "$2b$31$" + salt, std::string("$5$rounds=200001$salt1234$x"),
                                    std::string("$6$rounds=999999999999999$salt1234$x"), std::string("$y$jCT$salt$x"),
                                    std::string("$y$j9z$salt$x"), std::string("$y$j.5zz$salt$x"), std::string("$y$")})
        EXPECT_NE(fault_in("ann:" + hash).find("takes too long"), std::string::npos) << hash;
}

TEST(GatekeeperTest, ATokenHasToBeTheWholeHeader) {
    Gatekeeper gate(bearer("abc"), "here");
    EXPECT_EQ(gate.header(), "authorization");
    EXPECT_EQ(gate.challenge(), "Bearer realm=\"otlp\"");
    EXPECT_EQ(gate.judge("Bearer abc", "a", kNow), Verdict::kLetIn);
    for (const char* wrong :
         {"", "abc", "Bearer ab", "Bearer abcd", "Bearer  abc", "bearer abc", "Basic abc", "Bearer "})
        EXPECT_EQ(gate.judge(wrong, "a", kNow), Verdict::kUnknown) << wrong;
}

TEST(GatekeeperTest, EachLineOfAFileIsATokenAndItIsReadAgain) {
    const TemporaryDirectory directory;
    const std::string file = directory.file("tokens");
    write(file, "one\n\n  two  \n");
    Gatekeeper gate(bearer("", file), "here");
    EXPECT_EQ(gate.judge("Bearer one", "a", kNow), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("Bearer two", "a", kNow), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("Bearer ", "a", kNow), Verdict::kUnknown);

    write(file, "another\n");
    EXPECT_EQ(gate.judge("Bearer another", "a", kNow + Gatekeeper::kPause), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("Bearer one", "a", kNow + Gatekeeper::kPause), Verdict::kUnknown);

    write(file, "\n");  // nobody may: that is no list
    EXPECT_EQ(gate.judge("Bearer another", "a", kNow + 2 * Gatekeeper::kPause), Verdict::kLetIn);
    write(file, "once more\n");
    EXPECT_EQ(gate.judge("Bearer once more", "a", kNow + 3 * Gatekeeper::kPause), Verdict::kLetIn);
}

TEST(GatekeeperTest, AWrongFileIsNamed) {
    const TemporaryDirectory directory;
    const std::string file = directory.file("users");
    const auto message = [](const AuthOptions& options) -> std::string {
        try {
            const Gatekeeper gate(options, "here");
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_NE(message(bearer("", file)).find("here: extensions.bearertokenauth.filename: cannot read " + file),
              std::string::npos);
    write(file, "ann:x\nsecret\n");
    EXPECT_EQ(message(basic("", file)),
              "here: extensions.basicauth/server.htpasswd.file: " + file + ": line 2 is not USER:PASSWORD");
    EXPECT_EQ(gate_faults_of(basic(""), false).at(0).key, "htpasswd.inline");
}

TEST(GatekeeperTest, AUserHasAPassword) {
    Gatekeeper gate(basic("ann:open sesame"), "here");
    EXPECT_EQ(gate.challenge(), "Basic realm=\"otlp\", charset=\"UTF-8\"");
    EXPECT_EQ(gate.judge("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("basic YW5uOm9wZW4gc2VzYW1l", "a", kNow + 1h), Verdict::kLetIn);
    for (const char* wrong : {"", "Basic", "Basic ", "Basic YW5u", "Basic YW5uOm9wZW4gc2VzYW0=", "Basic !!!!",
                              "Bearer YW5uOm9wZW4gc2VzYW1l"})
        EXPECT_EQ(gate.judge(wrong, "a", kNow + 2h), Verdict::kUnknown) << wrong;
}

TEST(GatekeeperTest, TheTextGoesBeforeTheFile) {
    const TemporaryDirectory directory;
    const std::string file = directory.file("users");
    write(file, "ann:another\nbob:b\n");
    Gatekeeper gate(basic("ann:open sesame", file), "here");
    EXPECT_EQ(gate.judge("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("Basic Ym9iOmI=", "a", kNow + 1h), Verdict::kLetIn);
}

// Each of these costs a bcrypt; only what was not seen before does.
TEST(GatekeeperTest, WhoTriesManyPasswordsHasToWait) {
    Gatekeeper gate(basic("ann:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW"), "here");
    EXPECT_EQ(gate.judge("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("Basic YW5uOmE=", "a", kNow), Verdict::kLater);
    EXPECT_EQ(gate.judge("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow), Verdict::kLetIn);  // is known
    EXPECT_EQ(gate.judge("Basic YW5uOmE=", "a", kNow + 1h), Verdict::kUnknown);
    EXPECT_EQ(gate.judge("Basic YW5uOmE=", "a", kNow + 1h), Verdict::kUnknown);  // so is this
    EXPECT_EQ(gate.judge("Basic YW5uOmI=", "a", kNow + 1h), Verdict::kLater);
}

TEST(GatekeeperTest, WhoTriesWithoutAPauseDoesNotKeepOthersOut) {
    Gatekeeper gate(basic("ann:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW"), "here");
    // A microsecond apart, for as long as a check keeps all from the next one: of that its own pause is a multiple.
    Gatekeeper::Time now = kNow;
    EXPECT_EQ(gate.judge("Basic YW5uOmE=", "many", now), Verdict::kUnknown);
    while (gate.judge("Basic YW5uOm9wZW4gc2VzYW1l", "one", now) == Verdict::kLater) {
        now += 1us;
        ASSERT_EQ(gate.judge("Basic YW5uOmI=", "many", now), Verdict::kLater);
    }
    EXPECT_EQ(gate.judge("Basic YW5uOm9wZW4gc2VzYW1l", "another", now), Verdict::kLetIn);  // is known
    EXPECT_EQ(gate.judge("Basic YW5uOmI=", "many", now + 1h), Verdict::kUnknown);
}

TEST(GatekeeperTest, WhoMustNotWaitGetsAQuestionThatAnyThreadComputes) {
    const TemporaryDirectory directory;
    const std::string file = directory.file("users");
    write(file, "ann:open sesame\nbob:b\n");
    Gatekeeper gate(basic("", file), "here");
    Verdict verdict = Verdict::kLater;
    auto question = gate.ask("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow, verdict);
    ASSERT_NE(question, nullptr);
    // Until it is answered no other one is asked, and who needs none is told at once.
    EXPECT_EQ(gate.ask("Basic Ym9iOmI=", "b", kNow + 1h, verdict), nullptr);
    EXPECT_EQ(verdict, Verdict::kLater);
    EXPECT_EQ(gate.ask("", "b", kNow + 1h, verdict), nullptr);
    EXPECT_EQ(verdict, Verdict::kUnknown);
    EXPECT_TRUE(gate.is_asked("Basic YW5uOm9wZW4gc2VzYW1l"));
    EXPECT_FALSE(gate.is_asked("Basic Ym9iOmI="));
    std::thread([&] { question->compute(); }).join();
    EXPECT_EQ(gate.answer(*question), Verdict::kLetIn);
    EXPECT_FALSE(gate.is_asked("Basic YW5uOm9wZW4gc2VzYW1l"));
    EXPECT_EQ(gate.ask("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow, verdict), nullptr);
    EXPECT_EQ(verdict, Verdict::kLetIn);

    // A file that is new meanwhile: what was computed of the one before is no answer.
    question = gate.ask("Basic Ym9iOmI=", "b", kNow + 1h, verdict);
    ASSERT_NE(question, nullptr);
    write(file, "ann:another one\n");
    EXPECT_EQ(gate.ask("", "b", kNow + 2h, verdict), nullptr);
    question->compute();
    EXPECT_EQ(gate.answer(*question), Verdict::kLater);
    EXPECT_EQ(gate.judge("Basic Ym9iOmI=", "b", kNow + 3h), Verdict::kUnknown);
}

TEST(GatekeeperTest, WithoutMemoryForAPasswordItIsAskedAgain) {
    Gatekeeper gate(basic("ann:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW"), "here");
    Verdict verdict = Verdict::kUnknown;
    const auto question = gate.ask("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow, verdict);
    ASSERT_NE(question, nullptr);
    spanring::test::allocations_left = 0;
    question->compute();
    EXPECT_EQ(std::exchange(spanring::test::allocations_left, spanring::test::kPlenty), spanring::test::kPlenty)
        << "one failed";
    EXPECT_EQ(gate.answer(*question), Verdict::kLater);
    EXPECT_EQ(gate.judge("Basic YW5uOm9wZW4gc2VzYW1l", "a", kNow + 1h), Verdict::kLetIn);
}

// Also where a check itself takes next to nothing.
TEST(GatekeeperTest, WhatItTakesToHaveAPasswordComputedKeepsOthersWaiting) {
    Gatekeeper gate(basic("ann:open sesame"), "here");
    Verdict verdict = Verdict::kUnknown;
    const auto question = gate.ask("Basic YW5uOmE=", "a", kNow, verdict);
    ASSERT_NE(question, nullptr);
    std::this_thread::sleep_for(1ms);  // as a thread that is not there yet
    question->compute();
    EXPECT_EQ(gate.answer(*question), Verdict::kUnknown);
    EXPECT_EQ(gate.judge("Basic YW5uOmI=", "b", kNow + 4ms - 1us), Verdict::kLater);
    EXPECT_EQ(gate.judge("Basic YW5uOmI=", "b", kNow + 1h), Verdict::kUnknown);
}

TEST(GatekeeperTest, AnyOfSeveralTokensWillDo) {
    AuthOptions options = bearer("");
    options.tokens = {"one", "two"};
    Gatekeeper gate(options, "here");
    EXPECT_EQ(gate.judge("Bearer one", "a", kNow), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("Bearer two", "a", kNow), Verdict::kLetIn);
    EXPECT_EQ(gate.judge("Bearer ", "a", kNow), Verdict::kUnknown);
    EXPECT_TRUE(gate_faults_of(options, false).empty());
    EXPECT_TRUE(faults_of(options, false).empty());
}

TEST(GatekeeperTest, ATokenThatNoHeaderCanHaveIsRefused) {
    for (const char* wrong : {" ", "   ", " abc", "abc "}) {
        for (const auto& faults : {gate_faults_of(bearer(wrong), false), faults_of(bearer(wrong), false)}) {
            ASSERT_EQ(faults.size(), 1u) << wrong;
            EXPECT_EQ(faults[0].key, "token");
            EXPECT_EQ(faults[0].what, "begins or ends with a blank");
        }
    }
    AuthOptions several = bearer("");
    several.tokens = {"one", ""};
    EXPECT_EQ(gate_faults_of(several, false).at(0).key, "tokens");
    several.tokens = {"one"};
    several.token.text = "two";
    EXPECT_EQ(gate_faults_of(several, false).at(0).what, "cannot be beside token");
}

}  // namespace
}  // namespace spanring::agent::test
