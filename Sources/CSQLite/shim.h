#include <sqlite3.h>

// A function with variable arguments cannot be called from Swift.

/// Has SQLite keep no figures of its memory, which cost a lock at every allocation. Only before anything else of SQLite is used.
static inline int berth_sqlite_without_memory_figures(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
