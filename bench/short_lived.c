/* SPDX-License-Identifier: Apache-2.0
 *
 * A process that ends a few spans and exits, as a command line tool does: no flush, no shutdown. */
#include <spanring/spanring.h>
#include <stdlib.h>

int main(int count, char** words) {
    spr_provider* provider;
    spr_tracer* tracer;
    if (spr_provider_open(NULL, &provider) != 0 ||
        spr_tracer_get(provider, "bench", SPR_NUL, "1", SPR_NUL, NULL, 0, &tracer) != 0)
        return 1;
    for (long spans = count > 1 ? atol(words[1]) : 1; spans > 0; --spans) {
        spr_span span;
        spr_span_start(tracer, "tool", SPR_NUL, &span);
        spr_span_set_string(&span, "process.command", SPR_NUL, words[0], SPR_NUL);
        spr_span_end(&span);
    }
    return 0;
}
