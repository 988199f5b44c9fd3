/* See terminal.h: passwords. None is ever an argument: arguments are everybody's to read in
 * /proc, and stay in the shell's history. */
#include "terminal.h"

#include <stdlib.h>
#include <termios.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#define RANDOM_BYTES     15
#define RANDOM_BYTES_MAX 48 /* password.min_length ends at 64 */
#define INTERRUPT        3  /* what ^C types while it is no signal */

/* A stream's buffer would keep the password where nobody wipes it. Before the first reading. */
static void read_unbuffered(FILE *from)
{
    (void)setvbuf(from, NULL, _IONBF, 0);
}

bool password_read(FILE *from, char password_out[PASSWORD_TEXT_BYTES], struct err *err)
{
    char line[PASSWORD_TEXT_BYTES + 2]; /* and the line's end */
    bool fine = false;

    if (from == stdin)
        read_unbuffered(from);
    if (fgets(line, sizeof(line), from) == NULL) {
        err_set(err, "there is no password on standard input");
        return false;
    }
    size_t len = strcspn(line, "\r\n");
    line[len] = '\0';
    if (len == 0)
        err_set(err, "the password is empty");
    else if (len >= PASSWORD_TEXT_BYTES)
        err_set(err, "the password is longer than %d bytes", PASSWORD_TEXT_BYTES - 1);
    else if (!utf8_valid(slice_of(line, len)))
        err_set(err, "the password is not UTF-8");
    else
        fine = true;
    if (fine)
        memcpy(password_out, line, len + 1);
    secret_wipe(line, sizeof(line));
    return fine;
}

static bool ask_once(FILE *terminal, const char *question, const char *whose,
                     char password_out[PASSWORD_TEXT_BYTES], struct err *err)
{
    char *shown = terminal_text(slice_of_text(whose));

    (void)fprintf(terminal, "%s%s: ", question, shown);
    (void)fflush(terminal);
    free(shown);
    bool fine = password_read(terminal, password_out, err);
    (void)fputc('\n', terminal);
    if (fine && strchr(password_out, INTERRUPT) != NULL) {
        err_set(err, "given up");
        fine = false;
    }
    return fine;
}

bool password_ask(const char *whose, char password_out[PASSWORD_TEXT_BYTES], struct err *err)
{
    char again[PASSWORD_TEXT_BYTES];
    struct termios before;
    FILE *terminal = fopen("/dev/tty", "r+");

    if (terminal == NULL || tcgetattr(fileno(terminal), &before) != 0) {
        err_set(err, "there is no terminal to ask for a password on: use --password-stdin or "
                     "--generate");
        if (terminal != NULL)
            (void)fclose(terminal);
        return false;
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG); /* who leaves by ^C would leave it without an echo */
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &quiet);
    read_unbuffered(terminal);
    bool fine = ask_once(terminal, "New password of ", whose, password_out, err) &&
                ask_once(terminal, "The same again, of ", whose, again, err);
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    (void)fclose(terminal);
    if (fine && strcmp(password_out, again) != 0) {
        err_set(err, "the two are not the same");
        fine = false;
    }
    secret_wipe(again, sizeof(again));
    return fine;
}

void password_generate(size_t min_points, char password_out[PASSWORD_TEXT_BYTES])
{
    uint8_t random[RANDOM_BYTES_MAX];
    size_t len = RANDOM_BYTES;

    while (len < RANDOM_BYTES_MAX && BASE64URL_TEXT_BYTES(len) - 1 < min_points)
        len++;
    random_bytes(random, len);
    base64url_encode(random, len, password_out);
    secret_wipe(random, sizeof(random));
}
