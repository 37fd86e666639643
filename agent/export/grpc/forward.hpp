// SPDX-License-Identifier: Apache-2.0
//
// gRPC's names for headers that need no more of it; its own headers are dear.
#pragma once

namespace grpc {

class Channel;
class ChannelArguments;
class ChannelCredentials;
class CompletionQueue;
class Status;

}  // namespace grpc
