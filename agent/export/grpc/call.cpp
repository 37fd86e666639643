// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/call.hpp"

#include <atomic>
#include <vector>

#include <grpc/support/time.h>
#include <grpcpp/channel.h>

#include "base/text.hpp"
#include "export/grpc/answer.hpp"

namespace spanring::agent {

namespace {

// Shared by the slices of one request; the last one that gRPC gives back, on any of its threads, deletes it.
struct SliceHold {
    std::shared_ptr<const void> shipment;
    std::atomic<size_t> slices;
};

void give_back(void* user_data) {
    auto* hold = static_cast<SliceHold*>(user_data);
    // acq_rel: what other threads read through their slices happened before the memory is let go. Pairs with itself.
    // Without it a buffer could be freed under a read that another thread still has in flight.
    if (hold->slices.fetch_sub(1, std::memory_order_acq_rel) == 1) delete hold;
}

gpr_timespec after(std::chrono::nanoseconds time) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(time.count(), GPR_TIMESPAN));
}

}  // namespace

grpc::ByteBuffer refer(const ShipmentPtr& shipment, std::weak_ptr<const void>& ret_slices) {
    const auto& pieces = shipment->request.slices;
    // A handle of its own, so that it expires with the slices whoever else keeps the shipment.
    const std::shared_ptr<const void> handle(shipment.get(), [shipment](const void*) {});
    ret_slices = handle;
    auto* hold = new SliceHold{handle, pieces.size()};
    std::vector<grpc::Slice> slices;
    slices.reserve(pieces.size());
    for (const auto piece : pieces) {
        slices.emplace_back(const_cast<uint8_t*>(piece.data()), piece.size(), give_back, hold);  // gRPC only reads
    }
    if (pieces.empty()) delete hold;
    return grpc::ByteBuffer(slices.data(), slices.size());
}

OtlpCall::OtlpCall(ShipmentPtr shipment, const OtlpGrpcOptions& options, const RequestHeaders& headers)
    : method_(names_of(options.signal).method),
      shipment_(std::move(shipment)),
      deadline_(std::chrono::steady_clock::now() + options.timeout) {
    context_.set_deadline(after(options.timeout));
    if (options.compression == "gzip") context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    for (const auto& [key, value] : options.headers) context_.AddMetadata(key, value);
    for (const auto& [key, value] : headers) context_.AddMetadata(lower(key), value);
}

void OtlpCall::start(const std::shared_ptr<grpc::Channel>& channel, grpc::CompletionQueue& queue, bool wait) {
    context_.set_wait_for_ready(wait);
    grpc::GenericStub stub(channel);
    reader_ = stub.PrepareUnaryCall(&context_, method_, refer(shipment_, slices_), &queue);
    reader_->StartCall();
    reader_->Finish(&response_, &status_, this);
}

Answer OtlpCall::answer() const {
    std::vector<grpc::Slice> slices;
    std::string bytes;
    if (response_.Valid() && response_.Dump(&slices).ok()) {
        for (const grpc::Slice& slice : slices) {
            bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
        }
    }
    return judge(status_, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace spanring::agent
