/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extents: memory that is nobody's, taken by a thread for one kind of parts. Three threads want a part each, of two kinds;
 * there are two extents of two parts. Each thread may vanish before any of its steps. A reader (the agent) looks as they
 * go.
 *
 *   E1  an extent whose word says what it is used for is populated; one that is counted has such a word; the word never
 *       changes
 *   E2  no two threads hold one part, and nobody uses an extent for another kind than its word says
 *   E3  a thread that does not vanish gets a part, where one of its kind is free or an extent is nobody's: nobody waits for
 *       one that vanished
 *
 * Rules broken one at a time:
 *   TAKE_NOCAS      the word is stored, not exchanged                            E1, E2
 *   COUNT_FIRST     counted before the word says for what                        E1
 *   POPULATE_LATE   populated after the word                                     E1
 *   OWNER_COUNTS    only the thread that took an extent counts it                E3
 *   BLIND_COUNT     the count is stored, not exchanged                           E1 (it goes back)
 */
#define NT 3
#define NE 2
#define PARTS 2
#ifndef VANISH
#define VANISH 1
#endif
#define NONE 255

/* ---- shared memory ---- */
byte word[NE];                  /* the kind; 0: nobody's */
byte count;                     /* extents that are taken */
bool populated[NE];
byte given[NE];                 /* parts that were handed out (in the memory of the process) */

/* ---- ghosts ---- */
byte holder[NE * PARTS];        /* 1 + thread */
byte vanished;
byte wants[NT] = { 1, 2, 1 };

#define vanish_here if :: atomic { vanished < VANISH -> vanished++ }; goto gone :: true fi

proctype thread(byte me) {
  byte seen, e, part = NONE;
  bool mine;
  do
  :: part != NONE -> break
  :: else ->
     seen = count;
     e = 0;
     do                                            /* a part of an extent of its kind */
     :: e >= seen || part != NONE -> break
     :: else ->
        if
        :: word[e] == wants[me] ->
           atomic { if :: given[e] < PARTS -> part = e * PARTS + given[e]; given[e]++ :: else -> skip fi }
        :: else -> skip
        fi;
        e++
     od;
     if
     :: part != NONE -> skip
     :: part == NONE && seen == NE -> break        /* no more memory */
     :: part == NONE && seen < NE ->
        vanish_here;
#ifndef POPULATE_LATE
        populated[seen] = true;
#endif
        vanish_here;
#ifdef COUNT_FIRST
        atomic { if :: count == seen -> count++ :: else -> skip fi };
        vanish_here;
#endif
#ifdef TAKE_NOCAS
        mine = (word[seen] == 0);
        if :: mine -> word[seen] = wants[me] :: else -> skip fi;
#else
        atomic { mine = (word[seen] == 0); if :: mine -> word[seen] = wants[me] :: else -> skip fi };
#endif
        vanish_here;
#ifdef POPULATE_LATE
        populated[seen] = true;
#endif
#ifdef OWNER_COUNTS
        if :: !mine && count == seen -> break :: else -> skip fi;   /* the other one has it, and may have vanished */
#endif
#ifdef BLIND_COUNT
        count = seen + 1
#else
        atomic { if :: count == seen -> count++ :: else -> skip fi }
#endif
     fi
  od;
  if
  :: part != NONE ->
     d_step {
       assert(word[part / PARTS] == wants[me]);    /* E2 */
       assert(holder[part] == 0);
       holder[part] = 1 + me
     }
  :: else -> d_step { for (e : 0 .. NE - 1) { assert(word[e] != wants[me] || given[e] == PARTS) }; e = 0 }  /* E3 */
  fi;
gone:
  skip
}

active proctype reader() {
  byte counted, e, known[NE];
  do
  :: true -> break
  :: d_step {
       assert(count >= counted);                   /* E1: it never goes back */
       counted = count;
       for (e : 0 .. NE - 1) {
         assert(word[e] == 0 || populated[e]);     /* E1, of one that is not counted too: a handle may name it */
         if
         :: e < counted ->
            assert(populated[e] && word[e] != 0);  /* E1 */
            assert(known[e] == 0 || known[e] == word[e]);
            known[e] = word[e]
         :: else -> skip
         fi
       };
       e = 0
     }
  od
}

init { byte t; for (t : 0 .. NT - 1) { run thread(t) } }
