// SPDX-License-Identifier: Apache-2.0
//
// One attempt to deliver a shipment: a unary call with raw bytes. gRPC holds the shipment's memory through its slices,
// sometimes longer than the call.
// Header bill: a call is gRPC's context, buffer and status; grpc/transport.cpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include "export/answer.hpp"
#include "export/grpc/options.hpp"
#include "export/request_headers.hpp"
#include "export/shipment.hpp"

namespace spanring::agent {

class OtlpCall {
public:
    // `headers`: beside those of the options; their names in whatever case.
    OtlpCall(ShipmentPtr shipment, const OtlpGrpcOptions& options, const RequestHeaders& headers);

    // The completion queue gives `this` back when the call came to its end. `wait`: for the connection, up to the
    // timeout.
    void start(const std::shared_ptr<grpc::Channel>& channel, grpc::CompletionQueue& queue, bool wait);
    void cancel() { context_.TryCancel(); }
    Answer answer() const;  // after the queue gave it back

    const ShipmentPtr& shipment() const { return shipment_; }
    std::chrono::steady_clock::time_point deadline() const { return deadline_; }
    // Expires when gRPC has given back every slice.
    const std::weak_ptr<const void>& slices() const { return slices_; }

    // The sender's notes.
    uint64_t generation = 0;  // of the channel; 0: zero copy's own connection
    bool probe = false;
    bool cut = false;        // with its connection, which kept the agent busy
    bool abandoned = false;  // its shipment was taken care of; only the memory is still out

private:
    const char* const method_;
    const ShipmentPtr shipment_;
    const std::chrono::steady_clock::time_point deadline_;
    grpc::ClientContext context_;
    std::weak_ptr<const void> slices_;
    grpc::ByteBuffer response_;
    grpc::Status status_;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
};

// The request as slices that refer to the shipment's memory and keep the shipment; `ret_slices` expires with the last.
grpc::ByteBuffer refer(const ShipmentPtr& shipment, std::weak_ptr<const void>& ret_slices);

}  // namespace spanring::agent
