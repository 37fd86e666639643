// SPDX-License-Identifier: Apache-2.0
//
// One file of a spool: entries one after another, appended once, finished one by one, deleted as a whole. Knows the
// place and state of each entry; keeps no bytes. Used by one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "spool/entry.hpp"
#include "spool/file_name.hpp"

namespace spanring::agent::spool {

enum class State : uint8_t { kWaiting, kTaken, kDone };

class SpoolFile {
public:
    struct Place {
        uint64_t offset = 0;
        uint32_t shares = 0;
        uint32_t request_bytes = 0;
        uint64_t spans = 0;
        State state = State::kWaiting;
    };

    // Both throw std::system_error that names the file.
    static SpoolFile create(const std::string& directory, const FileName& name);
    // Reads the headers of a file that an earlier process left: cuts a torn end, mends a damaged header from the
    // entry's tail, steps over what cannot be mended. A file of more than two times `most_bytes` is not read. Where
    // fault() says something afterwards, it is no spool's file: it was not touched, and nothing else may be asked of
    // it.
    static SpoolFile recover(const std::string& directory, const FileName& name, uint64_t most_bytes);

    SpoolFile(SpoolFile&&) = default;

    uint64_t number() const { return number_; }
    uint64_t size() const { return size_; }
    const std::vector<Place>& places() const { return places_; }
    uint64_t waiting() const { return waiting_; }  // entries
    bool finished() const { return done_ == places_.size(); }
    const std::string& fault() const { return fault_; }
    uint64_t damaged() const { return damaged_; }  // places at which recover() stepped over entries

    // 0, or an errno; then nothing was appended. Survives the death of this process; that of the host with `sync`.
    int append(std::span<const Share> shares, std::span<const std::span<const uint8_t>> request, bool sync);

    // False: unreadable, or the checksum is wrong.
    bool read(size_t place, std::string& ret_request);
    std::vector<Share> shares(size_t place);  // empty: unreadable

    // The first that waits; there must be one.
    size_t next() const;
    size_t take();
    void give_back(size_t place);
    void finish(size_t place);

    void close() { fd_.reset(); }  // opened again when needed
    void unlink();                 // its entries are gone with it

private:
    SpoolFile(std::string path, uint64_t number) : path_(std::move(path)), number_(number) {}

    bool open();
    bool read_header(uint64_t offset, EntryHeader& header, std::vector<Share>& shares);
    bool read_copy(uint64_t offset, uint32_t magic, EntryHeader& header, std::vector<Share>& shares);
    uint64_t next_sound(uint64_t offset, bool& ret_tail);
    bool mend(uint64_t offset, uint64_t tail);
    bool is_torn(uint64_t offset) const;

    std::string path_;
    uint64_t number_ = 0;
    Descriptor fd_;
    uint64_t size_ = 0;
    std::vector<Place> places_;
    uint64_t waiting_ = 0;
    size_t first_waiting_ = 0;  // no entry before it waits
    size_t done_ = 0;
    uint64_t damaged_ = 0;
    std::string fault_;
};

}  // namespace spanring::agent::spool
