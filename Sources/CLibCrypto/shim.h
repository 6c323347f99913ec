// The low-level SHA contexts are deprecated in favour of EVP, whose state cannot be stored; see docs/decisions.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <openssl/crypto.h>
