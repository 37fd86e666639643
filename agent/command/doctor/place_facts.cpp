// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/place_facts.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/quantity.hpp"
#include "command/terminal/terminal.hpp"
#include "ring/attach.hpp"
#include "ring/layout.hpp"
#include "ring/runtime_directory.hpp"

namespace spanring::agent {
namespace {

using ring::RuntimeDirectory;

// One segment with its first extent; the region of further scopes is a hole.
constexpr uint64_t kLeastFree = ring::segment_size(1) - ring::kMoreScopesSize;
constexpr uint64_t kComfortable = uint64_t{16} << 20;  // one segment at its default limit
constexpr uint32_t kFirstLoginUser = 1000;             // login.defs(5): UID_MIN; logind spares system users

std::string octal(mode_t mode) {
    char text[8];
    std::snprintf(text, sizeof text, "%04o", mode & 07777u);
    return text;
}

std::string parent_of(const std::string& path) {
    const size_t slash = path.find_last_of('/');
    return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

bool writable(const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0; }

std::string file_system(const std::string& path) {
    struct statfs status {};
    if (::statfs(path.c_str(), &status) != 0) return "an unknown file system";
    if (status.f_type == TMPFS_MAGIC) return "tmpfs";
    char text[48];
    std::snprintf(text, sizeof text, "file system 0x%lx", static_cast<unsigned long>(status.f_type));
    return text;
}

struct Room {
    uint64_t size = 0;
    uint64_t free = 0;
};
Room room(const std::string& path) {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) return {};
    return {uint64_t{status.f_blocks} * status.f_frsize, uint64_t{status.f_bavail} * status.f_frsize};
}

std::string mebibytes(uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
    return text;
}

// One that is there and that the library refuses.
Finding refused(const std::string& path, int error, bool decides) {
    Finding finding{decides ? Health::kError : Health::kWarning, "directory", path + ": ", ""};
    const char* what = decides ? "tracing is off" : "its segments are not drained";
    struct stat status {};
    const bool there = ::lstat(path.c_str(), &status) == 0;
    // Another user's, and closed as it should be, cannot be opened, which says nothing of its mode.
    const bool others = there && S_ISDIR(status.st_mode) && status.st_uid != ::geteuid();
    switch (error == -EACCES && others ? -EPERM : error) {
        case -EPERM:
            finding.found +=
                "belongs to user " + std::to_string(status.st_uid) + ", not to " + std::to_string(::geteuid());
            finding.advice =
                "chown " + std::to_string(::geteuid()) + " " + path + ", or set SPANRING_DIR to another one";
            break;
        case -EACCES:
            finding.found += there ? "mode " + octal(status.st_mode) + " lets others in" : "cannot be entered";
            finding.advice = "chmod 0700 " + path;
            break;
        case -EMEDIUMTYPE:
            finding.found += "lies on " + file_system(path) + ", not on tmpfs";
            finding.advice = "mount a tmpfs there, or name it by SPANRING_DIR, which may be on any file system";
            break;
        case -ENOTDIR:
        case -ELOOP:
            finding.found += "is not a directory, or is a symbolic link";
            finding.advice = "remove " + path + ", it will be made again";
            break;
        default:
            finding.found += error_text(-error);
            finding.advice = "make " + path + " a directory of this user with mode 0700";
    }
    finding.found += std::string("; ") + what;
    return finding;
}

Finding sound(const std::string& path, bool chosen) {
    const Room space = room(path);
    Finding finding{Health::kOk, "directory", path + (chosen ? ": new segments are made here; " : ": "), ""};
    struct stat status {};
    ::stat(path.c_str(), &status);
    finding.found += "user " + std::to_string(status.st_uid) + ", mode " + octal(status.st_mode) + ", " +
                     file_system(path) + " of " + mebibytes(space.size) + ", " + mebibytes(space.free) + " free";
    if (!chosen) return finding;
    if (!writable(path)) {
        finding.health = Health::kError;
        finding.found += "; nothing can be written there";
        finding.advice =
            "make it writable for user " + std::to_string(::geteuid()) + " (chmod 0700, or the mount's options)";
    } else if (space.free < kLeastFree) {
        finding.health = Health::kError;
        finding.found += ", and a segment needs " + mebibytes(kLeastFree);
        finding.advice = "make room, mount it larger (mount -o remount,size=...), or set SPANRING_DIR";
    } else if (space.free < kComfortable) {
        finding.health = Health::kWarning;
        finding.found += ", and a process may take " + mebibytes(kComfortable) + " (SPANRING_MEMORY_LIMIT)";
        finding.advice = "make room, mount it larger (mount -o remount,size=...), or lower SPANRING_MEMORY_LIMIT";
    }
    return finding;
}

class Looker {
public:
    Places look(const std::vector<std::string>& given) {
        for (const std::string& path : given) {
            chosen_ = false;  // each of them was asked for
            look_at(path, RuntimeDirectory::kExplicit);
        }
        for (uint32_t i = 0; given.empty() && i < static_cast<uint32_t>(RuntimeDirectory::kCount); ++i) {
            const auto kind = static_cast<RuntimeDirectory>(i);
            char path[ring::kRuntimePathSize];
            const int error = ring::runtime_directory_path(kind, path, sizeof path);
            if (error == 0) {
                look_at(path, kind);
            } else if (error != -ENOENT) {
                unnamed(kind, error);
            }
        }
        return std::move(places_);
    }

private:
    void unnamed(RuntimeDirectory kind, int error) {
        const bool decides =
            kind == RuntimeDirectory::kExplicit;  // the other is ignored then, as its specification says
        places_.findings.push_back({decides ? Health::kError : Health::kWarning, "directory",
                                    std::string(decides ? "SPANRING_DIR" : "XDG_RUNTIME_DIR") +
                                        (error == -EINVAL ? " is not an absolute path; " : " is too long; ") +
                                        (decides ? "tracing is off" : "ignored"),
                                    "set an absolute path, or unset it"});
        chosen_ = chosen_ || decides;
    }

    int open(const std::string& path, RuntimeDirectory kind) {
        char there[ring::kRuntimePathSize];
        int fd = -1;
        const int error = kind == RuntimeDirectory::kExplicit
                              ? ring::open_checked_directory(path.c_str(), false, true, &fd)
                              : ring::open_runtime_directory_kind(kind, false, there, sizeof there, &fd);
        const Descriptor opened(fd);  // it is asked whether, and no more
        return error;
    }

    void look_at(const std::string& path, RuntimeDirectory kind) {
        const int error = path.starts_with("/") ? open(path, kind) : -EINVAL;
        if (error == 0) {
            places_.findings.push_back(sound(path, !chosen_));
            places_.directories.push_back(path);
            if (!chosen_) places_.usable = path;
            chosen_ = true;
        } else if (error != -ENOENT) {
            places_.findings.push_back(refused(path, error, !chosen_));
            chosen_ = true;  // it is not passed over
        } else {
            missing(path, kind);
        }
    }

    void missing(const std::string& path, RuntimeDirectory kind) {
        Finding finding{Health::kOk, "directory", path + ": not there", ""};
        const std::string parent = parent_of(path);
        struct stat status {};
        const bool parent_there = ::stat(parent.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
        if (kind == RuntimeDirectory::kPackage) {
            finding.found += "; only the package makes it";
        } else if (kind == RuntimeDirectory::kSession &&
                   (!parent_there || status.st_uid != ::geteuid() || file_system(parent) != "tmpfs")) {
            finding.found += ", and " + parent + " is not this user's own tmpfs; passed over";
        } else if (!chosen_ && parent_there && writable(parent)) {
            finding.found += " yet; the first process makes it";
            chosen_ = true;
        } else if (!chosen_) {
            finding.health = Health::kError;
            finding.found += ", and cannot be made in " + parent + "; tracing is off";
            finding.advice = "install -d -m 0700 -o " + std::to_string(::geteuid()) + " " + path;
            chosen_ = true;
        }
        places_.findings.push_back(std::move(finding));
    }

    Places places_;
    bool chosen_ = false;
};

// RemoveIPC= of logind.conf(5), the last one counts.
bool removes_ipc() {
    bool removes = true;  // its default
    std::vector<std::string> files = {"/etc/systemd/logind.conf"};
    for (const char* folder :
         {"/usr/lib/systemd/logind.conf.d", "/run/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"}) {
        std::error_code ignored;
        std::vector<std::string> more;
        for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) more.push_back(entry.path());
        std::sort(more.begin(), more.end());
        files.insert(files.end(), more.begin(), more.end());
    }
    for (const std::string& file : files) {
        std::ifstream lines(file);
        for (std::string line; std::getline(lines, line);) {
            line.erase(std::remove_if(line.begin(), line.end(), [](unsigned char c) { return std::isspace(c); }),
                       line.end());
            if (!line.starts_with("RemoveIPC=")) continue;
            const std::string value = line.substr(std::strlen("RemoveIPC="));
            removes = value == "yes" || value == "true" || value == "1" || value == "on";
        }
    }
    return removes;
}

}  // namespace

Places look_at_places(const std::vector<std::string>& given) { return Looker().look(given); }

Findings look_at_segments(const std::vector<std::string>& directories) {
    Findings findings;
    uint64_t same = 0;
    for (const std::string& path : directories) {
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
            const std::string name = entry.path().filename();
            uint8_t instance[16];
            if (!ring::parse_segment_name(name.c_str(), instance)) continue;
            const Descriptor file(
                ::open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
            if (!file) continue;  // gone
            uint64_t size = 0;
            ring::Header header{};
            ring::AttachReport report = ring::check_segment_file(file.get(), ::geteuid(), size);
            if (report.ok()) report = ring::read_segment_header(file.get(), size, instance, header);
            const std::string what = entry.path().string() + ": " + ring::describe(report);
            const bool skew = report == ring::AttachResult::kFutureMajor || report == ring::AttachResult::kPastMajor ||
                              report == ring::AttachResult::kIncompatible;
            if (skew) {
                findings.push_back({Health::kError, "segment", what,
                                    "update the agent, or the library of that process, so that "
                                    "both know one layout"});
            } else if (!report.ok()) {
                findings.push_back({Health::kWarning, "segment", what,
                                    "the agent leaves it where it is; look with spanring "
                                    "dump, and remove it"});
            } else {
                ++same;
            }
        }
    }
    findings.push_back({Health::kOk, "layout",
                        std::to_string(same) + (same == 1 ? " segment" : " segments") + " of layout " +
                            std::to_string(ring::kLayoutMajor) + ", which this program knows",
                        ""});
    return findings;
}

Findings look_at_logind(const std::string& directory) {
    struct stat status {};
    if (::stat("/run/systemd/users", &status) != 0 || ::geteuid() < kFirstLoginUser) return {};
    const passwd* user = ::getpwuid(::geteuid());
    const std::string linger = user != nullptr ? "/var/lib/systemd/linger/" + std::string(user->pw_name) : "";
    if (!linger.empty() && ::stat(linger.c_str(), &status) == 0) {
        return {{Health::kOk, "logind", "this user lingers: nothing is removed at logout", ""}};
    }
    const std::string advice = "loginctl enable-linger, or a directory that the package made (/run/spanring)";
    if (directory.starts_with("/run/user/"))
        return {{Health::kWarning, "logind",
                 directory + " is removed at this user's last logout, with the spans that wait in it", advice}};
    if (directory.starts_with("/dev/shm/") && removes_ipc())
        return {{Health::kWarning, "logind",
                 "RemoveIPC=yes: what this user has in /dev/shm is removed at the last logout, with the spans "
                 "that wait in it",
                 "RemoveIPC=no in /etc/systemd/logind.conf, or " + advice}};
    return {{Health::kOk, "logind", "does not touch " + (directory.empty() ? "the directory" : directory), ""}};
}

}  // namespace spanring::agent
