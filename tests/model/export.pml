/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acknowledging: two required exporters, a spool, the mark and the totals, and an agent that may crash at any step.
 *
 * One chunk in which NREC spans are committed while the agent drains, and one slot that the process's death leaves open.
 * The agent forms up to two batches of committed spans; both exporters answer for each in any order: accepted, refused
 * for good, or held in the exporter's spool, a file that survives the agent. A span is acknowledged when both exporters
 * have answered for it and for all before it. Mark and totals move together through the journal of lib/ring/layout.hpp
 * (AckJournal): fields, armed, mark, totals, disarmed; found armed at a start: mark and totals once more.
 *
 *   E1  nothing is acknowledged that a required exporter neither delivered, nor counted as refused, nor has in its spool
 *   E2  between two acknowledgements the totals are exact, after any number of crashes: acknowledged = the mark's spans;
 *       exported + rejected + spooled = acknowledged, for each exporter; unfinished = slots cleared
 *   E3  a slot is cleared only when its span is safe
 *   E4  (-DE4, fair) everything is acknowledged, one day
 *
 * Rules broken one at a time:
 *   ACK_ONE         acknowledged when one exporter has answered           E1
 *   ACK_LAST        acknowledged up to the last batch answered            E1
 *   SPOOL_LATE      "spooled" said before the record is in the file       E1
 *   NOJOURNAL       mark, then totals, nothing between                    E2
 *   TOTALS_FIRST    totals, then mark, nothing between                    E2
 *   JOURNAL_DELTA   the journal says how much more, not how much          E2
 *   ARM_FIRST       armed before the fields are written                   E2
 *   NOREPLAY        an armed journal is ignored at the start              E2
 *   SLOT_FIRST      the slot is cleared when its span is batched          E3
 */
#ifndef NREC
#define NREC 3
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define NX 2                      /* exporters */

/* what an exporter said of a batch */
#define PENDING 0
#define EXPORTED 1
#define REJECTED 2
#define SPOOLED 3

/* ---- shared memory ---- */
byte committed;                         /* committed spans: the chunk's word */
byte mark;                        /* acknowledged spans */
byte slot = 1;                    /* 1: open; 0: cleared */
byte acknowledged, unfinished, exported[NX], rejected[NX], spooled[NX];    /* totals */
byte j_armed;                     /* 0; 1: a mark, 2: a slot */
byte j_mark, j_ack, j_unf, j_exp[NX], j_rej[NX], j_spo[NX];
bool dead;

/* ---- the agent's memory: lost in a crash ---- */
byte cur;                         /* next span to batch */
byte from[2], to[2];              /* batch b: spans from .. to - 1; none: both 0 */
byte say[4];                      /* [2 b + x]: what exporter x said of batch b */
byte said[NX*NREC];               /* [x NREC + r]: what it said of span r, above the mark */
byte slotbatch;                   /* 0: none; 1: with the exporters; 2: answered */

/* ---- ghosts ---- */
bool safe[NX*NREC];               /* delivered by x, or counted as refused, or in its spool */
bool slotsafe;
bool crash;

active proctype Process() {
  do
  :: committed < NREC -> committed++
  :: dead = true; break           /* exit or kill, at any length */
  od
}

/* What an exporter does at the backend or to its spool's file outlives the agent, what it says does not: so a crash
   between deed and word is the same as a crash right after both. */
inline answer(b, what) {
  d_step {
    from[b] < to[b] && say[2*b + x] == PENDING ->
    say[2*b + x] = what;
    r = from[b];
    do :: r < to[b] -> safe[x*NREC + r] = true; r++ :: else -> break od;
    r = 0
  }
}

proctype Exporter(byte x) {
  byte r;
end:
  do
  :: answer(0, EXPORTED)
  :: answer(0, REJECTED)
  :: answer(1, EXPORTED)
#ifdef SPOOL_LATE
  :: d_step { from[0] < to[0] && say[x] == PENDING -> say[x] = SPOOLED }
  :: d_step { from[0] < to[0] && say[x] == SPOOLED ->
       r = from[0]; do :: r < to[0] -> safe[x*NREC + r] = true; r++ :: else -> break od; r = 0 }
#else
  :: answer(0, SPOOLED)
#endif
  :: answer(1, SPOOLED)
  :: d_step { x == 0 && slotbatch == 1 -> slotsafe = true; slotbatch = 2 }
  od
}

#define low(a,b) (a < b -> a : b)
#ifdef ACK_ONE
#define answered(b) (from[b] < to[b] && (say[2*b] != PENDING || say[2*b + 1] != PENDING))
#else
#define answered(b) (from[b] < to[b] && say[2*b] != PENDING && say[2*b + 1] != PENDING)
#endif

inline collect(b) {               /* keeps what was said of the batch until the low-water mark passes it */
  if
  :: answered(b) ->
     i = from[b];
     do :: i < to[b] -> said[i] = say[2*b]; said[NREC + i] = say[2*b + 1]; i++ :: else -> break od;
     i = 0;
#ifdef ACK_LAST
     want = to[b];
#endif
     from[b] = 0; to[b] = 0; say[2*b] = PENDING; say[2*b + 1] = PENDING
  :: else -> skip
  fi
}

inline count(x) {
  n_exp[x] = exported[x]; n_rej[x] = rejected[x]; n_spo[x] = spooled[x];
  i = mark;
  do
  :: i < want ->
     if
     :: said[x*NREC + i] == EXPORTED -> n_exp[x]++
     :: said[x*NREC + i] == REJECTED -> n_rej[x]++
     :: said[x*NREC + i] == SPOOLED -> n_spo[x]++
     :: else -> skip
     fi;
     i++
  :: else -> break
  od;
  i = 0
}

#ifdef JOURNAL_DELTA
#define journalled(total, next) (next - total)
#define replayed(total, j) (total + j)
#else
#define journalled(total, next) next
#define replayed(total, j) j
#endif

inline E1(n) {
  assert(n <= 0 || safe[0] && safe[NREC]);
  assert(n <= 1 || safe[1] && safe[NREC + 1]);
#if NREC > 2
  assert(n <= 2 || safe[2] && safe[NREC + 2])
#endif
}

/* kind 1: the mark becomes `want`; kind 2: the slot is cleared */
inline move(kind) {
  d_step { if :: kind == 1 -> E1(want) :: else -> assert(slotsafe) /* E3 */ fi };
#if !defined(NOJOURNAL) && !defined(TOTALS_FIRST)
#ifdef ARM_FIRST
  j_armed = kind;
#endif
  d_step { j_mark = want; j_ack = journalled(acknowledged, want); j_unf = journalled(unfinished, n_unf) };
  d_step { j_exp[0] = journalled(exported[0], n_exp[0]); j_rej[0] = journalled(rejected[0], n_rej[0]);
           j_spo[0] = journalled(spooled[0], n_spo[0]) };
  d_step { j_exp[1] = journalled(exported[1], n_exp[1]); j_rej[1] = journalled(rejected[1], n_rej[1]);
           j_spo[1] = journalled(spooled[1], n_spo[1]) };
#ifndef ARM_FIRST
  j_armed = kind;
#endif
#endif
#ifndef TOTALS_FIRST
  if :: kind == 1 -> mark = want :: else -> slot = 0 fi;
#endif
  d_step { acknowledged = want; unfinished = n_unf };
  d_step { exported[0] = n_exp[0]; rejected[0] = n_rej[0]; spooled[0] = n_spo[0] };
  d_step { exported[1] = n_exp[1]; rejected[1] = n_rej[1]; spooled[1] = n_spo[1] };
#ifdef TOTALS_FIRST
  if :: kind == 1 -> mark = want :: else -> slot = 0 fi;
#endif
  j_armed = 0
}

inline recover() {
#ifdef NOREPLAY
  j_armed = 0;
#else
  if
  :: j_armed != 0 ->
     if :: j_armed == 1 -> mark = j_mark :: else -> slot = 0 fi;
     d_step { acknowledged = replayed(acknowledged, j_ack); unfinished = replayed(unfinished, j_unf) };
     d_step { exported[0] = replayed(exported[0], j_exp[0]); rejected[0] = replayed(rejected[0], j_rej[0]);
              spooled[0] = replayed(spooled[0], j_spo[0]) };
     d_step { exported[1] = replayed(exported[1], j_exp[1]); rejected[1] = replayed(rejected[1], j_rej[1]);
              spooled[1] = replayed(spooled[1], j_spo[1]) };
     j_armed = 0
  :: else -> skip
  fi;
#endif
  cur = mark
}

inline E2() {
  assert(acknowledged == mark);
  assert(exported[0] + rejected[0] + spooled[0] == acknowledged);
  assert(exported[1] + rejected[1] + spooled[1] == acknowledged);
  assert(unfinished == 1 - slot || slotbatch != 0)
}

proctype Agent() {
  byte i, want, n_unf, n_exp[NX], n_rej[NX], n_spo[NX];
restart:
  {
    recover();
    do
    :: atomic { dead && slot == 0 && mark == committed -> break }
    :: else ->
       d_step { E2() };
       /* batches: one or all of what is committed */
       if
       :: d_step { cur < committed && to[0] == 0 -> from[0] = cur; to[0] = cur + 1; cur = cur + 1 }
       :: d_step { cur < committed && to[0] == 0 -> from[0] = cur; to[0] = committed; cur = committed }
       :: d_step { cur < committed && to[0] != 0 && to[1] == 0 -> from[1] = cur; to[1] = committed; cur = committed }
       :: d_step { dead && slot == 1 && slotbatch == 0 -> slotbatch = 1;
#ifdef SLOT_FIRST
            slot = 0
#endif
          }
       :: else -> skip
       fi;
       d_step {
         want = mark;
         collect(0); collect(1);
#ifndef ACK_LAST
         want = cur;
         if :: to[0] != 0 -> want = low(want, from[0]) :: else -> skip fi;
         if :: to[1] != 0 -> want = low(want, from[1]) :: else -> skip fi;
#endif
         n_unf = unfinished; count(0); count(1)
       };
       if
       :: want > mark -> move(1)
       :: else -> skip
       fi;
       if
       :: slotbatch == 2 ->
          d_step { want = mark; n_unf = unfinished + 1 };
          d_step { count(0); count(1) };
          move(2);
          slotbatch = 0
       :: else -> skip
       fi;
       d_step { want = 0; n_unf = 0; n_exp[0] = 0; n_exp[1] = 0; n_rej[0] = 0; n_rej[1] = 0; n_spo[0] = 0; n_spo[1] = 0 }
    od
  } unless { crash };
  if
  :: crash ->
     d_step {
       crash = false; i = 0; want = 0; n_unf = 0; cur = 0; slotbatch = 0;
       n_exp[0] = 0; n_exp[1] = 0; n_rej[0] = 0; n_rej[1] = 0; n_spo[0] = 0; n_spo[1] = 0;
       from[0] = 0; from[1] = 0; to[0] = 0; to[1] = 0; say[0] = 0; say[1] = 0; say[2] = 0; say[3] = 0;
       i = 0; do :: i < NX*NREC -> said[i] = 0; i++ :: else -> break od; i = 0
     };
     goto restart
  :: !crash ->
     d_step { E2(); E1(committed); assert(slotsafe && unfinished == 1 && acknowledged == committed) }
  fi
}

active proctype Crasher() { byte n = 0; do :: n < CRASHES -> atomic { crash = true; n++ } :: break od }

init { atomic { run Exporter(0); run Exporter(1); run Agent() } }

#ifdef E4
ltl p { <> [] (mark == committed && slot == 0) }
#endif
