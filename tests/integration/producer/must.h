/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the library that must return what spanring.h promises: the program ends with 3 otherwise. */
#ifndef SPANRING_TESTS_MUST_H
#define SPANRING_TESTS_MUST_H

#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(call, wanted)                                                                        \
    do {                                                                                          \
        const long result_ = (call);                                                              \
        if (result_ != (wanted)) {                                                                \
            fprintf(stderr, "%s:%d: %s: %ld (%s), not %ld\n", __FILE__, __LINE__, #call, result_, \
                    result_ < 0 ? spr_strerror((int)result_) : "", (long)(wanted));               \
            exit(3);                                                                              \
        }                                                                                         \
    } while (0)

#endif
