/* conf/mail as it was when this was built. The paths are from the top of the tree, where make runs;
 * the Makefile knows of the dependency. */
#include "built_in.h"

#include "gatepost/mail_purpose.h"

/* A file as bytes, between a symbol and its _end. */
#define FILE_BYTES(symbol, path)                                                                   \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #symbol ", " #symbol "_end\n"                                               \
            ".hidden " #symbol ", " #symbol "_end\n" #symbol ":\n"                                 \
            ".incbin \"conf/mail/" path "\"\n" #symbol "_end:\n"                                   \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char symbol[], symbol##_end[];

#define FILE_ROW(symbol, path) {path, symbol, symbol##_end},

#define SHARED_FILES(FILE)                                                                         \
    FILE(letter_layout_txt, "layout.txt")                                                          \
    FILE(letter_layout_html, "layout.html")                                                        \
    FILE(letter_button_txt, "button.txt")                                                          \
    FILE(letter_button_html, "button.html")                                                        \
    FILE(letter_note_txt, "note.txt")                                                              \
    FILE(letter_note_html, "note.html")

#define LETTER_FILES(FILE, tag, purpose)                                                           \
    FILE(letter_##tag##_##purpose##_subject, #tag "/" #purpose ".subject")                         \
    FILE(letter_##tag##_##purpose##_txt, #tag "/" #purpose ".txt")                                 \
    FILE(letter_##tag##_##purpose##_html, #tag "/" #purpose ".html")

#define BYTES_EN(number, NAME, name, path) LETTER_FILES(FILE_BYTES, en, name)
#define BYTES_DE(number, NAME, name, path) LETTER_FILES(FILE_BYTES, de, name)
#define BYTES_FR(number, NAME, name, path) LETTER_FILES(FILE_BYTES, fr, name)
#define BYTES_ES(number, NAME, name, path) LETTER_FILES(FILE_BYTES, es, name)
#define BYTES_PT(number, NAME, name, path) LETTER_FILES(FILE_BYTES, pt, name)
#define BYTES_JA(number, NAME, name, path) LETTER_FILES(FILE_BYTES, ja, name)
#define ROW_EN(number, NAME, name, path)   LETTER_FILES(FILE_ROW, en, name)
#define ROW_DE(number, NAME, name, path)   LETTER_FILES(FILE_ROW, de, name)
#define ROW_FR(number, NAME, name, path)   LETTER_FILES(FILE_ROW, fr, name)
#define ROW_ES(number, NAME, name, path)   LETTER_FILES(FILE_ROW, es, name)
#define ROW_PT(number, NAME, name, path)   LETTER_FILES(FILE_ROW, pt, name)
#define ROW_JA(number, NAME, name, path)   LETTER_FILES(FILE_ROW, ja, name)

SHARED_FILES(FILE_BYTES)
MAIL_PURPOSES(BYTES_EN)
MAIL_PURPOSES(BYTES_DE)
MAIL_PURPOSES(BYTES_FR)
MAIL_PURPOSES(BYTES_ES)
MAIL_PURPOSES(BYTES_PT)
MAIL_PURPOSES(BYTES_JA)

static const struct built_in {
    const char *path; /* below conf/mail */
    const char *at, *end;
} files[] = {SHARED_FILES(FILE_ROW) MAIL_PURPOSES(ROW_EN) MAIL_PURPOSES(ROW_DE) MAIL_PURPOSES(
    ROW_FR) MAIL_PURPOSES(ROW_ES) MAIL_PURPOSES(ROW_PT) MAIL_PURPOSES(ROW_JA)};

const char *const built_in_languages[BUILT_IN_LANGUAGES] = {"en", "de", "fr", "es", "pt", "ja"};

bool built_in_find(const char *path, struct slice *text_out)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (strcmp(files[i].path, path) != 0)
            continue;
        *text_out = slice_of(files[i].at, (size_t)(files[i].end - files[i].at));
        return true;
    }
    return false;
}
