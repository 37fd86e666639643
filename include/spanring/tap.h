/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a subscriber finds in a chunk that the exporter `iceoryx` of spanring-agent has published: this header, and behind it
 * a serialized ExportTraceServiceRequest of OTLP, in the same piece of memory. docs/tap.md says more.
 *
 * The service is SPR_TAP_SERVICE; a later format that these words do not describe is another service. The instance and
 * the event are what the agent's configuration says.
 *
 * Nothing here is a function: a subscriber links iceoryx, and nothing of spanring. Numbers are in the host's byte order.
 */
#ifndef SPANRING_TAP_H
#define SPANRING_TAP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPR_TAP_SERVICE "spanring.traces.v1"
#define SPR_TAP_MAGIC UINT32_C(0x50415453) /* "STAP" */

typedef struct spr_tap_header {
    uint32_t magic;          /* SPR_TAP_MAGIC */
    uint32_t header_bytes;   /* from the header's begin to the message's; may grow */
    uint32_t message_bytes;  /* of the message */
    uint32_t spans;          /* in the message; at least 1 */
    uint64_t stream;         /* whose numbers follow: another one after each start of the publisher */
    uint64_t sequence;       /* of the chunk in its stream, of this event: 0, 1, 2 */
    uint64_t spans_before;   /* in the chunks of the stream before this one. Where a subscriber knows of fewer, it was slow,
                                and missed the rest */
    uint64_t unpublished;    /* since the agent's start: spans that this event was to have, and for which there was no chunk,
                                or no publisher any more */
    uint64_t unsorted;       /* likewise: spans that were dropped for want of room before it was known which events they are of */
    uint64_t unix_nano;      /* when it was published */
} spr_tap_header;

#ifdef __cplusplus
}
#endif

#endif
