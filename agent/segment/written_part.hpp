// SPDX-License-Identifier: Apache-2.0
//
// What was ever written of a file, as the kernel knows it. To read the rest would say as much, but a page of a segment
// that its process reserved and never touched is made by whoever reads it: a fault, a page of zeros, and both undone
// when the file goes.
#pragma once

#include <cstdint>

namespace spanring::agent {

// Asked for one part after another, from the file's begin on. The kernel looks at each page from where it is asked to
// where its answer is: that is kept, or a file that was written from end to end would be looked at once for each part.
class WrittenPart {
public:
    explicit WrittenPart(int file) : file_(file) {}

    // Behind the last page between `from` and `to`, in bytes, that may hold something else than zeros; `to` where the
    // file system cannot tell, or the file ends before that, `from` where there is none. Moves the file's offset.
    // `from`: not below the last one.
    uint64_t end_of(uint64_t from, uint64_t to);

private:
    bool look(uint64_t at);

    const int file_;
    // What was seen: written up to `hole_`, and from there, if it is the less of the two, a hole up to `data_`.
    uint64_t hole_ = 0;
    uint64_t data_ = 0;
};

}  // namespace spanring::agent
