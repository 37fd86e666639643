// SPDX-License-Identifier: Apache-2.0
//
// Where segments live: one directory of one user, chosen the same way by the library and by the agent, and the names of
// the files in it. Both sides; libc only, no exceptions, no allocation, thread-safe as far as the environment is.
//
// Invariant: an opened runtime directory is a directory (never reached through a symbolic link), owned by the effective
// user, closed to everybody else, on tmpfs unless $SPANRING_DIR names it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spanring::ring {

inline constexpr size_t kRuntimePathSize = 256;  // with its NUL; a longer one is -ENAMETOOLONG

// In the order of choice.
enum class RuntimeDirectory : uint32_t {
    kExplicit,  // $SPANRING_DIR: when set it is the only one, on any file system
    kPackage,   // /run/spanring/<uid>, where the package made it
    kSession,   // $XDG_RUNTIME_DIR/spanring, where $XDG_RUNTIME_DIR is the user's own, on tmpfs
    kShared,    // /dev/shm/spanring-<uid>
    kCount
};

// The path of one kind, without looking at the file system. Errors: -ENOENT (its variable is not set, or is not
// consulted because $SPANRING_DIR is set), -EINVAL (the variable is not an absolute path), -ENAMETOOLONG.
int runtime_directory_path(RuntimeDirectory kind, char* ret_path, size_t size);

// Opens and checks the directory of one kind. `create`: make it (0700) where it is missing; the one of the package is
// never made. Errors: those above, -ENOENT (missing), -ENOTDIR and -ELOOP (not a directory, a symbolic link), -EPERM
// (another owner), -EACCES (open to others), -EMEDIUMTYPE (not tmpfs), or of mkdir and open.
int open_runtime_directory_kind(RuntimeDirectory kind, bool create, char* ret_path, size_t size, int* ret_fd);

// Opens and checks a directory that somebody else chose (the agent's configuration). Errors: those above.
int open_checked_directory(const char* path, bool create, bool any_file_system, int* ret_fd);

// The first one that is there or can be made. Returns 0; *ret_fd is O_DIRECTORY | O_CLOEXEC. One that is there but
// fails its check is an error and not passed over: it would split the host's segments between two places.
int open_runtime_directory(char* ret_path, size_t size, int* ret_fd);

// "<32 hex>.spr", and ".<32 hex>.tmp" while it is being made. Each has room for its NUL.
inline constexpr size_t kSegmentNameSize = 32 + 4 + 1;
inline constexpr size_t kTemporaryNameSize = 1 + 32 + 4 + 1;
inline constexpr size_t kSegmentPathSize = kRuntimePathSize + kSegmentNameSize;
void segment_name(const uint8_t instance_id[16], char ret_name[kSegmentNameSize]);
void temporary_name(const uint8_t instance_id[16], char ret_name[kTemporaryNameSize]);

// Whether a file's name is one of these (and which instance it names; ret may be nullptr).
bool parse_segment_name(const char* name, uint8_t ret_instance_id[16]);
bool parse_temporary_name(const char* name, uint8_t ret_instance_id[16]);

}  // namespace spanring::ring
