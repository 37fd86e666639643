// SPDX-License-Identifier: Apache-2.0
//
// The program for which googletest.hpp is compiled; it is never run.
int main() { return 0; }
