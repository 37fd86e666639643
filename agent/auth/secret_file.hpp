// SPDX-License-Identifier: Apache-2.0
//
// A secret that is given as a text or lies in a file, of which the first line counts: others rotate it while the agent
// runs, so it is looked at again, and read when it changed. One thread.
#pragma once

#include <chrono>
#include <string>

#include "auth/auth_options.hpp"
#include "base/file_stamp.hpp"

namespace spanring::agent {

// The first line of a regular file, without blanks around it; `ret_fault` where it cannot be read, is empty, longer
// than a header can be, or has what a header must not have. Never waits for a writer.
std::string read_secret(const std::string& file, std::string& ret_fault);

// What may stand in a header, and in gRPC's metadata.
bool is_header_text(const std::string& text);

class WatchedSecret {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds kPause{500};  // between two looks

    // Throws std::runtime_error that names the file.
    explicit WatchedSecret(const Secret& secret);

    // True: it is another one from now on. `at_once`: whenever the look before was. Where the file cannot be read it
    // stays as it was, and fault() says why.
    bool refresh(Time now, bool at_once = false);
    const std::string& text() const { return text_; }
    const std::string& fault() const { return fault_; }

private:
    const std::string file_;  // empty: the text is given
    FileStamp read_;          // of the file that text_ is of
    std::string text_, fault_;
    Time next_look_{};
};

}  // namespace spanring::agent
