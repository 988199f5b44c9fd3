/* A password that must not be found again.
 *
 * It holds characters that neither a user name nor an address, a request id or a token may hold,
 * and that no answer shows as they came. Every heap block that is freed while it is armed is
 * searched for it: what had the password and went without being wiped ends the run. libh2o's own
 * blocks are left out, since it owns what arrived before anybody could wipe it. */
#ifndef TESTS_FUZZ_CANARY_H
#define TESTS_FUZZ_CANARY_H

#include <dlfcn.h>
#include <sanitizer/allocator_interface.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/base.h"

#define CANARY "\xe2\x98\x83 nine moles dig 7"
#define CANARY_HASH                                                                                \
    "pbkdf2_sha256$1$fuzzfuzzfuzzfuzzfuzzfu$fioz1T2NmWg9AzwewMDf3g0PTWZHbCZghAAb/MrMVoU="

static bool canary_armed; /* written between runs alone, while no hash thread is at work */

static inline const char *canary_find(struct slice bytes)
{
    return bytes.len < sizeof(CANARY) - 1 ? NULL
                                          : memmem(bytes.at, bytes.len, CANARY, sizeof(CANARY) - 1);
}

/* How often it stands there as a member or parameter `password`; 0 when it stands anywhere else. */
static inline size_t canary_count(struct slice bytes)
{
    static const char *const before[] = {"{\"password\":\"", ",\"password\":\"",
                                         "&password=", "\npassword="};
    const char *end = bytes.at + bytes.len;
    size_t found = 0;

    for (const char *at = bytes.at; (at = canary_find(slice_of(at, (size_t)(end - at)))) != NULL;
         at += sizeof(CANARY) - 1) {
        bool is_password = false;
        for (size_t i = 0; i < ARRAY_LEN(before); i++) {
            size_t len = strlen(before[i]);
            is_password |= (size_t)(at - bytes.at) >= len && memcmp(at - len, before[i], len) == 0;
        }
        if (!is_password)
            return 0;
        found++;
    }
    return found;
}

/* The library whose code asked for the block: "" for our own. */
static inline const char *canary_owner(const void *block)
{
    void *frames[4];
    int thread;
    size_t count = __asan_get_alloc_stack((void *)(uintptr_t)block, frames, 4, &thread);
    Dl_info caller;

    if (count < 2 || dladdr(frames[1], &caller) == 0 || caller.dli_fname == NULL)
        return "";
    const char *name = strstr(caller.dli_fname, "/lib");
    return name != NULL && strstr(name, ".so") != NULL ? caller.dli_fname : "";
}

static inline void canary_judge(const char *block, size_t len)
{
    const char *owner = canary_owner(block);

    if (strstr(owner, "libh2o") != NULL)
        return;
    /* These see addresses and user names alone: a client has sent it as one of those. */
    canary_armed = false;
    if (strstr(owner, "libidn2") != NULL || strstr(owner, "libunistring") != NULL)
        return;
    fprintf(stderr, "a block of %zu bytes is freed with a password in it\n", len);
    abort();
}

/* What may hold it is overwritten all the same: the next owner of that memory may not look at it
 * before he gives it back, and would be taken for the one who forgot. */
static inline void canary_on_free(const volatile void *block)
{
    char *bytes = (char *)(uintptr_t)block;
    size_t len = bytes != NULL ? __sanitizer_get_allocated_size(bytes) : 0;
    const char *found;

    while (len > 0 && (found = canary_find(slice_of(bytes, len))) != NULL) {
        if (canary_armed)
            canary_judge(bytes, len);
        memset((char *)(uintptr_t)found, 0, sizeof(CANARY) - 1);
    }
}

static inline void canary_on_malloc(const volatile void *block, size_t len)
{
    (void)block;
    (void)len;
}

static inline void canary_watch(void)
{
    BUG_ON(__sanitizer_install_malloc_and_free_hooks(canary_on_malloc, canary_on_free) == 0);
}

#endif
