/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of open spans that is given back: an extent of slots or blocks of which none is used any more is closed by its
 * process, and whoever has the agent's lock may give its memory back; who wants a part of it takes it back first. Two
 * writers, each of which wants a part ROUNDS times and calls on its last span once more when that has ended; the agent may
 * be killed before any step, and the next one goes on. A writer may vanish before any of its steps.
 *
 *   in the process's memory   OPEN, none used -- exchange --> TURNING -- store --> CLOSED -- exchange --> TURNING, OPEN
 *   in shared memory                            WHOLE --> UNUSED                           UNUSED -- exchange --> WHOLE
 *                                                                               EMPTY -- populated, exchange --> WHOLE
 *   the agent's                                 UNUSED -- exchange --> GIVING -- punched --> EMPTY
 *
 *   U1  a writer touches no memory that is not there
 *   U2  nothing is punched of which a part is used
 *   U3  an agent that is not killed leaves nothing GIVING: nobody could use it
 *   U4  no call on a span that has ended touches memory that is not there
 *
 * Between the agent's look and its exchange is the pause after which memory goes: no call that began before it is under
 * way after it.
 *
 * Rules broken one at a time:
 *   CLOSE_NOCAS    closed after a look and a store, instead of by an exchange                   U2
 *   CLOSE_FIRST    closed in the process's memory before the word says so                       U2
 *   BLIND_BACK     taken back by a store, instead of by an exchange of what was seen            U1, U2
 *   NO_BACK        used without having been taken back                                          U1, U2
 *   POPULATE_LATE  populated after the word, and the process's memory, say that it is whole     U1
 *   PUNCH_FIRST    punched before it is taken                                                   U2
 *   NO_FINISH      the successor of a killed agent leaves alone what that had taken             U3
 *   NO_DISTURB     a thread goes on to know the slot of its last span                           U4
 *   NO_PAUSE       memory goes as soon as it is unused                                          U4
 *   NO_TIMES       the word does not count how often it was unused                              U4
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
#define WHOLE 0
#define UNUSED 1
#define GIVING 2
#define EMPTY 3
#define OPEN 0
#define TURNING 1
#define CLOSED 2
#ifdef NO_TIMES
#define same_times true
#else
#define same_times times == seen
#endif

/* ---- shared memory ---- */
byte word = WHOLE;
byte times;                     /* in it: how often it was unused, or went */

/* ---- the process's memory ---- */
byte state = OPEN;
byte used;                      /* parts */
byte stamp;

/* ---- the kernel ---- */
bool memory = true;

/* ---- ghosts ---- */
byte vanished, killed, gives, calls;    /* calls that are under way, on spans that have ended */

#define vanish_here if :: atomic { vanished < VANISH -> vanished++ }; goto gone :: true fi
#define kill_here if :: atomic { killed < KILLS -> killed++ }; goto start :: true fi
#define punch d_step { assert(used == 0); memory = false }                                            /* U2 */

proctype writer() {
  byte rounds, seen, last = 255;
  bool got, was_empty, was_whole, resolved;
  do
  :: rounds == ROUNDS -> break
  :: else ->
     rounds++;
     got = false;
     if
     :: atomic { state == OPEN -> used++; got = true }
     :: atomic { state == CLOSED -> state = TURNING };
        vanish_here;
#ifdef NO_BACK
        state = OPEN
#else
        atomic { seen = times; was_empty = (word == EMPTY); was_whole = (word == WHOLE); got = (word != GIVING) };
        vanish_here;
#ifndef POPULATE_LATE
        if :: got && was_empty -> memory = true :: else -> skip fi;
        vanish_here;
#endif
#ifdef BLIND_BACK
        word = WHOLE;
#else
        atomic {
          if
          :: got && was_whole -> skip
          :: got && !was_whole && times == seen && (word == UNUSED || word == EMPTY) -> word = WHOLE
          :: else -> got = false
          fi
        };
#endif
        vanish_here;
        if
        :: got -> state = OPEN
        :: else -> state = CLOSED               /* dropped, and counted */
        fi;
#ifdef POPULATE_LATE
        vanish_here;
        atomic { if :: got && state == OPEN -> used++ :: else -> got = false fi };
        if :: got -> assert(memory) :: else -> skip fi;                                               /* U1 */
        if :: was_empty -> memory = true :: else -> skip fi
#else
        atomic { if :: got && state == OPEN -> used++ :: else -> got = false fi }
#endif
#endif
     :: atomic { state == TURNING -> skip }     /* another extent, or none: nobody waits */
     fi;
     if
     :: !got -> skip
     :: got ->
        assert(memory);                                                                               /* U1 */
        last = stamp;
        vanish_here;
        assert(memory);                                                                               /* U1 */
        used--;
        vanish_here;
#ifdef CLOSE_NOCAS
        atomic { got = (state == OPEN && used == 0) };
        vanish_here;
        if :: got -> state = TURNING :: else -> skip fi;
#else
        atomic { got = (state == OPEN && used == 0); if :: got -> state = TURNING :: else -> skip fi };
#endif
        if
        :: !got -> skip
        :: got ->
           vanish_here;
#ifndef NO_DISTURB
           stamp++;
           vanish_here;
#endif
#ifdef CLOSE_FIRST
           state = CLOSED;
           vanish_here;
           d_step { word = UNUSED; times++ }
#else
           d_step { word = UNUSED; times++ };
           vanish_here;
           state = CLOSED
#endif
        fi;
        atomic { resolved = (last == stamp); calls = calls + resolved };
        if
        :: resolved -> assert(memory); calls--                                                        /* U4 */
        :: else -> skip
        fi
     fi
  od;
gone:
  skip
}

/* One after the other: the lock of the file is one agent's. */
active proctype agent() {
  byte seen;
start:
#ifndef NO_FINISH
  if :: word == GIVING -> goto taken :: else -> skip fi;
#endif
  do
  :: gives == GIVES -> break
  :: gives < GIVES ->
     gives++;
     if
     :: atomic { word == UNUSED -> seen = times };
        kill_here;
#ifndef NO_PAUSE
        calls == 0;
#endif
#ifdef PUNCH_FIRST
        punch;
#endif
        if
        :: atomic { word == UNUSED && same_times -> word = GIVING };
           kill_here;
taken:     skip;
           punch;
           kill_here;
           d_step { word = EMPTY; times++ }
        :: atomic { !(word == UNUSED && same_times) -> skip }
        fi
     :: word != UNUSED -> skip
     fi
  od;
  assert(word != GIVING)                                                                              /* U3 */
}

init { run writer(); run writer() }
