// SPDX-License-Identifier: Apache-2.0
//
// What the agent knows of the host and adds to every resource that does not say it itself. A process may be in a
// container, where it would take the container's for the host's. Semantic conventions: resource/host.md,
// resource/os.md, resource/k8s.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace spanring::agent {

// Keys and values, both text.
using HostFacts = std::vector<std::pair<std::string, std::string>>;

// From the kernel, from files below `root`, which may be missing, and from K8S_NODE_NAME, which a DaemonSet takes from
// the downward API (spec.nodeName): in a pod the host's own name cannot be seen.
HostFacts find_host_facts(const std::string& root = "");

}  // namespace spanring::agent
