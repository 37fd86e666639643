/* SPDX-License-Identifier: Apache-2.0 */
/* The header of the test kit alone, twice. Compiled under each standard. */
/* clang-format off */
#include <spanring/test_kit.h>
#include <spanring/test_kit.h>
/* clang-format on */

int main(void) {
    const spr_test_spans *seen = NULL;
    return spr_test_read(SPR_TEST_OF_PROCESS, &seen) < 0 && seen == NULL ? 0 : 1;
}
