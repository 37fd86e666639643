/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans that wait for the decision of their trace in a file, and an agent that is killed at any time. Spans lie one
 * behind the other in a chunk, whose mark moves over them in that order; one that leaves is first written to a file,
 * then the mark moves over it and nothing is booked. It is booked once it is answered for, and passed by the mark. The
 * booking and the mark of a span that did not leave are one step (AckBook).
 *
 *   U1  no span is booked twice
 *   U2  in the end each was booked, and sent before
 *
 * Rules broken one at a time:
 *   PASS_FIRST      the mark moves before the span is in a file                                   U2
 *   KEEP_ENTRY      what the segment still has is left out and not given up in the file           U1
 *   BOOK_UNPASSED   it is booked though the mark has not passed it                                U1
 *   NO_NOTE         nothing says what is about to be booked                                       U1
 *   BOOK_FIRST      it is booked before that is said                                              U1
 *   KEEP_NOTE       what was said and not done is not taken back                                  U2
 */
#define SPANS 2
#ifndef CRASHES
#define CRASHES 2
#endif
#define ENTRIES 3                      /* of a span: one for each agent */

#define AT(span, agent) ((span) * ENTRIES + (agent))

/* ---- what outlives an agent ---- */
byte mark;                             /* spans below it */
byte acknowledged;                     /* spans, in the segment's totals */
mtype = { NONE, LIVE, GONE, DONE };
mtype entry[SPANS * ENTRIES] = NONE;
byte note[SPANS * ENTRIES];

/* ---- what is to be shown ---- */
byte booked[SPANS];
bool sent[SPANS];

/* ---- of this agent ---- */
mtype = { UNKNOWN, WAITS, SENT, ANSWERED, FILED, FILED_SENT, FILED_ANSWERED, OVER };
mtype state[SPANS] = UNKNOWN;
byte place[SPANS];                     /* its entry */
byte agents;
byte i, k;

#define MAY_DIE if :: agents < CRASHES -> agents++; goto born :: true fi

inline book(span) { acknowledged++; booked[span]++; assert(booked[span] <= 1); assert(sent[span]) }

#ifdef BOOK_UNPASSED
#define PASSED(span) true
#else
#define PASSED(span) (mark > span)
#endif

inline pick(span) { if :: span = 0 :: span = SPANS - 1 fi }

inline take_in() {
  i = 0;
  do
  :: i < SPANS ->
     state[i] = UNKNOWN;
     k = 0;
     do
     :: k < ENTRIES ->
        if
        :: entry[AT(i, k)] != LIVE -> skip
        :: else ->
           if
           :: note[AT(i, k)] != 0 && acknowledged >= note[AT(i, k)] -> entry[AT(i, k)] = DONE
           :: else ->
#ifndef KEEP_NOTE
              note[AT(i, k)] = 0;
#endif
              if
#ifdef KEEP_ENTRY
              :: i >= mark -> skip
#else
              :: i >= mark -> entry[AT(i, k)] = GONE
#endif
              :: else -> state[i] = FILED; place[i] = k
              fi
           fi
        fi;
        k++
     :: else -> break
     od;
     MAY_DIE;
     i++
  :: else -> break
  od;
  i = 0;
  do                                   /* and what is above the mark comes out of the segment */
  :: i < SPANS -> if :: i >= mark && state[i] == UNKNOWN -> state[i] = WAITS :: else -> skip fi; i++
  :: else -> break
  od
}

active proctype agent() {
  byte span;
born:
  take_in();
  do
  :: pick(span);
     MAY_DIE;
     if
     :: state[span] == WAITS -> state[span] = SENT; sent[span] = true
     :: state[span] == SENT -> state[span] = ANSWERED
     :: state[span] == WAITS ->        /* it leaves */
#ifdef PASS_FIRST
        if :: mark == span -> mark++ :: else -> skip fi;
        MAY_DIE;
#endif
        place[span] = agents;
        entry[AT(span, agents)] = LIVE;
        state[span] = FILED
     :: state[span] == FILED -> state[span] = FILED_SENT; sent[span] = true
     :: state[span] == FILED_SENT -> state[span] = FILED_ANSWERED
     :: mark == span && state[span] == ANSWERED -> atomic { mark++; book(span) }; state[span] = OVER
     :: mark == span && (state[span] == FILED || state[span] == FILED_SENT || state[span] == FILED_ANSWERED) -> mark++
     :: state[span] == FILED_ANSWERED && PASSED(span) ->
#ifdef BOOK_FIRST
        book(span);
        MAY_DIE;
        note[AT(span, place[span])] = acknowledged;
#else
#ifndef NO_NOTE
        note[AT(span, place[span])] = acknowledged + 1;
        MAY_DIE;
#endif
        book(span);
#endif
        MAY_DIE;
        entry[AT(span, place[span])] = DONE;
        state[span] = OVER
     :: else -> skip
     fi
  :: mark == SPANS && state[0] != SENT && state[1] != SENT &&
     (state[0] == OVER || state[0] == UNKNOWN) && (state[1] == OVER || state[1] == UNKNOWN) -> break
  od;
  assert(booked[0] == 1 && booked[1] == 1)
}
