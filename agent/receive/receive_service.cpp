// SPDX-License-Identifier: Apache-2.0
#include "receive/receive_service.hpp"

#include <algorithm>
#include <exception>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include "base/event_loop_progress.hpp"
#include "base/log_pace.hpp"
#include "base/mutex.hpp"
#include "base/named_thread.hpp"
#include "crash/alternate_stack.hpp"
#include "receive/grpc_server.hpp"
#include "receive/http_server.hpp"
#include "receive/receivers.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kLook{1};    // between looks of somebody who waits for the end
constexpr std::chrono::milliseconds kIdle{250};  // for who has had an answer to ask for one more
constexpr std::chrono::seconds kStatus{1};       // figures are at most this old where nothing happens

ReceiverSettings settings_of(const ReceiverOptions& options, const BatchLimits& limits,
                             ReceiveService::Helpers helpers) {
    ReceiverSettings settings;
    settings.answer_after = options.answer_after;
    settings.queue_bytes = options.queue_bytes;
    settings.batch_spans = limits.spans;
    settings.batch_bytes = limits.bytes;
    settings.kept = options.kept;
    settings.recorder = helpers.recorder;
    settings.processors = helpers.processors;
    settings.desk = helpers.desk;
    settings.policies = std::move(helpers.policies);
    settings.rules = helpers.rules;
    return settings;
}

// Nobody looks into them, so each request goes by itself.
ReceiverSettings settings_of(const ReceiverOptions& options, const ReceiveService::Other& other) {
    ReceiverSettings settings;
    settings.signal = other.signal;
    settings.answer_after = options.answer_after;
    settings.queue_bytes = options.queue_bytes;
    settings.batch_spans = other.plan->limits.spans;
    settings.batch_bytes = other.plan->limits.bytes;
    settings.kept = options.kept;
    settings.kept.directory += std::string("/") + names_of(other.signal).name;
    return settings;
}

}  // namespace

class ReceiveService::Worker {
public:
    Worker(const ReceiverOptions& options, ReceiverSettings settings, std::shared_ptr<const ExportPlan> plan,
           Ledger& ledger, const std::vector<Other>& others, ListeningSockets* sockets) {
        const auto make = [this](ReceiverSettings of, std::shared_ptr<const ExportPlan> by, Ledger& in) {
            of.due_sooner = [this]() SPR_NO_THREAD_SAFETY_ANALYSIS { sooner(); };  // its caller holds the receivers
            return std::make_unique<Receiver>(std::move(of), std::move(by), in, [this] { wake(); });
        };
        if (options.traces && options.enabled())
            receivers_.add(Signal::kTraces, make(std::move(settings), std::move(plan), ledger));
        for (const Other& other : others)
            receivers_.add(other.signal, make(settings_of(options, other), other.plan, *other.ledger), other.open);
        if (options.grpc.enabled) {
            grpc_ = std::make_unique<GrpcServer>(
                context_, receivers_, options.grpc, options.queue_bytes, [this] { answer(); }, sockets);
            const MutexLock lock(wake_mutex_);
            awake_ = grpc_.get();
        }
        if (options.http.enabled) http_ = std::make_unique<HttpServer>(context_, receivers_, options.http, sockets);
        if (grpc_ != nullptr) grpc_->serve();
        if (http_ != nullptr) http_->serve();
        thread_ = named_thread("receive", [this] { run(); });
        wake();
    }

    ~Worker() {
        {
            const MutexLock lock(wake_mutex_);
            awake_ = nullptr;
        }
        guard_.reset();
        context_.stop();
        if (thread_.joinable()) thread_.join();
    }

    void wind_down(Clock::time_point deadline) {
        ask([this] {
            if (grpc_ != nullptr) grpc_->accept_no_more();
            if (http_ != nullptr) http_->wind_down();
            return true;
        });
        const auto idle_until = std::min(deadline, Clock::now() + kIdle);
        const auto done = [this, idle_until] {
            return http_ == nullptr || !http_->connected() || (Clock::now() > idle_until && !http_->awaited());
        };
        while (!ask(done) && Clock::now() < deadline) std::this_thread::sleep_for(kLook);
    }

    void close() {
        ask([this] {
            if (grpc_ != nullptr) grpc_->close();
            if (http_ != nullptr) http_->close();
            receivers_.each([](Receiver& receiver) { receiver.close(); });
            return true;
        });
    }

    void follow(const std::shared_ptr<const ExportPlan>& plan, Signal signal) {
        ask([this, plan, signal] {
            if (Receiver* const receiver = receivers_.any_of(signal)) receiver->follow(plan);
            return true;
        });
    }

    void take(Signal signal, const std::string& request) {
        Receiver* const receiver = receivers_.any_of(signal);
        if (receiver == nullptr || request.empty()) return;
        Body body{std::make_unique_for_overwrite<uint8_t[]>(request.size()), request.size()};
        std::copy(request.begin(), request.end(), body.bytes.get());
        ask([receiver, body = std::make_shared<Body>(std::move(body))] {
            if (receiver->has_room(body->size))
                receiver->take(std::move(*body), [](const ReceiverReply&) {});
            else
                receiver->note_refused();
            return true;
        });
    }

    void stop(Clock::time_point deadline) {
        ask([this] {
            if (grpc_ != nullptr) grpc_->end_calls();
            return true;
        });
        const auto idle = [this] {
            bool receivers = true;
            receivers_.each([&](const Receiver& receiver) { receivers = receivers && receiver.idle(); });
            return receivers && (grpc_ == nullptr || grpc_->idle()) && (http_ == nullptr || http_->idle());
        };
        while (!ask(idle) && Clock::now() < deadline) std::this_thread::sleep_for(kLook);
    }

    std::optional<ReceiverStatus> status(Signal signal) const {
        const Receiver* const receiver = receivers_.any_of(signal);
        return receiver != nullptr ? std::optional(receiver->status()) : std::nullopt;
    }

    std::vector<std::string> addresses() const {
        std::vector<std::string> addresses;
        if (grpc_ != nullptr) addresses.push_back(grpc_->address());
        if (http_ != nullptr) addresses.push_back(http_->address());
        return addresses;
    }

private:
    // On the worker's thread, with the receivers. The promise is its own as well: it may be about to let go of it when
    // this returns.
    template <class Work>
    bool ask(Work work) {
        const auto answer = std::make_shared<std::promise<bool>>();
        asio::post(context_, [this, answer, work] {
            bool result = false;
            {
                const MutexLock lock(receivers_.mutex());
                result = work();
            }
            answer->set_value(result);
        });
        return answer->get_future().get();
    }

    // Answers are had by the thread that is likely to write them, where it can. Any thread.
    void wake() {
        {
            const MutexLock lock(wake_mutex_);
            if (awake_ != nullptr && receivers_.last_by() == ReceivedBy::kGrpc && awake_->wake()) return;
        }
        asio::post(context_, [this] { work(); });
    }

    // The worker's thread.
    void work() {
        const MutexLock lock(receivers_.mutex());
        next_look_ = Clock::now() + kStatus;
        try {
            if (grpc_ != nullptr) next_look_ = std::min(next_look_, grpc_->look(Clock::now()));
        } catch (const std::exception& error) {
            tell(error);
        }
        work_receivers();
        set_timer();
    }

    // Any thread: what the exporters have answered, and what is due.
    void answer() {
        const MutexLock lock(receivers_.mutex());
        work_receivers();
        sooner();
    }

    void work_receivers() SPR_REQUIRES(receivers_.mutex()) {
        try {
            receivers_.each([](Receiver& receiver) { receiver.work(Clock::now()); });
        } catch (const std::exception& error) {
            tell(error);
        }
    }

    Clock::time_point due() const SPR_REQUIRES(receivers_.mutex()) {
        Clock::time_point next = next_look_;
        receivers_.each([&](const Receiver& receiver) { next = std::min(next, receiver.due()); });
        return next;
    }

    // Something may be due before the timer ends. Any thread. Without memory to say so it comes with the timer that is
    // set: what was taken until then is taken.
    void sooner() SPR_REQUIRES(receivers_.mutex()) {
        if (timer_at_ <= due()) return;
        try {
            asio::post(context_, [this] {
                const MutexLock lock(receivers_.mutex());
                set_timer();
            });
        } catch (const std::exception& error) {
            tell(error);
        }
    }

    // The worker's thread. One that ends too early is left alone: with each request something else is due, and later,
    // and setting it costs more than one turn in vain.
    void set_timer() SPR_REQUIRES(receivers_.mutex()) {
        const Clock::time_point next = due();
        if (timer_at_ <= next) return;
        timer_at_ = Clock::time_point::max();  // where it cannot be set, the next who comes by does
        timer_.expires_at(next);
        timer_.async_wait([this](boost::system::error_code error) {
            if (error) return;
            {
                const MutexLock lock(receivers_.mutex());
                timer_at_ = Clock::time_point::max();
            }
            work();
        });
        timer_at_ = next;
    }

    // An exception (no memory) costs the request that it came with its connection, not the agent.
    void run() {
        const AlternateStack stack;
        for (;;) {
            try {
                context_.run();
                return;
            } catch (const std::exception& error) {
                const MutexLock lock(receivers_.mutex());
                tell(error);
            }
        }
    }

    void tell(const std::exception& error) SPR_REQUIRES(receivers_.mutex()) {
        if (const auto more = failure_log_.due()) spdlog::error("receiver: {}{}", error.what(), *more);
    }

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
    asio::steady_timer timer_{context_};
    Mutex wake_mutex_;
    GrpcServer* awake_ SPR_GUARDED_BY(wake_mutex_) = nullptr;  // whose thread can be woken
    Receivers receivers_;
    LogPace failure_log_ SPR_GUARDED_BY(receivers_.mutex());
    Clock::time_point timer_at_ SPR_GUARDED_BY(receivers_.mutex()) = Clock::time_point::max();  // when it ends; none
    Clock::time_point next_look_ SPR_GUARDED_BY(receivers_.mutex()){};
    std::unique_ptr<GrpcServer> grpc_;
    std::unique_ptr<HttpServer> http_;
    // It is asked as long as it is there, so it goes before the context, and after its thread has ended.
    EventLoopProgress progress_{"receive", [this] { asio::post(context_, [this] { progress_.waiting(); }); }};
    std::thread thread_;
};

ReceiveService::ReceiveService(const ReceiverOptions& options, const std::shared_ptr<const ExportPlan>& plan,
                               Ledger& ledger, Helpers helpers, const std::vector<Other>& others)
    : worker_(std::make_unique<Worker>(options, settings_of(options, plan->limits, helpers), plan, ledger, others,
                                       helpers.sockets)) {}

ReceiveService::~ReceiveService() = default;
void ReceiveService::follow(const std::shared_ptr<const ExportPlan>& plan, Signal signal) {
    worker_->follow(plan, signal);
}
void ReceiveService::take(Signal signal, const std::string& request) { worker_->take(signal, request); }
void ReceiveService::wind_down(Clock::time_point deadline) { worker_->wind_down(deadline); }
void ReceiveService::close() { worker_->close(); }
void ReceiveService::stop(Clock::time_point deadline) {
    worker_->stop(deadline);
    worker_.reset();
}
std::optional<ReceiverStatus> ReceiveService::status(Signal signal) const { return worker_->status(signal); }
std::vector<std::string> ReceiveService::addresses() const { return worker_->addresses(); }

}  // namespace spanring::agent
