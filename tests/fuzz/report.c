/* Any message where a report is expected: what is read out of it can be stored, logged and shown.
 */
#include "mailer/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct report report, again;
    const struct slice message = slice_of(bytes, len);

    if (len > 262144)
        return 0;
    report_read(message, "accounts.example", &report);
    BUG_ON(report.kind > REPORT_COMPLAINT || report.address_count > REPORT_ADDRESSES_MAX);
    BUG_ON(memchr(report.detail, '\0', sizeof(report.detail)) == NULL);
    for (const char *at = report.detail; *at != '\0'; at++)
        BUG_ON(*at < ' ' || *at > '~');
    for (const char *at = report.status; *at != '\0'; at++)
        BUG_ON(!((*at >= '0' && *at <= '9') || *at == '.' || *at == '-' ||
                 ((*at | 32) >= 'a' && (*at | 32) <= 'z')));
    BUG_ON(report.recipient[0] != '\0' && !email_is_canonical(slice_of_text(report.recipient)));
    BUG_ON(report.kind == REPORT_NONE && report.recipient[0] != '\0');
    for (size_t i = 0; i < report.address_count; i++)
        BUG_ON(memchr(report.addresses[i], '\0', REPORT_ADDRESS_BYTES) == NULL);
    report_read(message, "accounts.example", &again);
    BUG_ON(report.kind != again.kind || strcmp(report.detail, again.detail) != 0 ||
           strcmp(report.recipient, again.recipient) != 0 || report.has_job != again.has_job ||
           !uuid_equal(&report.job_id, &again.job_id) ||
           report.address_count != again.address_count);
    return 0;
}
