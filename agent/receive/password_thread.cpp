// SPDX-License-Identifier: Apache-2.0
#include "receive/password_thread.hpp"

#include <system_error>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/named_thread.hpp"

namespace spanring::agent {

void PasswordThread::compute(std::unique_ptr<Question> question, Done done) {
    stop();  // it has posted its answer, and ends
    struct Task {
        std::unique_ptr<Question> question;
        Done done;
    };
    auto task = std::make_shared<Task>(Task{std::move(question), std::move(done)});
    try {
        // Handed on whole: what `done` holds goes on the thread that runs the context.
        thread_ = named_thread("password", [&context = context_, task]() mutable {
            task->question->compute();
            boost::asio::post(context, [task = std::move(task)] { task->done(*task->question); });
        });
    } catch (const std::system_error&) {  // the system has no more of them
        task->question->compute();
        task->done(*task->question);
    }
}

void PasswordThread::stop() {
    if (thread_.joinable()) thread_.join();
}

}  // namespace spanring::agent
