/* log.level, as the configuration and the log number it. */
#ifndef GATEPOST_PROC_LOG_LEVEL_H
#define GATEPOST_PROC_LOG_LEVEL_H

#include "gatepost/log.h"

/* level: an enum config_log_level; any other number is taken for the default. */
enum log_level proc_log_level(int64_t level);

#endif
