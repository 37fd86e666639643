/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that an extent of chunks does not have any more, lent to a huge place: together they may have one extent's. A
 * small span wants one of the extent's two chunks, a large one the huge place, ROUNDS times each; the agent acknowledges
 * what is full and gives the memory of what is free back, and may be killed before any step; a thread may vanish before
 * any of its own.
 *
 *   in shared memory           WHOLE --> GIVING --> EMPTY (the agent)     EMPTY -- populated, exchange --> WHOLE
 *   in the process's memory    PLAIN -- nobody holds it, exchange --> BUSY -- EMPTY, all FREE; punched, counted --> LENT
 *                              LENT -- exchange --> BUSY -- reserved --> PLAIN, or LENT again
 *
 *   L1  the two never have memory at once
 *   L2  nothing is punched that is open or not acknowledged, and nobody touches memory that is not there
 *   L3  whoever does not vanish leaves nothing BUSY, and what is lent is counted as that
 *   L4  an agent that is not killed leaves nothing GIVING
 *
 * Rules broken one at a time:
 *   NO_RESERVE     it is taken back whatever the huge place has                                 L1
 *   LOOK_RESERVE   the reservation is a look and a store, not an exchange                       L1
 *   NO_HOLD        who restores the extent does not hold it                                     L1
 *   LEND_NOCAS     BUSY after a look and a store, instead of by an exchange                     L1, L2
 *   LOOK_ONCE      whether it is EMPTY is asked only before it is BUSY                          L2
 *   ANY_CHUNK      lent though a chunk is not FREE                                              L2
 *   COUNT_FIRST    counted as lent before what memory there was is gone                         L1
 *   LEAVE_MEMORY   what became FREE after the agent gave the rest keeps its memory              L1
 */
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef GIVES
#define GIVES 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef VANISH
#define VANISH 1
#endif
#ifndef SMALL
#define SMALL 1                 /* threads that make small spans */
#endif
#ifndef LARGE
#define LARGE 1                 /* and large ones */
#endif
#define WHOLE 0
#define GIVING 1
#define EMPTY 2
#define PLAIN 0
#define BUSY 1
#define LENT 2
#define FREE 0
#define OPEN 1
#define FULL 2
#define NONE 2

/* ---- shared memory ---- */
byte word = WHOLE, gives;
byte chunk[2], generation[2];

/* ---- the process's memory ---- */
byte state = PLAIN, holds;
bool lent, huge;                /* one word: whether the extent's memory is lent, and the huge place has some */

/* ---- the kernel ---- */
bool memory[2] = true, huge_memory;

/* ---- ghosts ---- */
byte vanished, killed, running = SMALL + LARGE;

#define vanish_here if :: atomic { vanished < VANISH -> vanished++ }; goto gone :: true fi
#define kill_here if :: atomic { killed < KILLS -> killed++ }; goto start :: true fi
#define never_both assert(!(huge_memory && (memory[0] || memory[1])))                                 /* L1 */

proctype small() {
  byte rounds, tries, c, seen, times;
  bool got, mine, whole;
  do
  :: rounds == ROUNDS -> break
  :: else ->
     atomic { rounds++; tries = 0; got = false };
     do
     :: got || tries == 3 -> break                          /* dropped, and counted */
     :: else ->
        atomic {
          tries++;
          if
          :: state == PLAIN && chunk[0] == FREE -> c = 0; seen = generation[0]
          :: state == PLAIN && chunk[1] == FREE -> c = 1; seen = generation[1]
          :: else -> c = NONE
          fi
        };
        if
        :: c == NONE -> skip
        :: else ->
           whole = (word == WHOLE);
           vanish_here;
           atomic {
             got = (whole && chunk[c] == FREE && generation[c] == seen);
             if :: got -> chunk[c] = OPEN; generation[c]++ :: else -> skip fi
           }
        fi;
        if
        :: got -> skip
        :: else ->
           atomic {
             mine = (state == PLAIN);
#ifndef NO_HOLD
             holds = holds + mine
#endif
           };
           if
           :: mine ->
              atomic { whole = (word != EMPTY); times = gives };
              vanish_here;
              if
              :: whole -> skip
              :: else ->
                 d_step { memory[0] = true; memory[1] = true; never_both };
                 vanish_here;
                 atomic { if :: word == EMPTY && gives == times -> word = WHOLE :: else -> skip fi }
              fi;
              vanish_here;
#ifndef NO_HOLD
              holds--
#endif
           :: else ->
              atomic { mine = (state == LENT); if :: mine -> state = BUSY :: else -> skip fi };
              if
              :: !mine -> skip
              :: else ->
                 vanish_here;
#ifdef NO_RESERVE
                 mine = true; lent = false;
#else
#ifdef LOOK_RESERVE
                 mine = !huge;
                 vanish_here;
                 if :: mine -> lent = false :: else -> skip fi;
#else
                 atomic { mine = !huge; if :: mine -> lent = false :: else -> skip fi };
#endif
#endif
                 vanish_here;
                 state = (mine -> PLAIN : LENT)
              fi
           fi
        fi
     od;
     if
     :: !got -> skip
     :: else ->
        assert(memory[c]);                                                                            /* L2 */
        vanish_here;
        assert(memory[c]);                                                                            /* L2 */
        chunk[c] = FULL
     fi
  od;
gone:
  running--
}

proctype large() {
  byte rounds, tries;
  bool got, mine, nothing;
  do
  :: rounds == ROUNDS -> break
  :: else ->
     atomic { rounds++; tries = 0; got = false };
     do
     :: got || tries == 2 -> break                          /* its texts are cut */
     :: else ->
        tries++;
        atomic { got = lent && !huge; if :: got -> huge = true :: else -> skip fi };
        if
        :: got -> skip
        :: else ->
           nothing = (word == EMPTY);
#ifdef LEND_NOCAS
           mine = nothing && state == PLAIN && holds == 0;
           vanish_here;
           if :: mine -> state = BUSY :: else -> skip fi;
#else
           atomic { mine = nothing && state == PLAIN && holds == 0; if :: mine -> state = BUSY :: else -> skip fi };
#endif
           if
           :: !mine -> skip
           :: else ->
              vanish_here;
#ifndef LOOK_ONCE
              nothing = (word == EMPTY);
#endif
#ifndef ANY_CHUNK
              nothing = nothing && chunk[0] == FREE;
              nothing = nothing && chunk[1] == FREE;
#endif
              if
              :: !nothing -> state = PLAIN
              :: else ->
#ifdef COUNT_FIRST
                 lent = true;
                 vanish_here;
#endif
#ifndef LEAVE_MEMORY
                 d_step { assert(chunk[0] == FREE && chunk[1] == FREE); memory[0] = false; memory[1] = false };   /* L2 */
#endif
                 vanish_here;
                 lent = true;
                 vanish_here;
                 state = LENT
              fi
           fi
        fi
     od;
     if
     :: !got -> skip
     :: else ->
        vanish_here;
        d_step { huge_memory = true; never_both };
        vanish_here;
        huge_memory = false;                                /* idle, and given up */
        huge = false
     fi
  od;
gone:
  running--
}

/* One after the other: the lock of the file is one agent's. */
active proctype agent() {
  byte given, c, taken;
start:
  atomic { c = 0; taken = 0 };
  if :: word == GIVING -> goto taken_already :: else -> skip fi;
  do
  :: running == 0 -> break
  :: atomic { chunk[0] == FULL -> assert(memory[0]); chunk[0] = FREE }                                /* L2 */
  :: atomic { chunk[1] == FULL -> assert(memory[1]); chunk[1] = FREE }                                /* L2 */
  :: given < GIVES ->
     given++;
     word = GIVING;
     kill_here;
taken_already:
     for (c : 0 .. 1) {
       atomic { if :: chunk[c] == FREE -> generation[c]++; taken = taken | (1 << c) :: else -> skip fi }
     };
     kill_here;
     for (c : 0 .. 1) {
       d_step {
         if
         :: taken & (1 << c) -> assert(chunk[c] == FREE); memory[c] = false                           /* L2 */
         :: else -> skip
         fi
       }
     };
     kill_here;
     if
     :: taken != 0 -> d_step { word = EMPTY; gives++ }
     :: else -> word = WHOLE                                /* what has no memory is FREE */
     fi;
     atomic { c = 0; taken = 0 }
  od;
  assert(word != GIVING);                                                                             /* L4 */
  assert(state != BUSY || vanished != 0);                                                             /* L3 */
  assert((state == LENT) == lent || vanished != 0)                                                    /* L3 */
}

init {
  byte i;
  atomic {
    for (i : 1 .. SMALL) { run small() };
    for (i : 1 .. LARGE) { run large() };
    i = 0
  }
}
