/* A program of operations: each is repeated for a while, in turn over several rounds, and what one
 * costs of this thread's processor time is printed, the medians, as one JSON object. */
#ifndef BENCH_OPERATIONS_H
#define BENCH_OPERATIONS_H

#include <stdio.h>

#include "timing.h"

#define OPERATION_ROUNDS 5
#define OPERATIONS_MAX   32

struct operation {
    const char *name;          /* ends in _ns */
    void (*run)(int argument); /* once */
    unsigned times;            /* a round: so that it takes some 5 ms */
    int argument;
};

static inline void operations_print(const struct operation *operations, size_t count)
{
    double cost_ns[OPERATIONS_MAX][OPERATION_ROUNDS];

    BUG_ON(count > OPERATIONS_MAX);
    for (int round = 0; round < OPERATION_ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            const double begun = cpu_ns();
            for (unsigned n = 0; n < operations[i].times; n++)
                operations[i].run(operations[i].argument);
            cost_ns[i][round] = (cpu_ns() - begun) / operations[i].times;
        }
    }
    for (size_t i = 0; i < count; i++)
        printf("%s\"%s\": %.1f", i == 0 ? "{" : ", ", operations[i].name,
               median(cost_ns[i], OPERATION_ROUNDS));
    printf("}\n");
}

#endif
