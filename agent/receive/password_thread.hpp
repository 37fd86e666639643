// SPDX-License-Identifier: Apache-2.0
//
// Computes what a password is compared with, apart from the thread that has it asked: that one has others to answer
// meanwhile. There is a thread while there is a question, and one question at a time.
//
// Header bill: the question, and std::thread; protocol_entrance.hpp alone includes it.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "auth/gatekeeper.hpp"

namespace boost::asio {
class io_context;
}

namespace spanring::agent {

class PasswordThread {
public:
    using Question = Gatekeeper::Question;
    using Done = std::function<void(const Question&)>;

    // The context outlives it.
    explicit PasswordThread(boost::asio::io_context& context) : context_(context) {}
    ~PasswordThread() { stop(); }
    PasswordThread(const PasswordThread&) = delete;
    PasswordThread& operator=(const PasswordThread&) = delete;

    // On the thread that runs the context, as `done` is: once the last question is answered.
    void compute(std::unique_ptr<Question> question, Done done);
    void stop();  // waits for what is being computed; `done` may come afterwards

private:
    boost::asio::io_context& context_;
    std::thread thread_;
};

}  // namespace spanring::agent
