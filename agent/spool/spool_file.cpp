// SPDX-License-Identifier: Apache-2.0
#include "spool/spool_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <system_error>

#include "base/file_bytes.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent::spool {

namespace {

int write_all(int fd, std::vector<iovec>& pieces, uint64_t offset) {
    constexpr size_t kMost = 1024;  // IOV_MAX of Linux
    for (size_t i = 0; i < pieces.size();) {
        const auto count = static_cast<int>(std::min(kMost, pieces.size() - i));
        const ssize_t put = ::pwritev(fd, &pieces[i], count, static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        offset += static_cast<uint64_t>(put);
        auto left = static_cast<size_t>(put);
        while (i < pieces.size() && left >= pieces[i].iov_len) left -= pieces[i++].iov_len;
        if (left != 0) {
            pieces[i].iov_base = static_cast<uint8_t*>(pieces[i].iov_base) + left;
            pieces[i].iov_len -= left;
        } else if (put == 0 && i < pieces.size()) {
            return ENOSPC;
        }
    }
    return 0;
}

[[noreturn]] void fail(const std::string& what, const std::string& path) {
    throw std::system_error(errno, std::generic_category(), "spool: cannot " + what + " " + path);
}

uint64_t sum(std::span<const Share> shares) {
    return std::accumulate(shares.begin(), shares.end(), uint64_t{0},
                           [](uint64_t total, const Share& share) { return total + share.spans; });
}

}  // namespace

SpoolFile SpoolFile::create(const std::string& directory, const FileName& name) {
    SpoolFile file(directory + "/" + name.text(), name.number);
    file.fd_ = Descriptor(::open(file.path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.fd_) fail("create", file.path_);
    SPR_TESTPOINT(spool_file_made);
    return file;
}

SpoolFile SpoolFile::recover(const std::string& directory, const FileName& name, uint64_t most_bytes) {
    SpoolFile file(directory + "/" + name.text(), name.number);
    struct stat status {};
    if (!file.open() || ::fstat(file.fd_.get(), &status) != 0) fail("read", file.path_);
    file.size_ = static_cast<uint64_t>(status.st_size);
    if (file.size_ / 2 > most_bytes) {
        file.fault_ = "is larger than any file of a spool";
        return file;
    }

    EntryHeader header{};
    std::vector<Share> shares;
    uint64_t offset = 0;
    while (offset < file.size_) {
        if (!file.read_header(offset, header, shares)) {
            bool is_tail = false;
            const uint64_t next = file.next_sound(offset, is_tail);
            if (next == offset) break;  // nothing sound after it
            if (is_tail && file.mend(offset, next)) continue;
            ++file.damaged_;
            offset = next;
            continue;
        }
        const uint64_t size = entry_size(header.shares, header.request_bytes);
        if (size > file.size_ - offset) break;  // torn: its append never returned
        const State state = header.state == kDone ? State::kDone : State::kWaiting;
        file.places_.push_back({offset, header.shares, header.request_bytes, sum(shares), state});
        (state == State::kDone ? file.done_ : file.waiting_) += 1;
        offset += size;
    }
    if (offset < file.size_) {
        if (!file.is_torn(offset)) {
            if (file.places_.empty()) {
                file.fault_ = "nothing in it is a spool's";
                return file;
            }
            ++file.damaged_;
        }
        if (::ftruncate(file.fd_.get(), static_cast<off_t>(offset)) != 0) fail("cut the torn end of", file.path_);
        file.size_ = offset;
    }
    file.close();
    return file;
}

bool SpoolFile::open() {
    const auto try_it = [this] { return ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); };
    if (!fd_) fd_ = Descriptor(try_it());
    // Somebody took its mode away; it is this user's, and gets it back.
    if (!fd_ && errno == EACCES && ::chmod(path_.c_str(), 0600) == 0) fd_ = Descriptor(try_it());
    return static_cast<bool>(fd_);
}

void SpoolFile::unlink() {
    ::unlink(path_.c_str());
    close();
    SPR_TESTPOINT(spool_file_removed);
}

int SpoolFile::append(std::span<const Share> shares, std::span<const std::span<const uint8_t>> request, bool sync) {
    if (!open()) return errno;
    uint64_t request_bytes = 0;
    uint32_t request_crc = 0;
    for (const auto slice : request) {
        request_bytes += slice.size();
        request_crc = crc(request_crc, slice.data(), slice.size());
    }
    if (shares.size() > kMaxShares || request_bytes > kMaxRequest) return EMSGSIZE;

    EntryHeader header{};
    header.magic = kMagic;
    header.state = kWaiting;
    header.shares = static_cast<uint32_t>(shares.size());
    header.file = number_;
    header.offset = size_;
    header.request_bytes = static_cast<uint32_t>(request_bytes);
    header.request_crc = request_crc;
    header.header_crc = header_crc(header, shares);

    static constexpr uint8_t kPadding[8] = {};
    EntryHeader tail = header;
    tail.magic = kTailMagic;
    const uint64_t size = entry_size(shares.size(), request_bytes);
    const uint64_t padding = tail_offset(shares.size(), request_bytes) - tail_size(shares.size()) - request_bytes;
    std::vector<iovec> pieces;
    pieces.reserve(request.size() + 5);
    const auto add = [&](const void* bytes, size_t count) {
        if (count != 0) pieces.push_back({const_cast<void*>(bytes), count});  // pwritev only reads it
    };
    add(&header, sizeof header);
    add(shares.data(), shares.size_bytes());
    for (const auto slice : request) add(slice.data(), slice.size());
    add(kPadding, padding);
    add(&tail, sizeof tail);
    add(shares.data(), shares.size_bytes());

    int error = write_all(fd_.get(), pieces, size_);
    SPR_TESTPOINT(spool_record_written);
    if (error == 0 && sync && ::fdatasync(fd_.get()) != 0) error = errno;
    if (error != 0) {
        // Where even this fails, the half entry is overwritten by the next one, or cut at the next start.
        [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
        return error;
    }
    places_.push_back({size_, header.shares, header.request_bytes, sum(shares), State::kWaiting});
    size_ += size;
    ++waiting_;
    return 0;
}

bool SpoolFile::read_header(uint64_t offset, EntryHeader& header, std::vector<Share>& shares) {
    return read_copy(offset, kMagic, header, shares) && header.offset == offset;
}

bool SpoolFile::read_copy(uint64_t offset, uint32_t magic, EntryHeader& header, std::vector<Share>& shares) {
    if (size_ - offset < sizeof header || !read_at(fd_.get(), &header, sizeof header, offset)) return false;
    if (header.magic != magic || header.file != number_ || header.shares > kMaxShares) return false;
    shares.resize(header.shares);
    const size_t table = shares.size() * sizeof(Share);
    if (size_ - offset - sizeof header < table) return false;
    return read_at(fd_.get(), shares.data(), table, offset + sizeof header) &&
           header_crc(header, shares) == header.header_crc;
}

// The next offset after a damaged header at which its entry's own tail lies, or another entry's sound header; else
// the damaged one's own.
uint64_t SpoolFile::next_sound(uint64_t offset, bool& ret_tail) {
    EntryHeader header{};
    std::vector<Share> shares;
    std::vector<uint8_t> window(size_t{1} << 20);
    for (uint64_t base = offset + 8; base < size_; base += window.size()) {
        // Over holes, which are nothing but zeros, at once.
        const off_t data = ::lseek(fd_.get(), static_cast<off_t>(base), SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;
        if (data > 0) base = std::max(base, static_cast<uint64_t>(data) & ~uint64_t{7});
        const size_t got = static_cast<size_t>(std::min<uint64_t>(window.size(), size_ - base));
        if (!read_at(fd_.get(), window.data(), got, base)) break;
        for (size_t at = 0; at + sizeof(uint32_t) <= got; at += 8) {
            uint32_t magic = 0;
            std::memcpy(&magic, &window[at], sizeof magic);
            if (magic == kMagic && read_header(base + at, header, shares)) return base + at;
            ret_tail = magic == kTailMagic && read_copy(base + at, kTailMagic, header, shares) &&
                       header.offset == offset &&
                       offset + tail_offset(header.shares, header.request_bytes) == base + at;
            if (ret_tail) return base + at;
        }
    }
    return offset;
}

// Whether what lies there is the beginning of an entry whose append never returned: as much of its header as there is.
bool SpoolFile::is_torn(uint64_t offset) const {
    EntryHeader header{}, expected{};
    const size_t size = static_cast<size_t>(std::min<uint64_t>(size_ - offset, sizeof header));
    if (!read_at(fd_.get(), &header, size, offset)) return false;
    expected.magic = kMagic;
    expected.file = number_;
    expected.offset = offset;
    const auto same = [&](size_t from, size_t bytes) {
        const size_t to = std::min(size, from + bytes);
        return from >= to || std::memcmp(reinterpret_cast<const uint8_t*>(&header) + from,
                                         reinterpret_cast<const uint8_t*>(&expected) + from, to - from) == 0;
    };
    return same(offsetof(EntryHeader, magic), sizeof header.magic) &&
           same(offsetof(EntryHeader, file), sizeof header.file + sizeof header.offset);
}

// Writes a damaged header anew from the entry's tail; its state is a word of its own. False: it cannot be written.
bool SpoolFile::mend(uint64_t offset, uint64_t tail) {
    EntryHeader header{}, damaged{};
    std::vector<Share> shares;
    if (!read_copy(tail, kTailMagic, header, shares) || !read_at(fd_.get(), &damaged, sizeof damaged, offset))
        return false;
    header.magic = kMagic;
    header.state = damaged.state;
    std::vector<iovec> pieces = {{&header, sizeof header}, {shares.data(), shares.size() * sizeof(Share)}};
    return write_all(fd_.get(), pieces, offset) == 0 && read_header(offset, header, shares);
}

bool SpoolFile::read(size_t index, std::string& ret_request) {
    const Place& place = places_[index];
    EntryHeader header{};
    if (!open() || !read_at(fd_.get(), &header, sizeof header, place.offset)) return false;
    ret_request.resize(place.request_bytes);
    const uint64_t at = place.offset + sizeof header + uint64_t{place.shares} * sizeof(Share);
    return read_at(fd_.get(), ret_request.data(), ret_request.size(), at) &&
           crc(0, ret_request.data(), ret_request.size()) == header.request_crc;
}

std::vector<Share> SpoolFile::shares(size_t index) {
    const Place& place = places_[index];
    std::vector<Share> shares(place.shares);
    if (!open() ||
        !read_at(fd_.get(), shares.data(), shares.size() * sizeof(Share), place.offset + sizeof(EntryHeader))) {
        return {};
    }
    return shares;
}

size_t SpoolFile::next() const {
    size_t place = first_waiting_;
    while (places_[place].state != State::kWaiting) ++place;
    return place;
}

size_t SpoolFile::take() {
    const size_t place = next();
    places_[place].state = State::kTaken;
    --waiting_;
    first_waiting_ = place + 1;
    return place;
}

void SpoolFile::give_back(size_t index) {
    places_[index].state = State::kWaiting;
    first_waiting_ = std::min(first_waiting_, index);
    ++waiting_;
}

void SpoolFile::finish(size_t index) {
    if (places_[index].state == State::kWaiting) --waiting_;
    places_[index].state = State::kDone;
    ++done_;
    // One word in the page cache: it outlives this process. Lost with the host, it costs a duplicate.
    if (open()) {
        const auto place = static_cast<off_t>(places_[index].offset + offsetof(EntryHeader, state));
        if (::pwrite(fd_.get(), &kDone, sizeof kDone, place) != sizeof kDone) close();
    }
    SPR_TESTPOINT(spool_record_finished);
}

}  // namespace spanring::agent::spool
