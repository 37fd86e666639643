// SPDX-License-Identifier: Apache-2.0
//
// Requests that are answered before their spans are delivered, each in a file of its own: what keep() took survives
// kill -9 of the agent (page cache), and with `fsync` the death of the host, as a file. Which of the files count is the
// ledger's to say, which is durable from its next checkpoint on: a file that it does not know was never answered, is
// done, or was answered just before the host died. One thread at a time, as the receiver.
//
//     KeptHeader | Share x shares | request
//
// A share is a ResourceSpans of the request, in their order: whose account its spans are booked to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "receive/receiver_options.hpp"
#include "spool/entry.hpp"

namespace spanring::agent {

class KeptRequests {
public:
    using Share = spool::Share;

    // As it is in its file.
    enum class Stage : uint8_t {
        kToSend,    // decided, where traces are, and as the processors left it
        kToDecide,  // as it came
    };

    struct Request {
        Stage stage = Stage::kToSend;
        std::vector<Share> shares;
        std::unique_ptr<uint8_t[]> bytes;
        size_t size = 0;
    };

    // Throws std::system_error that names the directory.
    explicit KeptRequests(const KeptOptions& options);

    // The number of its file. Nothing: there is no room, or error() says why not.
    std::optional<uint64_t> keep(Stage stage, std::span<const Share> shares,
                                 std::span<const std::span<const uint8_t>> request);
    void remove(uint64_t number);
    void set_aside(uint64_t number);  // for people to look at: it is damaged. Nothing where it is gone

    // Those that were there at the start, by number; and what is in one. Nothing: it is damaged, or gone.
    std::vector<uint64_t> numbers() const;
    std::optional<Request> read(uint64_t number) const;

    uint64_t bytes() const { return bytes_; }
    const std::string& error() const { return error_; }

private:
    std::string path_of(uint64_t number) const;
    int write(const std::string& path, std::span<const std::span<const uint8_t>> pieces) const;

    const KeptOptions options_;
    std::map<uint64_t, uint64_t> sizes_;  // of the files, by number
    uint64_t next_ = 1;
    uint64_t bytes_ = 0;
    std::string error_;
};

}  // namespace spanring::agent
