/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans that have ended and wait in their slot, since no chunk had room: one slot, spans that come into it one after
 * another, two threads of the process that may have it back, an agent that may be killed, and the process as well.
 *
 *   W1  ended = acknowledged, once the process is dead and the agent through; started = ended + unfinished
 *   W2  a span that ended is sent, once where no agent was killed; one that did not is unfinished
 *   W3  while both live and have nothing to do, no span waits, and no slot that is done is left
 *   W4  a slot is given back once
 *
 * Rules broken one at a time:
 *   COUNT_LATE      the slot is WAITING before the end is counted                     W1
 *   NO_INTENT       an end in the slot is settled like one that no chunk knows        W2
 *   TELL_FIRST      the agent is told before the slot is WAITING                      W3
 *   SLOT_FIRST      the slot is DONE before the journal is armed                      W1, W3
 *   NO_GENERATION   a journal is replayed on whatever span waits there                W1, W2
 *   DONE_FIRST      the process is told before the slot is DONE                       W3
 *   TAKE_NOCAS      a thread that finds the slot DONE stores FREE                     W4
 */
#ifndef KILLS
#define KILLS 1                 /* of the agent */
#endif
#define SPANS 2

mtype = { FREE, OPEN, ENDING, WAITING, DONE };

/* ---- shared memory ---- */
mtype state = FREE;
byte generation, data;          /* of the slot; whose bytes it holds */
byte intent_ended;
byte started, ended;            /* the counters */
byte waits, done;
bool armed;                     /* the journal */
byte noted_generation, noted_total;
byte total;                     /* acknowledged */

/* ---- the process's own ---- */
bool in_pool = true;
byte seen_done;

/* ---- the kernel ---- */
bool dead, killed;              /* the process, for good; the agent, which begins again */

/* ---- what is true ---- */
bool has_started[SPANS + 1], has_ended[SPANS + 1];
byte sent[SPANS + 1], unfinished;
bool idle, written;

/* ---- the agent's own ---- */
byte known;                     /* waits, as its last look found it */

/* A step of the process: none after its death. */
#define STEP(what) atomic { !dead -> what }

inline give() { assert(!in_pool); in_pool = true }                                       /* W4 */

inline take_done(seen) {
  STEP(seen = done);
  if
  :: seen == seen_done -> skip
  :: else ->
#ifdef TAKE_NOCAS
     if
     :: STEP(state == DONE -> skip) -> STEP(state = FREE; give())
     :: STEP(state != DONE -> skip)
     fi;
#else
     STEP(if :: state == DONE -> state = FREE; give() :: else -> skip fi);
#endif
     STEP(seen_done = seen)
  fi
}

active proctype spans() {
  byte id = 1, seen;
  do
  :: id <= SPANS ->
     do
     :: STEP(in_pool -> in_pool = false) -> break
     :: STEP(!in_pool && done != seen_done -> skip) -> take_done(seen)
     od;
     STEP(generation++; data = id);
     STEP(state = OPEN; has_started[id] = true);
     STEP(started++);
     STEP(intent_ended = ended + 1);
#ifdef TELL_FIRST
     STEP(waits++);
#endif
#ifdef COUNT_LATE
     STEP(state = WAITING; has_ended[id] = true);
     STEP(ended++);
#else
     STEP(state = ENDING; has_ended[id] = true);
     STEP(ended++);
     STEP(state = WAITING);
#endif
#ifndef TELL_FIRST
     STEP(waits++);
#endif
     id++
  :: else -> break
  od;
  written = true
}

active proctype other() {
  byte seen;
  STEP(done != seen_done -> skip);
  take_done(seen)
}

active proctype death() {
  if :: dead = true :: true fi
}

active proctype kills() {
  byte left = KILLS;
  do
  :: left > 0 -> left--; killed = true; !killed
  :: break
  od
}

inline finish_wait(which) {
#ifdef DONE_FIRST
  done++;
#endif
  if
#ifdef NO_GENERATION
  :: atomic { state == WAITING -> state = DONE }
#else
  :: atomic { state == WAITING && generation == which -> state = DONE }
#endif
  :: else -> skip
  fi;
#ifndef DONE_FIRST
  done++
#else
  skip
#endif
}

active proctype agent() {
  byte which, span, next;
  bool was_dead, first, recovered, news;
attach:
  /* what an agent knows dies with it */
  atomic { first = true; recovered = false; known = 0; was_dead = false; idle = false };
  {
  if
  :: armed -> finish_wait(noted_generation); total = noted_total; armed = false
  :: else -> skip
  fi;
  do
  :: was_dead = dead;
     if
     :: was_dead && !recovered ->
        /* each may be repeated */
        if
        :: state == ENDING ->
#ifdef NO_INTENT
           state = OPEN
#else
           if :: ended < intent_ended -> ended = intent_ended :: else -> skip fi;
           state = WAITING
#endif
        :: else -> skip
        fi;
        if :: state == OPEN && started < data -> started = data :: else -> skip fi;
        recovered = true;
        first = true
     :: else -> skip
     fi;
     atomic { news = first || waits != known; known = waits; first = false };
     if
     :: news && state == WAITING ->
        atomic { which = generation; span = data; sent[span]++; next = total + 1 };
        /* it is sent, and answered */
#ifdef SLOT_FIRST
        finish_wait(which);
#endif
        noted_generation = which;
        noted_total = next;
        armed = true;
#ifndef SLOT_FIRST
        finish_wait(which);
#endif
        total = next;
        armed = false
     :: news && state != WAITING -> skip
     :: !news && recovered -> break
     :: !news && !recovered ->
        idle = true;
        (waits != known || dead);
        idle = false
     fi
  od
  } unless { atomic { killed -> killed = false; goto attach } };
  atomic {
    unfinished = ((state == OPEN) -> 1 : 0);
    assert(ended == total);                                                              /* W1 */
    assert(started == ended + unfinished);
    for (span : 1 .. SPANS) {
      assert(!has_ended[span] || sent[span] > 0);                                            /* W2 */
      assert(has_ended[span] || sent[span] == 0);
      assert(sent[span] <= 1 + KILLS)
    }
  }
}

/* W3: nobody has anything to do, and the process lives. */
active proctype rest() {
  atomic {
    idle && written && !dead && waits == known ->
    assert(state != WAITING && !(state == DONE && done == seen_done))
  }
}
