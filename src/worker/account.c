/* See account.h. */
#include "account.h"

#include <stdlib.h>

/* What changes about an account that is shared. */
struct account_upkeep {
    uint32_t holders;
    char *page;
    size_t page_len;
};

static bool take(struct account *account, const struct user_answer *user)
{
    account->user_id = user->user_id;
    account->email_verified = user->email_verified != 0;
    account->email_bounced = user->email_bounced != 0;
    account->date_joined = user->date_joined;
    account->last_login = user->last_login;
    account->session_expires = user->session_expires;
    return slice_to_text(user->subject, account->subject, sizeof(account->subject)) &&
           slice_to_text(user->username, account->username, sizeof(account->username)) &&
           slice_to_text(user->email, account->email, sizeof(account->email)) &&
           slice_to_text(user->language, account->language.tag, sizeof(account->language.tag));
}

const struct account *account_new(const struct user_answer *user, const struct token_claims *claims)
{
    struct account *account = xcalloc(1, sizeof(*account));

    if (!take(account, user)) {
        free(account);
        return NULL;
    }
    account->has_session = claims->has_session;
    account->session_id = claims->session_id;
    account->upkeep = xcalloc(1, sizeof(*account->upkeep));
    account->upkeep->holders = 1;
    return account;
}

const struct account *account_hold(const struct account *account)
{
    account->upkeep->holders++;
    return account;
}

void account_drop(const struct account **account)
{
    const struct account *dropped = *account;

    *account = NULL;
    if (dropped == NULL || --dropped->upkeep->holders > 0)
        return;
    free(dropped->upkeep->page);
    free(dropped->upkeep);
    free((void *)(uintptr_t)dropped);
}

struct slice account_page(const struct account *account)
{
    return slice_of(account->upkeep->page, account->upkeep->page_len);
}

void account_keep_page(const struct account *account, struct slice page)
{
    BUG_ON(account->upkeep->page != NULL || page.len == 0);
    account->upkeep->page = xcalloc(1, page.len);
    account->upkeep->page_len = page.len;
    memcpy(account->upkeep->page, page.at, page.len);
}
