// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/log.hpp"
#include "base/mutex.hpp"

#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/log_pace.hpp"

namespace spanring::agent {

namespace {

// On any of gRPC's threads, and on ours inside of its functions.
void log_line(gpr_log_func_args* line) {
    static Mutex mutex;
    static LogPace pace SPR_GUARDED_BY(
        mutex);  // for all lines together: they are for whoever looks into a fault, and can be many
    const MutexLock lock(mutex);
    const bool error = line->severity == GPR_LOG_SEVERITY_ERROR;
    if (const auto more = pace.due()) {
        spdlog::log(error ? spdlog::level::warn : spdlog::level::debug, "gRPC: {}{}", foreign(line->message), *more);
    }
}

}  // namespace

void take_over_grpc_log() {
    static std::once_flag once;
    std::call_once(once, [] { ::gpr_set_log_function(log_line); });
}

}  // namespace spanring::agent
