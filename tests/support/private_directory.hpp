// SPDX-License-Identifier: Apache-2.0
//
// A runtime directory for one test, named by $SPANRING_DIR while it lives.
#pragma once

#include <cstdlib>

#include "support/temporary_directory.hpp"

namespace spanring::test {

class PrivateDirectory : public TemporaryDirectory {
public:
    PrivateDirectory() { setenv("SPANRING_DIR", path().c_str(), 1); }
    ~PrivateDirectory() { unsetenv("SPANRING_DIR"); }
};

}  // namespace spanring::test
