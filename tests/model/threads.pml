/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunk protocol between the threads of one process: claiming, parking and adopting chunks, spans that end on
 * another thread than they started on, intents, and counters that are exact after a kill at any step.
 *
 * Three threads, two chunks of two records. Thread 0 starts and ends span 0, starts span 1, hands it over and leaves;
 * thread 1 ends span 1 and leaves; thread 2 starts and ends span 2, starts span 3 and leaves. Each thread may vanish before any
 * of its steps (VANISH of them at most): the same model covers a thread that goes without its destructor while the
 * process lives on, and a SIGKILL that reaches the threads of a process at different instants. The agent drains as it
 * goes (its own crashes: chunk.pml, export.pml).
 *
 *   T1  each started span is, in the end, exactly one of: exported complete, exported as unfinished, counted as dropped
 *   T2  counters: started = spans that started; ended = exported complete + dropped; dropped = spans dropped
 *   T3  no two threads append to one chunk; what is read is what was committed
 *
 * Rules broken one at a time:
 *   CLAIM_NOCAS    FREE -> OPEN by load and store                              T3
 *   ADOPT_NOCAS    PARKED -> OPEN by load and store                            T3
 *   PARK_NOLEN     the parking thread does not keep the committed length       T1
 *   OWNER_STALE    owner not cleared before the chunk is given away            T3, by a rescue during an adoption
 *   RESCUE_NOCAS   the chunk of a vanished thread is taken without exchange    T3
 *   RESCUE_FLAG    ... by an exchange that sees only "owned", not by whom      T3
 *   RESCUE_BLIND   ... and its intents are not settled first                   T1
 *   RESCUE_LINE    its counter line is gone on with, and what it was about to count not settled first   T2
 *   NOINTENT       no intent: an ending slot counts as open                    T1
 *   INTENT_NOGEN   intent without generation                                   T1 (a commit may seal in the same store)
 *   INTENT_LATE    the state says "ending" before the intent is written        T1
 *   CLEAR_FIRST    slot cleared before the commit                              T1
 *   COUNT_START_FIRST, COUNT_END_FIRST  counted before the slot says so        T2
 *   END_UNCORRECTED, START_UNCORRECTED  counters not corrected by the intent   T2
 *   DROP_NOINTENT  a drop is counted without intent                            T2
 */
#define NCH 2
#define CAP 2
#define NT 3
#define NS 4
#ifndef VANISH
#define VANISH 3
#endif
#define NONE 255

/* chunk states */
#define FREE 0
#define OPEN 1
#define PARKED 2
#define FULL 3
/* slot states */
#define SFREE 0
#define SOPEN 1
#define SENDING 2
#define SDROPPING 3

/* ---- shared memory ---- */
byte st[NCH], gn[NCH], ln[NCH];                 /* the one atomic word of a chunk */
byte ow[NCH];                                   /* owner: 1 + thread, 0 none */
byte d[NCH*CAP];                                /* payload: 1 + span */
byte ss[NS];                                    /* slot state */
byte sline[NS], sstarted[NS];                   /* line that counts the start, and its value once it has */
byte ic[NS], ig[NS], il[NS];                    /* intent: chunk, generation, length */
byte iline[NS], iended[NS], idropped[NS];       /* intent: line that counts the end, and its values once it has */
byte started[NT], ended[NT], dropped[NT];       /* counter lines, one a thread */
byte tl[NT] = { 0, 1, 2 };                      /* the line that a thread counts in (in the memory of the process) */
bool alive = true;

/* ---- the agent ---- */
byte cur[NCH];

/* ---- ghosts ---- */
byte gid[NCH*CAP];                              /* 1 + span committed at that place */
bool sta[NS], com[NS], exp[NS], unf[NS];
bool handed, vanish[NT], gone[NT];

#define max(a,b) (a > b -> a : b)

/* What became of an end that was about to happen: the chunk's word tells. A chunk leaves its generation only after the
   commit (sealed, drained, freed), or by the agent after the slots were settled. */
#ifdef INTENT_NOGEN
#define committed(s) (ln[ic[s]] >= il[s])
#else
#define committed(s) (gn[ic[s]] != ig[s] || st[ic[s]] == FREE || ln[ic[s]] >= il[s])
#endif

inline settle_end(s) {
  if
#ifdef NOINTENT
  :: ss[s] == SENDING -> ss[s] = SOPEN
#endif
  :: ss[s] == SENDING && committed(s) ->
#ifndef END_UNCORRECTED
     ended[iline[s]] = max(ended[iline[s]], iended[s]);
#endif
     ss[s] = SFREE
  :: ss[s] == SENDING && !committed(s) -> ss[s] = SOPEN
  :: else -> skip
  fi
}

inline settle_drop(s) {
  ended[iline[s]] = max(ended[iline[s]], iended[s]);
  dropped[iline[s]] = max(dropped[iline[s]], idropped[s]);
  ss[s] = SFREE
}

/* Each step is one access that another thread, the agent or a kill can tell from the next; what is private, or not yet
   published, is folded into its neighbour. */

/* `me` is the thread's number, c, g, l its chunk with generation and length. */
inline take(from) {            /* compare-exchange from -> OPEN, which renews a FREE one; the owner is stored after it */
  d_step { wg = gn[k]; wl = ln[k] };
  d_step {
    if
#ifdef CLAIM_NOCAS
    :: from == FREE -> won = true
#endif
#ifdef ADOPT_NOCAS
    :: from == PARKED -> won = true
#endif
    :: else -> won = (st[k] == from && gn[k] == wg && ln[k] == wl)
    fi;
    if
    :: won ->
       st[k] = OPEN; gn[k] = (from == FREE -> wg + 1 : wg); ln[k] = (from == FREE -> 0 : wl);
       c = k; g = gn[k]; l = ln[k]
    :: else -> skip
    fi
  };
  atomic { if :: won -> ow[c] = me + 1 :: else -> skip fi }
}

/* A thread is known to be gone only after the owner was read, so an owner that is still the same names a chunk that was
   never given away: exchanging the owner makes one thread its heir, of the counter line as well. (The owner is the note in
   the thread's record, which names chunk and line; what is exchanged is whose the record is.) */
inline rescue() {
  d_step {
#ifdef RESCUE_NOCAS
    won = true
#elif defined(RESCUE_FLAG)
    won = (ow[k] != 0)
#else
    won = (ow[k] == x)
#endif
    ;
    if :: won -> ow[k] = me + 1 :: else -> skip fi
  };
  d_step {
    if
    :: won ->
#ifndef RESCUE_BLIND
       i = 0;
       do :: i < NS -> if :: ss[i] == SENDING && ic[i] == k && ig[i] == gn[k] -> settle_end(i) :: else -> skip fi; i++
          :: else -> break od;
       i = k;
#endif
#ifndef RESCUE_LINE
       i = 0;
       do
       :: i < NS ->
          if :: ss[i] == SDROPPING && iline[i] == tl[x - 1] -> settle_drop(i) :: else -> skip fi;
          if :: ss[i] != SFREE && sline[i] == tl[x - 1] -> started[sline[i]] = max(started[sline[i]], sstarted[i]) :: else -> skip fi;
          i++
       :: else -> break
       od;
       i = k;
#endif
       tl[me] = tl[x - 1];
       c = k; g = gn[k]; l = ln[k]
    :: else -> skip
    fi
  }
}

inline attach() {
  atomic { i = 0; won = false };
  do
  :: atomic { i < NCH && !won && st[i] == PARKED -> k = i; i++ }; take(PARKED)
  :: atomic { i < NCH && !won && st[i] == FREE -> k = i; i++ }; take(FREE)
  :: atomic { i < NCH && !won && st[i] == OPEN && ow[i] != 0 -> k = i; x = ow[i]; i++ };
     if
     :: gone[x - 1] -> rescue()
     :: !gone[x - 1] -> skip
     fi
  :: atomic { i < NCH && !won && (st[i] == FULL || st[i] == OPEN && ow[i] == 0) -> i++ }
  :: atomic { i == NCH || won -> i = 0; k = 0; won = false; wg = 0; wl = 0; x = 0; break }
  od
}

inline start(s) {
#ifdef COUNT_START_FIRST
  started[tl[me]]++;
  d_step { sline[s] = tl[me]; sstarted[s] = started[tl[me]]; ss[s] = SOPEN; sta[s] = true };
#else
  d_step { sline[s] = tl[me]; sstarted[s] = started[tl[me]] + 1; ss[s] = SOPEN; sta[s] = true };
#endif
  started[tl[me]] = sstarted[s]
}

inline leave() {
  atomic {
    if
    :: c != NONE ->
#ifndef OWNER_STALE
       ow[c] = 0;
#endif
       skip
    :: else -> skip
    fi
  };
  atomic {
    if
#ifdef PARK_NOLEN
    :: c != NONE && l < CAP -> d_step { st[c] = PARKED; ln[c] = 0 }
#else
    :: c != NONE && l < CAP -> st[c] = PARKED
#endif
    :: c != NONE && l == CAP -> st[c] = FULL
    :: else -> skip
    fi;
    c = NONE; g = 0; l = 0
  }
}

#define fresh (st[c] == OPEN && gn[c] == g && ln[c] == l && gid[c*CAP + l] == 0)

inline end(s) {
  do
  :: c == NONE -> attach(); if :: c == NONE -> break :: else -> skip fi
  :: c != NONE && l == CAP -> leave()
  :: c != NONE && l < CAP -> break
  od;
  if
  :: c == NONE ->                                               /* ring full: drop, count */
#ifdef DROP_NOINTENT
     dropped[tl[me]]++;
     ended[tl[me]]++;
#else
     d_step { iline[s] = tl[me]; iended[s] = ended[tl[me]] + 1; idropped[s] = dropped[tl[me]] + 1; ss[s] = SDROPPING };
     dropped[tl[me]] = idropped[s];
     ended[tl[me]] = iended[s];
#endif
     ss[s] = SFREE
  :: else ->
#ifdef INTENT_LATE
     ss[s] = SENDING;
#endif
     d_step {
       assert(fresh);                                           /* T3 */
       d[c*CAP + l] = s + 1;
       ic[s] = c; ig[s] = g; il[s] = l + 1; iline[s] = tl[me]; iended[s] = ended[tl[me]] + 1; ss[s] = SENDING };
#ifdef COUNT_END_FIRST
     ended[tl[me]] = iended[s];
#endif
#ifdef CLEAR_FIRST
     ss[s] = SFREE;
#endif
     if
     :: d_step { assert(fresh); /* T3 */ ln[c] = l + 1; gid[c*CAP + l] = s + 1; com[s] = true; l++ }
     :: l + 1 == CAP ->                                         /* or the commit seals in the same store */
        ow[c] = 0;
        d_step { assert(fresh); /* T3 */ st[c] = FULL; ln[c] = l + 1; gid[c*CAP + l] = s + 1; com[s] = true;
          c = NONE; g = 0; l = 0 }
     fi;
     ended[tl[me]] = iended[s];
     ss[s] = SFREE
  fi
}

#define LOCALS byte c = NONE, g, l, wg, wl, i, k, x; bool won
#define forget c = 0; g = 0; l = 0; wg = 0; wl = 0; i = 0; k = 0; x = 0; won = false

active proctype Thread0() {
  byte me = 0; LOCALS;
  { start(0); end(0); start(1); handed = true; leave() } unless { vanish[0] };
  d_step { gone[0] = true; forget }
}
active proctype Thread1() {
  byte me = 1; LOCALS;
  { if :: handed -> end(1); leave() :: gone[0] && !handed -> skip fi } unless { vanish[1] };
  d_step { gone[1] = true; forget }
}
active proctype Thread2() {
  byte me = 2; LOCALS;
  { start(2); end(2); start(3); leave() } unless { vanish[2] };
  d_step { gone[2] = true; forget }
}

active proctype Fate() {
  byte n = 0;
  do
  :: n < VANISH && !vanish[0] && !gone[0] -> atomic { vanish[0] = true; n++ }
  :: n < VANISH && !vanish[1] && !gone[1] -> atomic { vanish[1] = true; n++ }
  :: n < VANISH && !vanish[2] && !gone[2] -> atomic { vanish[2] = true; n++ }
  :: gone[0] && gone[1] && gone[2] -> n = 0; alive = false; break
  od
}

/* Reads what is committed, exports it, frees what is complete. One step: nobody else touches a FULL chunk. */
inline drain(c) {
  d_step {
    do
    :: cur[c] < ln[c] && st[c] != FREE ->
       assert(d[c*CAP + cur[c]] == gid[c*CAP + cur[c]]);        /* T3 */
       assert(!exp[d[c*CAP + cur[c]] - 1]);                     /* T1 */
       exp[d[c*CAP + cur[c]] - 1] = true; cur[c]++
    :: else -> break
    od;
    if
    :: st[c] == FULL || (dead && st[c] != FREE) ->
       st[c] = FREE; ln[c] = 0; cur[c] = 0; gid[c*CAP] = 0; gid[c*CAP + 1] = 0
    :: else -> skip
    fi
  }
}

#define T1(s) assert(!sta[s] || com[s] == exp[s] && !(com[s] && unf[s]))

active proctype Agent() {
  byte s, starts, ends, drops, n, u; bool dead;
  do
  :: dead -> break
  :: else ->
     d_step {
       dead = !alive;
       if
       :: dead ->                                               /* settle the slots before any chunk is freed */
          do
          :: s < NS ->
             if
             :: ss[s] == SDROPPING -> settle_drop(s)
             :: else -> skip
             fi;
             settle_end(s);
#ifndef START_UNCORRECTED
             if
             :: ss[s] == SOPEN -> started[sline[s]] = max(started[sline[s]], sstarted[s])
             :: else -> skip
             fi;
#endif
             s++
          :: else -> break
          od;
          s = 0
       :: else -> skip
       fi
     };
     drain(0);
     drain(1)
  od;
  skip;
  d_step {
    do :: s < NS -> if :: ss[s] == SOPEN -> unf[s] = true; ss[s] = SFREE :: else -> skip fi; s++ :: else -> break od;
    s = 0;
    do :: s < NS ->
          starts = starts + (sta[s] -> 1 : 0); n = n + (exp[s] -> 1 : 0); u = u + (unf[s] -> 1 : 0); s++
       :: else -> break od;
    T1(0); T1(1); T1(2); T1(3);
    ends = ended[0] + ended[1] + ended[2]; drops = dropped[0] + dropped[1] + dropped[2];
    assert(started[0] + started[1] + started[2] == starts);     /* T2 */
    assert(ends == n + drops);                                  /* T2 */
    assert(starts == n + u + drops)                             /* T1, T2 */
  }
}
