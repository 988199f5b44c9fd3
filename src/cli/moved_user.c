/* See moved_user.h. */
#include "moved_user.h"

#include <stddef.h>

/* What the file may call it, and what the server calls it (NULL: as before). */
static const struct {
    const char *name;
    size_t offset;
} NAMES[] = {
    {"id", offsetof(struct moved_user, id)},
    {"username", offsetof(struct moved_user, username)},
    {"email", offsetof(struct moved_user, email)},
    {"password", offsetof(struct moved_user, password)},
    {"active", offsetof(struct moved_user, active)},
    {"email_verified", offsetof(struct moved_user, email_verified)},
    {"date_joined", offsetof(struct moved_user, date_joined)},
    {"last_login", offsetof(struct moved_user, last_login)},
    {"language", offsetof(struct moved_user, language)},
};

const char *moved_user_take(struct moved_user *user, const struct json_member *member)
{
    struct slice name = member->name;

    if (slice_equal(name, SLICE_LITERAL("is_active")))
        name = SLICE_LITERAL("active"); /* Django's word */
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if (slice_equal(name, slice_of_text(NAMES[i].name)) &&
            !(user->is_djangos && NAMES[i].offset == offsetof(struct moved_user, language))) {
            struct json_member *place = (struct json_member *)((char *)user + NAMES[i].offset);

            if (place->name.len > 0)
                return "a member stands twice, under two names perhaps";
            *place = *member;
            return NULL;
        }
    }
    if (slice_equal(name, SLICE_LITERAL("extra")) && member->type == JSON_OBJECT) {
        user->extra = member->text;
        return NULL;
    }
    if (user->extra_count == EXTRAS_MAX)
        return "too many members";
    user->extras[user->extra_count++] = *member;
    return NULL;
}

void moved_value_write(struct json_writer *writer, const struct json_member *member)
{
    switch (member->type) {
    case JSON_STRING:
        json_string(writer, member->text);
        return;
    case JSON_INTEGER:
    case JSON_FLOAT:
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_raw(writer, member->text);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        json_flag(writer, member->type == JSON_TRUE);
        return;
    case JSON_NULL:
        json_null(writer);
        return;
    }
}

static void write_members(struct json_writer *writer, const struct json_member *members,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_string(writer, members[i].name);
        moved_value_write(writer, &members[i]);
    }
}

/* Is one of these names another's too, or the first before it? */
static bool has_twice(const struct json_member *members, size_t count,
                      const struct json_member *others, size_t other_count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (slice_equal(members[i].name, members[j].name))
                return true;
        }
        for (size_t j = 0; j < other_count; j++) {
            if (slice_equal(members[i].name, others[j].name))
                return true;
        }
    }
    return false;
}

/* Members of an object that is there already, and those that were found beside it. */
static bool write_extra(const struct moved_user *user, struct json_writer *writer)
{
    struct json_object inner = {.count = 0};
    struct err err = {0};

    if (user->extra.len > 0 && json_read(user->extra, &inner, &err) != JSON_OK)
        return false;
    bool fine = inner.count + user->extra_count <= JSON_MEMBERS_MAX &&
                !has_twice(user->extras, user->extra_count, inner.members, inner.count);
    if (fine) {
        json_object_begin(writer);
        write_members(writer, inner.members, inner.count);
        write_members(writer, user->extras, user->extra_count);
        json_object_end(writer);
    }
    json_object_fini(&inner);
    return fine;
}

bool moved_user_write(const struct moved_user *user, struct json_writer *writer)
{
    json_object_begin(writer);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        const struct json_member *member =
            (const struct json_member *)((const char *)user + NAMES[i].offset);

        if (member->name.len == 0)
            continue;
        json_string(writer, slice_of_text(NAMES[i].name));
        moved_value_write(writer, member);
    }
    if (user->extra_count > 0 || user->extra.len > 0) {
        json_string(writer, SLICE_LITERAL("extra"));
        if (!write_extra(user, writer))
            return false;
    }
    json_object_end(writer);
    return true;
}
