// SPDX-License-Identifier: Apache-2.0
//
// An OTLP/gRPC receiver that takes every request, counts its bytes and forgets it: what the agent is measured against.
// Prints "listening on HOST:PORT" and ends with SIGTERM.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

namespace {

// One call of the generic service: read the request, answer with an empty ExportTraceServiceResponse.
class Call {
public:
    Call(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue) : service_(service), queue_(queue), stream_(&context_) {
        service_.RequestCall(&context_, &stream_, &queue_, &queue_, this);
    }

    void proceed(bool ok) {
        switch (step_++) {
            case 0:
                if (!ok) return delete this;
                new Call(service_, queue_);
                return stream_.Read(&request_, this);
            case 1: {
                grpc::Slice empty;
                return stream_.WriteAndFinish(grpc::ByteBuffer(&empty, 1), {}, ok ? grpc::Status::OK : grpc::Status::CANCELLED, this);
            }
            default: return delete this;
        }
    }

private:
    grpc::AsyncGenericService& service_;
    grpc::ServerCompletionQueue& queue_;
    grpc::GenericServerContext context_;
    grpc::GenericServerAsyncReaderWriter stream_;
    grpc::ByteBuffer request_;
    int step_ = 0;
};

}  // namespace

int main() {
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGINT);
    pthread_sigmask(SIG_BLOCK, &end, nullptr);

    grpc::AsyncGenericService service;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.SetMaxReceiveMessageSize(64 << 20);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterAsyncGenericService(&service);
    std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr) return 1;
    std::printf("listening on 127.0.0.1:%d\n", port);
    std::fflush(stdout);

    std::thread worker([&] {
        new Call(service, *queue);
        void* call;
        for (bool ok; queue->Next(&call, &ok);) static_cast<Call*>(call)->proceed(ok);
    });
    int signal;
    sigwait(&end, &signal);
    server->Shutdown(std::chrono::system_clock::now());
    queue->Shutdown();
    worker.join();
}
