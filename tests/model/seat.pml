/* One worker seat through its tenants: src/lib/ring/seat.c, and what store and mailer owe it.
 *
 * The lanes are as lane.pml proves them, so here a lane is two positions and the generation whose
 * bytes it holds. What is checked is who touches them when. A worker may be killed at every step,
 * store and mailer too; their successors first close a DEAD seat, then serve. The reset takes two
 * steps, as in lane_reset, with everybody else running in between.
 *
 * Checked: nobody touches a lane while it is reset, or with a handle of another generation; no
 * letter of a dead worker is left in its lane when the lane is reset; every tenant gets its turn
 * (a seat that is never freed again would be a deadlock, which spin reports). */

#ifndef TENANTS
#define TENANTS 2
#endif
#ifndef KILLS
#define KILLS 1 /* of store and mailer together; each tenant is killed anyway */
#endif
#define LETTERS 2 /* of each tenant */

mtype = { FREE, LIVE, DEAD };

/* the seat: master's words, closers' words */
mtype state = FREE;
byte generation = 1;
byte closed_by_store, closed_by_mailer;

/* its lanes: ask (worker to store), mail (worker to mailer), answer (store to worker) */
byte ask_tail, ask_head, mail_tail, mail_head;
byte lanes_of = 1; /* the generation the lanes were reset for */
bit resetting;

bit worker_runs;   /* until the kernel has ended it */
byte kills;
bit over; /* the last tenant's seat was freed */

#define TOUCH(g) assert(!resetting && lanes_of == g)
#define KILLED_STORE_OR_MAILER if :: kills < KILLS -> kills++; goto reborn :: true fi

/* A worker knows its generation from the master and does not look at the seat. Being killed is
 * its only end. */
proctype Worker(byte mine)
{
    byte letters;

    do
    :: letters < LETTERS ->
        TOUCH(mine);
        ask_tail++;
        if :: true -> goto dead :: true fi;
        TOUCH(mine);
        mail_tail++;
        letters++
    :: true -> goto dead
    od;
dead:
    worker_runs = 0
}

proctype Master()
{
    byte tenants;

    do
    :: tenants < TENANTS ->
        /* seat_take_worker */
        assert(state == FREE);
        worker_runs = 1;
        state = LIVE;
        run Worker(generation);
        /* reap, seat_bury */
        !worker_runs;
        state = DEAD;
        /* seat_recycle */
#ifdef BROKEN_STORE_IS_ENOUGH
        closed_by_store == generation;
#else
        closed_by_store == generation && closed_by_mailer == generation;
#endif
        assert(mail_head == mail_tail);
        resetting = 1;
        ask_tail = 0;
        mail_tail = 0;
        ask_head = 0;
        mail_head = 0;
        lanes_of = generation + 1;
        resetting = 0;
        d_step { generation++; state = FREE }; /* one word */
        tenants++
    :: else -> break
    od;
    over = 1
}

/* seat_look: the word as it was at one moment. What follows goes by this copy. */
#define LOOK d_step { seen = state; g = generation }

proctype Store()
{
    mtype seen;
    byte g, open; /* open: the generation of my handles; 0: none */

reborn:
    open = 0;
    do
    :: over -> break
    :: !over && (state == LIVE || (state == DEAD && closed_by_store != generation)) ->
        LOOK;
        KILLED_STORE_OR_MAILER;
        if
        :: seen == LIVE -> open = g
        :: seen == DEAD && closed_by_store != g ->
#ifdef BROKEN_CLOSE_FIRST
            closed_by_store = g;
            KILLED_STORE_OR_MAILER;
#endif
            /* what a dead worker asked is dropped: lane_discard */
            TOUCH(g);
            ask_head = ask_tail;
            open = 0;
            KILLED_STORE_OR_MAILER;
            closed_by_store = g
        :: else -> skip
        fi;
        /* the batch: a request and its answer, between two looks at the seat */
        if
        :: open != 0 ->
            TOUCH(open);
            if
            :: ask_head != ask_tail ->
                ask_head++;
                KILLED_STORE_OR_MAILER;
                TOUCH(open) /* the answer */
            :: else -> skip
            fi
        :: else -> skip
        fi
    od
}

proctype Mailer()
{
    mtype seen;
    byte g, open;

reborn:
    open = 0;
    do
    :: over -> break
    :: !over && (state == LIVE || (state == DEAD && closed_by_mailer != generation)) ->
        LOOK;
        KILLED_STORE_OR_MAILER;
        if
        :: seen == LIVE -> open = g
        :: seen == DEAD && closed_by_mailer != g ->
            /* the jobs of a dead worker are good: take them all, then close */
            open = 0;
            do
            :: mail_head != mail_tail ->
                TOUCH(g);
                mail_head++;
                KILLED_STORE_OR_MAILER
            :: else -> break
            od;
            closed_by_mailer = g
        :: else -> skip
        fi;
        if
        :: open != 0 ->
            TOUCH(open);
            if
            :: mail_head != mail_tail -> mail_head++
            :: else -> skip
            fi;
            KILLED_STORE_OR_MAILER
        :: else -> skip
        fi
    od
}

init
{
    atomic {
        run Master();
        run Store();
        run Mailer()
    }
}
