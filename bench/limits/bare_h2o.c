/* The yardstick: libh2o alone, one process, one constant JSON answer of the size of `me`.
 *
 * Prints its port and serves until its standard input ends. */
#include <arpa/inet.h>
#include <h2o.h>
#include <h2o/http1.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char body[] =
    "{\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"username\":\"testuser\","
    "\"email\":\"test@example.com\",\"email_verified\":true,"
    "\"date_joined\":\"2026-11-23T15:00:00.000Z\",\"last_login\":\"2026-11-23T15:00:00.000Z\"}";

static h2o_accept_ctx_t accept_context;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    static h2o_generator_t generator;
    h2o_iovec_t answer = h2o_iovec_init(body, sizeof(body) - 1);

    (void)self;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = answer.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_start_response(req, &generator);
    h2o_send(req, &answer, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_connection(h2o_socket_t *listener, const char *err)
{
    if (err != NULL)
        return;
    for (int i = 0; i < 16; i++) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock == NULL)
            return;
        h2o_accept(&accept_context, sock);
    }
}

static void on_input_end(h2o_socket_t *sock, const char *err)
{
    (void)sock;
    if (err != NULL)
        exit(0);
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    h2o_globalconf_t config;
    h2o_context_t context;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 1024) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("bare_h2o");
        return 1;
    }
    h2o_config_init(&config);
    config.server_name = h2o_iovec_init(H2O_STRLIT(""));
    config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;
    h2o_socket_read_start(h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ),
                          on_connection);
    h2o_socket_read_start(h2o_evloop_socket_create(context.loop, STDIN_FILENO, 0), on_input_end);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;)
        h2o_evloop_run(context.loop, INT32_MAX);
}
