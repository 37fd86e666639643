/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header alone, twice (clang-format would take one away), before anything else; and what a caller writes most.
 * Compiled under each standard.
 */
/* clang-format off */
#include <spanring/spanring.h>
#include <spanring/spanring.h>
/* clang-format on */

int main(void) {
    spr_provider_options provider_options = SPR_PROVIDER_OPTIONS_INIT;
    spr_start_options start_options = SPR_START_OPTIONS_INIT;
    spr_end_options end_options = SPR_END_OPTIONS_INIT;
    spr_statistics statistics = SPR_STATISTICS_INIT;
    spr_span span = {0, {{0}, {0}, 0, 0, {0}}};
    const spr_event event = {SPR_S("event"), 0, NULL, 0, 0, 0};
    return provider_options.struct_size == sizeof(spr_provider_options) &&
                   provider_options.service_name_size == SPR_NUL &&
                   start_options.struct_size == sizeof(spr_start_options) &&
                   start_options.parent_mode == SPR_PARENT_CURRENT &&
                   end_options.struct_size == sizeof(spr_end_options) && end_options.status == SPR_STATUS_UNSET &&
                   statistics.struct_size == sizeof(spr_statistics) && span.handle == 0 && event.name_size == 5 &&
                   spr_span_set_string(NULL, SPR_S("key"), SPR_S("value")) < 0
               ? 0
               : 1;
}
