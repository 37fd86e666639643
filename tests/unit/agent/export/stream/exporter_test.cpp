// SPDX-License-Identifier: Apache-2.0
//
// The exporter into a unix socket, and a program there that does what programs do.
#include "export/stream/exporter.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/descriptor.hpp"
#include "base/unix_address.hpp"
#include "export/stream/unix_options.hpp"
#include "support/exporter_test.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string number(uint64_t value, size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xFF);
    return bytes;
}
std::string answer(const std::string& id, uint8_t verdict = 1, uint64_t value = 0, const std::string& text = {}) {
    return number(20 + text.size(), 4) + std::string(1, static_cast<char>(verdict)) + std::string(3, '\0') + id +
           number(value, 8) + text;
}

struct Received {
    otlp::Request request;
    bool parsed = false;
};

// One connection after the other; each request is answered by the next of `words`, and once these are used up accepted.
class Program {
public:
    // Gets the id, says what is written; nothing: the connection ends.
    using Word = std::function<std::optional<std::string>(const std::string& id)>;

    explicit Program(const std::string& path) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const UnixAddress address(path);
        EXPECT_EQ(::bind(listener_.get(), address.get(), address.size()), 0);
        EXPECT_EQ(::listen(listener_.get(), 8), 0);
        thread_ = std::thread([this] { run(); });
    }
    ~Program() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
            if (connection_ >= 0) ::shutdown(connection_, SHUT_RDWR);
        }
        thread_.join();
    }

    void say(Word word) {
        const std::lock_guard lock(mutex_);
        words_.push_back(std::move(word));
    }
    std::vector<Received> accepted() {
        const std::lock_guard lock(mutex_);
        return accepted_;
    }
    size_t connections() {
        const std::lock_guard lock(mutex_);
        return connections_;
    }

private:
    void run() {
        for (;;) {
            const Descriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!connection) return;
            {
                const std::lock_guard lock(mutex_);
                if (ended_) return;
                connection_ = connection.get();
                ++connections_;
            }
            while (serve(connection.get())) {
            }
            const std::lock_guard lock(mutex_);
            connection_ = -1;
        }
    }
    static bool read(int from, std::string& bytes) {
        for (size_t done = 0; done < bytes.size();) {
            const ssize_t size = ::read(from, &bytes[done], bytes.size() - done);
            if (size <= 0) return false;
            done += static_cast<size_t>(size);
        }
        return true;
    }
    bool serve(int connection) {
        std::string header(16, '\0');
        if (!read(connection, header)) return false;
        size_t rest = 0;
        for (int i = 0; i < 4; ++i) rest = rest << 8 | static_cast<uint8_t>(header[static_cast<size_t>(i)]);
        std::string body(rest - 12, '\0');
        if (!read(connection, body)) return false;
        const std::string id = header.substr(8);
        Word word = [](const std::string& asked) { return answer(asked); };
        {
            const std::lock_guard lock(mutex_);
            if (!words_.empty()) {
                word = std::move(words_.front());
                words_.pop_front();
            } else {
                Received& received = accepted_.emplace_back();
                received.parsed = received.request.ParseFromString(body);
            }
        }
        const std::optional<std::string> said = word(id);
        if (!said) return false;
        return ::send(connection, said->data(), said->size(), MSG_NOSIGNAL) == static_cast<ssize_t>(said->size());
    }

    const Descriptor listener_;
    std::mutex mutex_;
    std::deque<Word> words_;
    std::vector<Received> accepted_;
    size_t connections_ = 0;
    int connection_ = -1;
    bool ended_ = false;
    std::thread thread_;
};

class StreamExporterTest : public ExporterTest {
protected:
    StreamExporterTest() {
        options_.path = directory_.file("socket");
        options_.timeout = 20s;  // longer than anything needs here
        options_.in_flight = 1;
        options_.retry.initial_interval = 5ms;
        options_.retry.max_interval = 20ms;
        options_.spool.directory = directory_.file("spool");
    }
    void make() { exporter_ = make_unix_exporter("unix", 1, true, options_, &ledger_); }
    ExporterStatus status() const { return exporter_->status(); }
    bool all_sent(uint64_t spans) {
        return eventually([&] { return status().exported + status().spool_exported == spans; });
    }

    UnixOptions options_;
};

TEST_F(StreamExporterTest, EachBatchIsARequestThatIsAnswered) {
    Program program(options_.path);
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(100, 50)).outcome, Outcome::kExported);
    expect_once(program.accepted(), 0, 150);
    EXPECT_EQ(status().attempts_accepted, 2u);
    ASSERT_TRUE(status().peer.has_value());
    EXPECT_EQ(status().peer->opened, 1u);
    EXPECT_EQ(status().peer->broken, 0u);
}

TEST_F(StreamExporterTest, WhatItWantsLaterComesAgain) {
    Program program(options_.path);
    program.say([](const std::string& id) { return answer(id, 2, 10, "busy"); });
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(all_sent(10));
    expect_once(program.accepted(), 0, 10);
    EXPECT_EQ(status().attempts_failed, 1u);
    EXPECT_EQ(program.connections(), 1u);
}

TEST_F(StreamExporterTest, WhatItRejectsIsCountedWithItsReason) {
    Program program(options_.path);
    program.say([](const std::string& id) { return answer(id, 3, 0, "not these"); });
    program.say([](const std::string& id) { return answer(id, 1, 4, "four were odd"); });
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_THAT(status().last_error, HasSubstr("not these"));
    const Resolution some = send(batch(10, 10));
    EXPECT_EQ(some.outcome, Outcome::kExported);
    EXPECT_EQ(some.rejected, 4u);
    EXPECT_THAT(status().last_error, HasSubstr("four were odd"));
}

TEST_F(StreamExporterTest, WhatIsTooLargeComesInPieces) {
    Program program(options_.path);
    program.say([](const std::string& id) { return answer(id, 4, 0, "too large"); });
    make();
    send(batch(0, 5000));
    EXPECT_TRUE(all_sent(5000));
    expect_once(program.accepted(), 0, 5000);
    EXPECT_GT(program.accepted().size(), 1u);
}

TEST_F(StreamExporterTest, AfterRubbishAnotherConnectionGoesOn) {
    Program program(options_.path);
    program.say([](const std::string&) { return std::string("HTTP/1.1 400 Bad Request\r\n\r\n"); });
    make();
    send(batch(0, 10));
    EXPECT_TRUE(all_sent(10));
    expect_once(program.accepted(), 0, 10);
    EXPECT_EQ(program.connections(), 2u);
    EXPECT_EQ(status().peer->broken, 1u);
}

TEST_F(StreamExporterTest, AnAnswerThatNobodyWaitsForIsCountedAndLeftAlone) {
    Program program(options_.path);
    program.say([](const std::string& id) { return answer(id) + answer(id, 3) + answer(number(77, 8)); });
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kExported);
    EXPECT_TRUE(eventually([&] { return status().peer->stray == 2; }));
    EXPECT_EQ(program.connections(), 1u);
    EXPECT_EQ(status().rejected, 0u);
}

TEST_F(StreamExporterTest, WhereNothingIsAnsweredAnotherConnectionIsTried) {
    options_.timeout = 2s;  // which the request after it does not need, on a busy machine either
    Program program(options_.path);
    program.say([](const std::string&) { return std::string(); });
    make();
    send(batch(0, 10));
    EXPECT_TRUE(all_sent(10));
    expect_once(program.accepted(), 0, 10);
    EXPECT_GE(program.connections(), 2u);
}

TEST_F(StreamExporterTest, WhenItGoesInTheMidstWhatItDidNotAnswerComesAgain) {
    options_.timeout = 300ms;  // half an answer is none
    Program program(options_.path);
    program.say([](const std::string&) { return std::nullopt; });
    program.say([](const std::string& id) { return answer(id).substr(0, 9); });
    program.say([](const std::string&) { return std::nullopt; });
    make();
    send(batch(0, 10));
    send(batch(10, 10));
    EXPECT_TRUE(all_sent(20));
    EXPECT_GE(status().peer->broken, 1u);
}

TEST_F(StreamExporterTest, WhileItIsNotThereSpansWaitInTheSpool) {
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_THAT(status().last_error, HasSubstr("cannot be reached"));
    EXPECT_FALSE(status().healthy);
    Program program(options_.path);
    EXPECT_TRUE(all_sent(10));
    expect_once(program.accepted(), 0, 10);
}

TEST_F(StreamExporterTest, AnothersSocketGetsNothing) {
    options_.peer_uid = std::to_string(::geteuid() + 1);
    Program program(options_.path);
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_THAT(status().last_error, HasSubstr("listens there, not user"));
    EXPECT_TRUE(program.accepted().empty());
    exporter_.reset();
    options_.peer_uid = std::to_string(::geteuid());
    make();
    EXPECT_TRUE(eventually([&] { return status().spool_exported == 10; }));
    expect_once(program.accepted(), 0, 10);
}

TEST_F(StreamExporterTest, WhatIsLargerThanTheSocketTakesGoesInSteps) {
    Program program(options_.path);
    make();
    EXPECT_EQ(send(batch(0, 20'000)).outcome, Outcome::kExported);
    expect_once(program.accepted(), 0, 20'000);
}

TEST_F(StreamExporterTest, APathMustBeOne) {
    for (const std::string& path : {std::string(), std::string("socket"), std::string("/") + std::string(200, 'x')}) {
        options_.path = path;
        EXPECT_THROW(make(), std::invalid_argument);
    }
}

}  // namespace
}  // namespace spanring::agent::test
