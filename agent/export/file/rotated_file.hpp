// SPDX-License-Identifier: Apache-2.0
//
// A file that is appended to, and set aside for a new one before it grows too large. Of what is appended at once all is
// in it or nothing: what a full disk cut short is taken back, and what a killed agent cut short is dealt with when the
// file is opened the next time. Whoever else moves the file away (logrotate) makes it begin anew. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/descriptor.hpp"
#include "export/file/options.hpp"

namespace spanring::agent {

class RotatedFile {
public:
    // What to do with what an earlier agent left, which may have ended in the middle.
    enum class Left : uint8_t {
        kGoesOn,    // lines of OTLP/JSON: one that was cut short is cut off; what ends otherwise is set aside
        kSetAside,  // nobody can tell cheaply where it is torn
    };

    // `durable`: what sync() returns from survives the host.
    RotatedFile(std::string path, const RotationOptions& rotation, Left left, bool durable);

    // Opens it where it is not open. Regular, never followed through a link, 0600 where it is made. Throws
    // std::system_error, with the path.
    void open();
    // Throws std::system_error where the disk does not take it.
    void append(std::string_view piece);
    // On the disk, the name as well; nothing where it is not to be durable.
    void sync();

private:
    void look_after_left();
    bool moved() const;
    void set_aside();
    void put_on_disk() const;
    bool is_begun_line(uint64_t begin) const;
    void remove_old() const;
    [[noreturn]] void fail(const std::string& what, int error) const;

    const std::string path_;
    const RotationOptions rotation_;
    const Left left_;
    const bool durable_;
    bool looked_ = false;  // at what was left
    Descriptor file_;
    uint64_t size_ = 0;
    bool named_ = false;                      // its name is on the disk
    std::chrono::milliseconds last_name_{0};  // since the epoch, in the name of the last one that was set aside
};

}  // namespace spanring::agent
