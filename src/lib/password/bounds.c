/* The table of what a stored form may ask of the machine: at most 256 MiB for one hash and about
 * two seconds of a server core (sha-crypt of the longest password: 3.4), so that a row which was
 * changed, or imported from somebody who meant well, does not stop the hash threads. Times were
 * measured on a 2 to 3 GHz Xeon. */
#include "bounds.h"

#define MEMORY_KIB_MAX (256 * 1024)

struct bound {
    enum password_method first; /* for all methods from */
    enum password_method last;  /* to */
    size_t field;               /* offset of the uint32_t in struct password_form */
    uint32_t min;
    uint32_t max;
};

#define BOUND(first, last, field, min, max)                                                        \
    {                                                                                              \
        PASSWORD_METHOD_##first, PASSWORD_METHOD_##last, offsetof(struct password_form, field),    \
            (min), (max)                                                                           \
    }

static const struct bound bounds[] = {
    /* 3 s alone, less in lanes. Django 5.2 uses 1,000,000, OWASP asks for 600,000. */
    BOUND(PBKDF2_SHA256, PBKDF2_SHA256, iterations, 1, PASSWORD_ITERATIONS_MAX),
    BOUND(PBKDF2_SHA256, PBKDF2_SHA256, hash_len, 32, 32),
    /* 0.44 s a million. Django counts them like those of SHA-256. */
    BOUND(PBKDF2_SHA1, PBKDF2_SHA1, iterations, 1, 5000000),
    BOUND(PBKDF2_SHA1, PBKDF2_SHA1, hash_len, 20, 20),
    /* The text has room for it; no library makes a longer one. */
    BOUND(PBKDF2_SHA256, SCRYPT, salt_len, 1, PASSWORD_SALT_MAX_BYTES),

    /* RFC 9106 section 3.1 has memory of 8 KiB a lane at least. Its first choice, 2 GiB, is over
     * ours; its second, 64 MiB and 3 passes, is not, nor is Django's 100 MiB and 2. */
    BOUND(ARGON2ID, ARGON2D, memory_kib, 8, MEMORY_KIB_MAX),
    /* 2 s a GiB. One pass at least; how many there may be follows from the memory. */
    BOUND(ARGON2ID, ARGON2D, passes, 1, UINT32_MAX),
    BOUND(ARGON2ID, ARGON2D, work_kib, 1, 1024 * 1024),
    /* One after the other on one thread: they cost nothing beyond the memory. */
    BOUND(ARGON2ID, ARGON2D, lanes, 1, 255),
    /* libargon2 takes no shorter salt. A hash under 128 bits could be met by chance; Django and
     * passlib write 16, 32 or 64 bytes. */
    BOUND(ARGON2ID, ARGON2D, salt_len, 8, 64),
    BOUND(ARGON2ID, ARGON2D, hash_len, 16, 64),

    /* RFC 7914 section 6; OWASP's largest is N = 2^17, r = 8: 128 MiB. */
    BOUND(SCRYPT, SCRYPT, log2_n, 1, 20),
    BOUND(SCRYPT, SCRYPT, r, 1, 32),
    BOUND(SCRYPT, SCRYPT, p, 1, 255),
    BOUND(SCRYPT, SCRYPT, memory_kib, 1, MEMORY_KIB_MAX),
    /* 1 s for 256 MiB: OpenSSL's is plain C. */
    BOUND(SCRYPT, SCRYPT, work_kib, 1, 512 * 1024),
    /* passlib writes 32 bytes, Django 64. */
    BOUND(SCRYPT, SCRYPT, hash_len, 32, 64),

    /* 0.26 s at 12, doubling; libcrypt takes none under 4. */
    BOUND(BCRYPT, BCRYPT_SHA256, log2_cost, 4, 15),

    /* 0.67 s a million, up to 6 s with a password of 511 bytes, which is hashed whole each round:
     * so just above passlib's defaults, 656,000 and 535,000. Below 1,000 there are none. */
    BOUND(SHA256_CRYPT, SHA512_CRYPT, iterations, 1000, 700000),

    /* What libxcrypt's crypt_gensalt writes up to its count 9 of 11: 256 MiB, 0.6 s. */
    BOUND(YESCRYPT, YESCRYPT, log2_n, 10, 18),
    BOUND(YESCRYPT, YESCRYPT, r, 8, 32),
    BOUND(YESCRYPT, YESCRYPT, memory_kib, 1, MEMORY_KIB_MAX),
};

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint32_t saturated(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* 128 * r * N bytes (RFC 7914, section 2), rounded up. What else p adds is under 1 MiB. */
static uint32_t scrypt_memory_kib(const struct password_form *form)
{
    if (form->log2_n > 31)
        return UINT32_MAX;
    return saturated((times(form->r, UINT64_C(1) << form->log2_n) + 7) / 8);
}

void password_form_measure(struct password_form *form)
{
    switch (form->method) {
    case PASSWORD_METHOD_ARGON2ID:
    case PASSWORD_METHOD_ARGON2I:
    case PASSWORD_METHOD_ARGON2D:
        form->work_kib = saturated(times(form->memory_kib, form->passes));
        break;
    case PASSWORD_METHOD_SCRYPT:
        form->memory_kib = scrypt_memory_kib(form);
        form->work_kib = saturated(times(form->memory_kib, form->p));
        break;
    case PASSWORD_METHOD_YESCRYPT:
        form->memory_kib = scrypt_memory_kib(form);
        break;
    case PASSWORD_METHOD_PBKDF2_SHA256:
    case PASSWORD_METHOD_PBKDF2_SHA1:
    case PASSWORD_METHOD_BCRYPT:
    case PASSWORD_METHOD_BCRYPT_SHA256:
    case PASSWORD_METHOD_SHA256_CRYPT:
    case PASSWORD_METHOD_SHA512_CRYPT:
        break;
    }
}

bool password_form_bounded(const struct password_form *form)
{
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        const struct bound *bound = &bounds[i];
        uint32_t value;

        if (form->method < bound->first || form->method > bound->last)
            continue;
        memcpy(&value, (const char *)form + bound->field, sizeof(value));
        if (value < bound->min || value > bound->max)
            return false;
    }
    /* Between two parameters: RFC 9106 section 3.1, RFC 7914 section 6. */
    if (form->lanes > 0 && form->memory_kib / 8 < form->lanes)
        return false;
    return form->method != PASSWORD_METHOD_SCRYPT || form->log2_n < 16 * form->r;
}
