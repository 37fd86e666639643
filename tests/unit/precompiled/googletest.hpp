// SPDX-License-Identifier: Apache-2.0
//
// What every unit test includes, compiled once. Each of them still includes what it uses: with -Db_pch=false this file
// does not exist for them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#if __has_include(<gmock/gmock.h>)
#include <gmock/gmock.h>
#endif
