/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bell: an agent that found nothing shows the process a sign that it sleeps, looks once more, and sleeps until the bell
 * rings. Two threads of the process claim a chunk each, twice; whoever finds the sign after its claim takes it back and
 * rings. The agent may look of its own accord while it sleeps, and may die and come back.
 *
 *   B1  when nothing moves any more, the agent has found all that was claimed: no bell is missed
 *   B2  a sleep costs one ring, however many threads find the sign
 *
 * What the agent stores may wait in its store buffer until it does a read-modify-write, or until the machine likes.
 *
 * Rules broken one at a time:
 *   LOOK_FIRST      the last look comes before the sign                           B1
 *   PLAIN_LOOK      the last look is a load, not a read-modify-write              B1
 *   RING_FIRST      a thread looks for the sign before it has counted             B1
 *   COUNT_FIRST     a claim is counted before it is made                          B1
 *   KEEP_SIGN       who rings leaves the sign                                     B2
 *   TAKE_BLIND      the sign is taken back by a store, not by an exchange         B2
 */
#define NT 2
#define CLAIMS 2
#ifndef CRASHES
#define CRASHES 1
#endif

/* ---- shared memory ---- */
byte claimed;                   /* chunks that are claimed: their words */
byte counted;                   /* WriterPage::claims */
bool sign;                      /* PolicyBits::kAsleep */

/* ---- the kernel ---- */
bool bell;                      /* somebody rang, and the agent has not taken note */

/* ---- ghosts ---- */
byte found;                     /* of what is claimed, as the agent knows it */
byte sleeps;                    /* how often the sign was shown */
byte rings;

inline look_for_sign(saw) {
  saw = sign;
  if
  :: saw ->
#if defined(KEEP_SIGN)
     skip;
#elif defined(TAKE_BLIND)
     sign = false;
#else
     atomic { saw = sign; sign = false };
#endif
     if
     :: saw -> atomic { bell = true; rings++; assert(rings <= sleeps) }   /* B2 */
     :: else -> skip
     fi
  :: else -> skip
  fi
}

proctype thread() {
  byte i;
  bool saw;
  for (i : 1 .. CLAIMS) {
#ifdef RING_FIRST
    look_for_sign(saw);
#endif
#ifdef COUNT_FIRST
    counted++;
    look_for_sign(saw);
    claimed++;
#else
    claimed++;
    counted++;
#endif
#if !defined(RING_FIRST) && !defined(COUNT_FIRST)
    look_for_sign(saw);
#endif
  }
}

active proctype agent() {
  byte known, last, crashes;
  bool buffered;
awake:
  /* a look: the count, then, where it moved, the words */
  known = counted;
  found = claimed;
  if
  :: crashes < CRASHES -> crashes++; goto awake      /* the next agent looks at everything */
  :: true -> skip
  fi;
#ifdef LOOK_FIRST
  last = counted;
#endif
#ifdef PLAIN_LOOK
  buffered = true;
  if :: true -> atomic { sign = true; sleeps++; buffered = false } :: true -> skip fi;
  last = counted;
#else
  atomic { sign = true; sleeps++ };
#ifndef LOOK_FIRST
  last = counted;
#endif
#endif
  if
  :: last != known -> buffered = false; sign = false; goto awake
  :: else -> skip
  fi;
sleeping:
  do
  :: atomic { buffered -> sign = true; sleeps++; buffered = false }      /* at last */
  :: bell -> break
  :: crashes < CRASHES -> d_step { crashes++; bell = false; buffered = false }; goto awake
  :: crashes < CRASHES && counted != known -> crashes++; break   /* a look of its own accord */
  od;
  bell = false;
  sign = false;
  goto awake
}

active proctype watch() {
  timeout -> assert(found == NT * CLAIMS)            /* B1 */
}

init { byte t; for (t : 1 .. NT) { run thread() } }
