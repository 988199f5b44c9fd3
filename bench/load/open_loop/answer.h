/* As much of an HTTP/1 answer as a load needs. */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include "gatepost/base.h"

enum answer_state {
    ANSWER_WHOLE,
    ANSWER_UNFINISHED,
    ANSWER_MALFORMED,
};

struct answer {
    unsigned status;   /* 100 to 599 */
    bool closes;       /* the connection is over with it */
    struct slice body; /* of the bytes that were looked at */
};

/* Looks at what came so far; has_ended: nothing more will come. The end is told by Content-Length,
 * by a last chunk, or by the connection's end. answer_out is good when it is whole. */
enum answer_state answer_read(struct slice bytes, bool has_ended, struct answer *answer_out);

/* The string of a member of that name in a flat JSON object without escapes; an empty slice when it
 * has none. quoted_name: as it stands there, "\"refresh\":". */
struct slice answer_member(struct slice body, struct slice quoted_name);

#endif
