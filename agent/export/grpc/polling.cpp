// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/polling.hpp"

#include <cstdlib>

namespace spanring::agent {
namespace {

// With a hundred connections that are idle a received span costs less than by epoll, with 250 a fifth more.
constexpr size_t kMostWalked = 256;

}  // namespace

void have_each_read_its_own(size_t connections) {
    if (connections <= kMostWalked) ::setenv("GRPC_POLL_STRATEGY", "poll", 0);
}

}  // namespace spanring::agent
