// SPDX-License-Identifier: Apache-2.0
//
// Which connections of gRPC a transport ends: its own, all of them, and no other's.
#include "export/grpc/library_sockets.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>
#include <gtest/gtest.h>

#include "export/grpc/channel.hpp"
#include "support/grpc_backend.hpp"
#include "support/temporary_directory.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

// A channel as the transport makes it, connected.
class Connection {
public:
    explicit Connection(const std::string& endpoint) : endpoint_(parse_endpoint(endpoint, true)) {
        options_.timeout = 20s;
        sockets_ = std::make_unique<LibrarySockets>(keepalive_timeout(options_), endpoint_.path);
        channel_ = make_channel(endpoint_, channel_arguments(endpoint_, options_, sockets_->keepalive_timeout()),
                                make_credentials(nullptr));
        EXPECT_TRUE(channel_->WaitForConnected(std::chrono::system_clock::now() + kWatchdog));
    }

    const LibrarySockets& sockets() const { return *sockets_; }
    bool connected() const { return channel_->GetState(false) == GRPC_CHANNEL_READY; }
    bool ends() const {
        return channel_->WaitForStateChange(GRPC_CHANNEL_READY, std::chrono::system_clock::now() + kWatchdog);
    }

private:
    Endpoint endpoint_;
    OtlpGrpcOptions options_;
    std::unique_ptr<LibrarySockets> sockets_;
    std::shared_ptr<grpc::Channel> channel_;
};

void ends_its_own_alone(const std::string& endpoint, const std::string& another) {
    const Connection own(endpoint), other(another);
    ASSERT_TRUE(own.connected());
    ASSERT_TRUE(other.connected());
    own.sockets().shut_down();
    EXPECT_TRUE(own.ends());
    EXPECT_TRUE(other.connected());
}

TEST(LibrarySocketsTest, EndsAConnectionOverTcpAndNotAnothersToTheSamePort) {
    Backend backend;
    const std::string endpoint = backend.start("127.0.0.1:0");
    ends_its_own_alone(endpoint, endpoint);
}

TEST(LibrarySocketsTest, EndsAConnectionOverAUnixSocket) {
    const spanring::test::TemporaryDirectory folder;
    Backend backend, another;
    ends_its_own_alone(backend.start("unix:" + folder.file("backend")),
                       another.start("unix:" + folder.file("another")));
}

TEST(LibrarySocketsTest, EndsAConnectionOverAnAbstractSocket) {
    Backend backend, another;
    ends_its_own_alone(backend.start("unix-abstract:spanring-library-sockets-test"), another.start("127.0.0.1:0"));
}

TEST(LibrarySocketsTest, TellsHowMuchCameOverItsOwnAlone) {
    const spanring::test::TemporaryDirectory folder;
    Backend backend, local;
    const std::string endpoint = backend.start("127.0.0.1:0");
    const Connection own(endpoint), other(endpoint), by_path(local.start("unix:" + folder.file("backend")));
    const auto received = own.sockets().received();
    ASSERT_TRUE(received);
    EXPECT_GT(*received, 0u) << "the server's settings";
    EXPECT_LT(*received, 16384u) << "and little else";
    EXPECT_FALSE(by_path.sockets().received());
    own.sockets().shut_down();
    EXPECT_TRUE(own.ends());
    EXPECT_GT(other.sockets().received(), 0u);
}

// Of all sockets of this process with a peer at that port.
std::multiset<int> receive_buffers(const std::string& endpoint) {
    const int port = std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
    std::multiset<int> sizes;
    for (int socket = 0; socket < 1024; ++socket) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || ntohs(peer.sin_port) != port)
            continue;
        int bytes = 0;
        size = sizeof bytes;
        if (::getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, &size) == 0) sizes.insert(bytes);
    }
    return sizes;
}

TEST(LibrarySocketsTest, BoundsWhatTheKernelKeepsOfItsOwnAlone) {
    Backend backend;
    const std::string endpoint = backend.start("127.0.0.1:0");
    const Connection own(endpoint), other(endpoint);
    ASSERT_EQ(receive_buffers(endpoint).count(2 * kReceiveBuffer), 0u);
    own.sockets().bound();
    EXPECT_EQ(receive_buffers(endpoint).count(2 * kReceiveBuffer), 1u) << "counted twice (socket(7))";
    EXPECT_EQ(receive_buffers(endpoint).size(), 2u);
}

TEST(LibrarySocketsTest, LeavesTheTimeoutWhatItIsWithinASecond) {
    for (const auto timeout : {1000ms, 1001ms, 20000ms}) {
        const LibrarySockets one(timeout, {}), two(timeout, {});
        EXPECT_GE(one.keepalive_timeout(), timeout);
        EXPECT_LT(one.keepalive_timeout(), timeout + 2s);
        EXPECT_NE(one.keepalive_timeout(), two.keepalive_timeout());
    }
}

}  // namespace
}  // namespace spanring::agent::test
