#define _GNU_SOURCE
#include "CPostgres.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

// One pointer a function, filled when the library is loaded.
static PGconn *(*connect_now)(const char *const *, const char *const *, int);
static int (*status)(const PGconn *);
static int (*socket_of)(const PGconn *);
static int (*server_version)(const PGconn *);
static const char *(*parameter_status)(const PGconn *, const char *);
static char *(*error_message)(const PGconn *);
static void (*finish)(PGconn *);
static int (*set_nonblocking)(PGconn *, int);
static int (*enter_pipeline)(PGconn *);
static int (*pipeline_sync)(PGconn *);
static int (*flush)(PGconn *);
static int (*consume_input)(PGconn *);
static int (*is_busy)(PGconn *);
static int (*send_prepare)(PGconn *, const char *, const char *, int, const unsigned int *);
static int (*send_prepared)(PGconn *, const char *, int, const char *const *, const int *, const int *, int);
static int (*send_params)(PGconn *, const char *, int, const unsigned int *, const char *const *, const int *,
                          const int *, int);
static PGresult *(*get_result)(PGconn *);
static int (*result_status)(const PGresult *);
static char *(*result_field)(const PGresult *, int);
static char *(*changed)(PGresult *);
static int (*rows)(const PGresult *);
static int (*columns)(const PGresult *);
static unsigned int (*type_of)(const PGresult *, int);
static char *(*value_of)(const PGresult *, int, int);
static int (*length_of)(const PGresult *, int, int);
static int (*is_null)(const PGresult *, int, int);
static void (*clear)(PGresult *);

static const struct {
  const char *name;
  void **place;
} functions[] = {
    {"PQconnectdbParams", (void **)&connect_now},
    {"PQstatus", (void **)&status},
    {"PQsocket", (void **)&socket_of},
    {"PQserverVersion", (void **)&server_version},
    {"PQparameterStatus", (void **)&parameter_status},
    {"PQerrorMessage", (void **)&error_message},
    {"PQfinish", (void **)&finish},
    {"PQsetnonblocking", (void **)&set_nonblocking},
    {"PQenterPipelineMode", (void **)&enter_pipeline},
    {"PQpipelineSync", (void **)&pipeline_sync},
    {"PQflush", (void **)&flush},
    {"PQconsumeInput", (void **)&consume_input},
    {"PQisBusy", (void **)&is_busy},
    {"PQsendPrepare", (void **)&send_prepare},
    {"PQsendQueryPrepared", (void **)&send_prepared},
    {"PQsendQueryParams", (void **)&send_params},
    {"PQgetResult", (void **)&get_result},
    {"PQresultStatus", (void **)&result_status},
    {"PQresultErrorField", (void **)&result_field},
    {"PQcmdTuples", (void **)&changed},
    {"PQntuples", (void **)&rows},
    {"PQnfields", (void **)&columns},
    {"PQftype", (void **)&type_of},
    {"PQgetvalue", (void **)&value_of},
    {"PQgetlength", (void **)&length_of},
    {"PQgetisnull", (void **)&is_null},
    {"PQclear", (void **)&clear},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[512];

static void load(void) {
  void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(failure, sizeof failure,
             "PostgreSQL's client library cannot be loaded (Debian and Ubuntu: apt-get install libpq5): %s", dlerror());
    return;
  }
  for (unsigned index = 0; index < sizeof functions / sizeof *functions; index++) {
    *functions[index].place = dlsym(library, functions[index].name);
    if (!*functions[index].place) {
      snprintf(failure, sizeof failure,
               "PostgreSQL's client library is too old: it has no %s; version 14 or newer is needed",
               functions[index].name);
      return;
    }
  }
}

const char *berth_pq_load(void) {
  pthread_once(&once, load);
  return failure[0] ? failure : 0;
}

PGconn *berth_pq_connect(const char *const *keywords, const char *const *values) {
  return connect_now(keywords, values, 1);
}
int berth_pq_status(PGconn *connection) { return status(connection); }
int berth_pq_socket(PGconn *connection) { return socket_of(connection); }
int berth_pq_server_version(PGconn *connection) { return server_version(connection); }
const char *berth_pq_parameter_status(PGconn *connection, const char *name) {
  return parameter_status(connection, name);
}
const char *berth_pq_error_message(PGconn *connection) { return error_message(connection); }
void berth_pq_finish(PGconn *connection) { finish(connection); }
int berth_pq_set_nonblocking(PGconn *connection, int on) { return set_nonblocking(connection, on); }
int berth_pq_enter_pipeline(PGconn *connection) { return enter_pipeline(connection); }
int berth_pq_pipeline_sync(PGconn *connection) { return pipeline_sync(connection); }
int berth_pq_flush(PGconn *connection) { return flush(connection); }
int berth_pq_consume_input(PGconn *connection) { return consume_input(connection); }
int berth_pq_is_busy(PGconn *connection) { return is_busy(connection); }
int berth_pq_send_prepare(PGconn *connection, const char *name, const char *text, int count,
                          const unsigned int *types) {
  return send_prepare(connection, name, text, count, types);
}
int berth_pq_send_prepared(PGconn *connection, const char *name, int count, const char *const *values,
                           const int *lengths, const int *formats, int result_format) {
  return send_prepared(connection, name, count, values, lengths, formats, result_format);
}
int berth_pq_send_params(PGconn *connection, const char *text, int count, const unsigned int *types,
                         const char *const *values, const int *lengths, const int *formats, int result_format) {
  return send_params(connection, text, count, types, values, lengths, formats, result_format);
}
PGresult *berth_pq_get_result(PGconn *connection) { return get_result(connection); }
int berth_pq_result_status(const PGresult *result) { return result_status(result); }
const char *berth_pq_result_field(const PGresult *result, int field) { return result_field(result, field); }
const char *berth_pq_changed(PGresult *result) { return changed(result); }
int berth_pq_rows(const PGresult *result) { return rows(result); }
int berth_pq_columns(const PGresult *result) { return columns(result); }
unsigned int berth_pq_type(const PGresult *result, int column) { return type_of(result, column); }
const char *berth_pq_value(const PGresult *result, int row, int column) { return value_of(result, row, column); }
int berth_pq_length(const PGresult *result, int row, int column) { return length_of(result, row, column); }
int berth_pq_is_null(const PGresult *result, int row, int column) { return is_null(result, row, column); }
void berth_pq_clear(PGresult *result) { clear(result); }
