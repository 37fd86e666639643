// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "spanring/spanring.h"

#define SPR_TEXT(value) #value
#define SPR_VERSION_TEXT(major, minor, patch) SPR_TEXT(major) "." SPR_TEXT(minor) "." SPR_TEXT(patch)

namespace {

// Neither translated nor written into memory that threads share: with glibc, strerror() does both; musl's is a table.
const char* phrase_of(int error) {
#ifdef __GLIBC__
    const char* const phrase = strerrordesc_np(error);
    return phrase != nullptr ? phrase : "unknown error";
#else
    return strerror(error);
#endif
}

}  // namespace

extern "C" {

const char* spr_strerror(int error) noexcept {
    if (error == INT_MIN) return "unknown error";
    switch (error < 0 ? -error : 0) {
        case 0: return "success";
        case EINVAL: return "invalid argument: NULL, an empty key, a value out of range, or text that is not UTF-8";
        case E2BIG: return "too big: options with unknown members that are not zero, or a resource of more than 12 KiB";
        case ESTALE:
            return "spent span: it has ended, its provider was shut down, or it belongs to the parent of this process";
        case ENOBUFS: return "no room: the ring is full (raise the memory limit, or see whether the agent runs)";
        case EBUSY: return "nested too deep: a signal handler interrupted a signal handler inside the library";
        case EDQUOT: return "over a limit of the OpenTelemetry specification (OTEL_*_COUNT_LIMIT)";
        case ETIMEDOUT: return "the agent did not take everything over in time; the spans stay in the segment";
        case EMFILE: return "too many providers in this process, or too many open files";
        case ENOSPC:
            return "no space: in the memory for a text, in the runtime directory's file system, or for one more scope";
        case EFBIG: return "RLIMIT_FSIZE is below the size of the smallest segment";
        case ECANCELED:
            return "tracing is off: SPANRING_DISABLED, OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER=none is set";
        case EPERM: return "tracing is off: a set-user-id program, or a runtime directory of another owner";
        case ESHUTDOWN: return "the provider was shut down";
        case EBADMSG: return "malformed header: not what the format allows";
        case EACCES: return "the runtime directory is open to others (it must have mode 0700), or may not be made";
        case EMEDIUMTYPE: return "the runtime directory is not on a tmpfs";
        case ENOENT: return "there is no runtime directory and none can be made";
        case ENOTDIR:
        case ELOOP: return "the runtime directory is not a directory, or is reached through a symbolic link";
        case EROFS: return "this environment is read only: inject into a copy of it";
        case ENAMETOOLONG: return "the path of the runtime directory, or a carrier's key, is too long";
        default: return phrase_of(error < 0 ? -error : error);
    }
}

const char* spr_version(void) noexcept {
    return SPR_VERSION_TEXT(SPR_VERSION_MAJOR, SPR_VERSION_MINOR, SPR_VERSION_PATCH);
}

}  // extern "C"
