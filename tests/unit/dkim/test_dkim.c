/* Keys, signatures and records: what is taken, what comes out, and that it says what it signed.
 * That other implementations agree is for tests/system/test_35_dkim.py to show. */
#include "gatepost/dkim.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "gatepost/encoding.h"
#include "lib/dkim/key.h"

static char folder[] = "/tmp/test_dkim.XXXXXX";

static const char letter_text[] = "From: post@example.org\r\n"
                                  "To: anna@example.com\r\n"
                                  "Subject: =?UTF-8?B?w6Q=?=\r\n =?UTF-8?B?w6Q=?=\r\n"
                                  "Date: Mon, 23 Nov 2026 14:51:47 +0000\r\n"
                                  "Content-Type: text/plain\r\n"
                                  "\r\n"
                                  "Hello anna,\r\n\r\n";

/* ---- key files ----------------------------------------------------------------------------------
 */

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_pair(const char *name, EVP_PKEY *pair)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    EVP_PKEY_free(pair);
}

/* The private key of RFC 8463 appendix A.2. */
static EVP_PKEY *rfc_pair(void)
{
    uint8_t bytes[32];
    size_t len;
    assert_true(base64_decode(SLICE_LITERAL("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="), bytes,
                              sizeof(bytes), &len));
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, len);
}

/* keys: "selector:name,selector:name", names in the folder. */
static struct dkim *open_keys(const char *domain, const char *keys, struct err *err)
{
    char list[1024] = "";
    while (*keys != '\0') {
        size_t selector_len = strcspn(keys, ":"), len = strcspn(keys, ",");
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%.*s:%s/%.*s",
                 list[0] == '\0' ? "" : ", ", (int)selector_len, keys, folder,
                 (int)(len - selector_len - 1), keys + selector_len + 1);
        keys += len + (keys[len] == ',');
    }
    return dkim_open(domain, "post@example.org", list, err);
}

static void expect_refused(const char *keys, const char *sentence)
{
    struct err err = {""};
    assert_null(open_keys("", keys, &err));
    if (strstr(err.text, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, sentence);
}

static struct dkim *opened(const char *keys)
{
    struct err err = {""};
    struct dkim *dkim = open_keys("", keys, &err);
    if (dkim == NULL)
        fail_msg("%s", err.text);
    return dkim;
}

/* ---- signing ------------------------------------------------------------------------------------
 */

static size_t sign(const struct dkim *dkim, int64_t time_s, char *letter, size_t letter_bytes)
{
    size_t len = sizeof(letter_text) - 1;
    memcpy(letter, letter_text, len);
    assert_true(dkim_sign(dkim, time_s, letter, letter_bytes, &len));
    letter[len] = '\0';
    return len;
}

/* Folds and blanks aside, which may stand anywhere in h=. */
static void expect_names(const char *signature, const char *names)
{
    char plain[1024];
    size_t len = 0;
    for (const char *at = signature; strncmp(at, "bh=", 3) != 0; at++) {
        if (strchr("\r\n ", *at) == NULL)
            plain[len++] = *at;
    }
    plain[len] = '\0';
    assert_string_equal(strstr(plain, "h="), names);
}

static void test_signatures_go_in_front_one_for_each_key(void **state)
{
    char letter[8192];
    (void)state;
    struct dkim *dkim = opened("brisbane:ed,mail2026:rsa");
    const size_t len = sign(dkim, 1795445507, letter, sizeof(letter));
    assert_string_equal(letter + len - (sizeof(letter_text) - 1), letter_text);
    const char *second = strstr(letter + 1, "DKIM-Signature:");
    assert_memory_equal(letter, "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;", 57);
    assert_memory_equal(second, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;", 53);
    assert_non_null(strstr(letter, " d=example.org;\r\n s=brisbane; t=1795445507; h="));
    assert_non_null(strstr(second, " s=mail2026;"));
    expect_names(letter,
                 "h=From:To:Subject:Date:Content-Type:From:Subject:To:Reply-To:Content-Type;");
    expect_names(second,
                 "h=From:To:Subject:Date:Content-Type:From:Subject:To:Reply-To:Content-Type;");
    dkim_close(&dkim);
    assert_null(dkim);
}

static void test_no_line_is_longer_than_78(void **state)
{
    char letter[8192], domain[256];
    size_t line_len = 0;
    struct err err;
    (void)state;
    memset(domain, 'd', 60);
    memcpy(domain + 60, ".example.org", sizeof(".example.org"));
    struct dkim *dkim = open_keys(domain,
                                  "a.rather.long.selector.of.a.key.with.many.labels:rsa,"
                                  "b:ed",
                                  &err);
    assert_non_null(dkim);
    const size_t len = sign(dkim, 9999999999, letter, sizeof(letter));
    for (size_t i = 0; i < len; i++) {
        line_len = letter[i] == '\n' ? 0 : line_len + 1;
        assert_true(line_len <= 79); /* with the CR */
    }
    dkim_close(&dkim);
}

static void test_the_same_letter_time_and_keys_give_the_same_bytes(void **state)
{
    char first[8192], second[8192];
    (void)state;
    struct dkim *dkim = opened("a:ed,b:rsa");
    const size_t len = sign(dkim, 1, first, sizeof(first));
    assert_int_equal(sign(dkim, 1, second, sizeof(second)), len);
    assert_memory_equal(first, second, len);
    sign(dkim, 2, second, sizeof(second));
    assert_string_not_equal(first, second);
    dkim_close(&dkim);
}

static void test_without_room_the_letter_stays_as_it_is(void **state)
{
    char letter[8192];
    (void)state;
    struct dkim *dkim = opened("a:ed,b:rsa");
    const size_t whole = sign(dkim, 1, letter, sizeof(letter));
    for (size_t room = sizeof(letter_text) - 1; room < whole; room += 7) {
        size_t len = sizeof(letter_text) - 1;
        memcpy(letter, letter_text, sizeof(letter_text));
        assert_false(dkim_sign(dkim, 1, letter, room, &len));
        assert_int_equal(len, sizeof(letter_text) - 1);
        assert_string_equal(letter, letter_text);
    }
    sign(dkim, 1, letter, whole + 1);
    dkim_close(&dkim);
}

/* RFC 8463 appendix A: its message and key give its signature. */
static void test_the_signature_of_the_standard_comes_out(void **state)
{
    static const char *const fields[] = {
        "From: Joe SixPack <joe@football.example.com>",
        "To: Suzie Q <suzie@shopping.example.net>",
        "Subject: Is dinner ready?",
        "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
        "Message-ID: <20030712040037.46341.5F8J@football.example.com>",
    };
    static const char own[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
                              " d=football.example.com; i=@football.example.com;\r\n"
                              " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
                              " subject : date : message-id : from : subject : date;\r\n"
                              " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                              " b=";
    char bytes[2048], base64[256];
    struct packer out = packer_over(bytes, sizeof(bytes));
    uint8_t digest[DKIM_DIGEST_BYTES], signature[DKIM_SIGNATURE_MAX_BYTES];
    struct dkim_key key = {.pair = rfc_pair()};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        canon_pack_field(&out, slice_of_text(fields[i]));
        pack_raw(&out, "\r\n", 2);
    }
    canon_pack_field(&out, SLICE_LITERAL(own));
    assert_int_equal(EVP_Digest(bytes, out.len, digest, NULL, EVP_sha256(), NULL), 1);
    base64_encode(signature, key_sign_digest(&key, digest, signature), base64);
    assert_string_equal(base64, "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
                                "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");
    key_fini(&key);
}

/* ---- keys ---------------------------------------------------------------------------------------
 */

static void test_keys_that_no_verifier_takes_are_refused(void **state)
{
    (void)state;
    expect_refused("a:rsa1023", "RSA of 1023 bits, needs at least 1024 (2048 is advised)");
    expect_refused("a:p256", "neither an RSA nor an Ed25519 key");
    expect_refused("a:text", "no private key in PEM");
    expect_refused("a:locked", "no private key in PEM (without a passphrase)");
    expect_refused("a:none", "No such file");
    expect_refused("a:open", "mode 0640 lets others at it");
    expect_refused("a:ed,a:rsa", "the selector a stands twice");
    expect_refused("a:ed,b:ed,c:ed,d:ed,e:ed", "more than 4 keys");
    struct dkim *dkim = opened("a:rsa1024");
    assert_int_equal(dkim_rsa_bits(dkim, 0), 1024);
    dkim_close(&dkim);
}

static void test_an_entry_without_a_selector_is_refused(void **state)
{
    struct err err;
    (void)state;
    assert_null(dkim_open("", "a@example.org", "file", &err));
    assert_non_null(strstr(err.text, "no selector:file"));
    assert_null(dkim_open("", "a@example.org", ":file", &err));
    assert_null(dkim_open("", "a@example.org", "", &err));
}

/* Halves of two keys in one file: what it signed would not be what the record says. */
static void test_a_key_of_two_halves_is_refused(void **state)
{
    static const char *const names[] = {"n",
                                        "e",
                                        "d",
                                        "rsa-factor1",
                                        "rsa-factor2",
                                        "rsa-exponent1",
                                        "rsa-exponent2",
                                        "rsa-coefficient1"};
    BIGNUM *numbers[ARRAY_LEN(names)] = {NULL};
    EVP_PKEY *mine = EVP_RSA_gen(1024), *other = EVP_RSA_gen(1024), *mixed = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(EVP_PKEY_get_bn_param(i < 2 ? mine : other, names[i], &numbers[i]), 1);
        assert_int_equal(OSSL_PARAM_BLD_push_BN(build, names[i], numbers[i]), 1);
    }
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &mixed, EVP_PKEY_KEYPAIR, parameters), 1);
    write_pair("mixed", mixed);
    expect_refused("a:mixed", "the public half is not the private one's");
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        BN_clear_free(numbers[i]);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(other);
}

static void test_the_record_publishes_the_public_half(void **state)
{
    char text[DKIM_RECORD_BYTES];
    (void)state;
    struct dkim *dkim = opened("brisbane:ed,mail2026:rsa");
    assert_int_equal(dkim_key_count(dkim), 2);
    dkim_record(dkim, 0, text); /* RFC 8463 appendix A.2 */
    assert_string_equal(text, "brisbane._domainkey.example.org. IN TXT ( \"v=DKIM1; k=ed25519; "
                              "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\" )");
    assert_int_equal(dkim_rsa_bits(dkim, 0), 0);
    dkim_record(dkim, 1, text);
    assert_memory_equal(text, "mail2026._domainkey.example.org. IN TXT ( \"v=DKIM1; k=rsa; p=MII",
                        64);
    assert_int_equal(dkim_rsa_bits(dkim, 1), 2048);
    for (const char *at = strchr(text, '"'); at != NULL; at = strchr(at, '"')) {
        const size_t len = strcspn(++at, "\"");
        assert_in_range(len, 1, 255);
        at += len + 1;
    }
    dkim_close(&dkim);
}

/* ---- set up -------------------------------------------------------------------------------------
 */

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_pair("ed", rfc_pair());
    write_pair("rsa", EVP_RSA_gen(2048));
    write_pair("rsa1024", EVP_RSA_gen(1024));
    write_pair("rsa1023", EVP_RSA_gen(1023));
    write_pair("p256", EVP_EC_gen("P-256"));
    write_pair("open", rfc_pair());
    assert_int_equal(chmod(path_of("open"), 0640), 0);
    FILE *file = fopen(path_of("locked"), "w");
    EVP_PKEY *pair = rfc_pair();
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, pair, EVP_aes_128_cbc(), NULL, 0, NULL, "x"),
                     1);
    EVP_PKEY_free(pair);
    fclose(file);
    file = fopen(path_of("text"), "w");
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    fputs("this is no key, but it is long enough to be a secret\n", file);
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"ed",   "rsa",    "rsa1024", "rsa1023", "p256",
                                        "open", "locked", "text",    "mixed"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_go_in_front_one_for_each_key),
        cmocka_unit_test(test_no_line_is_longer_than_78),
        cmocka_unit_test(test_the_same_letter_time_and_keys_give_the_same_bytes),
        cmocka_unit_test(test_without_room_the_letter_stays_as_it_is),
        cmocka_unit_test(test_the_signature_of_the_standard_comes_out),
        cmocka_unit_test(test_keys_that_no_verifier_takes_are_refused),
        cmocka_unit_test(test_an_entry_without_a_selector_is_refused),
        cmocka_unit_test(test_a_key_of_two_halves_is_refused),
        cmocka_unit_test(test_the_record_publishes_the_public_half),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
