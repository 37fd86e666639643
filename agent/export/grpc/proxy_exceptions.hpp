// SPDX-License-Identifier: Apache-2.0
//
// Which hosts are reached without the proxy that gRPC takes from the environment. gRPC itself reads no_proxy in lower
// case alone, knows no "*", and would ask a proxy for this host too.
#pragma once

#include <string>
#include <string_view>

namespace spanring::agent {

// `exceptions`: as in NO_PROXY, separated by commas: "*", a name with all names below it, an address; each may have a
// port. This host's own names always are.
bool is_reached_directly(const std::string& host, const std::string& port, std::string_view exceptions);

// $no_grpc_proxy, $no_proxy, $NO_PROXY: the first that is set.
std::string proxy_exceptions();

}  // namespace spanring::agent
