/* A lane and its wake-up, as src/lib/ring/lane.c and wake.c do them, with crashes at every step.
 *
 * PRODUCERS lanes, one producer each, all consumed by one process. Each word that one side writes
 * and the other polls goes through a store buffer of the writer: the others see it when the
 * buffer is emptied, at any later time, unless a fence waits for that. (The buffer keeps no order
 * between words, so it is weaker than x86.) The two halves of a record are plain stores; the order
 * of tail after them is what release means, and BROKEN_PUBLISH_FIRST takes it away.
 *
 * A crash throws away all local variables and starts a successor, which goes on from the shared
 * words. The wait's bound is modelled by `timeout`: it ends a wait only when nothing else in the
 * whole system can move, so each time it is needed is a wake-up that was lost.
 *
 * Checked: no record is torn, comes twice or out of order; one is lost only to the consumer that
 * had taken it when it crashed; a wake-up is lost only to a crash (with CRASHES 0 and no bound
 * there would be a deadlock, which spin reports); and everything published is taken in the end. */

#ifndef PRODUCERS
#define PRODUCERS 1
#endif
#ifndef RECORDS
#define RECORDS 3 /* of each producer */
#endif
#ifndef CELLS
#define CELLS 2
#endif
#define HALF (CELLS / 2)
#ifndef CRASHES
#define CRASHES 0
#endif

/* A word behind its writer's store buffer. */
typedef Word {
    byte seen; /* by everybody else */
    byte own;  /* by its writer */
    bit buffered
};

typedef Lane {
    byte left[CELLS];  /* the two halves of each record */
    byte right[CELLS];
    Word tail;
    Word head;
    Word wanted;
    Word asleep; /* of the producer */
    bit event;   /* its eventfd */
    byte delivered; /* last record given to the consumer's caller */
    byte lost       /* that a crashed consumer had taken and not given */
};

Lane lane[PRODUCERS];
Word asleep; /* of the consumer */
bit event;
byte crashes;
byte late; /* waits that only the bound ended */
byte finished; /* producers at their end */

#define PUT(word, value) d_step { word.own = value; word.buffered = 1 }
/* An exchange acts on memory itself, past the writer's buffer. */
#define SWAP_TO_0(word, was) d_step { was = word.seen; word.seen = 0; \
                                      if :: word.buffered -> skip :: else -> word.own = 0 fi }
#define FENCE_PRODUCER(i) (!lane[i].tail.buffered && !lane[i].wanted.buffered && \
                           !lane[i].asleep.buffered)
#define FENCE_CONSUMER (!asleep.buffered && NO_HEAD_BUFFERED)
#if PRODUCERS == 1
#define NO_HEAD_BUFFERED !lane[0].head.buffered
#else
#define NO_HEAD_BUFFERED (!lane[0].head.buffered && !lane[1].head.buffered)
#endif

#define CRASH if :: crashes < CRASHES -> crashes++; goto reborn :: true fi
#define DRAIN(word) :: atomic { word.buffered -> word.seen = word.own; word.buffered = 0 }

/* What the memory system does, whoever is dead. */
proctype Buffers()
{
end:
    do
    DRAIN(asleep)
    DRAIN(lane[0].tail)
    DRAIN(lane[0].head)
    DRAIN(lane[0].wanted)
    DRAIN(lane[0].asleep)
#if PRODUCERS > 1
    DRAIN(lane[1].tail)
    DRAIN(lane[1].head)
    DRAIN(lane[1].wanted)
    DRAIN(lane[1].asleep)
#endif
    od
}

/* wake_sleeper of the consumer: a plain look, then the exchange, then the eventfd. */
inline wake_consumer()
{
    was = asleep.seen;
    CRASH;
    if
    :: was == 1 ->
        SWAP_TO_0(asleep, was);
        CRASH;
        if
        :: was == 1 -> event = 1
        :: else -> skip
        fi
    :: else -> skip
    fi;
    was = 0
}

/* wake_settle, and the same within wake_prepare: the look that a push still owes, behind a fence. */
inline settle_producer(i)
{
#ifndef BROKEN_NO_SETTLE
    if
    :: owed ->
        owed = 0;
#ifdef BROKEN_LOOK_FIRST
        wake_consumer();
        FENCE_PRODUCER(i)
#else
#ifndef BROKEN_NO_FENCE_PRODUCER
        FENCE_PRODUCER(i);
#endif
        wake_consumer()
#endif
    :: else -> skip
    fi
#else
    skip
#endif
}

proctype Producer(byte i)
{
    byte tail, head;
    byte was;
    bit owed; /* of this process alone, gone with it */

reborn: /* a dead process's buffer is empty before its successor runs */
    atomic {
        FENCE_PRODUCER(i);
        was = 0;
        owed = 0;
        tail = lane[i].tail.own;
        head = lane[i].head.seen
    }
    do
    :: tail < RECORDS ->
again:
        /* look_for_room by the head last seen, then by the real one */
        if
        :: tail - head < CELLS -> skip
        :: else ->
            head = lane[i].head.seen;
            if
            :: tail - head < CELLS -> skip
            :: else ->
                PUT(lane[i].wanted, 1);
                CRASH;
                FENCE_PRODUCER(i);
                head = lane[i].head.seen;
                if
                :: tail - head < CELLS -> skip
                :: else ->
                    CRASH;
                    /* wake_prepare, lane_has_room, wait, wake_done */
                    PUT(lane[i].asleep, 1);
                    FENCE_PRODUCER(i);
                    CRASH;
                    settle_producer(i);
                    if
                    :: tail - lane[i].head.seen <= HALF -> skip
                    :: else ->
                        if
                        :: lane[i].event == 1 -> skip
#ifdef BOUND
                        :: atomic { timeout && tail - lane[i].head.seen <= HALF -> late++ }
#endif
                        fi
                    fi;
                    PUT(lane[i].asleep, 0);
                    lane[i].event = 0;
                    goto again
                fi
            fi
        fi;
#ifdef BROKEN_PUBLISH_FIRST
        PUT(lane[i].tail, tail + 1);
#endif
        lane[i].left[tail % CELLS] = tail + 1;
        CRASH;
        lane[i].right[tail % CELLS] = tail + 1;
        CRASH;
        PUT(lane[i].tail, tail + 1);
        tail++;
        CRASH;
        PUT(lane[i].wanted, 0);
        owed = 1;
        wake_consumer(); /* its plain look may come before the tail is out */
        CRASH;
        if /* the end of a turn, or not yet */
        :: settle_producer(i)
        :: skip
        fi
    :: else ->
        settle_producer(i);
        break
    od;
    finished++
}

/* A producer that waits for room and sleeps is woken. */
inline wake_waiter(i)
{
    if
    :: lane[i].wanted.seen == 1 ->
#ifdef BROKEN_CONSUMER_CLEARS_WANTED
        lane[i].wanted.seen = 0;
#endif
        CRASH;
        SWAP_TO_0(lane[i].asleep, was);
        CRASH;
        if
        :: was == 1 -> lane[i].event = 1
        :: else -> skip
        fi;
        was = 0
    :: else -> skip
    fi
}

/* Behind wake_prepare's fence: the look that a take still owes. */
inline settle_consumer(i)
{
    if
    :: owed[i] ->
        owed[i] = 0;
        wake_waiter(i)
    :: else -> skip
    fi
}

/* One lane_take, or a look at an empty lane. */
inline take(i)
{
    if
    :: far[i] == lane[i].head.own -> far[i] = lane[i].tail.seen
    :: else -> skip
    fi;
    if
    :: far[i] != lane[i].head.own ->
        got = lane[i].left[lane[i].head.own % CELLS];
        CRASH;
        assert(got == lane[i].right[lane[i].head.own % CELLS]); /* not torn */
        assert(got == lane[i].head.own + 1);                    /* the next one */
        CRASH;
        PUT(lane[i].head, got);
        if /* the caller has it, or died with it */
        :: crashes < CRASHES -> crashes++; lane[i].lost++; goto reborn
        :: true
        fi;
        assert(got > lane[i].delivered);
        assert(got == lane[i].delivered + lane[i].lost + 1);
        d_step { lane[i].delivered = got; lane[i].lost = 0 };
        /* tell_room */
        if
        :: far[i] - got <= HALF ->
            owed[i] = 1;
            wake_waiter(i)
        :: else -> skip
        fi;
        got = 0
    :: else -> skip
    fi
}

#define HAS_RECORD(i) (lane[i].tail.seen != lane[i].head.own)
#define ALL_TAKEN(i) (lane[i].head.own == RECORDS)
#if PRODUCERS == 1
#define SOMETHING_TO_DO HAS_RECORD(0)
#define EVERYTHING_TAKEN ALL_TAKEN(0)
#else
#define SOMETHING_TO_DO (HAS_RECORD(0) || HAS_RECORD(1))
#define EVERYTHING_TAKEN (ALL_TAKEN(0) && ALL_TAKEN(1))
#endif

proctype Consumer()
{
    byte far[PRODUCERS];
    byte got, was;
    bit owed[PRODUCERS]; /* of this process alone, gone with it */

reborn:
    atomic {
        FENCE_CONSUMER;
        got = 0;
        was = 0;
        owed[0] = 0;
        far[0] = lane[0].head.own;
#if PRODUCERS > 1
        owed[1] = 0;
        far[1] = lane[1].head.own
#endif
    };
    do
    :: EVERYTHING_TAKEN -> break
    :: else ->
more:
        take(0);
#if PRODUCERS > 1
        take(1);
#endif
        if /* a turn takes as many as it likes */
        :: SOMETHING_TO_DO -> goto more
        :: true
        fi;
        /* wake_prepare, lane_has_record, wait, wake_done */
        PUT(asleep, 1);
#ifndef BROKEN_NO_FENCE_CONSUMER
        FENCE_CONSUMER;
#endif
        CRASH;
#ifndef BROKEN_NO_SETTLE_CONSUMER
        settle_consumer(0);
#if PRODUCERS > 1
        settle_consumer(1);
#endif
#endif
        if
        :: SOMETHING_TO_DO || EVERYTHING_TAKEN -> skip
        :: else ->
            if
            :: event == 1 -> skip
#ifdef BOUND
            :: atomic { timeout && SOMETHING_TO_DO -> late++ }
#endif
            fi
        fi;
        PUT(asleep, 0);
        event = 0
    od;
    /* at the end: every record was taken, and no more waits were late than crashes happened */
    assert(late <= crashes);
    finished == PRODUCERS;
    assert(late <= crashes)
}

init
{
    atomic {
        run Buffers();
        run Producer(0);
#if PRODUCERS > 1
        run Producer(1);
#endif
        run Consumer()
    }
}
