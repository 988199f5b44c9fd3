/* The two tables about children: why one ended, and how long one may stand still. */
#include "gatepost/proc.h"

#include <stdio.h>

const char *exit_reason_sentence(int code)
{
    static const struct {
        int code;
        const char *sentence;
    } reasons[] = {
#define EXIT_REASON(name, code, sentence) {code, sentence},
#include "gatepost/exit_reasons.def"
#undef EXIT_REASON
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].code == code)
            return reasons[i].sentence;
    }
    return NULL;
}

uint32_t life_limit_ms(enum life_phase phase)
{
    switch (phase) {
    case LIFE_STARTING:   /* loading keys, measuring hash widths, resolving a user */
    case LIFE_RECOVERING: /* since the last sign: a long recovery reports its progress */
    case LIFE_FLUSHING:   /* one slow disk flush is no reason to shoot the store */
    case LIFE_DRAINING:   /* the order that began it carries its own, stricter limit */
        return 30000;
    case LIFE_SERVING:
        return 5000;
    case LIFE_PHASES:
        break;
    }
    BUG_ON((int)phase >= LIFE_PHASES);
    return 0;
}

const char *proc_name(enum proc_role role, uint32_t number, char name_out[PROC_NAME_BYTES])
{
    static const char *const names[ROLE_COUNT] = {
        [ROLE_MASTER] = "master", [ROLE_WORKER] = "worker", [ROLE_STORE] = "store",
        [ROLE_MAILER] = "mailer", [ROLE_ADMIN] = "admin",
    };
    BUG_ON(role >= ROLE_COUNT);
    if (role == ROLE_WORKER)
        snprintf(name_out, PROC_NAME_BYTES, "%s.%u", names[role], (unsigned)number);
    else
        snprintf(name_out, PROC_NAME_BYTES, "%s", names[role]);
    return name_out;
}
