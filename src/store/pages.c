/* See pages.h. DB->verify has no context for what it says: hence this file's one variable. */
#include "pages.h"

#include <db.h>
#include <stdio.h>

#include "env.h"

#define CACHE_BYTES (32U << 20)

static struct {
    const struct offline_listener *listener;
    const char *file;
} looking;

static void on_text(const DB_ENV *db_env, const char *prefix, const char *text)
{
    char sentence[512];

    (void)db_env;
    (void)prefix;
    (void)snprintf(sentence, sizeof(sentence), "%s: %s", looking.file, text);
    looking.listener->on_problem(looking.listener->context, sentence);
}

/* Returns 0, or what is wrong. */
static int verify_file(const char *dir, const char *file)
{
    char path[4096];
    DB *db;
    int failure = db_create(&db, NULL, 0);

    if (failure != 0)
        return failure;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, file);
    db->set_errcall(db, on_text);
    failure = db->set_cachesize(db, 0, CACHE_BYTES, 1);
    if (failure == 0)
        return db->verify(db, path, NULL, NULL, 0); /* closes it, whatever it finds */
    (void)db->close(db, 0);
    return failure;
}

bool pages_verify(const char *dir, const struct offline_listener *listener)
{
    static const char *const files[] = {
#define TABLE(NAME, file) file,
        TABLES(TABLE)
#undef TABLE
    };
    bool good = true;

    looking.listener = listener;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        looking.file = files[i];
        listener->on_progress(listener->context, "looking at pages", i, ARRAY_LEN(files));
        const int failure = verify_file(dir, files[i]);
        if (failure != 0) {
            on_text(NULL, NULL, db_strerror(failure));
            good = false;
        }
    }
    return good;
}
