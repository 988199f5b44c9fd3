/* One log line with the call stack of a process that crashes, since core files are off. */
#ifndef GATEPOST_CRASH_H
#define GATEPOST_CRASH_H

/* Installs the handlers. Who calls it: proc_enter, in a child, after the signals were set. */
void crash_report_init(void);

#endif
