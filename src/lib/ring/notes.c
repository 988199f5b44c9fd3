/* See notes.h. A place holds its number, and the bytes as words: both are copied by relaxed loads
 * and stores, and the number, which is 0 while the words are written, tells whether they belong
 * together. Whatever may stand there, the reader shows text or nothing. */
#include "gatepost/notes.h"

#include "gatepost/encoding.h"
#include "ring_layout.h"

void note_put(struct segment *segment, struct slice line)
{
    struct notes_shared *notes = segment->notes;
    const uint64_t number = atomic_fetch_add_explicit(&notes->next, 1, memory_order_relaxed) + 1;
    struct note_shared *note = &notes->place[number % NOTES_MAX];
    char text[NOTE_WORDS * 8] = {0};

    memcpy(text, line.at, line.len < NOTE_MAX_BYTES ? line.len : NOTE_MAX_BYTES);
    atomic_store_explicit(&note->number, 0, memory_order_relaxed);
    ring_full_fence();
    for (size_t i = 0; i < NOTE_WORDS; i++) {
        uint64_t word;
        memcpy(&word, text + i * 8, 8);
        atomic_store_explicit(&note->words[i], word, memory_order_relaxed);
    }
    atomic_store_explicit(&note->number, number, memory_order_release);
}

static bool is_clean(const char *text)
{
    struct slice rest = slice_of_text(text);

    if (rest.len == 0 || !utf8_valid(rest))
        return false;
    while (rest.len > 0) {
        const uint32_t point = utf8_next(&rest);
        if (point < 0x20 || (point >= 0x7f && point < 0xa0))
            return false;
    }
    return true;
}

/* A line that was cut in the middle of a character ends before it. */
static void end_whole(char *text)
{
    size_t len = strlen(text);

    for (int i = 0; i < 3 && len > 0 && !utf8_valid(slice_of(text, len)); i++)
        text[--len] = '\0';
}

static bool read_place(const struct note_shared *note, uint64_t number,
                       char text_out[NOTE_MAX_BYTES + 1])
{
    char text[NOTE_WORDS * 8];

    if (atomic_load_explicit(&note->number, memory_order_acquire) != number)
        return false;
    for (size_t i = 0; i < NOTE_WORDS; i++) {
        const uint64_t word = atomic_load_explicit(&note->words[i], memory_order_relaxed);
        memcpy(text + i * 8, &word, 8);
    }
    ring_full_fence();
    if (atomic_load_explicit(&note->number, memory_order_relaxed) != number)
        return false;
    text[NOTE_MAX_BYTES] = '\0';
    end_whole(text);
    if (!is_clean(text))
        return false;
    memcpy(text_out, text, NOTE_MAX_BYTES + 1);
    return true;
}

size_t notes_read(const struct segment *segment, char lines_out[NOTES_MAX][NOTE_MAX_BYTES + 1])
{
    const struct notes_shared *notes = segment->notes;
    const uint64_t newest = atomic_load_explicit(&notes->next, memory_order_relaxed);
    size_t count = 0;

    for (uint64_t i = newest < NOTES_MAX ? newest : NOTES_MAX; i > 0; i--) {
        const uint64_t number = newest - i + 1;
        count += read_place(&notes->place[number % NOTES_MAX], number, lines_out[count]);
    }
    return count;
}
