#ifndef CPOSTGRES_H
#define CPOSTGRES_H

// libpq, loaded while running, and only where a PostgreSQL is used: a start without one pays nothing for it, and the binary
// does not depend on it. The declarations are those of libpq's public interface (PostgreSQL's documentation, chapter "libpq").

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

// ConnStatusType
#define BERTH_PQ_CONNECTION_OK 0
// ExecStatusType
#define BERTH_PQ_COMMAND_OK 1
#define BERTH_PQ_TUPLES_OK 2
#define BERTH_PQ_FATAL_ERROR 7
#define BERTH_PQ_SINGLE_TUPLE 9
#define BERTH_PQ_PIPELINE_SYNC 10
#define BERTH_PQ_PIPELINE_ABORTED 11
// Error fields of a result (postgres_ext.h)
#define BERTH_PQ_SQLSTATE 67 // 'C'
#define BERTH_PQ_MESSAGE 77 // 'M'
#define BERTH_PQ_HINT 72 // 'H'

// Loads the library once. Answers a null pointer, or why it could not be loaded.
const char *_Nullable berth_pq_load(void);

PGconn *_Nullable berth_pq_connect(const char *const _Nullable *_Nonnull keywords,
                                   const char *const _Nullable *_Nonnull values);
int berth_pq_status(PGconn *_Nonnull connection);
int berth_pq_socket(PGconn *_Nonnull connection);
int berth_pq_server_version(PGconn *_Nonnull connection);
const char *_Nullable berth_pq_parameter_status(PGconn *_Nonnull connection, const char *_Nonnull name);
const char *_Nonnull berth_pq_error_message(PGconn *_Nonnull connection);
void berth_pq_finish(PGconn *_Nonnull connection);
int berth_pq_set_nonblocking(PGconn *_Nonnull connection, int on);
int berth_pq_enter_pipeline(PGconn *_Nonnull connection);
int berth_pq_pipeline_sync(PGconn *_Nonnull connection);
int berth_pq_flush(PGconn *_Nonnull connection);
int berth_pq_consume_input(PGconn *_Nonnull connection);
int berth_pq_is_busy(PGconn *_Nonnull connection);
int berth_pq_send_prepare(PGconn *_Nonnull connection, const char *_Nonnull name, const char *_Nonnull text, int count,
                          const unsigned int *_Nullable types);
int berth_pq_send_prepared(PGconn *_Nonnull connection, const char *_Nonnull name, int count,
                           const char *const _Nullable *_Nullable values, const int *_Nullable lengths,
                           const int *_Nullable formats, int result_format);
int berth_pq_send_params(PGconn *_Nonnull connection, const char *_Nonnull text, int count,
                         const unsigned int *_Nullable types, const char *const _Nullable *_Nullable values,
                         const int *_Nullable lengths, const int *_Nullable formats, int result_format);
PGresult *_Nullable berth_pq_get_result(PGconn *_Nonnull connection);
int berth_pq_result_status(const PGresult *_Nonnull result);
const char *_Nullable berth_pq_result_field(const PGresult *_Nonnull result, int field);
const char *_Nonnull berth_pq_changed(PGresult *_Nonnull result);
int berth_pq_rows(const PGresult *_Nonnull result);
int berth_pq_columns(const PGresult *_Nonnull result);
unsigned int berth_pq_type(const PGresult *_Nonnull result, int column);
const char *_Nullable berth_pq_value(const PGresult *_Nonnull result, int row, int column);
int berth_pq_length(const PGresult *_Nonnull result, int row, int column);
int berth_pq_is_null(const PGresult *_Nonnull result, int row, int column);
void berth_pq_clear(PGresult *_Nonnull result);

#endif
