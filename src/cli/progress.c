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

static bool is_time(const struct progress *progress, mono_ns now)
{
    return progress->shows && now - progress->drawn >= DRAW_NS;
}

static void begin_line(const struct progress *progress)
{
    (void)fputc('\r', stderr);
    if (progress->all > 0)
        draw_bar(progress);
}

static void end_line(struct progress *progress, mono_ns now)
{
    (void)fputs("\033[K", stderr);
    (void)fflush(stderr);
    progress->drawn = now;
    progress->is_shown = true;
}

static double rate(const struct progress *progress, double done, mono_ns now)
{
    const double seconds = (double)(now - progress->began) / 1e9;

    return seconds > 0 ? done / seconds : 0;
}

void progress_show(struct progress *progress, uint64_t done)
{
    const mono_ns now = clock_mono_ns();

    if (!is_time(progress, now))
        return;
    begin_line(progress);
    (void)fprintf(stderr, " %llu accounts, %.0f a second", (unsigned long long)done,
                  rate(progress, (double)done, now));
    end_line(progress, now);
}

void progress_show_bytes(struct progress *progress)
{
    const double mib = 1024.0 * 1024.0;
    const mono_ns now = clock_mono_ns();

    if (!is_time(progress, now))
        return;
    begin_line(progress);
    (void)fprintf(stderr, " %.1f of %.1f MiB, %.1f MiB a second", (double)progress->read / mib,
                  (double)progress->all / mib, rate(progress, (double)progress->read / mib, now));
    end_line(progress, now);
}

void progress_hide(struct progress *progress)
{
    if (!progress->is_shown)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    progress->is_shown = false;
}
