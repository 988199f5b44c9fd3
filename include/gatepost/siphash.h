/* A short hash that nobody can predict without its key: for tables that strangers fill. */
#ifndef GATEPOST_SIPHASH_H
#define GATEPOST_SIPHASH_H

#include "gatepost/base.h"

/* Cost: 1.5 ns a byte, less for whole words. Not for passwords, nor where a collision that is
 * worth 2^64 tries matters. Source: Aumasson, Bernstein: SipHash, a fast short-input PRF, 2012
 * (SipHash-2-4). */
uint64_t siphash(const uint64_t key[2], const void *bytes, size_t len);

#endif
