/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a trace, as the agent finds it: it reads the open spans of all segments, slot by slot, then takes what was
 * committed up to then, and decides where no open span named the trace and nothing of it came. The trace goes from one
 * process to another and back, at each time with a span open somewhere; its first span has come long ago. The processes
 * may die at any time: the agent sees that when it drains, and then takes what they left open.
 *
 *   T1  a trace that is decided is over: no span of it is open
 *   T2  and all of it has come
 *
 * Whether the linger is long enough for a trace that has nothing open in between, no order can say.
 *
 * Rules broken one at a time:
 *   DRAIN_FIRST     what is committed is taken before the open spans are read             T1
 *   DECIDE_ON_NEWS  a trace is decided though something of it came after the look         T1
 *   FREE_FIRST      an end frees the slot before it commits                               T2
 *   DEFER_DEAD      the dead are left out of the look, and what they left open is taken
 *                   once the drain before has seen their death                            T1
 */
#define SEGMENTS 2

/* ---- shared memory, of each segment ---- */
bool open[SEGMENTS];            /* its slot holds a span of the trace */
byte committed[SEGMENTS];       /* spans of it in its chunk */

/* ---- the kernel ---- */
bool dead;                      /* the processes, which do nothing any more */

/* ---- the agent ---- */
byte taken[SEGMENTS];
bool known_dead;

inline start(segment) { atomic { !dead -> open[segment] = true } }

inline end(segment) {
#ifdef FREE_FIRST
  atomic { !dead -> open[segment] = false };
  atomic { !dead -> committed[segment]++ }
#else
  atomic { !dead -> committed[segment]++ };
  atomic { !dead -> open[segment] = false }
#endif
}

active proctype spans() {
  start(0);
  start(1);
  end(0);
  start(0);
  end(1);
  start(1);
  end(1);
  end(0)
}

active proctype death() {
  if :: dead = true :: true fi
}

inline look() {
  d_step { named = false; i = 0 };
  do
  :: i < SEGMENTS ->
     atomic {
       if
#ifdef DEFER_DEAD
       :: dead -> skip
#endif
       :: known_dead -> skip            /* what they left open is taken with the rest */
       :: else -> named = named || open[i]
       fi;
       i++
     }
  :: else -> break
  od
}

/* The slot of a dead one is taken as its spans are: with the chunk behind it. A span that was committed and whose slot
 * was not freed any more is settled first, and counts once. */
inline drain() {
  d_step { came = false; i = 0 };
  do
  :: i < SEGMENTS ->
     was_known = known_dead;
     if :: dead -> known_dead = true :: else -> skip fi;
     atomic {
       if
       :: taken[i] != committed[i] -> taken[i] = committed[i]; came = true
       :: else -> skip
       fi;
       if
#ifdef DEFER_DEAD
       :: was_known && open[i] -> open[i] = false; came = true
#else
       :: known_dead && open[i] -> open[i] = false; came = true
#endif
       :: else -> skip
       fi;
       i++
     }
  :: else -> break
  od
}

active proctype agent() {
  byte i;
  bool named, came, was_known;
  /* the trace is known here by its first span; a span of it is open from then on */
  open[0] || committed[0] > 0 || dead;
again:
#ifdef DRAIN_FIRST
  drain();
  look();
#else
  look();
  drain();
#endif
#ifdef DECIDE_ON_NEWS
  came = false;
#endif
  if
  :: named || came -> goto again
  :: else -> skip
  fi;
  d_step {
    assert(!open[0] && !open[1]);                                            /* T1 */
    assert(taken[0] == committed[0] && taken[1] == committed[1])             /* T2 */
  }
}
