// SPDX-License-Identifier: Apache-2.0
//
// SPR_TESTPOINT(name) stands after each visible side effect. It is nothing in a release build; with -Dtestpoints=true
// it calls a hook, and the crash tests kill the process there.
#pragma once

#ifdef SPR_TESTPOINTS
extern "C" void spr_testpoint(const char* name) noexcept;
#define SPR_TESTPOINT(name) spr_testpoint(#name)
#else
#define SPR_TESTPOINT(name) static_cast<void>(0)
#endif
