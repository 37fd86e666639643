/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunk protocol between one writer and the agent, with exports that read shared memory while they are sent.
 *
 * One thread of one process owns a segment of NCH chunks. The agent drains it with up to two exports in flight (zero
 * copy), reclaims chunks by epochs (REFCOUNT: by counts under them), and may crash and restart CRASHES times at any
 * step. The process may be killed at any step, or hang for ever (HANG). Words and marks carry the chunk's generation,
 * as in lib/ring/chunk_word.hpp: a mark of another generation is no mark.
 *
 *   safety    S1  what an export reads is the committed record
 *             S2  a chunk is never claimed while an export in flight reads it
 *             S3  a chunk is freed, the segment unlinked, only when each committed record was exported or counted
 *             S4  each started span is exactly one of: committed, exported as unfinished, counted as dropped
 *   liveness  L1  committed -> exported or counted, one day (also with HANG)
 *             L2  process dead -> segment unlinked, one day
 *             L3  a full chunk of a living process is free again, one day
 *
 * Rules broken one at a time (tests/model/run expects a counterexample for each):
 *   RELAXED_COMMIT  the commit is no release store            S1
 *   LATE_LOCKTEST   word loaded before the lock test          S3
 *   ACK_LAST        mark = last answered, not low-water       S3, with an agent crash only
 *   MARK_NOGEN      mark without generation, reset after FREE S3, with an agent crash only
 *   GRACE=1         freed after one epoch                     S1, S2
 *   PIN_AT_SEND     epoch pinned when the send starts         S1, S2
 *   CLEAR_FIRST     slot cleared before the commit            S4
 *   NOINTENT        slot without intent                       S4
 *   FREE_ON_READ    freed when read, not when answered        S1, S2
 *   NOREREAD        restarted agent trusts FULL = exported    S3
 *   UNLINK_EARLY    "drained?" asked before "dead?"           S3
 *   WAIT_FULL       only FULL chunks are drained, with HANG   L1
 *   NODEADRETIRE    OPEN chunks of a dead process are kept    L2
 *   STUCK           an export never ends: L3 needs counts;  STUCKALL: all of them: L3 needs deadlines
 */
#define NCH 2
#define CAP 2
#ifndef NREC
#define NREC 3
#endif
#define NEXP 2
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RETRIES
#define RETRIES 1
#endif
#ifndef GRACE
#define GRACE 2
#endif

/* chunk states */
#define FREE 0
#define OPEN 1
#define FULL 3
/* export slots */
#define IDLE 0
#define QUEUED 1
#define SENT 2
#define DONE 3

/* ---- shared memory ---- */
byte st[NCH], gn[NCH], ln[NCH];  /* the one atomic word of a chunk: always moved together */
byte d[NCH*CAP];                 /* payload: plain memory; the value is the record's id */
byte mkg[NCH], mkl[NCH];         /* the one atomic word of a mark: generation, length */
byte sl, slr, slc, slg, sll;     /* span slot: 0 free, 1 open, 2 ending with intent (chunk, generation, length) */
bool alive = true;               /* the kernel's lock */
bool unlinked = false;

bool sbv; byte sbi, sbx;         /* the writer's store buffer: one plain store */

/* ---- the agent's memory: lost in a crash ---- */
byte cur[NCH];                   /* next record to batch */
byte G;                          /* global epoch, mod 4 */
byte ret[NCH];                   /* 0, or 1 + epoch at which the chunk was retired */
byte es[NEXP], ec[NEXP], ef[NEXP], et[NEXP], ep[NEXP], er[NEXP];
bool epin[NEXP];

/* ---- ghosts ---- */
byte gid[NCH*CAP];               /* id of the record committed at that place */
byte eid[NEXP*CAP];              /* ids that an export must send */
byte refs[NCH];                  /* exports in flight that read chunk c */
bool sta[NREC+2], com[NREC+2], exp[NREC+2], drp[NREC+2], unf[NREC+2];
bool killed, crashreq;

#define dist(a,b) ((a + 4 - b) % 4)

inline claim(c) {                /* compare-exchange FREE -> OPEN(generation + 1, length 0) */
  d_step {
    c = 255;
    if :: st[0] == FREE -> c = 0 :: st[0] != FREE && st[1] == FREE -> c = 1 :: else -> skip fi;
    if :: c != 255 -> assert(refs[c] == 0); /* S2 */ st[c] = OPEN; gn[c]++; ln[c] = 0
       :: else -> skip fi
  }
}

inline flush() { d_step { if :: sbv -> d[sbi] = sbx; sbv = false :: else -> skip fi } }

active proctype Writer() {
  byte r = 1, c = 255, l = 0;
  {
    do
    :: r <= NREC ->
       d_step { sta[r] = true; sl = 1; slr = r; }             /* start: slot published */
       if
       :: c == 255 || l == CAP -> claim(c); l = 0
       :: else -> skip
       fi;
       if
       :: c == 255 -> d_step { drp[r] = true; sl = 0; }       /* ring full (the steps of a drop: threads.pml) */
       :: else ->
          d_step { sbv = true; sbi = c*CAP + l; sbx = r; }    /* plain stores of the payload */
#ifndef NOINTENT
          d_step { sl = 2; slc = c; slg = gn[c]; sll = l + 1; }
#endif
#ifdef CLEAR_FIRST
          sl = 0;
#endif
#ifndef RELAXED_COMMIT
          flush();                                            /* release */
#endif
          d_step { ln[c] = l + 1; gid[c*CAP + l] = r; com[r] = true; }   /* THE commit */
          sl = 0;                                             /* cleared after the commit */
          l++;
          if :: l == CAP -> st[c] = FULL :: else -> skip fi
       fi;
       r++
    :: r > NREC ->
       if :: c != 255 && l < CAP -> st[c] = FULL :: else -> skip fi;
       break
    od
  } unless { killed };
  flush();                                                    /* retired stores still drain */
#ifdef HANG
  if :: killed -> end_hang: (false) :: else -> skip fi;       /* SIGSTOP for ever: the lock is still held */
#endif
#ifdef LIVE
  end_live: (false);                                          /* the process stays alive */
#endif
  alive = false                                               /* the kernel drops the lock */
}

#ifdef NOKILL
#define MAYKILL 0
#else
#define MAYKILL 1
#endif
active proctype Killer() { if :: MAYKILL -> killed = true :: skip fi }

#ifdef STUCK
#define ACKS(e) (ec[e] != 0 || e != 0)   /* one export, of chunk 0, is never answered */
#else
#ifdef STUCKALL
#define ACKS(e) (ec[e] != 0)             /* no export of chunk 0 is ever answered */
#else
#define ACKS(e) true
#endif
#endif

/* network and backend, one for each export in flight */
proctype Net(byte e) {
  byte i, v;
  do
  :: d_step { es[e] == QUEUED ->                              /* shared memory is read here */
#ifdef PIN_AT_SEND
       epin[e] = true; ep[e] = G;
#endif
       i = ef[e];
       do :: i < et[e] -> v = d[ec[e]*CAP + i]; assert(v == eid[e*CAP + i]); /* S1 */ i++ :: else -> break od;
       i = 0; v = 0; es[e] = SENT }
  :: d_step { es[e] == SENT && er[e] < RETRIES -> er[e]++; es[e] = QUEUED }
  :: d_step { es[e] == SENT && ACKS(e) ->                     /* accepted */
       i = ef[e]; do :: i < et[e] -> exp[eid[e*CAP + i]] = true; i++ :: else -> break od;
       i = 0; es[e] = DONE }
  :: d_step { es[e] == SENT && ACKS(e) ->                     /* refused for good: counted */
       i = ef[e]; do :: i < et[e] -> drp[eid[e*CAP + i]] = true; i++ :: else -> break od;
       i = 0; es[e] = DONE }
  :: unlinked -> break
  od
}

#define resolved(c,i)  (exp[gid[c*CAP+i]] || drp[gid[c*CAP+i]])

inline checkfree(c) {            /* S3 */
  assert(ln[c] < 1 || resolved(c,0)); assert(ln[c] < 2 || resolved(c,1))
}

#define S4(r) assert(!sta[r] || (com[r] && !unf[r]) || (!com[r] && unf[r] && !drp[r]) || (!com[r] && !unf[r] && drp[r]))
#define S3(r) assert(!com[r] || exp[r] || drp[r])
#if NREC > 3
inline checkend() { S4(1); S4(2); S4(3); S4(4); S3(1); S3(2); S3(3); S3(4) }
#else
inline checkend() { S4(1); S4(2); S4(3); S3(1); S3(2); S3(3) }
#endif

/* slices are made here: the count or the epoch's pin is taken HERE, not when sending starts */
inline batch(c, e) {
  es[e] = QUEUED; ec[e] = c; ef[e] = cur[c]; et[e] = wlen; er[e] = 0;
#ifndef PIN_AT_SEND
  epin[e] = true; ep[e] = G;
#endif
  if :: cur[c] < 1 && wlen > 0 -> eid[e*CAP] = gid[c*CAP] :: else -> skip fi;
  if :: cur[c] < 2 && wlen > 1 -> eid[e*CAP+1] = gid[c*CAP+1] :: else -> skip fi;
  refs[c]++; cur[c] = wlen
}

#ifdef WAIT_FULL
#define drainable (wst == FULL || (wst == OPEN && dead))
#else
#define drainable (wst != FREE)
#endif
#ifdef NODEADRETIRE
#define DEADTEST false
#else
#define DEADTEST dead
#endif

/* acts on the loaded word: everything here is the agent's own */
inline act(c) {
  if
  :: drainable && ret[c] == 0 && wlen > cur[c] && es[0] == IDLE -> batch(c, 0)
  :: drainable && ret[c] == 0 && wlen > cur[c] && es[0] != IDLE && es[1] == IDLE -> batch(c, 1)
  :: wst != FREE && ret[c] == 0 && wlen <= cur[c] && (wst == FULL || DEADTEST) -> ret[c] = 1 + G
  :: else -> skip
  fi
}

inline scan(c) {
#ifdef LATE_LOCKTEST
  d_step { wst = st[c]; wlen = ln[c] };
  d_step { dead = !alive; act(c) };
#else
  d_step { wst = st[c]; wlen = ln[c]; act(c) };               /* ONE load of the word */
#endif
}

#define infl(e,c) (es[e] != IDLE && ec[e] == c)

/* finishes export e; the mark = smallest record of the chunk that is still in flight */
inline finish(e, o) {
  if
  :: es[e] == DONE ->
     lw = cur[ec[e]];
     if :: infl(o, ec[e]) && ef[o] < lw -> lw = ef[o] :: else -> skip fi;
#ifdef ACK_LAST
     lw = et[e];
#endif
     mkg[ec[e]] = gn[ec[e]]; mkl[ec[e]] = lw; refs[ec[e]]--;
     epin[e] = false; es[e] = IDLE; ef[e] = 0; et[e] = 0; ec[e] = 0; ep[e] = 0; er[e] = 0;
     eid[e*CAP] = 0; eid[e*CAP+1] = 0
  :: else -> skip
  fi
}

#ifdef FREE_ON_READ
#define canfree(c) (ret[c] != 0)
#else
#ifdef REFCOUNT
#define canfree(c) (ret[c] != 0 && refs[c] == 0)
#else
#define canfree(c) (ret[c] != 0 && dist(G, (ret[c]-1)) >= GRACE)
#endif
#endif

inline reclaim(c) {
  if
  :: canfree(c) ->
     /* The mark of a FULL chunk is reset to nothing of the next generation, then the chunk is freed. Killed between the
        two: a FULL chunk whose mark is one generation ahead. (A dead process's OPEN chunk is done when it is read; the
        agent unlinks the file as a whole, here the chunk is freed.) */
     d_step { cur[c] = 0; ret[c] = 0;
#ifndef MARK_NOGEN
              if :: st[c] == FULL -> mkg[c] = gn[c] + 1; mkl[c] = 0 :: else -> skip fi
#endif
     };
     d_step { checkfree(c); st[c] = FREE; ln[c] = 0; gid[c*CAP] = 0; gid[c*CAP+1] = 0 }   /* keeps the generation */
#ifdef MARK_NOGEN
     mkl[c] = 0
#endif
  :: else -> skip
  fi;
}

#ifdef MARK_NOGEN
#define markvalid(c) (st[c] != FREE)
#else
#define markvalid(c) (st[c] != FREE && mkg[c] == gn[c])
#endif
#ifdef NOREREAD
#define complete(c) (st[c] == FULL)
#else
#define complete(c) (st[c] == FULL && mkg[c] == gn[c] + 1)       /* one ahead: only FREE is missing */
#endif

inline recover(c) {
  d_step {
    if
    :: complete(c) -> cur[c] = ln[c]
    :: !complete(c) && markvalid(c) -> cur[c] = mkl[c]
    :: else -> cur[c] = 0
    fi
  };
}

proctype Agent() {
  byte wst, wlen, lw; bool dead, allfree;
restart:
  {
    recover(0)
    recover(1)
    do
    :: unlinked -> break
    :: !unlinked ->
       /* Lock test first. Then the slots of a dead process, before any of its chunks can be freed: an ending span is
          settled by its chunk's word, for good, so that settling again after a crash changes nothing. */
       d_step {
         dead = !alive;
         if :: dead && sl == 2 && (gn[slc] != slg || ln[slc] >= sll) -> sl = 0   /* it was committed */
            :: dead && sl == 2 && gn[slc] == slg && ln[slc] < sll -> sl = 1      /* it was not: unfinished */
            :: else -> skip fi };
       scan(0)
       scan(1)
       d_step {
         finish(0, 1); finish(1, 0);
         if                                                   /* the epoch advances on demand */
         :: ((ret[0] != 0 && dist(G, (ret[0]-1)) < GRACE) || (ret[1] != 0 && dist(G, (ret[1]-1)) < GRACE)) &&
            (!epin[0] || ep[0] == G) && (!epin[1] || ep[1] == G) -> G = (G + 1) % 4
         :: else -> skip
         fi };
       reclaim(0)
       reclaim(1)
       /* a dead segment: unfinished spans, then unlink */
#ifdef UNLINK_EARLY
       allfree = (st[0] == FREE && st[1] == FREE);
       d_step { dead = !alive; if
          :: dead && allfree ->
#else
       d_step { if
          :: dead && st[0] == FREE && st[1] == FREE ->
#endif
             if :: sl == 1 -> unf[slr] = true; sl = 0 :: else -> skip fi;
             checkend();
             unlinked = true
          :: else -> skip
          fi }
    od
  } unless { crashreq };
  if
  :: crashreq ->
     d_step {
       crashreq = false; G = 0; wst = 0; wlen = 0; lw = 0; dead = false; allfree = false;
       ret[0] = 0; ret[1] = 0; refs[0] = 0; refs[1] = 0; cur[0] = 0; cur[1] = 0;
       es[0] = IDLE; es[1] = IDLE; epin[0] = false; epin[1] = false; ec[0]=0; ec[1]=0; ef[0]=0; ef[1]=0;
       et[0]=0; et[1]=0; ep[0]=0; ep[1]=0; er[0]=0; er[1]=0;
       eid[0]=0; eid[1]=0; eid[2]=0; eid[3]=0
     };
     goto restart
  :: !crashreq -> skip
  fi
}

active proctype Crasher() { byte n = 0; do :: n < CRASHES -> atomic { crashreq = true; n++ } :: break od }

init { atomic { run Net(0); run Net(1); run Agent() } }

#ifdef L1
ltl p { [] (com[1] -> <> (exp[1] || drp[1])) && [] (com[2] -> <> (exp[2] || drp[2])) && [] (com[3] -> <> (exp[3] || drp[3])) }
#endif
#ifdef L2
ltl p { [] (!alive -> <> unlinked) }
#endif
#ifdef L3
ltl p { [] ((alive && st[1] == FULL) -> <> (st[1] != FULL || !alive)) }
#endif
