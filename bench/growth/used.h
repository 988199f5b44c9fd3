/* What a process has used up to now. */
#ifndef BENCH_GROWTH_USED_H
#define BENCH_GROWTH_USED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gatepost/clock.h"

struct used {
    mono_ns at;
    double cpu_us;     /* of all its threads */
    double read_bytes; /* by system calls, from the page cache too */
};

static inline struct used used_by(pid_t pid)
{
    struct used used = {.at = clock_mono_ns()};
    struct timespec cpu;
    clockid_t clock;
    char text[256] = "";
    char path[64];
    FILE *file;

    BUG_ON(clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &cpu) != 0);
    used.cpu_us = (double)cpu.tv_sec * 1e6 + (double)cpu.tv_nsec / 1e3;
    snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
    file = fopen(path, "r");
    if (file && fgets(text, sizeof(text), file) && strncmp(text, "rchar: ", 7) == 0)
        used.read_bytes = strtod(text + 7, NULL);
    if (file)
        fclose(file);
    return used;
}

#endif
