// SPDX-License-Identifier: Apache-2.0
//
// grpc_client TARGET [ca=FILE] [cert=FILE] [key=FILE] [NAME:VALUE]: a client of gRPC's library that knows no protobuf.
// For each line `METHOD COMPRESSION BODY` on its input (COMPRESSION: none, gzip, or once, which waits for no
// connection; BODY in hexadecimal, or - for an empty one) it makes a call, and answers with a line `CODE RESPONSE
// DETAILS MESSAGE` (both in hexadecimal, or -). It waits for a connection, at most until its deadline. With `ca` it
// speaks TLS, with `cert` and `key` it says who it is, and sends what is given as metadata.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
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

std::string contents_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) return 2;
    std::map<std::string, std::string> files;
    std::vector<std::pair<std::string, std::string>> metadata;
    for (int i = 2; i < count; ++i) {
        const std::string argument = arguments[i];
        const size_t colon = argument.find(':'), equals = argument.find('=');
        if (equals < colon)
            files[argument.substr(0, equals)] = contents_of(argument.substr(equals + 1));
        else
            metadata.emplace_back(argument.substr(0, colon), argument.substr(colon + 1));
    }
    const auto credentials = files.count("ca") != 0 ? grpc::SslCredentials({files["ca"], files["key"], files["cert"]})
                                                    : grpc::InsecureChannelCredentials();
    grpc::ChannelArguments settings;
    settings.SetMaxReceiveMessageSize(-1);
    settings.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);  // the agent comes back soon
    grpc::GenericStub stub(grpc::CreateCustomChannel(arguments[1], credentials, settings));
    grpc::CompletionQueue queue;
    for (std::string line; std::getline(std::cin, line);) {
        std::string method, compression, body;
        std::istringstream(line) >> method >> compression >> body;
        grpc::ClientContext context;
        context.set_wait_for_ready(compression != "once");
        for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
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
