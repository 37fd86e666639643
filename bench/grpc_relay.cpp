// SPDX-License-Identifier: Apache-2.0
//
// grpc_relay HOST:PORT: takes requests and sends each on as it is, by gRPC's raw interface, and answers when that one
// is answered. One thread, one queue: the floor of whatever receives OTLP and sends it on. It says "ready HOST:PORT"
// with its own address.
//
//     cpu    of this process since the last time, in ns
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <thread>

#include "core.hpp"
#include "worker.hpp"

namespace {

class Relay {
public:
    explicit Relay(const std::string& target) : stub_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
        builder.RegisterAsyncGenericService(&service_);
        queue_ = builder.AddCompletionQueue();
        server_ = builder.BuildAndStart();
        if (server_ == nullptr) bench::fail("cannot listen");
        std::thread([this] { run(); }).detach();
    }

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    struct Call {
        int step = 0;
        grpc::GenericServerContext from;
        grpc::GenericServerAsyncReaderWriter stream{&from};
        grpc::ByteBuffer request, response;
        grpc::ClientContext to;
        grpc::Status status;
        std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    };

    void open() {
        auto* call = new Call;
        service_.RequestCall(&call->from, &call->stream, queue_.get(), queue_.get(), call);
    }

    void run() {
        open();
        void* tag = nullptr;
        for (bool ok = false; queue_->Next(&tag, &ok);) proceed(static_cast<Call*>(tag), ok);
    }

    void proceed(Call* call, bool ok) {
        switch (ok ? call->step++ : 3) {
            case 0: open(); return call->stream.Read(&call->request, call);
            case 1:
                call->reader = stub_.PrepareUnaryCall(&call->to, call->from.method(), call->request, queue_.get());
                call->request.Clear();
                call->reader->StartCall();
                return call->reader->Finish(&call->response, &call->status, call);
            case 2:
                if (call->response.Valid()) return call->stream.WriteAndFinish(call->response, {}, call->status, call);
                return call->stream.Finish(call->status, call);
            default: delete call;
        }
    }

    int port_ = 0;
    grpc::GenericStub stub_;
    grpc::AsyncGenericService service_;
    std::unique_ptr<grpc::ServerCompletionQueue> queue_;
    std::unique_ptr<grpc::Server> server_;
};

}  // namespace

int main(int count, char** words) {
    if (count != 2) bench::fail("needs HOST:PORT");
    auto* const relay = new Relay(words[1]);  // as long as the process: its thread is not joined
    uint64_t before = bench::now(CLOCK_PROCESS_CPUTIME_ID);
    bench::serve({{"cpu",
                   [&](const bench::Numbers&) {
                       const uint64_t now = bench::now(CLOCK_PROCESS_CPUTIME_ID);
                       return bench::Answer().add("cpu", static_cast<double>(now - std::exchange(before, now)));
                   }}},
                 relay->address());
    std::_Exit(0);
}
