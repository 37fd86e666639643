// SPDX-License-Identifier: Apache-2.0
#include "receive/kept_requests.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "base/private_directory.hpp"
#include "base/set_aside.hpp"
#include "base/state_file.hpp"

namespace spanring::agent {
namespace {

constexpr char kEnding[] = ".otlp";
constexpr char kUnfinished[] = "request.new";  // what is being written; another name once it is whole

struct KeptHeader {
    uint32_t magic;
    uint32_t crc;  // of all that follows it
    uint32_t shares;
    uint32_t request_bytes;
};
constexpr uint32_t kToSend = 0x514b5053;    // "SPKQ"
constexpr uint32_t kToDecide = 0x554b5053;  // "SPKU"

std::optional<uint64_t> number_of(const std::string& name) {
    constexpr size_t kDigits = 16;
    if (name.size() != kDigits + sizeof kEnding - 1 || !name.ends_with(kEnding)) return std::nullopt;
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, number, 16);
    if (error != std::errc() || end != name.data() + kDigits) return std::nullopt;
    return number;
}

std::span<const uint8_t> bytes_of(const void* at, size_t size) { return {static_cast<const uint8_t*>(at), size}; }

bool write_all(int file, std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return true;
}

bool read_all(int file, std::span<uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t got = ::read(file, bytes.data(), bytes.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(got));
    }
    return true;
}

}  // namespace

KeptRequests::KeptRequests(const KeptOptions& options) : options_(options) {
    prepare_private_directory(options_.directory);
    const Descriptor directory(::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ::unlinkat(directory.get(), kUnfinished, 0);  // of an agent that was killed meanwhile; nobody was answered for it
    each_name(directory.get(), [&](const char* name) {
        const auto number = number_of(name);
        struct stat found {};
        if (!number || ::fstatat(directory.get(), name, &found, AT_SYMLINK_NOFOLLOW) != 0) return;
        sizes_[*number] = static_cast<uint64_t>(found.st_size);
        bytes_ += static_cast<uint64_t>(found.st_size);
        next_ = std::max(next_, *number + 1);
    });
}

std::optional<uint64_t> KeptRequests::keep(Stage stage, std::span<const Share> shares,
                                           std::span<const std::span<const uint8_t>> request) {
    KeptHeader header{stage == Stage::kToDecide ? kToDecide : kToSend, 0, static_cast<uint32_t>(shares.size()), 0};
    for (const auto slice : request) header.request_bytes += static_cast<uint32_t>(slice.size());
    const uint64_t size = sizeof header + shares.size_bytes() + header.request_bytes;
    if (bytes_ + size > options_.max_bytes) {
        error_ = options_.directory + " is full";
        return std::nullopt;
    }
    std::vector<std::span<const uint8_t>> pieces = {bytes_of(&header, sizeof header),
                                                    bytes_of(shares.data(), shares.size_bytes())};
    pieces.insert(pieces.end(), request.begin(), request.end());
    header.crc = spool::crc(0, &header.shares, sizeof header - offsetof(KeptHeader, shares));
    for (size_t i = 1; i < pieces.size(); ++i) header.crc = spool::crc(header.crc, pieces[i].data(), pieces[i].size());

    const uint64_t number = next_++;
    const std::string path = path_of(number), unfinished = options_.directory + "/" + kUnfinished;
    int error = write(unfinished, pieces);
    if (error == 0 && ::rename(unfinished.c_str(), path.c_str()) != 0) error = errno;
    if (error == 0 && options_.fsync) {
        const Descriptor directory(::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!directory || ::fsync(directory.get()) != 0) error = errno;
    }
    if (error != 0) {
        error_ = path + ": " + error_text(error);
        ::unlink(unfinished.c_str());
        ::unlink(path.c_str());
        return std::nullopt;
    }
    sizes_[number] = size;
    bytes_ += size;
    return number;
}

int KeptRequests::write(const std::string& path, std::span<const std::span<const uint8_t>> pieces) const {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return errno;
    for (const auto piece : pieces) {
        if (!write_all(file.get(), piece)) return errno;
    }
    return options_.fsync && ::fsync(file.get()) != 0 ? errno : 0;
}

void KeptRequests::remove(uint64_t number) {
    const auto size = sizes_.find(number);
    if (size == sizes_.end()) return;
    ::unlink(path_of(number).c_str());
    bytes_ -= size->second;
    sizes_.erase(size);
}

void KeptRequests::set_aside(uint64_t number) {
    const auto size = sizes_.find(number);
    if (size == sizes_.end()) return;
    // By one name for all, for of each name some stay.
    const std::string damaged = options_.directory + "/request";
    if (::rename(path_of(number).c_str(), damaged.c_str()) == 0) {
        try {
            agent::set_aside(damaged, "request " + std::to_string(number) + " is not as it was kept");
        } catch (const std::system_error& error) {
            spdlog::error("receiver: {}", error.what());
        }
    }
    remove(number);
}

std::vector<uint64_t> KeptRequests::numbers() const {
    std::vector<uint64_t> numbers;
    for (const auto& [number, size] : sizes_) numbers.push_back(number);
    return numbers;
}

std::optional<KeptRequests::Request> KeptRequests::read(uint64_t number) const {
    const Descriptor file(::open(path_of(number).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat found {};
    KeptHeader header{};
    if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode) ||
        !read_all(file.get(), {reinterpret_cast<uint8_t*>(&header), sizeof header})) {
        return std::nullopt;
    }
    const uint64_t size = sizeof header + uint64_t{header.shares} * sizeof(Share) + header.request_bytes;
    if ((header.magic != kToSend && header.magic != kToDecide) || static_cast<uint64_t>(found.st_size) != size)
        return std::nullopt;
    Request request;
    request.stage = header.magic == kToDecide ? Stage::kToDecide : Stage::kToSend;
    request.shares.resize(header.shares);
    request.bytes = std::make_unique_for_overwrite<uint8_t[]>(header.request_bytes);
    request.size = header.request_bytes;
    const std::span<uint8_t> shares{reinterpret_cast<uint8_t*>(request.shares.data()),
                                    request.shares.size() * sizeof(Share)};
    if (!read_all(file.get(), shares) || !read_all(file.get(), {request.bytes.get(), request.size}))
        return std::nullopt;
    uint32_t crc = spool::crc(0, &header.shares, sizeof header - offsetof(KeptHeader, shares));
    crc = spool::crc(crc, shares.data(), shares.size());
    crc = spool::crc(crc, request.bytes.get(), request.size);
    if (crc != header.crc) return std::nullopt;
    return request;
}

std::string KeptRequests::path_of(uint64_t number) const {
    char name[sizeof "0123456789abcdef" + sizeof kEnding];
    std::snprintf(name, sizeof name, "%016" PRIx64 "%s", number, kEnding);
    return options_.directory + "/" + name;
}

}  // namespace spanring::agent
