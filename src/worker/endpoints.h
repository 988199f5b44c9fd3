/* Every endpoint's first step, as the route table calls it. */
#ifndef WORKER_ENDPOINTS_H
#define WORKER_ENDPOINTS_H

#include "request.h"

void signup_on_request(struct request *request);
void verify_on_request(struct request *request);
void verify_page_on_request(struct request *request);
void resend_on_request(struct request *request);
void login_on_request(struct request *request);
void refresh_on_request(struct request *request);
void logout_on_request(struct request *request);
void token_verify_on_request(struct request *request);
void me_on_request(struct request *request);
void check_on_request(struct request *request);
void me_change_on_request(struct request *request);
void me_delete_on_request(struct request *request);
void change_password_on_request(struct request *request);
void forgot_password_on_request(struct request *request);
void reset_confirm_on_request(struct request *request);
void reset_page_on_request(struct request *request);
void jwks_on_request(struct request *request);
void export_on_request(struct request *request);
void sessions_on_request(struct request *request);
void sessions_delete_on_request(struct request *request);
void session_delete_on_request(struct request *request);
void healthz_on_request(struct request *request);
void readyz_on_request(struct request *request);
void openapi_on_request(struct request *request);
void metrics_on_request(struct request *request);

#endif
