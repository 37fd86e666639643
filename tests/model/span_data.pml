/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of an open span: appended to, and copied into a larger block when it has outgrown its place. One thread holds
 * the span; a second one, against the rules, appends to it at any time; a third one takes a block for a span of its own.
 * The process may be killed between any two steps.
 *
 *   D1  what the word of the slot says after a kill is whole: each field that it counts, where it says they are
 *   D2  the third thread's block is its own: who breaks the rules of one span harms that span alone, until it ends
 *
 * Rules broken one at a time:
 *   WORD_FIRST      the word names the new place before the copy is complete     D1
 *   TWO_WORDS       place and length are two stores                              D1
 *   BLOCK_LATE      the block is noted in the slot after the word                D1
 *   GIVE_EARLY      the block that a span has outgrown goes back at once         D2
 */
#define FIELDS 5
#define BLOCKS 3                                /* one of each class, and one more of the first */
#define CELLS 5
#define NONE 255
#define OTHERS 9

byte cell[CELLS * (BLOCKS + 1)];                /* the slot's own data first */
byte place, length;                             /* the word: stored in one step */
byte noted[3] = NONE;                           /* by class: the slot's blocks; noted[0] is the slot itself */
bool free[BLOCKS + 1];                          /* the pool */
bool killed, ended, meddled;

inline capacity(p, ret) { if :: p == 0 -> ret = 1 :: p == 1 -> ret = 3 :: else -> ret = CELLS fi }

/* Where a place is: the slot for 0, otherwise the slot's block of that class. */
inline where(p, ret) { if :: p == 0 -> ret = 0 :: else -> ret = noted[p] fi }

proctype holder() {
  byte f = 1, p, n, room, at, to, i;
  do
  :: f > FIELDS -> break
  :: else ->
     atomic { !killed; p = place; n = length; capacity(p, room); where(p, at) };
     if
     :: n < room -> to = at
     :: else ->
        p++;
        atomic {                                /* of the class that follows, in the pool */
          if
          :: p == 1 && free[1] -> to = 1
          :: p == 1 && !free[1] && free[2] -> to = 2
          :: p == 2 && free[3] -> to = 3
          :: else -> goto stuck
          fi;
          free[to] = false
        };
#ifndef BLOCK_LATE
        atomic { !killed; noted[p] = to };
#endif
#ifdef WORD_FIRST
        atomic { !killed; place = p; length = n };
#endif
        i = 0;
        do
        :: i == n -> break
        :: else -> atomic { !killed; cell[to * CELLS + i] = cell[at * CELLS + i] }; i++
        od;
     fi;
     atomic { !killed; cell[to * CELLS + n] = f };
#ifdef TWO_WORDS
     atomic { !killed; length = n + 1 };
     atomic { !killed; place = p };
#else
     atomic { !killed; place = p; length = n + 1 };
#endif
#ifdef GIVE_EARLY
     atomic { !killed; if :: at != 0 && at != to -> free[at] = true :: else -> skip fi };
#endif
#ifdef BLOCK_LATE
     atomic { !killed; if :: p != 0 -> noted[p] = to :: else -> skip fi };
#endif
     f++
  od;
stuck:
  atomic { !killed; length = 0; place = 0; ended = true };
  i = 1;
  do
  :: i == 3 -> break
  :: else -> atomic { !killed; if :: noted[i] != NONE -> free[noted[i]] = true; noted[i] = NONE :: else -> skip fi }; i++
  od
}

/* Appends as well, by a word that may be old when it writes. */
proctype meddler() {
  byte p, n, room, at;
  atomic { !killed; meddled = true; p = place; n = length; capacity(p, room); where(p, at) };
  atomic { !killed; if :: !ended && at != NONE && n < room -> cell[at * CELLS + n] = 7 :: else -> skip fi };
  atomic { !killed; if :: !ended && at != NONE && n < room -> place = p; length = n + 1 :: else -> skip fi }
}

proctype other() {
  byte b = NONE;
  atomic { !killed; if :: free[1] -> b = 1 :: free[2] -> b = 2 :: else -> skip fi; if :: b != NONE -> free[b] = false :: else -> skip fi };
  if :: b == NONE -> goto done :: else -> skip fi;
  atomic { !killed; cell[b * CELLS] = OTHERS };
  atomic { !killed; cell[b * CELLS + 2] = OTHERS };
  atomic { !killed; assert(cell[b * CELLS] == OTHERS && cell[b * CELLS + 2] == OTHERS) };      /* D2 */
  free[b] = true;
done:
}

/* Kills the process, and looks at what is left. */
proctype agent() {
  byte i = 0, at;
  killed = true;
  if
  :: meddled || length == 0 -> skip
  :: else ->
     where(place, at);
     assert(at != NONE);                                                           /* D1 */
     do
     :: i == length -> break
     :: else -> assert(cell[at * CELLS + i] == i + 1); i++                         /* D1 */
     od
  fi
}

init {
  atomic {
    free[1] = true; free[2] = true; free[3] = true;
    noted[0] = 0; noted[1] = NONE; noted[2] = NONE;
    run holder(); run other(); run agent();
#ifdef MEDDLES
    run meddler();
#endif
  }
}
