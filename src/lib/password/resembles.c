/* Is a password nearly the user's name or address? Django's UserAttributeSimilarityValidator.
 *
 * Its measure is difflib's quick_ratio: twice the number of characters that both have, in any
 * order, divided by the number of characters of both; from 0.7 on they are alike. It is asked of
 * the whole attribute and of each of its words, in lower case. */
#include "gatepost/password_policy.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#define POINTS_MAX    1024
#define ALIKE_PERCENT 70

struct points {
    uint32_t at[POINTS_MAX];
    size_t count;
};

static void take_lower(struct slice text, struct points *points_out)
{
    points_out->count = 0;
    while (text.len > 0 && points_out->count < POINTS_MAX)
        points_out->at[points_out->count++] = uc_tolower(utf8_next(&text));
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* Of how many characters are there as many in both? password: sorted. */
static bool is_alike(const struct points *password, const uint32_t *word, size_t count)
{
    uint32_t sorted[POINTS_MAX];
    size_t shared = 0;
    size_t least = count < password->count ? count : password->count;

    if (count == 0 || 200 * least < ALIKE_PERCENT * (count + password->count))
        return false;
    memcpy(sorted, word, count * sizeof(*word));
    qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0, k = 0; i < count && k < password->count;) {
        if (sorted[i] == password->at[k]) {
            shared++;
            i++;
            k++;
        } else if (sorted[i] < password->at[k]) {
            i++;
        } else {
            k++;
        }
    }
    return 200 * shared >= ALIKE_PERCENT * (count + password->count);
}

/* Python's \w. */
static bool is_word_character(uint32_t point)
{
    return point == '_' ||
           uc_is_general_category_withtable(point, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N);
}

static bool has_word_alike(const struct points *password, const struct points *attribute)
{
    size_t begin = 0;

    for (size_t i = 0; i <= attribute->count; i++) {
        if (i < attribute->count && is_word_character(attribute->at[i]))
            continue;
        if (is_alike(password, attribute->at + begin, i - begin))
            return true;
        begin = i + 1;
    }
    return false;
}

bool password_resembles(struct slice password, const char *attribute)
{
    struct points points;
    struct points of_attribute;

    if (password.len == 0 || attribute[0] == '\0')
        return false;
    take_lower(password, &points);
    take_lower(slice_of_text(attribute), &of_attribute);
    qsort(points.at, points.count, sizeof(points.at[0]), compare);
    bool alike = is_alike(&points, of_attribute.at, of_attribute.count) ||
                 has_word_alike(&points, &of_attribute);
    secret_wipe(&points, sizeof(points));
    return alike;
}
