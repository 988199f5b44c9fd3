/* Proofs: that a letter's reader owns its address. The secret half is not here (docs/design.md 4).
 */
#ifndef GATEPOST_STORE_PROOFS_H
#define GATEPOST_STORE_PROOFS_H

#include "record.h"
#include "rows.h"

void proof_save(struct call *call, const struct uuid *proof_id, const struct proof_row *proof);

#endif
