// SPDX-License-Identifier: Apache-2.0
#include "base/named_thread.hpp"

#include <pthread.h>

namespace spanring::agent {

void name_this_thread(const std::string& name) {
    constexpr size_t kMost = 15;  // TASK_COMM_LEN, without its NUL; a longer name is refused whole
    ::pthread_setname_np(::pthread_self(), name.substr(0, kMost).c_str());
}

}  // namespace spanring::agent
