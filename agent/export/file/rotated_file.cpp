// SPDX-License-Identifier: Apache-2.0
#include "export/file/rotated_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

constexpr mode_t kMode = 0600;                              // spans are nobody else's business
constexpr int kTries = 1000;                                // for a name that is free, a millisecond apart
constexpr std::string_view kLine = "{\"resourceSpans\":[";  // how otlp_json_of_request() begins
constexpr char kPlace[] = "-dddd-dd-ddTdd-dd-dd.ddd";       // of the time in a name; d: a digit

// As the Collector names them, so that what finds its files finds these.
std::string time_in_name(milliseconds since_epoch, bool local) {
    const auto seconds = static_cast<time_t>(since_epoch.count() / 1000);
    tm parts{};
    if (local)
        ::localtime_r(&seconds, &parts);
    else
        ::gmtime_r(&seconds, &parts);
    char text[64];
    std::snprintf(text, sizeof text, "-%04d-%02d-%02dT%02d-%02d-%02d.%03d", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  static_cast<int>(since_epoch.count() % 1000));
    return text;
}

// 0, or an errno: EEXIST where there is one of that name.
int move_to_free_name(const char* from, const char* to) {
    if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    // A file system that does not know how (NFS).
    return ::link(from, to) == 0 && ::unlink(from) == 0 ? 0 : errno;
}

bool is_time(std::string_view text) {
    const std::string_view place = kPlace;
    return text.size() == place.size() && std::equal(text.begin(), text.end(), place.begin(), [](char is, char wanted) {
               return wanted == 'd' ? is >= '0' && is <= '9' : is == wanted;
           });
}

}  // namespace

RotatedFile::RotatedFile(std::string path, const RotationOptions& rotation, Left left, bool durable)
    : path_(std::move(path)), rotation_(rotation), left_(left), durable_(durable) {}

void RotatedFile::fail(const std::string& what, int error) const {
    throw std::system_error(error, std::generic_category(), what + " " + path_);
}

void RotatedFile::open() {
    if (file_ && looked_ && !moved()) return;
    put_on_disk();  // of what sync() is to answer for, a part may be in the one that was moved
    file_.reset();
    // Without waiting: what is no file (a FIFO, a device) is refused instead.
    Descriptor file(
        ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, kMode));
    if (!file) fail("cannot open", errno);
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0) fail("cannot look at", errno);
    if (!S_ISREG(facts.st_mode)) fail("is no regular file:", EINVAL);
    file_ = std::move(file);
    size_ = static_cast<uint64_t>(facts.st_size);
    named_ = false;
    if (!looked_) look_after_left();
    looked_ = true;
}

void RotatedFile::look_after_left() {
    if (size_ == 0) return;
    if (left_ == Left::kSetAside) return set_aside();
    constexpr uint64_t kPiece = 64 << 10;
    std::vector<char> piece(kPiece);
    uint64_t end = size_;
    while (end != 0) {
        const uint64_t begin = end - std::min(end, kPiece);
        const ssize_t got = ::pread(file_.get(), piece.data(), end - begin, static_cast<off_t>(begin));
        if (got != static_cast<ssize_t>(end - begin)) fail("cannot read", got < 0 ? errno : EIO);
        const std::string_view text(piece.data(), static_cast<size_t>(got));
        if (const size_t last = text.rfind('\n'); last != std::string_view::npos) {
            end = begin + last + 1;
            break;
        }
        end = begin;
    }
    if (end == size_) return;
    // Somebody's own, and no line of ours: not a byte of it goes.
    if (!is_begun_line(end)) return set_aside();
    if (::ftruncate(file_.get(), static_cast<off_t>(end)) != 0) fail("cannot cut", errno);
    spdlog::warn("{}: its last {} bytes were no whole line, and are gone", path_, size_ - end);
    size_ = end;
}

// Whether what stands from there on may be the first part of a line.
bool RotatedFile::is_begun_line(uint64_t begin) const {
    char text[kLine.size()];
    const uint64_t size = std::min<uint64_t>(size_ - begin, sizeof text);
    const ssize_t got = ::pread(file_.get(), text, size, static_cast<off_t>(begin));
    if (got != static_cast<ssize_t>(size)) fail("cannot read", got < 0 ? errno : EIO);
    return kLine.starts_with(std::string_view(text, size));
}

bool RotatedFile::moved() const {
    struct stat here {
    }, there{};
    return ::fstat(file_.get(), &here) != 0 || ::lstat(path_.c_str(), &there) != 0 || here.st_dev != there.st_dev ||
           here.st_ino != there.st_ino;
}

void RotatedFile::append(std::string_view piece) {
    open();
    // Somebody may have cut it (logrotate's copytruncate).
    struct stat facts {};
    if (::fstat(file_.get(), &facts) != 0) fail("cannot look at", errno);
    size_ = static_cast<uint64_t>(facts.st_size);
    if (size_ != 0 && size_ + piece.size() > rotation_.max_bytes()) set_aside();
    uint64_t written = 0;
    while (written < piece.size()) {
        const ssize_t wrote = ::write(file_.get(), piece.data() + written, piece.size() - written);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) {
            const int error = wrote < 0 ? errno : EIO;
            // Whoever reads finds whole pieces. Where not even that works, the next agent cuts it.
            if (written != 0 && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) looked_ = false;
            if (!looked_) {
                put_on_disk();
                file_.reset();
            }
            fail("cannot write to", error);
        }
        written += static_cast<uint64_t>(wrote);
    }
    size_ += written;
}

void RotatedFile::sync() {
    put_on_disk();
    if (!durable_ || !file_ || named_) return;
    const Descriptor directory(::open(std::filesystem::path(path_).parent_path().c_str(), O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) fail("cannot write to the disk the name of", errno);
    named_ = true;
}

void RotatedFile::put_on_disk() const {
    if (durable_ && file_ && ::fdatasync(file_.get()) != 0) fail("cannot write to the disk", errno);
}

// Under a name that is free, and a new one in its place.
void RotatedFile::set_aside() {
    put_on_disk();
    const std::filesystem::path path(path_);
    const std::string stem = (path.parent_path() / path.stem()).string(), extension = path.extension().string();
    const auto now = std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    // After the last one's name, which may have been another millisecond's, or is free again: names tell their order.
    milliseconds time = std::max(now, last_name_ + milliseconds(1));
    int error = EEXIST;
    for (int tries = 0; error == EEXIST && tries < kTries; ++tries, ++time) {
        last_name_ = time;
        const std::string name = stem + time_in_name(time, rotation_.localtime) + extension;
        error = move_to_free_name(path_.c_str(), name.c_str());
    }
    if (error != 0) fail("cannot set aside", error);
    open();  // it is another one now
    remove_old();
}

void RotatedFile::remove_old() const {
    if (rotation_.max_backups == 0 && rotation_.max_days == 0) return;
    const std::filesystem::path path(path_);
    const std::string stem = path.stem().string(), extension = path.extension().string();
    std::vector<std::string> names;  // in the order of their times
    std::error_code error;
    for (std::filesystem::directory_iterator entry(path.parent_path(), error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.size() <= stem.size() + extension.size() || !name.starts_with(stem) || !name.ends_with(extension))
            continue;
        if (is_time(std::string_view(name).substr(stem.size(), name.size() - stem.size() - extension.size())))
            names.push_back(name);
    }
    if (error) return spdlog::warn("{}: cannot look for old ones: {}", path_, error.message());
    std::sort(names.begin(), names.end());
    const size_t many = rotation_.max_backups == 0 ? names.size() : size_t{rotation_.max_backups};
    const auto oldest = std::time(nullptr) - time_t{24} * 3600 * rotation_.max_days;
    for (size_t i = 0; i < names.size(); ++i) {
        const std::string old = (path.parent_path() / names[i]).string();
        struct stat facts {};
        const bool too_many = i + many < names.size();
        const bool too_old = rotation_.max_days != 0 && ::lstat(old.c_str(), &facts) == 0 && facts.st_mtime < oldest;
        if ((too_many || too_old) && ::unlink(old.c_str()) != 0)
            spdlog::warn("{}: cannot remove {}: {}", path_, names[i], error_text(errno));
    }
}

}  // namespace spanring::agent
