/* What comes out of a lane may be anything: only a job that makes a harmless letter passes. */
#include "mailer/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "gatepost/secret.h"

static struct mail_job good_job(void)
{
    return (struct mail_job){
        .job_id = uuid_new(1),
        .purpose = MAIL_VERIFY,
        .proof_id = uuid_new(2),
        .to = SLICE_LITERAL("anna@example.com"),
        .username = SLICE_LITERAL("anna"),
        .language = SLICE_LITERAL("de-AT"),
        .created = 1700000000000,
        .expires = 1700086400000,
    };
}

static bool passes(const struct mail_job *job)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct mail_job read;

    mail_job_pack(&packer, job);
    assert_false(packer.overflow);
    return job_read(packer_slice(&packer), &read);
}

static void test_a_job_as_the_worker_packs_it_is_read(void **state)
{
    (void)state;
    struct mail_job job = good_job();
    assert_true(passes(&job));
    job.username = SLICE_LITERAL("Zo\xc3\xab \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80");
    assert_true(passes(&job));
    job.language = job.username = slice_of(NULL, 0);
    assert_true(passes(&job));
}

static void test_an_unknown_purpose_is_refused(void **state)
{
    (void)state;
    struct mail_job job = good_job();
    for (unsigned purpose = 0; purpose < 256; purpose++) {
        job.purpose = (uint8_t)purpose;
        assert_int_equal(passes(&job), purpose >= MAIL_VERIFY && purpose <= MAIL_ACCOUNT_DELETED);
    }
}

static void test_an_address_that_is_not_canonical_is_refused(void **state)
{
    static const char *const addresses[] = {"",
                                            "anna",
                                            "anna@",
                                            "@example.com",
                                            "anna@example.com\r\nRCPT TO:<x@y.z>",
                                            "anna@example.com> NOTIFY=NEVER <x@y.z",
                                            "anna @example.com",
                                            "anna@exa mple.com",
                                            "anna@example.com,b@c.d",
                                            "\"anna\"@example.com",
                                            "anna@[127.0.0.1]",
                                            "anna@b\xc3\xbc.de",
                                            "anna@example.com.",
                                            "an\xc3\xa4@example.com",
                                            "<anna@example.com>",
                                            "anna@example.com\n"};
    (void)state;
    struct mail_job job = good_job();
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        job.to = slice_of_text(addresses[i]);
        if (passes(&job))
            fail_msg("taken: %s", addresses[i]);
    }
    job.to = slice_of("anna\0@example.com", 17);
    assert_false(passes(&job));
}

static void test_a_name_with_controls_or_broken_utf8_is_refused(void **state)
{
    static const char *const names[] = {"a\nb",     "a\rb",        "a\tb",          "a\x1b[2J",
                                        "a\x7f",    "a\xc2\x85",   "a\xe2\x80\xa8", "a\xff",
                                        "\xc0\xaf", "\xed\xa0\x80"};
    (void)state;
    struct mail_job job = good_job();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        job.username = slice_of_text(names[i]);
        if (passes(&job))
            fail_msg("name %zu was taken", i);
    }
    job.username = slice_of("a\0b", 3);
    assert_false(passes(&job));
}

static void test_times_beyond_the_calendar_are_refused(void **state)
{
    static const wall_ms times[] = {-1, INT64_MIN, INT64_MAX, 253370764800000LL};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct mail_job job = good_job();
        job.created = times[i];
        assert_false(passes(&job));
        job = good_job();
        job.expires = times[i];
        assert_false(passes(&job));
    }
}

static void test_a_language_that_is_no_tag_is_refused(void **state)
{
    (void)state;
    struct mail_job job = good_job();
    job.language = SLICE_LITERAL("de\r\n");
    assert_false(passes(&job));
    job.language = SLICE_LITERAL("../etc");
    assert_false(passes(&job));
}

static void test_every_cut_and_every_extension_of_a_job_is_refused(void **state)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct mail_job job = good_job(), read;
    (void)state;
    mail_job_pack(&packer, &job);
    for (size_t len = 0; len < packer.len; len++)
        assert_false(job_read(slice_of(bytes, len), &read));
    assert_true(job_read(slice_of(bytes, packer.len), &read));
    bytes[packer.len] = 0;
    assert_false(job_read(slice_of(bytes, packer.len + 1), &read));
}

static void test_random_records_never_pass_as_letters_to_anywhere(void **state)
{
    uint8_t bytes[300];
    struct mail_job read;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        random_bytes(bytes, sizeof(bytes));
        bytes[UUID_BYTES] = MAIL_VERIFY;
        assert_false(job_read(slice_of(bytes, (size_t)i % sizeof(bytes)), &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_as_the_worker_packs_it_is_read),
        cmocka_unit_test(test_an_unknown_purpose_is_refused),
        cmocka_unit_test(test_an_address_that_is_not_canonical_is_refused),
        cmocka_unit_test(test_a_name_with_controls_or_broken_utf8_is_refused),
        cmocka_unit_test(test_times_beyond_the_calendar_are_refused),
        cmocka_unit_test(test_a_language_that_is_no_tag_is_refused),
        cmocka_unit_test(test_every_cut_and_every_extension_of_a_job_is_refused),
        cmocka_unit_test(test_random_records_never_pass_as_letters_to_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
