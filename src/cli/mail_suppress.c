/* `gatepost mail suppress [list]`, `add ADDRESS`, `remove ADDRESS`: addresses that get no letters.
 */
#include "mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"
#include "gatepost/json.h"
#include "gatepost/proc.h"

#include "listing.h"

static int list(struct mail_order *order)
{
    static const char *const headers[] = {"ADDRESS", "REASON", "SINCE", "LETTER", "DETAIL"};
    static const char *const members[] = {"address", "reason", "since", "letter", "detail"};
    static const struct listing listing = {headers, members, ARRAY_LEN(headers), 1U << 2};
    size_t limit;

    if (!mail_number(order, MAIL_OPTION_LIMIT, &limit))
        return mail_misuse("--limit: this is no number from 1 on");
    return listing_print_all(&order->asking, &listing, "/admin/mail/suppressions?", limit);
}

static void write_member(struct json_writer *writer, const char *name, const char *value)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, slice_of_text(value));
}

static int add(struct mail_order *order)
{
    const char *detail = order->options[MAIL_OPTION_DETAIL];
    struct json_writer *writer = json_writer_new();
    struct admin_answer answer = {0};

    if (detail != NULL && !utf8_valid(slice_of_text(detail))) {
        json_writer_free(&writer);
        return mail_misuse("--detail: this is not UTF-8");
    }
    json_object_begin(writer);
    write_member(writer, "address", order->operands[1]);
    if (detail != NULL)
        write_member(writer, "detail", detail);
    json_object_end(writer);
    struct slice json = json_writer_text(writer);
    char *body = xcalloc(1, json.len + 1);
    memcpy(body, json.at, json.len);
    json_writer_free(&writer);
    int code = ask(&order->asking, "POST", "/admin/mail/suppressions", body, &answer);
    free(body);
    if (code == EXIT_DONE)
        (void)printf("suppressed\n");
    return code;
}

static int take_out(struct mail_order *order)
{
    struct admin_answer answer = {0};
    char *address = admin_escape(order->operands[1]);
    size_t bytes = sizeof("/admin/mail/suppressions/") + strlen(address);
    char *path = xcalloc(1, bytes);

    (void)snprintf(path, bytes, "/admin/mail/suppressions/%s", address);
    order->asking.missing = "this address is not suppressed";
    int code = ask(&order->asking, "DELETE", path, NULL, &answer);
    free(path);
    free(address);
    if (code == EXIT_DONE)
        (void)printf("not suppressed any more\n");
    return code;
}

int cli_mail_suppress(struct mail_order *order)
{
    static const struct {
        const char *word;
        int (*run)(struct mail_order *order);
    } actions[] = {{"list", list}, {"add", add}, {"remove", take_out}};
    const char *word = order->operands[0] != NULL ? order->operands[0] : "list";
    const bool lists = strcmp(word, "list") == 0;

    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(word, actions[i].word) != 0)
            continue;
        if (lists != (order->operands[1] == NULL))
            return mail_misuse(lists ? "`mail suppress list` takes no address"
                                     : "`mail suppress` needs an address");
        return actions[i].run(order);
    }
    return mail_misuse("`mail suppress` knows list, add and remove");
}
