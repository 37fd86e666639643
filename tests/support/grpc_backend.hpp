// SPDX-License-Identifier: Apache-2.0
//
// A backend in this process that takes raw bytes and answers as a test says: any code, any response, or nothing at all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "otlp.pb.h"
#include "support/span_ids.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {

struct Received {
    std::string method;
    std::string peer;
    std::multimap<std::string, std::string> metadata;
    otlp::Request request;
    bool parsed = false;
    size_t bytes = 0;

    std::vector<std::string> span_ids() const { return span_ids_of(request); }
};

struct Reply {
    grpc::Status status = grpc::Status::OK;
    std::string response;
    bool never = false;  // not until the client gives up
    bool gzip = false;   // the response, whatever the client says that it takes
};

class Backend {
public:
    using Answer = std::function<Reply(const Received&)>;

    explicit Backend(Answer answer = [](const Received&) { return Reply{}; }) : answer_(std::move(answer)) {}
    ~Backend() { stop(); }

    // "127.0.0.1:0", or "unix:path" to come back at the same place. Returns where it listens.
    std::string start(const std::string& address,
                      std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials()) {
        grpc::ServerBuilder builder;
        int port = 0;
        builder.AddListeningPort(address, std::move(credentials), &port);
        service_ = std::make_unique<Service>(*this);  // serves one server only
        builder.RegisterCallbackGenericService(service_.get());
        server_ = builder.BuildAndStart();
        return address.starts_with("unix") ? address : "127.0.0.1:" + std::to_string(port);
    }

    void stop() {
        if (server_) server_->Shutdown(std::chrono::system_clock::now());
        server_.reset();
    }

    void answer_with(Answer answer) {
        std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
    }

    // False: the watchdog came first.
    bool wait_until(const std::function<bool(const std::vector<Received>&)>& there) {
        std::unique_lock lock(mutex_);
        return arrived_.wait_for(lock, kWatchdog, [&] { return there(received_); });
    }
    bool wait_for_requests(size_t count) {
        return wait_until([=](const auto& received) { return received.size() >= count; });
    }

    std::vector<Received> received() {
        std::lock_guard lock(mutex_);
        return received_;
    }

private:
    class Call final : public grpc::ServerGenericBidiReactor {
    public:
        Call(Backend& backend, grpc::GenericCallbackServerContext* context) : backend_(backend), context_(context) {
            StartRead(&request_);
        }
        void OnReadDone(bool ok) override {
            if (!ok) return finish(grpc::Status(grpc::INTERNAL, "no request"));
            const Reply reply = backend_.take(*context_, request_);
            if (reply.never) {
                std::lock_guard lock(mutex_);
                hanging_ = true;
                if (!cancelled_) return;
            }
            if (!reply.status.ok()) return finish(reply.status);
            if (reply.gzip) context_->set_compression_algorithm(GRPC_COMPRESS_GZIP);
            const grpc::Slice slice(reply.response);
            response_ = grpc::ByteBuffer(&slice, 1);
            StartWriteAndFinish(&response_, {}, grpc::Status::OK);
        }
        void OnCancel() override {
            {
                std::lock_guard lock(mutex_);
                cancelled_ = true;
                if (!hanging_) return;
            }
            finish(grpc::Status::CANCELLED);
        }
        void OnDone() override { delete this; }

    private:
        void finish(const grpc::Status& status) { Finish(status); }

        Backend& backend_;
        grpc::GenericCallbackServerContext* const context_;
        grpc::ByteBuffer request_, response_;
        std::mutex mutex_;
        bool hanging_ = false, cancelled_ = false;
    };

    class Service final : public grpc::CallbackGenericService {
    public:
        explicit Service(Backend& backend) : backend_(backend) {}
        grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
            return new Call(backend_, context);
        }

    private:
        Backend& backend_;
    };

    Reply take(const grpc::GenericCallbackServerContext& context, const grpc::ByteBuffer& request) {
        Received received;
        received.method = context.method();
        received.peer = context.peer();
        for (const auto& [key, value] : context.client_metadata()) {
            received.metadata.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
        }
        std::vector<grpc::Slice> slices;
        std::string bytes;
        if (request.Dump(&slices).ok()) {
            for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
        }
        received.bytes = bytes.size();
        received.parsed = received.request.ParseFromString(bytes);
        std::lock_guard lock(mutex_);
        const Reply reply = answer_(received);
        received_.push_back(std::move(received));
        arrived_.notify_all();
        return reply;
    }

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Received> received_;
    Answer answer_;
    std::unique_ptr<Service> service_;
    std::unique_ptr<grpc::Server> server_;
};

}  // namespace spanring::agent::test
