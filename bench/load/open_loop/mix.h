/* What is asked: kinds of requests, each with its share, read from a file of one line a kind:
 *
 *     WEIGHT NAME METHOD PATH TOKENS BODY
 *     60 me GET /api/auth/me bearer:/tmp/access
 *     25 refresh POST /api/auth/token/refresh refresh:/tmp/refresh {"refresh":"{token}"}
 *     10 login POST /api/auth/login - {"username":"user{n%100}","password":"..."}
 *
 * TOKENS: "-" for none, or a file of one a line. "bearer:" takes them in turn into the
 * Authorization field. "refresh:" takes one away, into {token}, and puts the answer's "refresh"
 * behind the others, or the same one again where the answer has none: no two requests under way
 * have the same one. {n} is the number of the request among its kind, from 0; {n%K} that number
 * modulo K. BODY may be missing; it is JSON when it begins with a brace, else a form. */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include "gatepost/base.h"

enum token_use {
    TOKEN_NONE,
    TOKEN_BEARER,
    TOKEN_REFRESH,
};

struct kind {
    unsigned weight;
    char *name, *method, *path, *body;
    enum token_use token_use;
    char **tokens; /* a ring, each owned: as many places as the file has lines */
    size_t token_places, token_first, token_count;
    uint64_t number; /* of the next request */
};

struct mix {
    struct kind *kinds;
    size_t count;
    unsigned weight; /* of all kinds together */
};

/* Dies with a sentence on what cannot be read. */
struct mix *mix_read(const char *path);
void mix_free(struct mix **mix);

/* The kind that a number from 0 to weight - 1 falls to. */
struct kind *mix_kind(struct mix *mix, unsigned drawn);

/* Writes the kind's next request, and which token it spends, which is the caller's until it is
 * given back; NULL when it spends none.
 *
 * Returns: the bytes written, 0 when they do not fit or no token is left. */
size_t kind_write(struct kind *kind, char *bytes_out, size_t size, char **token_out);

/* Takes *token, which may be NULL; successor: what stands in its place from now on, empty: itself.
 */
void kind_give_back(struct kind *kind, char **token, struct slice successor);

#endif
