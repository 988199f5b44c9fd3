/* Berkeley DB's calls to the operating system, as fault points of test builds: io.pwrite and so on.
 */
#ifndef GATEPOST_STORE_DISK_FAULTS_H
#define GATEPOST_STORE_DISK_FAULTS_H

#include "gatepost/fault.h"

/* Before the environment is opened. In a release there is nothing to hook. A test that brings a
 * disk of its own (db_env_set_func_*) says so before. */
#ifdef GATEPOST_FAULTS
void disk_faults_hook(void);
void disk_faults_stay_out(void);
#else
static inline void disk_faults_hook(void)
{
}
static inline void disk_faults_stay_out(void)
{
}
#endif

#endif
