/* Is this a password to take for a new account? Length first, then how many guesses zxcvbn thinks
 * it would stand.
 *
 * zxcvbn's time grows with the square of the length, and to 4 ms for a hundred equal characters; it
 * runs on the event loop. So it sees pieces of at most PIECE_BYTES, first the beginning and, when
 * that is weak, the end: a password is at least as strong as its strongest piece. It keeps no
 * state, so any thread may ask it. */
#include "gatepost/password_policy.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include <zxcvbn.h>

#define LOG10_OF_2     0.30102999566398120
#define PIECE_BYTES    32
#define WORDS_MAX      8
#define WORD_MIN_BYTES 5
#define WORD_PIECE_MAX 64

/* The words that say something about this user. "test" of test@example.com does not: words so
 * short are in every dictionary, and the sign-up with testpass123 is to be taken. */
static void choose_words(const char *const *words, const char *chosen_out[WORDS_MAX + 1])
{
    size_t count = 0;

    for (; words != NULL && *words != NULL && count < WORDS_MAX; words++) {
        size_t len = strlen(*words);

        if (len >= WORD_MIN_BYTES && len <= WORD_PIECE_MAX)
            chosen_out[count++] = *words;
    }
    chosen_out[count] = NULL;
}

static double piece_strength(const char *at, size_t len, const char **words)
{
    char piece[PIECE_BYTES + 1];

    memcpy(piece, at, len);
    piece[len] = '\0'; /* a NUL inside ends it sooner, and makes it weaker: never stronger */
    double bits = ZxcvbnMatch(piece, words, NULL);
    secret_wipe(piece, sizeof(piece));
    return bits * LOG10_OF_2;
}

static bool strong_enough(struct slice password, double min_strength_log10,
                          const char *const *words)
{
    const char *chosen[WORDS_MAX + 1];
    size_t len = password.len < PIECE_BYTES ? password.len : PIECE_BYTES;

    choose_words(words, chosen);
    if (piece_strength(password.at, len, chosen) >= min_strength_log10)
        return true;
    return password.len > PIECE_BYTES && piece_strength(password.at + password.len - PIECE_BYTES,
                                                        PIECE_BYTES, chosen) >= min_strength_log10;
}

enum password_problem password_judge(struct slice password, size_t min_points,
                                     double min_strength_log10, const char *const *words)
{
    if (password.len > PASSWORD_MAX_BYTES)
        return PASSWORD_TOO_LONG;
    if (utf8_count(password) < min_points)
        return PASSWORD_TOO_SHORT;
    if (min_strength_log10 > 0 && !strong_enough(password, min_strength_log10, words))
        return PASSWORD_TOO_COMMON;
    return PASSWORD_FINE;
}
