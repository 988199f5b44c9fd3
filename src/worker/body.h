/* Request bodies: JSON or form, read into a checked struct by a field table, with every wrong field
 * told at once in the sentences of Django REST framework. */
#ifndef WORKER_BODY_H
#define WORKER_BODY_H

#include "gatepost/email.h"
#include "gatepost/json.h"
#include "gatepost/username.h"

#include "accept_language.h"
#include "number.h"

#define BODY_FIELDS_MAX     5
#define FIELD_SENTENCES_MAX 6

/* What a field is and what the checked struct holds for it. */
enum field_kind {
    FIELD_TEXT,     /* struct slice: trimmed, not blank */
    FIELD_PASSWORD, /* struct slice: not blank, blanks around it kept (NIST SP 800-63B-4) */
    FIELD_USERNAME, /* struct username */
    FIELD_EMAIL,    /* struct email */
    FIELD_FLAG,     /* bool */
    FIELD_LANGUAGE, /* struct language; may be left out, and empty */
};

/* One row of an endpoint's table. */
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* into the checked struct */
};

/* What is wrong with one field. */
struct field_problems {
    const char *sentences[FIELD_SENTENCES_MAX]; /* constants, or quoting */
    size_t count;
    char quoting[80]; /* the one sentence that has a number in it */
};

enum body_format { BODY_EMPTY, BODY_JSON, BODY_FORM };

/* A body that was read. Owner: the caller; body_fini wipes what it copied. The slices of a checked
 * struct point into it. */
struct body {
    struct json_object object;
    bool single_script; /* of a FIELD_USERNAME: a name that mixes scripts is none */
    char numbers[BODY_FIELDS_MAX][NUMBER_TEXT_BYTES];
};

enum body_status {
    BODY_OK,
    BODY_NOT_JSON,   /* err: what is wrong, without quoting the input */
    BODY_NOT_FORM,   /* not UTF-8, or too many names */
    BODY_NOT_OBJECT, /* body_out->object.top says what it is */
};

/* bytes: borrowed for the call. Call body_fini, whatever the outcome. */
MUST_USE enum body_status body_read(enum body_format format, struct slice bytes,
                                    struct body *body_out, struct err *err);
void body_fini(struct body *body);

/* Is there a member of that name? And one that is not null? */
bool body_has(const struct body *body, const char *name);
bool body_has_value(const struct body *body, const char *name);

/* Fills checked by the table (at most BODY_FIELDS_MAX rows); problems_out has one entry a row.
 * Returns the number of rows with a problem; the struct holds nothing for those. */
size_t body_check(struct body *body, const struct field *fields, size_t count, void *checked,
                  struct field_problems *problems_out);

/* What only the store knows of two fields. */
extern const char EMAIL_TAKEN[];
extern const char USERNAME_TAKEN[];

/* Adds a sentence that only the endpoint can know. sentence: a constant, or problems->quoting. */
void field_problem_add(struct field_problems *problems, const char *sentence);

/* "Invalid data. Expected a dictionary, but got list." or "No data provided"; a constant. */
const char *body_not_object_sentence(enum json_type top);

#endif
