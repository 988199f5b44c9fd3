/* See admin_client.h: libcurl over a unix socket.
 *
 * Nothing of the environment has a say: no proxy, no .netrc, no redirects. A path is sent as it is
 * built here: an account named ".." is no step up. */
#include "admin_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/pidlock.h"

#define ORIGIN           "http://localhost"
#define CONNECT_LIMIT_S  5L
#define CALL_LIMIT_S     90L /* a hash that waits is answered within 60 s */
#define ANSWER_MAX_BYTES ((size_t)8 * 1024 * 1024)

struct admin_client {
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *lines_headers; /* of admin_post_lines */
    const struct config *config;
    const char *socket_path; /* the configuration's */
    int fd;                  /* libcurl's; to look at who is at its other end */
    bool is_foreign;         /* somebody who is not to be talked to */
    uid_t foreign_uid;
    char *body;
    size_t body_max; /* bytes that it has room for */
    size_t len;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct admin_client *client = context;
    size_t len = size * count;

    if (len > ANSWER_MAX_BYTES - client->len)
        return 0;
    if (client->len + len + 1 > client->body_max) {
        client->body_max = 2 * (client->len + len + 1);
        client->body = xrealloc(client->body, client->body_max);
    }
    memcpy(client->body + client->len, bytes, len);
    client->len += len;
    client->body[client->len] = '\0';
    return len;
}

/* ---- who is at the other end --------------------------------------------------------------------
 */

/* What runs as master.user are the roles, and root gave them that user so as not to trust them. */
static bool is_service_user(const struct config *config, uid_t uid)
{
    const struct passwd *entry =
        config->master_user[0] != '\0' ? getpwnam(config->master_user) : NULL;

    return entry != NULL && entry->pw_uid == uid;
}

/* Is it who runs the server that holds the pid file? pidlock_holder says that the file is his. */
static bool runs_the_server(const struct config *config, uid_t uid)
{
    struct err err = {0};
    struct stat file;
    pid_t pid;

    return pidlock_holder(config->master_pid_file, &pid, &err) == PIDLOCK_HOLDER_FOUND &&
           lstat(config->master_pid_file, &file) == 0 && file.st_uid == uid;
}

/* A unix socket's other end is who called listen(): the master. */
static bool is_trusted(const struct admin_client *client, uid_t *uid_out)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    *uid_out = (uid_t)-1;
    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    *uid_out = peer.uid;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    return !is_service_user(client->config, peer.uid) && runs_the_server(client->config, peer.uid);
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct admin_client *client = context;

    (void)purpose;
    client->fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return client->fd < 0 ? CURL_SOCKET_BAD : client->fd;
}

/* Before each request, once there is a connection. */
static int on_connected(void *context, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    struct admin_client *client = context;

    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    client->is_foreign = !is_trusted(client, &client->foreign_uid);
    return client->is_foreign ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- the client ---------------------------------------------------------------------------------
 */

#define SET(option, value) BUG_ON(curl_easy_setopt(client->easy, (option), (value)) != CURLE_OK)

struct admin_client *admin_client_new(const struct config *config)
{
    struct admin_client *client = xcalloc(1, sizeof(*client));

    BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
    client->easy = curl_easy_init();
    client->headers = curl_slist_append(NULL, "Content-Type: application/json");
    client->lines_headers = curl_slist_append(NULL, "Content-Type: application/x-ndjson");
    client->lines_headers = curl_slist_append(client->lines_headers, "Expect:"); /* just send it */
    BUG_ON(client->easy == NULL || client->headers == NULL || client->lines_headers == NULL);
    client->config = config;
    client->socket_path = config->admin_socket;
    client->fd = -1;
    SET(CURLOPT_UNIX_SOCKET_PATH, client->socket_path);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(CURLOPT_OPENSOCKETDATA, client);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, client);
    SET(CURLOPT_PROTOCOLS_STR, "http");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, CONNECT_LIMIT_S);
    SET(CURLOPT_TIMEOUT, CALL_LIMIT_S);
    SET(CURLOPT_HTTPHEADER, client->headers);
    SET(CURLOPT_WRITEFUNCTION, on_bytes);
    SET(CURLOPT_WRITEDATA, client);
    return client;
}

void admin_client_free(struct admin_client **client_io)
{
    struct admin_client *client = *client_io;

    if (client == NULL)
        return;
    curl_easy_cleanup(client->easy);
    curl_slist_free_all(client->headers);
    curl_slist_free_all(client->lines_headers);
    curl_global_cleanup();
    free(client->body);
    free(client);
    *client_io = NULL;
}

/* Why there was no connection: no server, or one that is not ours to ask. */
static enum admin_status explain_no_connection(const struct admin_client *client, struct err *err)
{
    if (access(client->socket_path, R_OK | W_OK) != 0 && errno == EACCES) {
        err_set(err, "%s: only who started the server may open it", client->socket_path);
        return ADMIN_FAILED;
    }
    err_set(err, "no server is running (admin.socket is %s)", client->socket_path);
    return ADMIN_NOT_RUNNING;
}

/* What is to be sent, and its type, are set. */
static enum admin_status perform(struct admin_client *client, const char *method, const char *path,
                                 struct admin_answer *answer_out, struct err *err)
{
    size_t url_bytes = sizeof(ORIGIN) + strlen(path);
    char *url = xcalloc(1, url_bytes);
    long status = 0;

    free(client->body);
    client->body = xstrdup("");
    client->body_max = 1;
    client->len = 0;
    snprintf(url, url_bytes, "%s%s", ORIGIN, path);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CUSTOMREQUEST, method);
    CURLcode code = curl_easy_perform(client->easy);
    free(url);
    if (code == CURLE_COULDNT_CONNECT)
        return explain_no_connection(client, err);
    if (client->is_foreign) {
        err_set(err,
                "%s: uid %u listens there, who is neither root nor you, nor runs the server of %s: "
                "nothing was asked",
                client->socket_path, (unsigned)client->foreign_uid,
                client->config->master_pid_file);
        return ADMIN_FAILED;
    }
    if (code != CURLE_OK ||
        curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        err_set(err, "%s: %s", client->socket_path, curl_easy_strerror(code));
        return ADMIN_FAILED;
    }
    *answer_out =
        (struct admin_answer){.status = (int)status, .body = client->body, .len = client->len};
    return ADMIN_OK;
}

enum admin_status admin_call(struct admin_client *client, const char *method, const char *path,
                             const char *json, struct admin_answer *answer_out, struct err *err)
{
    SET(CURLOPT_HTTPHEADER, client->headers);
    SET(CURLOPT_POSTFIELDS, json);
    SET(CURLOPT_POSTFIELDSIZE, -1L); /* up to its end */
    if (json == NULL)
        SET(CURLOPT_HTTPGET, 1L); /* after a body, without one again */
    return perform(client, method, path, answer_out, err);
}

enum admin_status admin_post_lines(struct admin_client *client, const char *path,
                                   struct slice lines, struct admin_answer *answer_out,
                                   struct err *err)
{
    SET(CURLOPT_HTTPHEADER, client->lines_headers);
    SET(CURLOPT_POSTFIELDS, lines.at);
    SET(CURLOPT_POSTFIELDSIZE, (long)lines.len);
    return perform(client, "POST", path, answer_out, err);
}

char *admin_escape(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *escaped = xcalloc(3, strlen(text) + 1);
    char *out = escaped;

    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c) != NULL) {
            *out++ = *at;
            continue;
        }
        *out++ = '%';
        *out++ = digits[c >> 4];
        *out++ = digits[c & 15];
    }
    return escaped;
}

char *admin_user_path(const char *ref, const char *rest)
{
    char *escaped = admin_escape(ref);
    size_t bytes = sizeof("/admin/users/") + strlen(escaped) + strlen(rest);
    char *path = xcalloc(1, bytes);

    snprintf(path, bytes, "/admin/users/%s%s", escaped, rest);
    free(escaped);
    return path;
}
