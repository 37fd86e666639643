// SPDX-License-Identifier: Apache-2.0
#include "receive/receiver_options.hpp"

#include <stdexcept>

#include "base/option.hpp"

namespace spanring::agent {
namespace {

using namespace option;

Scalar address(ListenAddress& value) {
    const auto set = [&value](const std::string& text) -> std::string {
        try {
            value = parse_listen_address(text);
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return {};
    };
    return {"an address", "HOST:PORT or unix:PATH", set, [&value] { return value.text(); }, {}, true};
}

std::vector<Option> describe(GrpcReceiverOptions& grpc) {
    return {
        {"endpoint", address(grpc.endpoint), "where it listens: `HOST:PORT`, or `unix:PATH` for this user alone"},
        {"max_recv_msg_size_mib", count(grpc.max_recv_msg_size_mib, 1, 1024),
         "larger requests are refused (`RESOURCE_EXHAUSTED`), compressed or not"},
        {"max_concurrent_streams", count(grpc.max_concurrent_streams, 1, 1000), "requests at a time on a connection"},
        {"max_connections", count(grpc.max_connections, 1, 10'000), "beyond it an idle one is closed, or the new one"},
    };
}

std::vector<Option> describe(HttpReceiverOptions& http) {
    return {
        {"endpoint", address(http.endpoint), "where it listens: `HOST:PORT`, or `unix:PATH` for this user alone"},
        {"max_request_body_size", size(http.max_request_body_size, 1024),
         "larger requests are refused (413), compressed or not"},
        {"max_connections", count(http.max_connections, 1, 10'000), "beyond it an idle one is closed, or the new one"},
    };
}

std::vector<Option> describe(KeptOptions& kept) {
    return {
        {"directory", text(kept.directory, "absolute directory"), "where requests are kept", "STATE/received"},
        {"max_bytes", size(kept.max_bytes, uint64_t{1} << 20), "beyond it a request waits for its delivery"},
        {"fsync", boolean(kept.fsync), "its file is on the disk before a request is answered"},
    };
}

}  // namespace

std::vector<Option> describe(ReceiverOptions& receiver) {
    return {
        {"protocols", Group{{{"grpc", Group{describe(receiver.grpc)}, {}, {}, receiver.grpc.enabled},
                             {"http", Group{describe(receiver.http)}, {}, {}, receiver.http.enabled}}}},
        {"answer_after", duration(receiver.answer_after, milliseconds(0)),
         "a request that is not delivered by then is kept on disk, and answered"},
        {"queue_size", size(receiver.queue_bytes, uint64_t{1} << 20),
         "memory for requests that are not delivered; beyond it they are refused for the moment"},
        {"kept", Group{describe(receiver.kept)}},
    };
}

}  // namespace spanring::agent
