// SPDX-License-Identifier: Apache-2.0
#include "rights/privileges.hpp"

#include <cerrno>
#include <system_error>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace spanring::agent {

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

const uint64_t kOverrideRights = uint64_t{1} << CAP_DAC_OVERRIDE;

bool has_rights(uint64_t rights) {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &header, data) < 0) return false;
    const uint64_t effective = data[0].effective | uint64_t{data[1].effective} << 32;
    return (effective & rights) == rights;
}

void keep_rights(uint64_t rights) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("no new privileges");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) fail("ambient capabilities");
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    for (int half = 0; half < 2; ++half) {
        data[half].effective = data[half].permitted = static_cast<uint32_t>(rights >> (32 * half));
    }
    if (syscall(SYS_capset, &header, data) < 0) fail("capabilities");
}

}  // namespace spanring::agent
