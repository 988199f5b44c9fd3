/* As much of klib's khash.h as it takes to read a table of libh2o's: <h2o/http2_internal.h>
 * includes that header, and Debian's libh2o-dev-common does not have it.
 *
 * Layout, hash function and probing are those that libh2o 2.2.5 is built with (deps/klib/khash.h,
 * 0.2.8 of klib); nothing here writes. Two bits for each bucket: 2 empty, 1 deleted. */
#ifndef WORKER_KHASH_H
#define WORKER_KHASH_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t khint_t;
typedef khint_t khiter_t;

#define khash_t(name) struct kh_##name##_s

#define kh_end(table)         ((table)->n_buckets)
#define kh_val(table, bucket) ((table)->vals[bucket])
#define kh_state(flags, i)    (((flags)[(i) >> 4] >> (((i)&0xfU) << 1)) & 3)

#define KHASH_MAP_INIT_INT64(name, value_type)                                                     \
    struct kh_##name##_s {                                                                         \
        khint_t n_buckets, size, n_occupied, upper_bound;                                          \
        uint32_t *flags;                                                                           \
        uint64_t *keys;                                                                            \
        value_type *vals;                                                                          \
    };                                                                                             \
                                                                                                   \
    static inline khint_t kh_get_##name(const khash_t(name) * table, uint64_t key)                 \
    {                                                                                              \
        const khint_t mask = table->n_buckets - 1;                                                 \
        khint_t i = (khint_t)(key >> 33 ^ key ^ key << 11) & mask;                                 \
        const khint_t first = i;                                                                   \
                                                                                                   \
        if (table->n_buckets == 0)                                                                 \
            return 0;                                                                              \
        for (khint_t step = 1; (kh_state(table->flags, i) & 2) == 0; step++) {                     \
            if (kh_state(table->flags, i) == 0 && table->keys[i] == key)                           \
                return i;                                                                          \
            i = (i + step) & mask;                                                                 \
            if (i == first)                                                                        \
                break;                                                                             \
        }                                                                                          \
        return table->n_buckets;                                                                   \
    }

#define kh_get(name, table, key) kh_get_##name(table, key)

#define kh_foreach_value(table, value, code)                                                       \
    for (khint_t kh_i = 0; kh_i != kh_end(table); kh_i++) {                                        \
        if (kh_state((table)->flags, kh_i) != 0)                                                   \
            continue;                                                                              \
        (value) = kh_val(table, kh_i);                                                             \
        code;                                                                                      \
    }

#endif
