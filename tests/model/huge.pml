/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places for spans that are larger than an extent, while these are open: two threads with a slot each, whose spans grow
 * into one of two places, and that of the first from there into the other one; a thread that gives the memory of an
 * idle one up to others; an agent that gives memory back, and may be killed before any step. A thread may vanish before any of its own. The
 * process may be killed after any step, and is read as a whole then.
 *
 *   take    held: exchange | NOTHING: populated, WHOLE, counted | UNUSED: exchange -> WHOLE | EMPTY: populated, exchange -> WHOLE
 *   grow    taken | copied | the slot's word names it
 *   end     the slot is free | WHOLE -> UNUSED, once more: store | held by nobody
 *   idle    held: exchange | UNUSED: exchange -> EMPTY | punched | held by nobody
 *   agent   UNUSED: exchange -> GIVING | punched | EMPTY
 *
 *   H1  nobody touches memory that is not there
 *   H2  no two spans are in one place, and what is there stays as its span wrote it
 *   H3  after a kill the place that an open slot names is counted, whole and there, with all that its span wrote
 *   H4  nothing is punched that a slot names
 *   H5  what is counted has a word, and what says that it has no memory has none
 *   H6  an agent that is not killed leaves nothing GIVING
 *
 * Rules broken one at a time:
 *   HOLD_NOCAS     held after a look and a store, instead of by an exchange                     H2, H3
 *   COUNT_FIRST    counted before its word says what it is                                      H5
 *   WORD_FIRST     the slot's word names the place before all is copied                         H3
 *   GIVE_FIRST     UNUSED before the slot is free                                               H3, H4
 *   LET_GO_FIRST   held by nobody before it is UNUSED                                           H3, H4
 *   BLIND_WHOLE    WHOLE by a store, instead of an exchange                                     H1, H4
 *   IDLE_UNHELD    who gives it up does not hold it                                             H1, H4
 *   NO_FINISH      a killed agent's successor does not go on                                    H6
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
#define NOTHING 0
#define WHOLE 1
#define UNUSED 2
#define GIVING 3
#define EMPTY 4
#define NOBODY 0
#define PASSING 9
#define SPAN (1 + me * 4 + rounds)

/* ---- shared memory ---- */
byte word[2], times[2];         /* one word: its memory, and how often it was unused or went */
bool counted[2];
byte slot[2];                   /* 0: free; of a span that is open its number */
byte place[2];                  /* in the slot's word: 0 in the slot, else 1 + place */

/* ---- the process's memory ---- */
byte holder[2];

/* ---- the kernel ---- */
bool memory[2];
byte data[2];                   /* whose; 0: nobody's */

/* ---- ghosts ---- */
byte vanished, agents_killed, running = 3;

#if VANISH
#define vanish_here if :: atomic { vanished < VANISH -> vanished++ }; goto gone :: true fi
#else
#define vanish_here skip
#endif
#if KILLS
#define kill_here if :: atomic { agents_killed < KILLS -> agents_killed++ }; goto start :: true fi
#else
#define kill_here skip
#endif
#define is_named(p) ((slot[0] != 0 && place[0] == 1 + p) || (slot[1] != 0 && place[1] == 1 + p))
#define punch(p) d_step { assert(!is_named(p)); memory[p] = false; data[p] = 0 }                      /* H4 */

inline take(p) {
#ifdef HOLD_NOCAS
  got = (holder[p] == NOBODY);
  vanish_here;
  if :: got -> holder[p] = 1 + me :: else -> skip fi;
#else
  atomic { got = (holder[p] == NOBODY); if :: got -> holder[p] = 1 + me :: else -> skip fi };
#endif
  if
  :: !got -> skip
  :: got && !counted[p] ->
     vanish_here;
     memory[p] = true;
#ifdef COUNT_FIRST
     counted[p] = true;
     vanish_here;
     word[p] = WHOLE
#else
     vanish_here;
     word[p] = WHOLE;
     vanish_here;
     counted[p] = true
#endif
  :: got && counted[p] ->
     atomic { seen = word[p]; seen_times = times[p] };
     if
     :: seen == GIVING -> got = false
     :: seen == EMPTY -> memory[p] = true
     :: else -> skip
     fi;
     vanish_here;
#ifdef BLIND_WHOLE
     if :: got -> word[p] = WHOLE :: else -> skip fi;
#else
     atomic {
       got = got && word[p] == seen && times[p] == seen_times;
       if :: got -> word[p] = WHOLE :: else -> skip fi
     };
#endif
     if :: !got -> vanish_here; holder[p] = NOBODY :: else -> skip fi
  fi
}

/* Into a place where there is one that it has not. */
inline grow() {
  if :: p = 0 :: p = 1 fi;
  if
  :: holder[p] == 1 + me -> skip
  :: else ->
     take(p);
     vanish_here;
     if
     :: !got -> skip
     :: else ->
#ifdef WORD_FIRST
        place[me] = 1 + p;
        vanish_here;
#endif
        assert(memory[p]);                                                                            /* H1 */
        data[p] = SPAN;
        vanish_here;
        place[me] = 1 + p;
        vanish_here;
        assert(memory[p] && data[p] == SPAN)                                                          /* H1, H2 */
     fi
  fi
}

inline give(p) {
  if
  :: holder[p] == 1 + me ->
#ifdef LET_GO_FIRST
     holder[p] = NOBODY;
     vanish_here;
     d_step { word[p] = UNUSED; times[p]++ }
#else
     d_step { word[p] = UNUSED; times[p]++ };
     vanish_here;
     holder[p] = NOBODY
#endif
  :: else -> skip
  fi
}

proctype thread(byte me) {
  byte rounds, p, seen, seen_times;
  bool got;
  do
  :: rounds == ROUNDS -> break
  :: else ->
     d_step { place[me] = 0; slot[me] = SPAN };
     vanish_here;
     grow();
     vanish_here;
     if :: me == 0 -> grow() :: else -> skip fi;
     vanish_here;
#ifdef GIVE_FIRST
     give(0);
     give(1);
     vanish_here;
     d_step { slot[me] = 0; place[me] = 0 };
#else
     d_step { slot[me] = 0; place[me] = 0 };
     vanish_here;
     give(0);
     vanish_here;
     give(1);
#endif
     atomic { rounds++; p = 0; seen = 0; seen_times = 0; got = false }
  od;
gone:
  running--
}

proctype idle() {
  byte p, seen_times;
  bool got;
  if :: p = 0 :: p = 1 fi;
#ifdef IDLE_UNHELD
  got = true;
#else
  atomic { got = (holder[p] == NOBODY); if :: got -> holder[p] = PASSING :: else -> skip fi };
#endif
  if
  :: !got -> skip
  :: else ->
     vanish_here;
     atomic { got = (word[p] == UNUSED); seen_times = times[p] };
     vanish_here;
     atomic {
       got = got && word[p] == UNUSED && times[p] == seen_times;
       if :: got -> word[p] = EMPTY; times[p]++ :: else -> skip fi
     };
     vanish_here;
     if :: got -> punch(p) :: else -> skip fi;
#ifndef IDLE_UNHELD
     vanish_here;
     holder[p] = NOBODY
#endif
  fi;
gone:
  running--
}

/* One after the other: the lock of the file is one agent's. */
proctype agent() {
  byte given, p, seen_times;
start:
  p = 0;
#ifndef NO_FINISH
  do
  :: p == 2 -> break
  :: p < 2 && word[p] == GIVING -> punch(p); d_step { word[p] = EMPTY; times[p]++ }
  :: p < 2 && word[p] != GIVING -> p++
  od;
#endif
  do
  :: running == 0 -> break
  :: given < GIVES ->
     atomic { given++; if :: p = 0 :: p = 1 fi };
     atomic {
       if :: counted[p] && word[p] == UNUSED -> seen_times = times[p] :: else -> goto next fi
     };
     atomic {
       if :: word[p] == UNUSED && times[p] == seen_times -> word[p] = GIVING :: else -> goto next fi
     };
     kill_here;
     punch(p);
     kill_here;
     d_step { word[p] = EMPTY; times[p]++ };
next:
     skip
  od;
  assert(word[0] != GIVING && word[1] != GIVING);                                                     /* H6 */
  assert(vanished != 0 || ((word[0] != EMPTY || !memory[0]) && (word[1] != EMPTY || !memory[1])))     /* H5 */
}

init { atomic { run thread(0); run thread(1); run idle(); run agent() } }

/* The process is killed after any step, and what is open is read: so it holds after each. */
#define place_of(s) (place[s] - 1)
#define is_read(s) (slot[s] == 0 || place[s] == 0 || \
                    (counted[place_of(s)] && word[place_of(s)] == WHOLE && memory[place_of(s)] && data[place_of(s)] == slot[s]))
never {
  do
  :: assert(is_read(0) && is_read(1) &&                                                               /* H3 */
            (!counted[0] || word[0] != NOTHING) && (!counted[1] || word[1] != NOTHING))               /* H5 */
  od
}
