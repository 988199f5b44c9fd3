/* Load at a fixed rate that hides no stall: every request is due at a time that was fixed before,
 * and its latency is counted from then, whether or not it could be sent then (no coordinated
 * omission).
 *
 *     open_loop --address 127.0.0.1:8000 --mix FILE --rate 1000 [--seconds 3] [--warm 0]
 *               [--connections 64] [--late] [--poisson] [--seed 1] [--drain 5] [--timeout 20]
 *
 * The format of FILE: mix.h. Prints one JSON object. "late" and "lag" tell how far the generator
 * itself was behind; where lag is of the size of the latencies, they are its own. */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "load.h"

struct arguments {
    struct load_options load;
    const char *mix;
    double rate;
    bool is_poisson;
    uint64_t seed;
};

static _Noreturn void die_of(const char *what)
{
    fprintf(stderr, "open_loop: %s\n", what);
    exit(2);
}

static double read_number(const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= least && value <= most))
        die_of("a number is not one, or out of its range");
    return value;
}

static struct sockaddr_in read_address(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN];

    if (colon == NULL ||
        !slice_to_text(slice_of(text, (size_t)(colon - text)), host, sizeof(host)) ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1)
        die_of("an address is A.B.C.D:PORT");
    address.sin_port = htons((uint16_t)read_number(colon + 1, 1, 65535));
    return address;
}

static struct arguments read_arguments(int argc, char **argv)
{
    static const struct option names[] = {
        {"address", required_argument, NULL, 'a'}, {"mix", required_argument, NULL, 'm'},
        {"rate", required_argument, NULL, 'r'},    {"seconds", required_argument, NULL, 's'},
        {"warm", required_argument, NULL, 'w'},    {"connections", required_argument, NULL, 'c'},
        {"poisson", no_argument, NULL, 'p'},       {"late", no_argument, NULL, 'l'},
        {"seed", required_argument, NULL, 'e'},    {"drain", required_argument, NULL, 'd'},
        {"timeout", required_argument, NULL, 't'}, {0},
    };
    struct arguments found = {
        .load = {.connections = 64, .seconds = 3, .drain_s = 5, .timeout_s = 20}, .seed = 1};

    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == 'a')
            found.load.address = read_address(optarg);
        else if (option == 'm')
            found.mix = optarg;
        else if (option == 'r')
            found.rate = read_number(optarg, 0.01, 1e6);
        else if (option == 's')
            found.load.seconds = read_number(optarg, 0.01, 86400);
        else if (option == 'w')
            found.load.warm_s = read_number(optarg, 0, 3600);
        else if (option == 'c')
            found.load.connections = (size_t)read_number(optarg, 1, 20000);
        else if (option == 'p')
            found.is_poisson = true;
        else if (option == 'l')
            found.load.opens_late = true;
        else if (option == 'e')
            found.seed = (uint64_t)read_number(optarg, 0, 9e15);
        else if (option == 'd')
            found.load.drain_s = read_number(optarg, 0, 3600);
        else if (option == 't')
            found.load.timeout_s = read_number(optarg, 0.01, 3600);
        else
            exit(2);
    }
    if (found.load.address.sin_port == 0 || found.mix == NULL || found.rate <= 0 || optind != argc)
        die_of("--address, --mix and --rate are needed, and nothing else but options");
    return found;
}

static double cpu_seconds(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void print_lag(const struct load_result *result)
{
    const struct histogram *lag = &result->lag;

    printf("\"late\": %" PRIu64 ", \"lag_p50_ms\": %.6g, \"lag_p99_ms\": %.6g, "
           "\"lag_p99_9_ms\": %.6g, \"lag_max_ms\": %.6g, \"queue_max_ms\": %.6g, ",
           result->late, (double)histogram_at(lag, 0.5) / 1e6,
           (double)histogram_at(lag, 0.99) / 1e6, (double)histogram_at(lag, 0.999) / 1e6,
           (double)lag->max_ns / 1e6, result->queue_max_ms);
}

int main(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv);
    struct mix *mix = mix_read(arguments.mix);
    struct tally *tallies = xcalloc(mix->count + 1, sizeof(*tallies));
    struct tally *all = &tallies[mix->count];
    struct load_result *result = xcalloc(1, sizeof(*result));
    struct schedule schedule;

    schedule_init(&schedule, arguments.rate, arguments.is_poisson, arguments.seed);
    double cpu_before = cpu_seconds();
    mono_ns began = clock_mono_ns();
    load_run(&arguments.load, &schedule, mix, tallies, result);
    double took = (double)(clock_mono_ns() - began) / (double)NS_PER_S;
    for (size_t i = 0; i < mix->count; i++)
        tally_merge(all, &tallies[i]);
    printf("{\"rate_per_second\": %.6g, \"answered_per_second\": %.6g, \"seconds\": %.6g, "
           "\"connections\": %zu, \"schedule\": \"%s\", \"seed\": %" PRIu64 ", ",
           arguments.rate, (double)result->in_time / arguments.load.seconds, arguments.load.seconds,
           arguments.load.connections, arguments.is_poisson ? "poisson" : "constant",
           arguments.seed);
    printf("\"generator_cpu_percent\": %.4g, ", 100 * (cpu_seconds() - cpu_before) / took);
    print_lag(result);
    tally_print(stdout, all);
    fputs(", \"points\": ", stdout);
    tally_print_points(stdout, &all->latency);
    fputs(", \"kinds\": {", stdout);
    for (size_t i = 0; i < mix->count; i++) {
        printf("%s\"%s\": {", i == 0 ? "" : ", ", mix->kinds[i].name);
        tally_print(stdout, &tallies[i]);
        fputs("}", stdout);
    }
    puts("}}");
    mix_free(&mix);
    free(result);
    free(tallies);
    return 0;
}
