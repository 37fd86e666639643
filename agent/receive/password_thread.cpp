// SPDX-License-Identifier: Apache-2.0
#include "receive/password_thread.hpp"

#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/named_thread.hpp"

namespace spanring::agent {
namespace {

// Who asked waits for it, and nobody else is asked meanwhile: so it comes, when there is memory for it again.
template <class Handler>
void post_in_any_case(boost::asio::io_context& context, const Handler& handler) {
    for (;; std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
        try {
            return boost::asio::post(context, handler);
        } catch (const std::bad_alloc&) {
        }
    }
}

}  // namespace

void PasswordThread::compute(std::unique_ptr<Question> question, Done done) {
    stop();  // it has posted its answer, and ends
    struct Task {
        std::unique_ptr<Question> question;
        Done done;
    };
    auto task = std::make_shared<Task>(Task{std::move(question), std::move(done)});
    try {
        thread_ = named_thread("password", [&context = context_, task]() mutable {
            task->question->compute();
            post_in_any_case(context, [task] {
                const Task own =
                    std::move(*task);  // what `done` holds goes on this thread, whoever lets go of the task last
                own.done(*own.question);
            });
        });
    } catch (const std::exception&) {  // the system has no more of them, or no memory
        task->question->compute();
        task->done(*task->question);
    }
}

void PasswordThread::stop() {
    if (thread_.joinable()) thread_.join();
}

}  // namespace spanring::agent
