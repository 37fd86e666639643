/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back: an agent empties the FREE chunks of an extent, writers make it whole again. The kind of the
 * extent stays; its word says beside it whether there is memory in all of it. Two writers, each of which wants a chunk CLAIMS
 * times; the agent frees what they finish, gives the extent back, and may be killed before any step; the next one goes on. A
 * writer may vanish before any of its steps.
 *
 *   whole or EMPTY ---- exchange (agent) ----> GIVING ---- FREE chunks one generation on; these punched ----> EMPTY
 *     ^                                          | none is FREE
 *     +------------------------------------------+
 *     +---- populated; exchange (writer) <------------------------------------------------------------------- EMPTY
 *
 *   G1  a writer touches no memory that is not there
 *   G2  nothing is punched that is not FREE: no byte of an open or a full chunk goes
 *   G3  an agent that is not killed leaves no extent GIVING: its memory would be nobody's
 *
 * Rules broken one at a time:
 *   NO_BUMP       a FREE chunk keeps its generation when its memory goes                    G2
 *   LOOK_FIRST    a writer looks at the extent before it loads the chunk's word             G2
 *   NO_TAKE       the extent's word is not taken before its chunks are looked at            G2
 *   PUNCH_FIRST   punched before its chunks have moved on                                   G2
 *   PUNCH_ALL     punched where a chunk is that is not FREE                                 G2
 *   POPULATE_LATE populated after the word says that there is memory                        G1
 *   NO_FINISH     the successor of a killed agent leaves alone what that had taken          G3
 *   EMPTY_NOGEN   the extent's word does not count how often its memory went                G1
 *   BLIND_WHOLE   a writer stores that the extent is whole, instead of exchanging EMPTY     G2
 */
#define NW 2
#define NCHUNK 2
#ifndef CLAIMS
#define CLAIMS 1
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
#define GIVING 1
#define EMPTY 2
#define FREE 0
#define OPEN 1
#define FULL 2
#define NONE 255
#ifdef EMPTY_NOGEN
#define SAME_EMPTY extent == EMPTY
#else
#define SAME_EMPTY extent == EMPTY && times == before
#endif

/* ---- shared memory ---- */
byte extent = WHOLE;            /* one word with: */
byte times;                     /* how often it was given back */
byte state[NCHUNK];
byte generation[NCHUNK];

/* ---- the kernel ---- */
bool memory[NCHUNK] = true;

/* ---- ghosts ---- */
byte vanished, killed, gives;

#define vanish_here if :: atomic { vanished < VANISH -> vanished++ }; goto gone :: true fi
#ifdef PUNCH_ALL
#define goes true
#else
#define goes mine[c]
#endif
#define punch d_step { for (c : 0 .. NCHUNK - 1) { \
    if :: goes -> assert(state[c] == FREE); memory[c] = false :: else -> skip fi }; c = 0 }   /* G2 */
#define populate d_step { for (c : 0 .. NCHUNK - 1) { memory[c] = true }; c = 0 }
#define kill_here if :: atomic { killed < KILLS -> killed++ }; goto start :: true fi

proctype writer() {
  byte claims, c, seen, chunk, before;
  bool whole;
  do
  :: claims == CLAIMS -> break
  :: else ->
     c = 0; chunk = NONE;
     do
     :: c == NCHUNK || chunk != NONE -> break
     :: else ->
#ifdef LOOK_FIRST
        whole = (extent == WHOLE);
#endif
        seen = NONE;
        d_step { if :: state[c] == FREE -> seen = generation[c] :: else -> skip fi };
#ifndef LOOK_FIRST
        whole = (extent == WHOLE);
#endif
        vanish_here;
        d_step {
          if
          :: whole && seen != NONE && state[c] == FREE && generation[c] == seen ->
             state[c] = OPEN; generation[c]++; chunk = c
          :: else -> skip
          fi
        };
        c++
     od;
     if
     :: chunk != NONE ->
        vanish_here;
        assert(memory[chunk]);                               /* G1: it writes */
        state[chunk] = FULL;
        claims++
     :: atomic { chunk == NONE && extent == EMPTY -> before = times };
        vanish_here;
#ifdef POPULATE_LATE
        atomic { if :: SAME_EMPTY -> extent = WHOLE :: else -> skip fi };
        vanish_here;
        populate
#else
        populate;
        vanish_here;
#ifdef BLIND_WHOLE
        extent = WHOLE
#else
        atomic { if :: SAME_EMPTY -> extent = WHOLE :: else -> skip fi }
#endif
#endif
     :: chunk == NONE && extent != EMPTY -> claims++         /* dropped, and counted */
     fi
  od;
gone:
  skip
}

/* One after the other: the lock of the file is one agent's. */
active proctype agent() {
  byte c, seen;
  bool mine[NCHUNK], some;
start:
  c = 0;
#ifndef NO_FINISH
  if :: extent == GIVING -> goto taken :: else -> skip fi;
#endif
  do
  :: c = 0;
     do                                                      /* frees what is FULL */
     :: c == NCHUNK -> break
     :: else -> if :: state[c] == FULL -> kill_here; state[c] = FREE :: else -> skip fi; c++
     od;
     if
     :: gives == GIVES -> break
     :: gives < GIVES ->
        gives++;
        kill_here;
#ifndef NO_TAKE
        extent = GIVING;                                     /* an exchange, of whichever of the two it is by then */
#endif
taken:
        c = 0;
        do
        :: c == NCHUNK -> break
        :: else -> mine[c] = (state[c] == FREE); c++         /* a look; what follows decides */
        od;
#ifdef PUNCH_FIRST
        c = 0;
        punch;
#endif
        c = 0; some = false;
        do
        :: c == NCHUNK -> break
        :: else ->
           kill_here;
           seen = generation[c];
           atomic {
             if
#ifdef NO_BUMP
             :: state[c] == FREE && generation[c] == seen -> mine[c] = true; some = true
#else
             :: state[c] == FREE && generation[c] == seen -> generation[c]++; mine[c] = true; some = true
#endif
             :: else -> mine[c] = false
             fi
           };
           c++
        od;
        kill_here;
        if
        :: !some -> extent = WHOLE                           /* one without memory would be FREE */
        :: some ->
           punch;
           kill_here;
           d_step { extent = EMPTY; times++ }
        fi
     fi
  od;
  assert(extent != GIVING)    /* G3 */
}

init { byte t; for (t : 0 .. NW - 1) { run writer() } }
