/* See progress.h. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_CELLS 40
#define DRAW_NS   (NS_PER_S / 10)

void progress_begin(struct progress *progress, uint64_t all_bytes)
{
    *progress = (struct progress){
        .shows = isatty(STDERR_FILENO) != 0, .all = all_bytes, .began = clock_mono_ns()};
}

static void draw_bar(const struct progress *progress)
{
    uint64_t read = progress->read < progress->all ? progress->read : progress->all;
    int full = (int)(read * BAR_CELLS / progress->all);

    (void)fputc('[', stderr);
    for (int i = 0; i < BAR_CELLS; i++)
        (void)fputc(i < full ? '=' : ' ', stderr);
    (void)fprintf(stderr, "] %3d %%", (int)(read * 100 / progress->all));
}

void progress_show(struct progress *progress, uint64_t done)
{
    mono_ns now = clock_mono_ns();

    if (!progress->shows || now - progress->drawn < DRAW_NS)
        return;
    double seconds = (double)(now - progress->began) / 1e9;
    (void)fputc('\r', stderr);
    if (progress->all > 0)
        draw_bar(progress);
    (void)fprintf(stderr, " %llu accounts, %.0f a second\033[K", (unsigned long long)done,
                  seconds > 0 ? (double)done / seconds : 0);
    (void)fflush(stderr);
    progress->drawn = now;
    progress->is_shown = true;
}

void progress_hide(struct progress *progress)
{
    if (!progress->is_shown)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    progress->is_shown = false;
}
