/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flight recorder: the oldest FULL chunk gives way to new spans, and agent and writers race for it.
 *
 * Two threads of one process commit into two chunks of two records; the agent drains them, and may crash at any step.
 * Each thread may be killed before any of its steps. A writer that finds no FREE chunk takes a FULL one:
 *
 *     FULL -> EVICTING          exchange; from here on the chunk is this writer's, and the data is still whole
 *     loss intent               disarmed; then the counter line that counts the loss, and its value then; then, which
 *                               arms it, the generation that makes it true
 *     EVICTING -> OPEN(gen+1)   now the data is lost
 *     count                     and after a kill the agent does it, by the intent
 *
 * A writer that finds the other one gone while the process lives takes over what that had: the chunk that it noted as its
 * own (EVICTING becomes FULL again, an OPEN one is gone on with) and its counter line, once the loss that it intended is
 * counted there. The note is taken after the exchange that wins a chunk, and cleared before the store that gives it away.
 *
 * The agent takes a FULL chunk by an exchange to TAKEN. Of an OPEN one (else the spans of an idle thread would never
 * leave) it copies the committed prefix, looks at the generation again, and sends the copy; but it books (mark and
 * totals) only what is TAKEN or of a dead process: until then a writer may still win the chunk and count it as lost.
 *
 *   O1  committed = acknowledged + counted as overwritten, exactly, after any kill and crash
 *   O2  each committed record was exported, or is counted as overwritten (or both, where an OPEN prefix was sent)
 *   O3  what is sent is what was committed; no two writers append to one chunk
 *
 * Rules broken one at a time:
 *   TAKE_NOCAS      the agent takes FULL by load and store               O1
 *   EVICT_NOCAS     the writer takes FULL by load and store              O1
 *   AGAIN_NONE      the copy of an OPEN prefix is sent without looking at the generation again   O3
 *   BOOK_OPEN       what was read out of an OPEN chunk is booked         O1
 *   LOSS_NOINTENT   FULL -> OPEN in one exchange, counted after it       O1, with a kill
 *   LOSS_FIRST      the loss is counted before the data is lost          O1, with a kill
 *   LOSS_REUSED     the intent is not disarmed before it is written      O1, with a kill (and SEAL_EARLY)
 *   HEIR_BLIND      the line of a vanished writer is gone on with, and its loss not counted first   O1
 *   NOTE_STALE      a chunk is given away before the note of it is cleared   O3
 *   LOSS_RELOADED   the loss is taken from a second load of the word     O1 (with SEAL_EARLY: chunks of several lengths)
 */
#define NCH 2
#define CAP 2
#define NW 2
#ifndef N0
#define N0 3                      /* records of writer 0 */
#endif
#ifndef N1
#define N1 2                      /* records of writer 1 */
#endif
#define NREC (N0 + N1)
#ifndef CRASHES
#define CRASHES 1
#endif
#define NONE 255

/* chunk states */
#define FREE 0
#define OPEN 1
#define FULL 3
#define TAKEN 4
#define EVICTING 5

/* ---- shared memory ---- */
byte st[NCH], gn[NCH], ln[NCH];        /* the one atomic word of a chunk */
byte mkg[NCH], mkl[NCH];               /* the one atomic word of a mark: generation, length */
byte d[NCH*CAP];                       /* payload */
byte iline[NCH], ilost[NCH], ig[NCH];  /* loss intent */
byte lost[NW];                         /* counter lines */
byte note[NW] = NONE;                  /* the chunk that a writer says is its own (in the memory of the process) */
byte line[NW];                         /* where it counts (as well) */
bool taken[NW];                        /* its things have an heir (as well) */
byte acknowledged;                     /* the agent's total */
bool alive = true;

/* ---- the agent's memory: lost in a crash ---- */
byte cur[NCH], cg[NCH];                /* next record, of which generation */
byte copy[CAP], want[CAP];             /* what was read; ghost: what was committed there */

/* ---- ghosts ---- */
byte gid[NCH*CAP];
bool com[NREC+1], exp[NREC+1], ev[NREC+1];
bool kill_[NW], gone[NW], crash;

#ifdef NOTE_STALE
#define forget_note() skip
#else
#define forget_note() note[me] = NONE
#endif

#define same(k) (st[k] == ws && ln[k] == wl && gn[k] == wg)

inline ghost_evict(k) {
  if :: gid[k*CAP] != 0 -> ev[gid[k*CAP]] = true :: else -> skip fi;
  if :: gid[k*CAP+1] != 0 -> ev[gid[k*CAP+1]] = true :: else -> skip fi;
  gid[k*CAP] = 0; gid[k*CAP+1] = 0
}

inline claim() {                       /* FREE -> OPEN(generation + 1) */
  d_step {
    if :: same(k) -> st[k] = OPEN; gn[k] = gn[k] + 1; ln[k] = 0; c = k; g = gn[k]; l = 0 :: else -> skip fi
  };
  atomic { if :: c != NONE -> note[me] = c :: else -> skip fi }
}

/* The other writer vanished: its chunk and its line. One heir: whoever exchanges `taken`, of two writers the only one left. */
inline inherit(y) {
  atomic { taken[y] = true; k = note[y] };
#ifndef HEIR_BLIND
  atomic { if :: k != NONE && ig[k] != 0 && ig[k] == gn[k] && ilost[k] > lost[iline[k]] -> lost[iline[k]] = ilost[k]
              :: else -> skip fi };
#endif
  atomic {
    if
    :: k != NONE && st[k] == EVICTING -> st[k] = FULL
    :: k != NONE && st[k] != EVICTING -> c = k; g = gn[k]; l = ln[k]
    :: else -> skip
    fi
  };
  atomic { note[me] = c; line[me] = line[y]; k = 0 }
}

inline evict() {
#ifdef LOSS_RELOADED
  n = ln[k];                           /* another load than that of the exchange */
  d_step { ws = st[k]; wg = gn[k]; wl = ln[k] };
#endif
#ifdef LOSS_NOINTENT
  d_step {
    if :: ws == FULL && same(k) -> ghost_evict(k); st[k] = OPEN; gn[k] = wg + 1; ln[k] = 0; c = k; g = wg + 1; l = 0
       :: else -> skip fi };
  atomic { if :: c != NONE -> note[me] = c; lost[line[me]] = lost[line[me]] + wl :: else -> skip fi }
#else
#ifdef EVICT_NOCAS
  d_step { st[k] = EVICTING; gn[k] = wg; ln[k] = wl; x = true };
#else
  d_step { if :: ws == FULL && same(k) -> st[k] = EVICTING; x = true :: else -> skip fi };
#endif
  if
  :: !x -> skip
  :: else ->
     note[me] = k;
#ifndef LOSS_RELOADED
     n = wl;
#endif
#ifndef LOSS_REUSED
     ig[k] = 0;
#endif
     d_step { iline[k] = line[me]; ilost[k] = lost[line[me]] + n };
     ig[k] = wg + 1;
#ifdef LOSS_FIRST
     lost[line[me]] = ilost[k];
#endif
     d_step { ghost_evict(k); st[k] = OPEN; gn[k] = wg + 1; ln[k] = 0; c = k; g = wg + 1; l = 0 };
     atomic { lost[line[me]] = ilost[k]; x = false; n = 0 }
  fi
#endif
}

inline attach() {
  k = 0;
  if
  :: gone[1 - me] && !taken[1 - me] -> inherit(1 - me)
  :: !gone[1 - me] || taken[1 - me] -> skip
  fi;
  do
  :: k < NCH && c == NONE ->
     if
     :: d_step { st[k] == FREE -> ws = st[k]; wg = gn[k]; wl = ln[k] }; claim()
     :: d_step { st[k] == FULL && st[1 - k] != FREE -> ws = st[k]; wg = gn[k]; wl = ln[k] }; evict()
     :: else -> skip
     fi;
     atomic { k++; ws = 0; wg = 0; wl = 0 }
  :: else -> break
  od;
  k = 0
}

inline write(first, last) {
  r = first;
  do
#ifdef SEAL_EARLY
  :: atomic { r <= last && c != NONE && l > 0 && l < CAP -> assert(st[c] == OPEN && gn[c] == g); forget_note() };
     atomic { st[c] = FULL; c = NONE; g = 0; l = 0 }           /* the next record does not fit */
#endif
  :: atomic { r <= last && c != NONE && l == CAP -> assert(st[c] == OPEN && gn[c] == g); forget_note() };
     atomic { st[c] = FULL; c = NONE; g = 0; l = 0 }
  :: atomic { r <= last && c == NONE -> skip };
     attach();
     atomic { if :: c == NONE -> r++ :: else -> skip fi }      /* ring full: the newest is dropped (threads.pml) */
  :: atomic { r <= last && c != NONE && l < CAP -> d[c*CAP + l] = r };
     d_step {
       assert(st[c] == OPEN && gn[c] == g && ln[c] == l && gid[c*CAP + l] == 0 && d[c*CAP + l] == r);   /* O3 */
       ln[c] = l + 1; gid[c*CAP + l] = r; com[r] = true; l++; r++ }
  :: r > last -> break
  od
}

proctype Writer(byte me; byte first; byte last) {
  byte c = NONE, g, l, k, r, n, ws, wg, wl; bool x;
  { write(first, last); skip } unless { kill_[me] };
  skip;
  d_step { gone[me] = true; c = 0; g = 0; l = 0; k = 0; r = 0; n = 0; ws = 0; wg = 0; wl = 0; x = false;
           if :: gone[1 - me] -> alive = false :: else -> skip fi }
}

#ifdef NOKILL
#define MAYKILL 0
#else
#define MAYKILL 1
#endif
active proctype Killer() {
  do
  :: MAYKILL && !kill_[0] && !gone[0] -> kill_[0] = true
  :: MAYKILL && !kill_[1] && !gone[1] -> kill_[1] = true
  :: break
  od
}

/* Takes what is new in chunk k, has it exported, books it, frees the chunk when it is done with. */
inline drain(k) {
  d_step {
    ws = st[k]; wg = gn[k]; wl = ln[k];
    if :: cg[k] != wg -> cg[k] = wg; cur[k] = (mkg[k] == wg -> mkl[k] : 0) :: else -> skip fi;
    busy = (ws == FULL || ws == TAKEN || (ws == OPEN && !dead && wl > cur[k]) || ((ws == OPEN || ws == EVICTING) && dead));
    if
    :: busy -> i = cur[k]; do :: i < wl -> want[i] = gid[k*CAP + i]; i++ :: else -> break od; i = 0
    :: else -> ws = 0; wg = 0; wl = 0
    fi
  };
  if
  :: !busy -> skip
  :: else ->
     if
     :: ws == FULL && !dead ->
#ifdef TAKE_NOCAS
        d_step { st[k] = TAKEN; gn[k] = wg; ln[k] = wl; go = true }
#else
        d_step { if :: same(k) -> st[k] = TAKEN; go = true :: else -> skip fi }
#endif
     :: ws == TAKEN || ws == OPEN && !dead -> go = true
     :: dead && ws != TAKEN -> d_step { st[k] = TAKEN; go = true }   /* nobody is left to race with */
     fi;
     d_step { i = cur[k]; do :: i < wl -> copy[i] = d[k*CAP + i]; i++ :: else -> break od; i = 0 };
#ifndef AGAIN_NONE
     atomic { if :: ws == OPEN && !dead -> go = (gn[k] == wg) :: else -> skip fi };
#endif
     d_step {
       i = cur[k];
       do
       :: go && i < wl -> assert(copy[i] == want[i]); /* O3 */ exp[copy[i]] = true; i++
       :: else -> break
       od;
       i = 0;
       if :: go -> cur[k] = wl :: else -> skip fi;
       copy[0] = 0; copy[1] = 0; want[0] = 0; want[1] = 0
     };
     d_step {                          /* answered: mark and totals (how these stay together: export.pml) */
       if
#ifdef BOOK_OPEN
       :: go ->
#else
       :: go && (dead || ws == FULL || ws == TAKEN) ->
#endif
          acknowledged = acknowledged + cur[k] - (mkg[k] == wg -> mkl[k] : 0); mkg[k] = wg; mkl[k] = cur[k]
       :: else -> skip
       fi
     };
     d_step {
       if
       :: go && st[k] == TAKEN && cur[k] == ln[k] -> st[k] = FREE; ln[k] = 0; gid[k*CAP] = 0; gid[k*CAP+1] = 0
       :: else -> skip
       fi;
       go = false; busy = false; ws = 0; wg = 0; wl = 0
     }
  fi
}

inline settle(k) {
  if
  :: ig[k] != 0 && ig[k] == gn[k] -> lost[iline[k]] = (ilost[k] > lost[iline[k]] -> ilost[k] : lost[iline[k]])
  :: else -> skip
  fi
}

proctype Agent() {
  byte ws, wg, wl, i, n; bool dead, go, busy;
restart:
  {
    /* where the mark says; a mark of another generation says nothing */
    d_step {
      cg[0] = gn[0]; cg[1] = gn[1];
      cur[0] = (mkg[0] == gn[0] -> mkl[0] : 0); cur[1] = (mkg[1] == gn[1] -> mkl[1] : 0)
    };
    do
    :: dead && st[0] == FREE && st[1] == FREE -> break
    :: else ->
       d_step { dead = !alive; if :: dead -> settle(0); settle(1) :: else -> skip fi };
       drain(0);
       drain(1)
    od;
    skip
  } unless { crash };
  if
  :: crash ->
     d_step { crash = false; ws = 0; wg = 0; wl = 0; i = 0; dead = false; go = false; busy = false;
              copy[0] = 0; copy[1] = 0; want[0] = 0; want[1] = 0; cur[0] = 0; cur[1] = 0; cg[0] = 0; cg[1] = 0 };
     goto restart
  :: !crash ->
     d_step {
       i = 1;
       do
       :: i <= NREC -> assert(!com[i] || exp[i] || ev[i]); /* O2 */ n = n + (com[i] -> 1 : 0); i++
       :: else -> break
       od;
       assert(n == acknowledged + lost[0] + lost[1])            /* O1 */
     }
  fi
}

active proctype Crasher() { byte n = 0; do :: n < CRASHES -> atomic { crash = true; n++ } :: break od }

init { atomic { line[1] = 1; run Writer(0, 1, N0); run Writer(1, N0 + 1, NREC); run Agent() } }
