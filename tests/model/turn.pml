/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An extent of open spans in which nothing is used is turned into one of another kind. Threads take parts, use them and
 * give them back, or turn an extent where none of their kind is free; a chunk they keep. Each may vanish before any of
 * its steps, and one looks at all slots, as the heir of a thread that vanished does. The agent follows as they go; the
 * process may be killed between any two steps, and is looked at as a whole then.
 *
 *   in the process's memory    unused ---- exchange ----> turning ---- store ----> unused, of the new kind
 *   in shared memory                        slots cleared | the word | turned + 1
 *
 *   T1  no two threads hold one part, and what is in it stays as its holder wrote it
 *   T2  nobody uses an extent for another kind than its word says, nor takes anything else for a slot
 *   T3  the agent finds each chunk that was claimed before it looked
 *   T4  after a kill no garbage is taken for a slot, and each claimed chunk is found
 *   T5  a thread that vanishes costs one extent at most, and who comes later gets a part of any other that is unused
 *
 * Rules broken one at a time:
 *   TURN_NOCAS      the turn is a look and a store, not an exchange                        T1
 *   BEGIN_STORE     who sees late that an extent was taken stores that it is unused        T1
 *   CLEAR_LATE      the slots are cleared after the word                                   T4
 *   NO_CLEAR        they are not                                                           T2, T4
 *   COUNT_FIRST     `turned` is counted before the word                                    T3
 *   FINISH_FIRST    the extent is used before `turned` is counted                          T3
 *   LOOK_FIRST      the agent looks at the words before it loads `turned`                  T3
 *   GIVE_EARLY      a slot is given back before its word is FREE                           T1
 *   WALK_UNHELD     who looks at the slots of all does not keep the extent from turning    T2
 *   WAITS           nobody turns while another does                                        T5
 */
#define NE 2
#ifndef PARTS
#define PARTS 1
#endif
#ifndef VANISH
#define VANISH 0
#endif
#ifndef AGAIN
#define AGAIN NOBODYS           /* what the first thread wants after its slot */
#endif
#define NOBODYS 0
#define SLOTS 1
#define BLOCKS 2
#define CHUNKS 3
#define TURNING 4
#define NONE 255
#define ALL ((1 << PARTS) - 1)    /* both, where there are two */
#define GARBAGE 100             /* + thread: data of an open or a finished span; below it: FREE, or 1 + thread */

/* ---- shared memory ---- */
byte word[NE];                  /* the kind */
byte turned;
bool open[NE];                  /* the chunk of an extent of chunks; one is enough */
byte cell[NE * PARTS];          /* the memory of the parts; as a slot: its word */

/* ---- memory of the process: one word an extent ---- */
byte kind[NE];
byte used[NE];                  /* a bit a part */
byte holds[NE];                 /* who looks at its slots */
bool turns;                     /* for WAITS */

/* ---- ghosts ---- */
bool killed, last;
byte vanished;
byte holder[NE * PARTS];        /* 1 + thread */

#if VANISH
#define vanish_here if :: atomic { vanished < VANISH && !last -> vanished++ }; goto gone :: true fi
#else
#define vanish_here skip
#endif
#define is_unused(e) ((kind[e] == SLOTS || kind[e] == BLOCKS) && used[e] == 0 && holds[e] == 0)

/* A part of the kind, or NONE: also where there is one that the search had passed before it was given back. */
inline take(want) {
  atomic {
    part = NONE;
    if
    :: want == CHUNKS && kind[0] == CHUNKS && !open[0] -> part = 0
    :: want == CHUNKS && kind[1] == CHUNKS && !open[1] -> part = PARTS
    :: want != CHUNKS && kind[0] == want && used[0] != ALL -> part = (used[0] & 1)
    :: want != CHUNKS && kind[1] == want && used[1] != ALL -> part = PARTS + (used[1] & 1)
    :: !last -> skip
    :: else -> skip
    fi;
    if
    :: part == NONE -> skip
    :: else ->
       e = part / PARTS;
       if :: want == CHUNKS -> open[e] = true :: else -> used[e] = used[e] | (1 << (part % PARTS)) fi;
       assert(holder[part] == 0); holder[part] = 1 + me;                                      /* T1 */
       assert(word[e] == want)                                                                /* T2 */
    fi;
    e = 0
  }
}

inline use(want) {
  vanish_here;
  if
  :: want == SLOTS ->
     atomic { assert(cell[part] == 0); cell[part] = 1 + me };                                 /* T2: it is whole */
     vanish_here;
     assert(cell[part] == 1 + me && word[part / PARTS] == want);                              /* T1, T2 */
#ifndef GIVE_EARLY
     cell[part] = 0;
     vanish_here
#endif
  :: want != SLOTS ->
     cell[part] = GARBAGE + me;
     vanish_here;
     assert(cell[part] == GARBAGE + me && word[part / PARTS] == want)                         /* T1, T2 */
  fi;
  if
  :: want == CHUNKS -> skip
  :: else ->
     d_step { holder[part] = 0; used[part / PARTS] = used[part / PARTS] & ~(1 << (part % PARTS)) };
#ifdef GIVE_EARLY
     if :: want == SLOTS -> cell[part] = 0 :: else -> skip fi
#endif
  fi
}

/* An extent of which nothing is used, where there is one. */
inline turn(want) {
#ifdef WAITS
  atomic { got = !turns; turns = true };
  if :: !got -> goto waits :: else -> skip fi;
  vanish_here;
#endif
  atomic {
    if
    :: is_unused(0) -> e = 0
    :: is_unused(1) -> e = 1
    :: else -> e = NE
    fi;
#ifndef TURN_NOCAS
    if :: e != NE -> kind[e] = TURNING :: else -> skip fi
#endif
  };
#ifdef TURN_NOCAS
  if :: e != NE -> kind[e] = TURNING :: else -> skip fi;
#endif
  if
  :: e == NE -> skip
  :: else ->
#ifdef COUNT_FIRST
     vanish_here;
     turned++;
#endif
#ifdef CLEAR_LATE
     vanish_here;
     word[e] = want;
#endif
     vanish_here;
#ifndef NO_CLEAR
     if :: want == SLOTS -> cell[e * PARTS] = 0; cell[e * PARTS + PARTS - 1] = 0 :: else -> skip fi;
#endif
#ifndef CLEAR_LATE
     vanish_here;
     word[e] = want;
#endif
#ifdef FINISH_FIRST
     vanish_here;
     kind[e] = want;
#endif
#ifndef COUNT_FIRST
     vanish_here;
     turned++;
#endif
     vanish_here;
#ifndef FINISH_FIRST
     kind[e] = want
#endif
  fi;
#ifdef WAITS
  turns = false;
waits:
#endif
  e = 0
}

proctype thread(byte me, first, second) provided (!killed) {
  byte e, part, round, want, tries;
#ifdef WAITS
  bool got;
#endif
  do
  :: round == 2 || (round == 1 && second == NOBODYS) -> break
  :: else ->
     want = (round == 0 -> first : second);
     tries = 0;
     do
     :: take(want);
        if
        :: part != NONE -> use(want); break
        :: part == NONE && tries == 1 -> break                  /* refused, and counted */
        :: part == NONE && tries == 0 -> turn(want); tries++
        fi
     od;
     atomic { assert(!last || part != NONE); round++; want = 0; tries = 0; e = 0; part = 0 }    /* T5 */
  od;
gone:
  skip
}

/* Took extent 0 for what its word says, and was slow: others have seen it, and used it. */
proctype late() provided (!killed) {
#ifdef BEGIN_STORE
  atomic { kind[0] = BLOCKS; used[0] = 0 }
#else
  atomic { if :: kind[0] == NOBODYS -> kind[0] = BLOCKS; used[0] = 0 :: else -> skip fi }
#endif
}

proctype heir() provided (!killed) {
  byte e, place;
  bool held;
  e = 0;
  do
  :: e == NE -> break
  :: else ->
#ifdef WALK_UNHELD
     held = (kind[e] == SLOTS);
#else
     atomic { held = (kind[e] == SLOTS); holds[e] = holds[e] + held };
#endif
     place = 0;
     do
     :: !held || place == PARTS -> break
     :: else ->
        vanish_here;
        assert(cell[e * PARTS + place] < GARBAGE);                                            /* T2 */
        place++
     od;
#ifndef WALK_UNHELD
     holds[e] = holds[e] - held;
#endif
     e++
  od;
gone:
  skip
}

proctype agent() {
  byte e, known[NE], seen, now, p, looks;
  bool again, was[NE];
  known[0] = BLOCKS; known[1] = SLOTS;
  do
#ifdef LOOKS
  :: !killed && looks < LOOKS ->
     looks++;
     d_step { for (e : 0 .. NE - 1) { was[e] = open[e] }; e = 0 };
#ifndef LOOK_FIRST
     d_step { now = turned; again = (now != seen); seen = now; now = 0 };
#else
     again = (turned != seen);
#endif
     for (e : 0 .. NE - 1) {
       if :: again && known[e] != CHUNKS -> known[e] = word[e] :: else -> skip fi
     };
#ifdef LOOK_FIRST
     seen = turned;
#endif
     atomic { for (e : 0 .. NE - 1) { assert(!was[e] || known[e] == CHUNKS) }; e = 0 }        /* T3 */
#endif
  :: atomic { killed = true };
     atomic {
       for (e : 0 .. NE - 1) {
         if :: known[e] != CHUNKS -> known[e] = word[e] :: else -> skip fi;
         assert(!open[e] || known[e] == CHUNKS);                                              /* T4 */
         for (p : 0 .. PARTS - 1) {
           assert(known[e] != SLOTS || cell[e * PARTS + p] == 0 || cell[e * PARTS + p] == holder[e * PARTS + p])
         };
         p = 0
       };
       e = 0
     };
     break
  :: last -> break
  od
}

init {
  byte e, lost;
  atomic {
    word[0] = BLOCKS; kind[0] = BLOCKS; cell[0] = GARBAGE; cell[PARTS - 1] = GARBAGE;
    word[1] = SLOTS; kind[1] = SLOTS;
#ifdef LOOKS
    run agent(); run thread(0, CHUNKS, NOBODYS); run thread(1, CHUNKS, NOBODYS)
#else
#ifdef HEIR
    run late(); run heir();
#else
    run agent();                                /* first: it ends last */
#endif
    run thread(0, SLOTS, AGAIN); run thread(1, BLOCKS, NOBODYS);
#ifndef HEIR
    run thread(2, CHUNKS, NOBODYS)
#endif
#endif
  }
#ifdef HEIR
  _nr_pr == 1;                                  /* all are done */
#else
  _nr_pr == 2 && !killed;                       /* but the agent */
#endif
  for (e : 0 .. NE - 1) {
    lost = lost + (kind[e] == TURNING || used[e] != 0 || holds[e] != 0)
  };
  assert(lost <= vanished);                                                                   /* T5 */
  if
  :: is_unused(0) || is_unused(1) -> last = true; run thread(3, SLOTS, NOBODYS)
  :: else -> skip
  fi
}
