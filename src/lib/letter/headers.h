/* The headers of a letter that are neither its own nor its form's. Private to this folder. */
#ifndef LETTER_HEADERS_H
#define LETTER_HEADERS_H

#include "gatepost/bytes.h"
#include "gatepost/letter.h"

/* From, and where answers go. */
void headers_write_sender(struct packer *out, const struct letter_head *head);

/* What programs on the way and at the end are to make of it. */
void headers_write_handling(struct packer *out, const struct letter_head *head, uint8_t purpose);

#endif
