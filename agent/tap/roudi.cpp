// SPDX-License-Identifier: Apache-2.0
#include "tap/roudi.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace spanring::tap {
namespace {

// iceoryx 2 has no way to have them elsewhere.
constexpr char kSocket[] = "/tmp/roudi";
constexpr char kMemory[] = "/dev/shm/iceoryx_mgmt";

}  // namespace

bool Roudi::runs() {
    const agent::Descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!probe) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, kSocket, sizeof kSocket);
    // Refused: the file is what a killed one left.
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void Roudi::remember() { memory_ = agent::Descriptor(::open(kMemory, O_PATH | O_CLOEXEC)); }

bool Roudi::is_the_same() const {
    struct stat mine, now;
    return memory_ && ::fstat(memory_.get(), &mine) == 0 && ::stat(kMemory, &now) == 0 && mine.st_dev == now.st_dev &&
           mine.st_ino == now.st_ino;
}

}  // namespace spanring::tap
