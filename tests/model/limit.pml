/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many extents there are, what has memory, and who is told that there is something to be had. A process may have
 * LIMIT extents, of two chunks each, and memory for as many; a huge place needs as much as one of them. Small spans want
 * a chunk, a large one the huge place, ROUNDS times each; the agent acknowledges what is full and gives the memory of
 * what is free back. At first there is none, or (TAKEN) one whose memory went. A thread may vanish before any of its own
 * steps. How one extent goes and comes is in lend.pml.
 *
 *   small   the mark is noted | a FREE chunk | EMPTY: held, populated, whole, told | LENT: reserved, told |
 *           one more, where there may be: reserved, held, populated, its word by an exchange, counted |
 *           in vain: not again before the mark is another one
 *   large   reserved | an EMPTY extent lent, told | populated, used, given up, told
 *
 *   N1  no extent is taken beyond the last
 *   N2  all together never have more memory than the limit
 *   N3  who searched in vain, and was not told since, finds nothing
 *
 * Rules broken one at a time:
 *   NO_LAST        whether there is such an extent is not asked, but whether there is memory       N1
 *   LOOK_RESERVE   the reservation of an extent is a look and a store, not an exchange             N2
 *   UNHELD         who populates an extent that nobody has taken does not hold it                  N2
 *   MARK_LATE      the mark is noted after the search                                              N3
 *   RESTORE_SILENT who makes an extent whole tells nobody                                          N3
 *   LENT_SILENT    who has to leave it lent, once it was theirs, tells nobody                      N3
 *   IDLE_SILENT    who gives the memory of the huge place up tells nobody                          N3
 */
#ifndef LIMIT
#define LIMIT 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef GIVES
#define GIVES 1
#endif
#ifndef VANISH
#define VANISH 0
#endif
#ifndef SMALL
#define SMALL 2
#endif
#define CHUNKS 2
#define NONE 0
#define WHOLE 1
#define EMPTY 2
#define UNTAKEN 0
#define PLAIN 1
#define BUSY 2
#define LENT 3

/* ---- shared memory ---- */
byte word[LIMIT + 1], gives[LIMIT + 1];
byte is_free[LIMIT + 1], filled[LIMIT + 1];     /* how many chunks */
byte extents;                                   /* that are counted */

/* ---- the process's memory ---- */
byte state[LIMIT + 1], holds[LIMIT + 1];
byte counted, lent;                             /* one word: extents that are reserved, of these lent; */
bool huge;                                      /* and the huge place */
byte told;                                      /* what was freed, and what became unused; with `extents` the mark */

/* ---- the kernel ---- */
bool memory[LIMIT + 1], huge_memory;

/* ---- ghosts ---- */
byte vanished, busy = SMALL + 1;

#define mark (told + extents)
#define has_room (counted - lent + huge < LIMIT)
#define vanish_here if :: atomic { vanished < VANISH -> vanished++ }; goto gone :: true fi
#define all_memory (memory[0] + memory[1] + huge_memory)
#define may_find(e) (e < extents && \
  ((state[e] == PLAIN && ((word[e] == WHOLE && is_free[e] != 0) || word[e] == EMPTY)) || (state[e] == LENT && has_room)))
#define may_grow (extents < LIMIT && (extents < counted || has_room))

inline populate(e) { d_step { memory[e] = true; assert(all_memory <= LIMIT) } }                       /* N2 */

proctype small() {
  byte rounds, e, seen, noted, times;
  bool got, more, mine;
  do
  :: rounds == ROUNDS -> break
  :: else ->
     rounds++;
     got = false;
     do
     :: got -> break
     :: else ->
        atomic { noted = mark; seen = extents; e = 0; more = false };
        vanish_here;
        /* a chunk that is FREE */
        do
        :: e == seen || got -> break
        :: else ->
           atomic {
             if
             :: state[e] == PLAIN && word[e] == WHOLE && is_free[e] != 0 -> is_free[e]--; got = true
             :: else -> e++
             fi
           }
        od;
        if
        :: got -> break
        :: else -> e = 0
        fi;
        /* one whose memory went */
        do
        :: e == seen || more -> break
        :: else ->
           atomic { mine = (state[e] == PLAIN && word[e] == EMPTY); holds[e] = holds[e] + mine };
           if
           :: !mine -> e++
           :: else ->
              atomic { mine = (word[e] == EMPTY); times = gives[e] };
              vanish_here;
              if
              :: !mine -> skip
              :: else ->
                 populate(e);
                 vanish_here;
                 atomic { if :: word[e] == EMPTY && gives[e] == times -> word[e] = WHOLE :: else -> skip fi };
                 vanish_here;
#ifndef RESTORE_SILENT
                 told++;
#endif
                 more = true
              fi;
              holds[e]--;
              e++
           fi
        od;
        /* one that is lent */
        e = 0;
        do
        :: e == seen || more -> break
        :: else ->
           atomic { mine = (state[e] == LENT && has_room); if :: mine -> state[e] = BUSY :: else -> skip fi };
           if
           :: !mine -> e++
           :: else ->
              vanish_here;
              atomic { more = has_room; if :: more -> lent-- :: else -> skip fi };
              vanish_here;
              state[e] = (more -> PLAIN : LENT);
              vanish_here;
#ifdef LENT_SILENT
              told = told + more;
#else
              told++;
#endif
              e++
           fi
        od;
        /* one that nobody has taken */
        if
        :: more -> skip
        :: else -> more = (seen < extents)
        fi;
        if
        :: more -> skip
#ifndef NO_LAST
        :: !more && seen >= LIMIT -> skip
        :: !more && seen < LIMIT ->
#else
        :: !more ->
#endif
#ifdef LOOK_RESERVE
           mine = (seen < counted || has_room);
           vanish_here;
           if :: mine && seen >= counted -> counted = seen + 1 :: else -> skip fi;
#else
           atomic {
             mine = (seen < counted || has_room);
             if :: mine && seen >= counted -> counted = seen + 1 :: else -> skip fi
           };
#endif
           if
           :: !mine -> skip
           :: else ->
              assert(seen < LIMIT);                                                                   /* N1 */
              vanish_here;
#ifndef UNHELD
              atomic { mine = (state[seen] == UNTAKEN); holds[seen] = holds[seen] + mine };
              vanish_here;
#endif
              if
              :: mine -> populate(seen); vanish_here
              :: else -> skip
              fi;
              atomic {
                if
                :: word[seen] == NONE -> word[seen] = WHOLE; is_free[seen] = CHUNKS
                :: else -> skip
                fi
              };
              vanish_here;
              atomic { if :: state[seen] == UNTAKEN -> state[seen] = PLAIN :: else -> skip fi };
              vanish_here;
              atomic { if :: extents == seen -> extents++ :: else -> skip fi };
              vanish_here;
#ifndef UNHELD
              holds[seen] = holds[seen] - mine;
#endif
              more = true
           fi
        fi;
#ifdef MARK_LATE
        noted = mark;
#endif
        if
        :: more -> skip
        :: else ->                                          /* in vain: its spans are dropped */
           busy--;
           do
           :: atomic { noted != mark -> busy++ }; break
           :: atomic {
                busy == 0 && filled[0] + filled[1] == 0 ->
                assert(vanished != 0 || noted != mark ||
                       !(may_find(0) || may_find(1) || may_grow))                                     /* N3 */
              };
              goto gone_already
           od
        fi
     od;
     busy--;                                                /* it may be open for long */
     atomic { busy++; assert(memory[e] && e < LIMIT); filled[e]++ }
  od;
gone:
  busy--;
gone_already:
  skip
}

proctype large() {
  byte rounds, tries, e;
  bool got, mine;
  do
  :: rounds == ROUNDS -> break
  :: else ->
     atomic { rounds++; tries = 0; got = false };
     do
     :: got || tries == 2 -> break                          /* its texts are cut */
     :: else ->
        tries++;
        atomic { got = has_room; if :: got -> huge = true :: else -> skip fi };
        if
        :: got -> skip
        :: else ->
           e = extents;
           do
           :: e == 0 -> break
           :: else ->
              e--;
              atomic {
                mine = (word[e] == EMPTY && state[e] == PLAIN && holds[e] == 0);
                if :: mine -> state[e] = BUSY :: else -> skip fi
              };
              if
              :: !mine -> skip
              :: else ->
                 vanish_here;
                 atomic {
                   mine = (word[e] == EMPTY && is_free[e] == CHUNKS);
                   if :: mine -> memory[e] = false :: else -> skip fi
                 };
                 vanish_here;
                 lent = lent + mine;
                 vanish_here;
                 state[e] = (mine -> LENT : PLAIN);
                 vanish_here;
                 told++;
                 if :: mine -> break :: else -> skip fi
              fi
           od
        fi
     od;
     if
     :: !got -> skip
     :: else ->
        vanish_here;
        d_step { huge_memory = true; assert(all_memory <= LIMIT) };                                   /* N2 */
        vanish_here;
        huge_memory = false;                                /* idle, and given up */
        vanish_here;
        huge = false;
#ifndef IDLE_SILENT
        vanish_here;
        told++
#endif
     fi
  od;
gone:
  busy--
}

active proctype agent() {
  byte given;
end:
  do
  :: atomic { filled[0] != 0 -> filled[0]--; is_free[0]++; told++ }
  :: atomic { filled[1] != 0 -> filled[1]--; is_free[1]++; told++ }
  :: atomic { given < GIVES && word[0] == WHOLE && is_free[0] == CHUNKS ->
              given++; memory[0] = false; word[0] = EMPTY; gives[0]++; told++ }
  :: atomic { given < GIVES && word[1] == WHOLE && is_free[1] == CHUNKS ->
              given++; memory[1] = false; word[1] = EMPTY; gives[1]++; told++ }
  od
}

init {
  byte i;
  atomic {
#ifdef TAKEN
    extents = 1;
    counted = 1;
    state[0] = PLAIN;
    word[0] = EMPTY;
    is_free[0] = CHUNKS;
#endif
    for (i : 1 .. SMALL) { run small() };
    run large()
  }
}
