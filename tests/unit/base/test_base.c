/* Slices, the codec, text forms, identifiers, secrets. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/bytes.h"
#include "gatepost/clock.h"
#include "gatepost/encoding.h"
#include "gatepost/secret.h"
#include "gatepost/uuid.h"

static void test_what_was_packed_comes_out_again(void **state)
{
    uint8_t room[128];
    struct packer packer = packer_over(room, sizeof(room));
    struct uuid id = uuid_new(clock_wall_ms());

    (void)state;
    pack_u8(&packer, 0xab);
    pack_u16(&packer, 0x1234);
    pack_u32(&packer, 0xdeadbeef);
    pack_u64(&packer, UINT64_MAX - 1);
    pack_uuid(&packer, &id);
    pack_slice(&packer, SLICE_LITERAL("letter"));
    assert_false(packer.overflow);

    struct unpacker unpacker = unpacker_over(packer_slice(&packer));
    assert_int_equal(unpack_u8(&unpacker), 0xab);
    assert_int_equal(unpack_u16(&unpacker), 0x1234);
    assert_int_equal(unpack_u32(&unpacker), 0xdeadbeef);
    assert_true(unpack_u64(&unpacker) == UINT64_MAX - 1);
    struct uuid again = unpack_uuid(&unpacker);
    assert_true(uuid_equal(&again, &id));
    assert_true(slice_equal(unpack_slice(&unpacker, 6), SLICE_LITERAL("letter")));
    assert_true(unpacker_done(&unpacker));
}

static void test_integers_are_big_endian(void **state)
{
    uint8_t room[4];
    struct packer packer = packer_over(room, sizeof(room));

    (void)state;
    pack_u32(&packer, 0x01020304);
    assert_memory_equal(room, "\1\2\3\4", 4);
}

static void test_packing_past_the_end_is_an_overflow_and_stays_one(void **state)
{
    uint8_t room[3];
    struct packer packer = packer_over(room, sizeof(room));

    (void)state;
    pack_u32(&packer, 1);
    assert_true(packer.overflow);
    pack_u8(&packer, 1);
    assert_true(packer.overflow);
}

static void test_a_slice_over_its_limit_spoils_everything_after_it(void **state)
{
    const uint8_t packed[] = {0, 3, 'a', 'b', 'c', 9};
    struct unpacker unpacker = unpacker_over(slice_of(packed, sizeof(packed)));

    (void)state;
    assert_int_equal(unpack_slice(&unpacker, 2).len, 0);
    assert_true(unpacker.bad);
    assert_int_equal(unpack_u8(&unpacker), 0);
}

static void test_a_length_past_the_end_is_refused(void **state)
{
    const uint8_t packed[] = {0xff, 0xff, 'a'};
    struct unpacker unpacker = unpacker_over(slice_of(packed, sizeof(packed)));

    (void)state;
    assert_null(unpack_slice(&unpacker, 65535).at);
    assert_false(unpacker_done(&unpacker));
}

static void test_base64url_knows_the_vectors_of_rfc_4648(void **state)
{
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const text[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        char encoded[BASE64URL_TEXT_BYTES(6)];
        char decoded[6];
        size_t len = 99;

        base64url_encode(plain[i], strlen(plain[i]), encoded);
        assert_string_equal(encoded, text[i]);
        assert_true(base64url_decode(slice_of_text(text[i]), decoded, sizeof(decoded), &len));
        assert_true(slice_equal(slice_of(decoded, len), slice_of_text(plain[i])));
    }
}

static void test_base64_has_one_spelling_only(void **state)
{
    char bytes[8];
    size_t len;

    (void)state;
    assert_true(base64_decode(SLICE_LITERAL("Zm8="), bytes, sizeof(bytes), &len));
    assert_int_equal(len, 2);
    assert_false(base64_decode(SLICE_LITERAL("Zm8"), bytes, sizeof(bytes), &len));
    assert_false(base64_decode(SLICE_LITERAL("Zm9="), bytes, sizeof(bytes), &len)); /* spare bits */
    assert_false(base64_decode(SLICE_LITERAL("Zg=="), bytes, 0, &len));             /* no room */
    assert_false(base64_decode(SLICE_LITERAL("Z==="), bytes, sizeof(bytes), &len));
    assert_false(base64url_decode(SLICE_LITERAL("Zm9"), bytes, sizeof(bytes), &len));
    assert_false(base64url_decode(SLICE_LITERAL("Zg=="), bytes, sizeof(bytes), &len));
    assert_false(base64url_decode(SLICE_LITERAL("Zm 8"), bytes, sizeof(bytes), &len));
    assert_false(base64url_decode(SLICE_LITERAL("Zm+v"), bytes, sizeof(bytes), &len));
}

static void test_what_is_not_utf8_is_shown_as_the_replacement_character(void **state)
{
    static const char *const texts[][2] = {
        {"", ""},
        {"curl/8.5 (\xc3\xa9\xf0\x9f\x94\x91)", "curl/8.5 (\xc3\xa9\xf0\x9f\x94\x91)"},
        {"caf\xe9", "caf\xef\xbf\xbd"},
        {"\xed\xa0\x80-", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd-"},
        {"\xc3\xa9\xf0\x9f", "\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd"},
    };
    char shown[UTF8_REPAIRED_BYTES(32)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice repaired = slice_of(shown, utf8_repair(slice_of_text(texts[i][0]), shown));

        assert_true(slice_equal(repaired, slice_of_text(texts[i][1])));
        assert_true(utf8_valid(repaired));
    }
}

static void test_utf8_is_read_by_the_letter_of_rfc_3629(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc2",
                                      "\xe1\x80",
                                      "\xf1\x80\x80",
                                      "\xc2"
                                      "a",
                                      "\xe1\x80"
                                      "a",
                                      "a\xfe"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(utf8_valid(slice_of_text(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(utf8_valid(slice_of_text(bad[i])));
}

static void test_code_points_are_counted_and_read_one_by_one(void **state)
{
    struct slice text = SLICE_LITERAL("a\xc3\xa9\xe7\x94\xa8\xf0\x9f\x94\x91");

    (void)state;
    assert_int_equal(utf8_count(text), 4);
    assert_int_equal(utf8_next(&text), 'a');
    assert_int_equal(utf8_next(&text), 0xe9);
    assert_int_equal(utf8_next(&text), 0x7528);
    assert_int_equal(utf8_next(&text), 0x1f511);
    assert_int_equal(text.len, 0);
}

static void test_a_uuid_has_version_7_and_sorts_by_time(void **state)
{
    struct uuid early = uuid_new(1000), late = uuid_new(1001);
    char text[UUID_TEXT_BYTES];
    struct uuid again;

    (void)state;
    assert_true(memcmp(early.bytes, late.bytes, UUID_BYTES) < 0);
    uuid_format(&early, text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '7');
    assert_non_null(strchr("89ab", text[19]));
    assert_true(uuid_parse(slice_of_text(text), &again));
    assert_true(uuid_equal(&again, &early));
    text[8] = '0';
    assert_false(uuid_parse(slice_of_text(text), &again));
}

static void test_the_wall_clock_prints_as_utc(void **state)
{
    char text[CLOCK_ISO_BYTES];

    (void)state;
    clock_iso(1700000000123, text);
    assert_string_equal(text, "2023-11-14T22:13:20.123Z");
    clock_iso(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

/* A path in a fresh folder; the folder's name is static. */
static const char *fresh_path(const char *name)
{
    static char folder[64], path[128];

    snprintf(folder, sizeof(folder), "/tmp/gatepost-base-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void test_a_made_key_file_is_private_and_loads(void **state)
{
    const char *path = fresh_path("key");
    struct secret secret, again;
    struct stat status;
    struct err err;

    (void)state;
    assert_true(secret_make_file(path, &err));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_size, 44);
    assert_int_equal(status.st_nlink, 1);
    assert_true(secret_load(path, SECRET_KEY_MIN_BYTES, &secret, &err));
    assert_int_equal(secret.len, 43);
    assert_true(secret_make_file(path, &err)); /* leaves it as it is */
    assert_true(secret_load(path, SECRET_KEY_MIN_BYTES, &again, &err));
    assert_true(secret_equal(secret.bytes, again.bytes, 43));
    secret_fini(&secret);
    secret_fini(&again);
    assert_null(secret.bytes);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, text, strlen(text)));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_a_bad_key_file_is_refused_with_its_name(void **state)
{
    const char *path = fresh_path("key");
    struct secret secret;
    struct err err;

    (void)state;
    assert_false(secret_load(path, 32, &secret, &err)); /* missing */
    write_file(path, "0123456789012345678901234567890\n", 0600);
    assert_false(secret_load(path, 32, &secret, &err)); /* 31 bytes */
    assert_non_null(strstr(err.text, path));
    write_file(path, "01234567890123456789012345678901\n", 0640);
    assert_false(secret_load(path, 32, &secret, &err)); /* others may read it */
    write_file(path, "", 0600);
    assert_false(secret_load(path, 0, &secret, &err)); /* empty */
    assert_false(secret_load("/dev/null", 0, &secret, &err));
}

static void test_a_credential_of_systemd_may_be_readable_through_its_access_list(void **state)
{
    const char *path = fresh_path("credential");
    struct secret secret;
    struct err err;
    char directory[256];

    (void)state;
    if (geteuid() != 0)
        skip(); /* they belong to root */
    snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
    write_file(path, "01234567890123456789012345678901\n", 0440);
    assert_false(secret_load(path, 32, &secret, &err));
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    assert_true(secret_load(path, 32, &secret, &err));
    secret_fini(&secret);
    write_file(path, "01234567890123456789012345678901\n", 0444);
    assert_false(secret_load(path, 32, &secret, &err)); /* no list shows as others */
    write_file(path, "01234567890123456789012345678901\n", 0440);
    assert_int_equal(chown(path, 1, 1), 0);
    assert_false(secret_load(path, 32, &secret, &err)); /* not made by the manager */
    unlink(path);
    directory[strlen(directory) - 1] = '\0';
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    write_file(path, "01234567890123456789012345678901\n", 0440);
    assert_false(secret_load(path, 32, &secret, &err)); /* another directory */
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_only_one_newline_is_taken_off_a_key(void **state)
{
    const char *path = fresh_path("key");
    struct secret secret;
    struct err err;

    (void)state;
    write_file(path, "ab\n\n", 0600);
    assert_true(secret_load(path, 1, &secret, &err));
    assert_int_equal(secret.len, 3);
    secret_fini(&secret);
}

static void test_hmac_and_hkdf_know_their_rfcs(void **state)
{
    struct secret key, derived;
    uint8_t mac[MAC_BYTES];
    char text[HEX_TEXT_BYTES(MAC_BYTES)];

    (void)state;
    secret_from_bytes("Jefe", 4, &key); /* RFC 4231, test case 2 */
    secret_mac(&key, "what do ya want for nothing?", 28, mac);
    hex_encode(mac, sizeof(mac), text);
    assert_string_equal(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    secret_fini(&key);

    uint8_t long_key[131]; /* test case 6: longer than a block */
    memset(long_key, 0xaa, sizeof(long_key));
    secret_from_bytes(long_key, sizeof(long_key), &key);
    secret_mac(&key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
    hex_encode(mac, sizeof(mac), text);
    assert_string_equal(text, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    secret_fini(&key);

    uint8_t ikm[22]; /* RFC 5869, test case 3: no salt, no info; first 32 bytes */
    memset(ikm, 0x0b, sizeof(ikm));
    secret_from_bytes(ikm, sizeof(ikm), &key);
    secret_derive(&key, "", &derived);
    hex_encode(derived.bytes, 32, text);
    assert_string_equal(text, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    secret_fini(&key);
    secret_fini(&derived);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_packed_comes_out_again),
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_packing_past_the_end_is_an_overflow_and_stays_one),
        cmocka_unit_test(test_a_slice_over_its_limit_spoils_everything_after_it),
        cmocka_unit_test(test_a_length_past_the_end_is_refused),
        cmocka_unit_test(test_base64url_knows_the_vectors_of_rfc_4648),
        cmocka_unit_test(test_base64_has_one_spelling_only),
        cmocka_unit_test(test_utf8_is_read_by_the_letter_of_rfc_3629),
        cmocka_unit_test(test_what_is_not_utf8_is_shown_as_the_replacement_character),
        cmocka_unit_test(test_code_points_are_counted_and_read_one_by_one),
        cmocka_unit_test(test_a_uuid_has_version_7_and_sorts_by_time),
        cmocka_unit_test(test_the_wall_clock_prints_as_utc),
        cmocka_unit_test(test_a_made_key_file_is_private_and_loads),
        cmocka_unit_test(test_a_bad_key_file_is_refused_with_its_name),
        cmocka_unit_test(test_a_credential_of_systemd_may_be_readable_through_its_access_list),
        cmocka_unit_test(test_only_one_newline_is_taken_off_a_key),
        cmocka_unit_test(test_hmac_and_hkdf_know_their_rfcs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
