/* Letters a second that libcurl's multi interface sends by itself: so many easy handles on kept
 * connections, each with a letter of so many bytes, the next one as soon as one is done. The limit
 * that a mailer has which leaves the transaction to libcurl; nothing is composed, nothing settled.
 *
 * Arguments: host:port connections letters bytes. The last line is one JSON object. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "gatepost/clock.h"

struct sender {
    CURL *easy;
    size_t read_bytes;
};

static char *letter;
static size_t letter_len;

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct sender *sender = context;
    size_t len = letter_len - sender->read_bytes;

    if (len > size * count)
        len = size * count;
    memcpy(out, letter + sender->read_bytes, len);
    sender->read_bytes += len;
    return len;
}

static void make_letter(size_t bytes)
{
    static const char head[] = "From: <a@example.com>\r\nTo: <b@example.com>\r\nSubject: x\r\n\r\n";

    letter = malloc(bytes + sizeof(head) + 80);
    if (letter == NULL)
        exit(1);
    memcpy(letter, head, sizeof(head) - 1);
    letter_len = sizeof(head) - 1;
    while (letter_len < bytes) {
        memset(letter + letter_len, 'x', 74);
        memcpy(letter + letter_len + 74, "\r\n", 2);
        letter_len += 76;
    }
}

static void start(CURLM *multi, struct sender *sender)
{
    sender->read_bytes = 0;
    if (curl_multi_add_handle(multi, sender->easy) != CURLM_OK)
        exit(1);
}

static void prepare(struct sender *sender, const char *url, struct curl_slist *to)
{
    sender->easy = curl_easy_init();
    if (sender->easy == NULL)
        exit(1);
    curl_easy_setopt(sender->easy, CURLOPT_URL, url);
    curl_easy_setopt(sender->easy, CURLOPT_MAIL_FROM, "<a@example.com>");
    curl_easy_setopt(sender->easy, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(sender->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(sender->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(sender->easy, CURLOPT_READDATA, sender);
    curl_easy_setopt(sender->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(sender->easy, CURLOPT_PRIVATE, sender);
}

/* Sends them all; returns how many failed. */
static size_t send_all(CURLM *multi, size_t started, size_t letters)
{
    size_t done = 0, failed = 0;

    while (done < letters) {
        CURLMsg *message;
        int running, left;
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            struct sender *sender = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&sender);
            failed += message->data.result != CURLE_OK;
            done++;
            curl_multi_remove_handle(multi, sender->easy);
            if (started < letters) {
                start(multi, sender);
                started++;
            }
        }
        if (done < letters)
            curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
    return failed;
}

int main(int argc, char **argv)
{
    char url[128];

    if (argc != 5)
        return 2;
    size_t connections = strtoul(argv[2], NULL, 10), letters = strtoul(argv[3], NULL, 10);
    make_letter(strtoul(argv[4], NULL, 10));
    snprintf(url, sizeof(url), "smtp://%s", argv[1]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    struct curl_slist *to = curl_slist_append(NULL, "<b@example.com>");
    struct sender *senders = calloc(connections, sizeof(*senders));
    if (multi == NULL || to == NULL || senders == NULL || letters < connections)
        return 1;
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
    for (size_t i = 0; i < connections; i++) {
        prepare(&senders[i], url, to);
        start(multi, &senders[i]);
    }
    mono_ns began = clock_mono_ns();
    size_t failed = send_all(multi, connections, letters);
    double seconds = (double)(clock_mono_ns() - began) / (double)NS_PER_S;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"letters_per_second\": %.0f, \"cpu_us_per_letter\": %.1f, \"failed\": %zu}\n",
           (double)letters / seconds, cpu_s * 1e6 / (double)letters, failed);
    for (size_t i = 0; i < connections; i++)
        curl_easy_cleanup(senders[i].easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(to);
    curl_global_cleanup();
    free(senders);
    free(letter);
    return failed == 0 ? 0 : 1;
}
