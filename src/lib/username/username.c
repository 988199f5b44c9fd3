/* User names: Django's alphabet, NFKC to store, NFKC-casefold-NFKC to compare.
 *
 * Story: username_check looks at what was given as Django's validator does, every character and
 * the length, so that both complaints can be told at once. Then it normalises. NFKC can bring in
 * what the alphabet refuses (a ligature of U+FDFA holds spaces, U+00BC a fraction slash), so the
 * result is looked at again, where marks are allowed: they come out of letters of Thai, Devanagari
 * and others that Django accepts.
 *
 * Invariant: a key comes from a text that passed the second look; so every stored name, typed
 * again, gives its own key. */
#include "gatepost/username.h"

#include "gatepost/encoding.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

enum { GIVEN, NORMALISED };

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

static bool is_ascii_name_character(uint32_t point)
{
    return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') ||
           (point >= 'a' && point <= 'z') ||
           (point != 0 && point < 0x80 && strchr("_.@+-", (int)point) != NULL);
}

/* Python's \w is str.isalnum() or '_': letters and everything numeric, no marks. Letters that
 * nobody can see (the Hangul fillers) are left out: they make a second "admin". */
static bool is_name_character(uint32_t point, int stage)
{
    if (point < 0x80)
        return is_ascii_name_character(point);

    uint32_t categories = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N;
    if (stage == NORMALISED)
        categories |= UC_CATEGORY_MASK_M;
    return uc_is_general_category_withtable(point, categories) &&
           !uc_is_property_default_ignorable_code_point(point);
}

static bool all_name_characters(struct slice text, int stage)
{
    while (text.len > 0) {
        if (!is_name_character(utf8_next(&text), stage))
            return false;
    }
    return true;
}

static unsigned problems_of(struct slice text, int stage)
{
    unsigned problems = USERNAME_FINE;

    if (text.len == 0 || !all_name_characters(text, stage))
        problems |= USERNAME_BAD_CHARACTER;
    if (utf8_count(text) > USERNAME_MAX_POINTS)
        problems |= USERNAME_TOO_LONG;
    return problems;
}

/* Copies what libunistring gave into the caller's array; frees it. */
static bool take_text(uint8_t *text, size_t len, char text_out[USERNAME_MAX_BYTES + 1])
{
    BUG_ON(text == NULL);
    bool fits = slice_to_text(slice_of(text, len), text_out, USERNAME_MAX_BYTES + 1);

    free(text);
    return fits;
}

/* text: at most USERNAME_MAX_BYTES. False when the result is longer than that. */
static bool normalise(struct slice text, char text_out[USERNAME_MAX_BYTES + 1])
{
    size_t len = 0;

    if (is_ascii(text))
        return slice_to_text(text, text_out, USERNAME_MAX_BYTES + 1);
    uint8_t *normal = u8_normalize(UNINORM_NFKC, (const uint8_t *)text.at, text.len, NULL, &len);
    return take_text(normal, len, text_out);
}

/* The key of a text that is in NFKC already. Without a language: a Turkish reader's dotless i must
 * not change who an account belongs to. */
static bool fold(const char *normal, char key_out[USERNAME_MAX_BYTES + 1])
{
    struct slice text = slice_of_text(normal);
    size_t len = 0;

    if (is_ascii(text)) {
        for (size_t i = 0; i <= text.len; i++) {
            char c = normal[i];

            key_out[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        }
        return true;
    }
    uint8_t *folded =
        u8_casefold((const uint8_t *)normal, text.len, NULL, UNINORM_NFKC, NULL, &len);
    return take_text(folded, len, key_out);
}

unsigned username_check(struct slice text, struct username *username_out)
{
    /* Copied whole: what it does not use must not be what the stack held before, a password's
     * remains from a register, say. */
    struct username name = {.text = ""};
    unsigned problems = problems_of(text, GIVEN);

    if (problems != USERNAME_FINE)
        return problems;
    if (!normalise(text, name.text))
        return USERNAME_TOO_LONG;
    problems = problems_of(slice_of_text(name.text), NORMALISED);
    if (problems != USERNAME_FINE)
        return problems;
    if (!fold(name.text, name.key))
        return USERNAME_TOO_LONG;
    *username_out = name;
    return USERNAME_FINE;
}

bool username_is_visible(struct slice text)
{
    static const uint32_t hidden = UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Zs |
                                   UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp;

    while (text.len > 0) {
        if (uc_is_general_category_withtable(utf8_next(&text), hidden))
            return false;
    }
    return true;
}

bool username_key(struct slice text, char key_out[USERNAME_MAX_BYTES + 1])
{
    char normal[USERNAME_MAX_BYTES + 1];
    char key[USERNAME_MAX_BYTES + 1];

    if (text.len > USERNAME_MAX_BYTES || !normalise(text, normal) ||
        problems_of(slice_of_text(normal), NORMALISED) != USERNAME_FINE || !fold(normal, key))
        return false;
    memcpy(key_out, key, strlen(key) + 1);
    return true;
}
