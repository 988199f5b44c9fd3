/* A cell of gatepost/epochs.h: what a worker keeps, and what the store changes.
 *
 * The store's one thread carries out changes (raise, commit, flush, answer) and lookups, each a
 * step of its own or one that nothing comes between; answers leave after the flush, and lookups are
 * answered meanwhile. It may be killed at every step; what was committed and not flushed is then
 * lost, and a successor with another number serves what is left. A worker, or two, fill their caches
 * and use them at every moment; what is in work at a death is asked again.
 *
 * Checked: whoever was told that a version is in place is never again shown an older one; and what
 * went with a dead store is not shown out of a cache once there is another. */

#ifndef CHANGES
#define CHANGES 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef WORKERS
#define WORKERS 1
#endif

byte cell;         /* the epoch */
byte store = 1;    /* BOARD_STORE_EPOCH */
byte last;         /* versions that were ever made of the row; none is made twice */
byte committed;    /* the version that a lookup sees */
byte durable;      /* the one that outlives the store */
byte told;         /* the newest one that somebody has been told of */
byte lost = 255;   /* one that went with a store: shown for a while, and never told */
byte kills;
bit over;

/* one ask and one answer for each worker */
bit asked[WORKERS];
byte ask_store[WORKERS]; /* whom it was sent to */
bit answered[WORKERS];
byte answer[WORKERS];

inline serve(w)
{
    atomic {
        asked[w] && ask_store[w] == store -> answer[w] = committed; answered[w] = 1; asked[w] = 0
    }
}

#if WORKERS > 1
#define SERVE                                                                                      \
    :: serve(0)                                                                                    \
    :: serve(1)
#else
#define SERVE :: serve(0)
#endif

inline die()
{
    atomic {
        kills < KILLS -> kills++;
        if
        :: committed != durable -> lost = committed; committed = durable
        :: else
        fi;
#ifndef BROKEN_SAME_STORE
        store++
#endif
    };
    goto reborn
}

active proctype Store()
{
    byte next, changes;

reborn:
    do
    SERVE
    :: die()
    :: changes < CHANGES ->
        last++;
        next = last;
#ifndef BROKEN_RAISE_LATE
        cell++;
#endif
        if :: true :: die() fi;
#ifdef BROKEN_LOOKUP_BETWEEN
        if :: serve(0) :: true fi;
#endif
        committed = next;
        do
        SERVE
        :: die()
        :: break
        od;
        durable = next;
        if :: true :: die() fi;
        told = next;
        changes++;
#ifdef BROKEN_RAISE_LATE
        cell++
#endif
    :: changes == CHANGES -> break
    od;
    over = 1;
end:
    do
    SERVE
    od
}

active [WORKERS] proctype Worker()
{
    byte me = _pid - 1;
    byte before, seen_cell, seen_store, kept_cell, kept_store, kept, shown;
    bit has, hit;

    do
    :: over -> break
    :: true ->
        before = told; /* what the client has been told when it asks */
        hit = 0;
        if
        :: has && kept_cell == cell ->
            atomic {
                if
                :: kept_store == store -> hit = 1; shown = kept; assert(kept != lost)
                :: else
                fi
            }
        :: else
        fi;
        if
        :: hit
        :: else ->
            has = 0;
#ifndef BROKEN_LOOK_AFTER
            seen_store = store;
            seen_cell = cell;
#endif
again:
            atomic { ask_store[me] = store; asked[me] = 1 };
            do
            :: answered[me] -> break
            :: atomic { asked[me] && ask_store[me] != store -> asked[me] = 0 }; goto again
            od;
            atomic { shown = answer[me]; answered[me] = 0 };
#ifdef BROKEN_LOOK_AFTER
            seen_store = store;
            seen_cell = cell;
#endif
            atomic { kept = shown; kept_cell = seen_cell; kept_store = seen_store; has = 1 }
        fi;
        assert(shown >= before)
    od
}
