// SPDX-License-Identifier: Apache-2.0
//
// grpc_client TARGET: a client of gRPC's library that knows no protobuf. For each line `METHOD COMPRESSION BODY` on its
// input (COMPRESSION: none or gzip; BODY in hexadecimal, or - for an empty one) it makes a call, and answers with a
// line `CODE RESPONSE DETAILS MESSAGE` (both in hexadecimal, or -). It waits for a connection, at most until its
// deadline.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

namespace {

std::string bytes_of(const std::string& hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

std::string hex_of(const std::string& bytes) {
    if (bytes.empty()) return "-";
    std::string hex;
    char pair[3];
    for (const unsigned char byte : bytes) {
        std::snprintf(pair, sizeof pair, "%02x", byte);
        hex += pair;
    }
    return hex;
}

std::string flat(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    std::string bytes;
    if (buffer.Valid() && buffer.Dump(&slices).ok()) {
        for (const grpc::Slice& slice : slices)
            bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return bytes;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    grpc::ChannelArguments settings;
    settings.SetMaxReceiveMessageSize(-1);
    settings.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);  // the agent comes back soon
    grpc::GenericStub stub(grpc::CreateCustomChannel(arguments[1], grpc::InsecureChannelCredentials(), settings));
    grpc::CompletionQueue queue;
    for (std::string line; std::getline(std::cin, line);) {
        std::string method, compression, body;
        std::istringstream(line) >> method >> compression >> body;
        grpc::ClientContext context;
        context.set_wait_for_ready(true);
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
        if (compression == "gzip") context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
        const grpc::Slice slice(bytes_of(body));
        const auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
        grpc::ByteBuffer response;
        grpc::Status status;
        call->StartCall();
        call->Finish(&response, &status, &status);
        void* tag = nullptr;
        bool ok = false;
        if (!queue.Next(&tag, &ok)) return 1;
        std::cout << status.error_code() << ' ' << hex_of(flat(response)) << ' ' << hex_of(status.error_details())
                  << ' ' << status.error_message() << std::endl;
    }
}
