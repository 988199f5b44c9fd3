/* A library that was replaced by one that computes something else would lock everybody out, and
 * make hashes that no other can verify: then nothing is computed by it. */
#include "answers.h"

#include "calls.h"

#include "gatepost/log.h"
#include "gatepost/secret.h"

struct answer {
    const char *name;
    const char *password;
    const char *encoded;
};

/* By other programs: Django 3.2 (pbkdf2_sha1), @noble/hashes (Argon2), Python's hashlib in the form
 * of Django 4's ScryptPasswordHasher, python3-bcrypt, passlib's own sha-crypt. yescrypt's is one
 * that another project's tests publish. */
static const struct answer answers[] = {
    {"pbkdf2_sha1", "self test", "pbkdf2_sha1$100$gatepost$1MScKy2l0M4/LCleSFo/YSqt4ag="},
    {"argon2id", "self test",
     "$argon2id$v=19$m=32,t=1,p=2$Z2F0ZXBvc3Q$gJmWOjDo9N8MHsMRRqAk2ACO3WeZRI+28N/Y3qdWuSI"},
    {"argon2i", "self test",
     "$argon2i$v=19$m=32,t=1,p=2$Z2F0ZXBvc3Q$5MDwJYEH+rkJnJSd8gYlktFRDzFis/Xy2q+Gye44lhI"},
    {"argon2d", "self test",
     "$argon2d$v=19$m=32,t=1,p=2$Z2F0ZXBvc3Q$dyhu8FJLFGkhbxWo/uFtxpg7MPhJIwHFhxexIlU6/bg"},
    {"scrypt", "self test",
     "scrypt$16$gatepost$8$1$CU+bYtQBLn6/GbAsfSnU6Lzr56iXKfbSDfQKGot8VAfUNXPC2C+tORE7hzfKMPUMXzUa"
     "hO0T858LeslLoUePgQ=="},
    {"bcrypt", "self test", "bcrypt$$2b$04$......................vSRhl7PJMEihKZc7ga98hYjgoKm/mgq"},
    {"bcrypt_sha256", "self test",
     "bcrypt_sha256$$2b$04$.......................7FrN.w60ZZMao47PRvDXHrBBpeYF4O"},
    {"sha256_crypt", "self test",
     "$5$rounds=1000$gatepost$CY6aG1jIt8CCjvzj7dTHlCZhlBhQ8sE6Spl0Xb2rFsD"},
    {"sha512_crypt", "self test",
     "$6$rounds=1000$gatepost$PbMNkm8peYRWyb8G85QwBlO0gHMnIndAXORoiW17zxWlxFtlvXs3pxNCTUDH9pYx1zQw"
     "I9Das0fjrvu9/suu/1"},
    {"yescrypt", "test1",
     "$y$j75$z7ztFz2FayrKI79/jEwlL.$u5x/j193MQ09wbFaRGYr0AH/A/jh3kunjuhYRVRNkmC"},
};

static bool is_right(const struct answer *answer)
{
    struct password_form form;
    uint8_t digest[PASSWORD_HASH_MAX_BYTES];

    return password_form_parse(slice_of_text(answer->encoded), &form) &&
           password_call(&form, slice_of_text(answer->password), digest) &&
           secret_equal(digest, form.hash, form.hash_len);
}

bool password_answers_right(void)
{
    bool right = true;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        if (!is_right(&answers[i])) {
            log_error("password.wrong", "method=%s", answers[i].name);
            right = false;
        }
    }
    return right;
}
