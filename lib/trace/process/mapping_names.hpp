// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spanring::trace {

// COLD, libc alone, no allocation. Whether a line of the file, which looks like /proc/PID/maps, has the name as OTEP
// 4719 wants it to be found: [anon_shmem:NAME], [anon:NAME] or /memfd:NAME, at the beginning of the line's last field.
// False also where the file cannot be read.
bool has_mapping_named(const char* maps, const char* name);

}  // namespace spanring::trace
